import { der } from '@acmex/certificate';
import type { ProgramEnd } from '@acmex/files';
import { SignerError } from './errors.ts';
import { type Pkcs11Key, readPkcs11Uri } from './pkcs11-uri.ts';
import { failed, type ProgramOptions, type ProgramRun, programRun } from './program-run.ts';
import type { SignatureAlgorithm, Signer } from './signer.ts';

export interface Pkcs11SignerOptions extends ProgramOptions {
  /** The PKCS#11 library of the device; absolute path. */
  readonly module: string;
  /** OpenSC's program; `pkcs11-tool` in `env.PATH` by default. */
  readonly tool?: string | undefined;
}

/**
 * Signs with the keys of a device that has a PKCS#11 library, through OpenSC's `pkcs11-tool`: ECDSA
 * and RSA, also PSS. References are URIs of RFC 7512. The PIN is in the environment of the program,
 * never among its arguments.
 */
export function pkcs11Signer({
  module,
  tool = 'pkcs11-tool',
  ...options
}: Pkcs11SignerOptions): Signer {
  const run = programRun(tool, [tool, '--module', module], options);
  const login = options.pin === undefined ? [] : ['--login', '--pin', 'env:ACMEX_PIN'];
  return {
    name: `${tool} with ${module}`,
    async publicKey(reference) {
      const { place, id, spki } = await located(reference, { run, tool });
      if (spki) return spki;
      const args = [...place, '--read-object', '--type', 'pubkey', '--id', id];
      return outputOf(tool, await run({ args }, refusesPin));
    },
    async sign(reference, message, algorithm) {
      const { mechanism, input } = mechanismOf(algorithm, message);
      const key = readPkcs11Uri(reference);
      const { place, id } =
        key.id === undefined
          ? await located(reference, { run, tool })
          : { place: placeOf(key), id: key.id };
      const args = [...place, ...login, '--sign', '--id', id, '--mechanism', ...mechanism];
      return outputOf(tool, await run({ args, input }, refusesPin));
    },
  };
}

interface Located {
  /** Arguments that select the token. */
  readonly place: readonly string[];
  /** CKA_ID, hexadecimal. */
  readonly id: string;
  /** The public key of an EC key. */
  readonly spki?: Uint8Array | undefined;
}

/**
 * Finds a key by its public key. `pkcs11-tool --sign` ignores labels, and would sign with the first
 * key of the token.
 */
async function located(
  reference: string,
  { run, tool }: { readonly run: ProgramRun; readonly tool: string },
): Promise<Located> {
  const key = readPkcs11Uri(reference);
  const place = placeOf(key);
  const args = [...place, '--list-objects', '--type', 'pubkey'];
  const list = outputOf(tool, await run({ args }, refusesPin)).toString();
  const entries = list.split(/^Public Key Object;/m).filter((entry) => isWanted(key, entry));
  const ids = entries.flatMap((entry) => valueIn(entry, 'ID') ?? []);
  const [id] = ids;
  if (id !== undefined && ids.length === 1)
    return { place, id, spki: ecPublicKey(entries[0] ?? '') };
  const name = key.object === undefined ? `with the ID ${key.id}` : JSON.stringify(key.object);
  throw new SignerError(
    'ERR_SIGNER_KEY',
    ids.length === 0
      ? `${tool}: the token has no public key ${name}: see pkcs11-tool --list-objects`
      : `${tool}: the token has ${ids.length} public keys ${name}: select the key by id=%…, of ${ids.join(' and ')}`,
  );
}

function placeOf({ slot, token = '' }: Pkcs11Key): readonly string[] {
  return slot === undefined ? ['--token-label', token] : ['--slot', slot];
}

function isWanted({ object, id }: Pkcs11Key, entry: string): boolean {
  const hasLabel = object === undefined || valueIn(entry, 'label') === object;
  return hasLabel && (id === undefined || valueIn(entry, 'ID') === id);
}

/** Reads a value of an entry in the list that `pkcs11-tool --list-objects` prints for people. */
function valueIn(
  entry: string,
  name: 'label' | 'ID' | 'EC_POINT' | 'EC_PARAMS',
): string | undefined {
  return new RegExp(`^ {2}${name}: +(.*)$`, 'm').exec(entry)?.[1];
}

/**
 * Returns the SubjectPublicKeyInfo of an EC key from its entry in the list; undefined for a key of
 * another kind. `pkcs11-tool --read-object` of OpenSC 0.23 fails for some EC keys. RFC 5480 §2
 */
function ecPublicKey(entry: string): Uint8Array | undefined {
  const [point, parameters] = [valueIn(entry, 'EC_POINT'), valueIn(entry, 'EC_PARAMS')];
  if (point === undefined || parameters === undefined) return undefined;
  const octets = Buffer.from(point, 'hex');
  // CKA_EC_POINT is an OCTET STRING, whose length takes one byte, or two for P-521.
  const bits = octets.subarray(octets[1] === 0x81 ? 3 : 2);
  const algorithm = der(0x30, ecPublicKeyIdentifier, Buffer.from(parameters, 'hex'));
  return der(0x30, algorithm, der(0x03, Uint8Array.of(0), bits));
}

const ecPublicKeyIdentifier = Buffer.from('06072a8648ce3d0201', 'hex');

/** DigestInfo of SHA-256 up to the digest. RFC 8017 §9.2 */
const sha256Info = Buffer.from('3031300d060960864801650304020105000420', 'hex');

/**
 * Returns the arguments after `--mechanism`, and what the token signs. The token gets a digest,
 * because many tokens have no mechanism that hashes.
 */
function mechanismOf(algorithm: SignatureAlgorithm, message: Uint8Array) {
  switch (algorithm) {
    case 'rsa-sha256':
      return { mechanism: ['RSA-PKCS'], input: Buffer.concat([sha256Info, message]) };
    case 'rsa-pss-sha256': {
      const parameters = ['--hash-algorithm', 'SHA256', '--mgf', 'MGF1-SHA256', '--salt-len', '32'];
      return { mechanism: ['RSA-PKCS-PSS', ...parameters], input: message };
    }
    case 'ed25519':
      throw new SignerError(
        'ERR_SIGNER_KEY',
        'pkcs11-tool: keys of type ed25519 are not supported in PKCS#11 devices: use EC P-256, P-384 or RSA',
      );
    default:
      return { mechanism: ['ECDSA', '--signature-format', 'sequence'], input: message };
  }
}

function refusesPin({ complaints }: ProgramEnd): boolean {
  return /CKR_PIN_\w+/.test(complaints);
}

const missing = /No slot with token named|object not found|key not found/i;

function outputOf(tool: string, ended: ProgramEnd): Buffer {
  if (ended.end === 0) return ended.output;
  const error = failed(tool, ended);
  if (!missing.test(ended.complaints)) throw error;
  throw new SignerError(
    'ERR_SIGNER_KEY',
    `${error.message}: check the token and the key of the reference with pkcs11-tool --list-objects`,
  );
}
