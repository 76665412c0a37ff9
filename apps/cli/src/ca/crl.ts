import { join, parse } from 'node:path';
import {
  currentCrl,
  type Issuer,
  loadAuthority,
  renewRootCrl,
  type RootCrl,
  storedRootCrl,
} from '@acmex/ca';
import { systemClock } from '@acmex/clock';
import { errorCode, errorText } from '@acmex/errors';
import { configuredCrypto } from '@acmex/manager/crypto';
import type { Storage } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import type { ConfiguredOutputOptions } from '../output.ts';
import type { Reporter, Terminal } from '../terminal.ts';
import { waitingFile } from '../whole-file.ts';
import { readCaKey } from './ca-key.ts';
import { withCa } from './records.ts';

interface CrlFile {
  readonly file: string;
  readonly nextUpdate: string;
}

/**
 * `acmex ca crl FILE`: writes the current revocation lists of the issuers that have not expired,
 * and that of the root where there is one. The list of the issuer in use is FILE, DER, and the
 * others are beside it; a FILE that ends with `.pem` has them all, as servers read them.
 */
export async function writeCrls(
  path: string,
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withCa(options, terminal, async (storage, report) => {
    const backend = configuredCrypto(options.configuration, terminal.env);
    const { issuer, previousIssuers } = await loadAuthority(storage, {
      kind: 'private',
      backend,
      onUnusableIssuer: (error) => report.warn(errorText(error)),
    });
    const lists: NamedCrl[] = [];
    for (const signer of [issuer, ...previousIssuers]) {
      const list = await crlOf(storage, signer, report);
      if (list) lists.push({ ...list, name: signer === issuer ? '' : String(signer.generation) });
    }
    const rootList = await storedRootCrl(storage);
    if (rootList) lists.push({ ...rootList, name: 'root' });
    const files = await writeFiles(path, lists);
    return {
      text: files.map(({ file, nextUpdate }) => `${file} is valid until ${nextUpdate}`).join('\n'),
      document: { ...files[0], files },
    };
  });
}

/** Returns the CRL of an issuer; undefined, with a warning, where its key is not available. */
async function crlOf(
  storage: Storage,
  issuer: Issuer,
  report: Reporter,
): Promise<RootCrl | undefined> {
  const lifetimes = { crl: Temporal.Duration.from({ hours: 7 * 24 }) };
  const onError = (error: unknown) =>
    report.warn(`the revocation list could not be updated: ${errorText(error)}`);
  try {
    return await currentCrl({ storage, issuer, clock: systemClock, lifetimes }, { onError });
  } catch (error) {
    if (errorCode(error) !== 'ERR_CA_KEY_UNAVAILABLE') throw error;
    report.warn(`a revocation list is not written: ${errorText(error)}`);
    return undefined;
  }
}

interface NamedCrl extends RootCrl {
  /** Empty for the issuer in use. */
  readonly name: string;
}

async function writeFiles(path: string, lists: readonly NamedCrl[]): Promise<readonly CrlFile[]> {
  if (path.endsWith('.pem')) {
    const ends = lists.map(({ nextUpdate }) => nextUpdate.toString()).sort();
    await writeWhole(path, lists.map(({ der }) => crlPem(der)).join(''));
    return [{ file: path, nextUpdate: ends[0] ?? '' }];
  }
  const { dir, name: base, ext } = parse(path);
  const files: CrlFile[] = [];
  for (const { der, nextUpdate, name } of lists) {
    const file = name === '' ? path : join(dir, `${base}-${name}${ext}`);
    await writeWhole(file, der);
    files.push({ file, nextUpdate: nextUpdate.toString() });
  }
  return files;
}

async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  await using file = await waitingFile(path, 0o644);
  await file.commit(content);
}

/** RFC 7468 §6 */
function crlPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN X509 CRL-----\n${lines.join('\n')}\n-----END X509 CRL-----\n`;
}

export interface RootCrlOptions extends ConfiguredOutputOptions {
  /** A file, or the reference of a key in a device. */
  readonly rootKey: string;
  readonly passphraseFile?: string;
  readonly revoke?: readonly string[];
  readonly days: number;
}

/** `acmex ca root-crl`: signs the root's list of revoked issuing certificates, and stores it. */
export async function rootCrl(
  { rootKey, revoke = [], days, ...options }: RootCrlOptions,
  terminal: Terminal,
): Promise<void> {
  await withCa(options, terminal, async (storage) => {
    const key = await readCaKey(rootKey, { ...options, what: "the root's key" }, terminal);
    try {
      const { nextUpdate } = await renewRootCrl(storage, {
        rootKey: key,
        revoke: revoke.map((serial) => serial.toLowerCase().replaceAll(':', '')),
        days,
        backend: configuredCrypto(options.configuration, terminal.env),
      });
      return {
        text: `the CRL of the root is valid until ${nextUpdate}: acmex ca serve serves it at /crl/root, and acmex ca crl writes it`,
        document: { nextUpdate: nextUpdate.toString(), revoke },
      };
    } finally {
      key.fill(0);
    }
  });
}
