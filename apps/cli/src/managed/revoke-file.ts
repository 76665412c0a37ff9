import { type CertificateInfo, isKeyOf, isKeyReference, parseChain } from '@acmex/certificate';
import { AcmeClient, type NameProof } from '@acmex/client';
import { openNetwork } from '@acmex/config';
import { accountKeyOf } from '@acmex/crypto-exec';
import { errorCode, errorText, printable } from '@acmex/errors';
import { storedAccountUrl } from '@acmex/manager';
import { configuredCrypto } from '@acmex/manager/crypto';
import {
  AcmeError,
  type AcmeSession,
  acmeSession,
  getAccount,
  type RevocationReason,
  revokeCertificate,
} from '@acmex/protocol';
import { openAccount } from '../account/open-account.ts';
import {
  type AuthorityOptions,
  authoritySettings,
  type CertificateAuthority,
  chooseAuthority,
  displayName,
} from '../certificate-authority.ts';
import { confirm } from '../confirm.ts';
import { CliError } from '../errors.ts';
import { readKeyFile } from '../key-file.ts';
import { openStorage } from '../open-storage.ts';
import { type ConfiguredOutputOptions, formatResult, type Row, table } from '../output.ts';
import { loggingFetch, reportProgress, trackDisplay } from '../progress.ts';
import { readCertificates } from '../read-text.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';
import { commandManager } from './manager.ts';

/** The flags of `acmex cert revoke` for a certificate of a file. */
export interface RevokeFileOptions extends ConfiguredOutputOptions, AuthorityOptions {
  readonly cert: string;
  readonly key?: string | undefined;
  readonly passphraseFile?: string | undefined;
  readonly prove?: boolean | undefined;
  readonly reason?: RevocationReason | undefined;
  readonly drill?: boolean | undefined;
  readonly yes?: boolean | undefined;
}

interface RevokeContext {
  readonly leaf: CertificateInfo;
  readonly authority: CertificateAuthority;
  readonly options: RevokeFileOptions;
  readonly terminal: Terminal;
  readonly report: Reporter;
}

type Outcome = 'revoked' | 'already revoked' | 'would be revoked';

/**
 * `acmex cert revoke --cert`: revokes a certificate of a file, which need not be in the storage. Its
 * own key signs, or the account at the CA: as its owner, or after it has proven control of all the
 * names. RFC 8555 §7.6
 */
export async function revokeFile(options: RevokeFileOptions, terminal: Terminal): Promise<void> {
  const [leaf] = parseChain(await readCertificates(options.cert, 'the certificate'));
  if (!leaf) throw new CliError('ERR_CLI_FILE', `${options.cert} has no certificate`);
  const authority = await chooseAuthority(options, options.configuration, terminal.env);
  const report = await reporter(terminal, options);
  try {
    const context: RevokeContext = { leaf, authority, options, terminal, report };
    if (options.prove) assertProvable(context);
    const signing = options.key === undefined ? revokeAsAccount : await signedByKey(context);
    if (!(options.drill || (await isConfirmed(context)))) return;
    const outcome = await signing(context);
    report.close();
    const row = rowOf(context, outcome);
    const remark = options.drill ? '\nnothing was revoked: --drill' : '';
    terminal.stdout.write(
      formatResult({ text: table([row]) + remark, document: row, rows: [row] }, options.output),
    );
  } finally {
    report.close();
  }
}

/** @throws CliError `ERR_CLI_USAGE` for names that no challenge proves */
function assertProvable({ leaf: { identifiers, otherNames }, options }: RevokeContext): void {
  if (identifiers.length > 0 && otherNames.length === 0) return;
  const names = otherNames.length > 0 ? otherNames.join(', ') : 'no name';
  throw new CliError(
    'ERR_CLI_USAGE',
    `${options.cert} is for ${printable(names, 500)}, and --prove is for DNS names and IP addresses: use --key`,
  );
}

/**
 * Reads the key of the certificate.
 * @returns what revokes with it
 * @throws CliError `ERR_CLI_USAGE` for the key of another certificate; as `readKeyFile`
 */
async function signedByKey({ leaf, options, terminal }: RevokeContext) {
  const { key: place = '', passphraseFile: file, configuration } = options;
  const what = 'the key of the certificate';
  const source = { what, file, flag: '--passphrase-file', variable: 'ACMEX_PASSPHRASE' };
  const bytes = isKeyReference(place)
    ? Buffer.from(place)
    : await readKeyFile(place, source, terminal);
  try {
    const privateKey = await configuredCrypto(configuration, terminal.env).import(bytes);
    if (!isKeyOf(leaf, privateKey))
      throw new CliError(
        'ERR_CLI_USAGE',
        `${place} is not the key of ${options.cert}: use the key that the certificate was issued for`,
      );
    const key = accountKeyOf(privateKey);
    return async (context: RevokeContext) => await revokeAsKey(context, key);
  } finally {
    bytes.fill(0);
  }
}

/** Shows what is about to be revoked, and asks. */
async function isConfirmed({ leaf, options, ...context }: RevokeContext): Promise<boolean> {
  const { authority, terminal, report } = context;
  if (options.yes) return true;
  const lines = {
    names: namesOf(leaf),
    serial: leaf.serialNumber,
    issuer: printable(leaf.issuer, 300),
    'not after': leaf.notAfter.toString(),
    reason: options.reason ?? 'unspecified',
    'signed by': `the key of the ${signerOf(options)}`,
    CA: `${displayName(authority)}: ${authority.directory}`,
  };
  for (const [label, value] of Object.entries(lines)) report.done(`${label.padEnd(9)} ${value}`);
  report.close();
  const answer = await confirm('A revocation cannot be undone. Revoke this certificate?', terminal);
  if (answer === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      'a revocation cannot be undone, and no terminal can answer: use --yes to revoke, or --drill',
    );
  if (!answer) report.warn('nothing is revoked');
  return answer;
}

/** Revokes with the certificate's key alone: no account and no storage is needed. */
async function revokeAsKey(
  { leaf, authority, options, terminal: { env, signal }, report }: RevokeContext,
  key: AcmeSession['key'],
): Promise<Outcome> {
  const network = await openNetwork(options.configuration, { environment: env });
  using fetch = network.fetch(authority.caCertificate);
  report.working(`connecting to ${authority.title}`);
  const session = acmeSession({
    directory: authority.directory,
    key,
    fetch: loggingFetch(fetch, report),
    userAgent: 'acmex-cli',
  });
  if (options.drill) return await wouldRevoke(session, signal);
  return outcomeOf(
    await revokeCertificate(session, leaf.der, { ...reasonOf(options), key, signal }),
  );
}

async function revokeAsAccount(context: RevokeContext): Promise<Outcome> {
  const { options, terminal, report } = context;
  await using storage = await openStorage(options, terminal, report);
  const withStorage = { ...context, storage };
  try {
    return await (options.prove ? revokeWithProof(withStorage) : revokeAsOwner(withStorage));
  } catch (error) {
    if (errorCode(error) === 'ERR_ACME_UNAUTHORIZED')
      report.warn(
        options.prove
          ? 'the CA does not let an account revoke that has proven the names: use --key, or write to the CA'
          : 'the CA knows the certificate from another account: use --key, or --prove',
      );
    throw error;
  }
}

type Stored = RevokeContext & { readonly storage: Awaited<ReturnType<typeof openStorage>> };

/** Revokes with the account that is stored. A new account could revoke nothing. */
async function revokeAsOwner({ storage, ...context }: Stored): Promise<Outcome> {
  const { leaf, authority, options, terminal, report } = context;
  const { configuration } = options;
  const { env, signal } = terminal;
  if ((await storedAccountUrl(authority, { storage, signal })) === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      `the storage has no account at ${authority.title}: use --key with the key of the certificate, or --prove`,
    );
  const network = await openNetwork(configuration, { environment: env });
  using fetch = network.fetch(authority.caCertificate);
  const session = await openAccount(authority, {
    ...{ report, storage, signal, crypto: configuredCrypto(configuration, env) },
    fetch: loggingFetch(fetch, report),
  });
  if (options.drill) {
    await getAccount(session, { signal });
    return await wouldRevoke(session, signal);
  }
  return outcomeOf(await revokeCertificate(session, leaf.der, { ...reasonOf(options), signal }));
}

/** Proves control of all names with the configured challenge, then revokes with the account. */
async function revokeWithProof({ storage, ...context }: Stored): Promise<Outcome> {
  const { leaf, authority, options, terminal, report } = context;
  const issuer = authoritySettings(authority);
  const { configuration } = options;
  const manager = await commandManager({
    ...{ storage, configuration, terminal, report },
    issuers: [issuer],
  });
  const { signal } = terminal;
  const { solvers, withSession } = await manager.connect({
    issuer: issuer.name,
    names: leaf.identifiers.map(({ value }) => value),
    runsHooks: false,
    signal,
  });
  return await withSession(async (session) => {
    if (options.drill) await assertRevokes(session, signal);
    const client = new AcmeClient({ session, solvers: [...solvers] });
    const proof = await prove(client, context);
    // What the revocation needs stays until it has succeeded.
    const outcome = options.drill
      ? 'would be revoked'
      : outcomeOf(await revokeCertificate(session, leaf.der, { ...reasonOf(options), signal }));
    await withdraw(client, proof, report);
    return outcome;
  });
}

async function prove(
  client: AcmeClient,
  { leaf: { identifiers }, terminal: { signal, display }, report }: Omit<RevokeContext, 'options'>,
): Promise<NameProof> {
  return await client.prove(
    { identifiers },
    {
      signal,
      onProgress: (progress) => {
        trackDisplay(display, progress);
        reportProgress(report, progress);
      },
    },
  );
}

/** The certificate is revoked: what is left of the proof expires by itself. */
async function withdraw(client: AcmeClient, proof: NameProof, report: Reporter): Promise<void> {
  try {
    await client.withdraw(proof);
  } catch (error) {
    report.warn(
      `the proof of control is valid at the CA until it expires, order ${printable(proof.order, 300)}: ${errorText(error)}`,
    );
  }
}

async function wouldRevoke(session: AcmeSession, signal: AbortSignal): Promise<'would be revoked'> {
  await assertRevokes(session, signal);
  return 'would be revoked';
}

/** @throws AcmeError `ERR_ACME_UNSUPPORTED` */
async function assertRevokes(session: AcmeSession, signal: AbortSignal): Promise<void> {
  if ((await session.directory({ signal })).revokeCert !== undefined) return;
  throw new AcmeError(
    'ERR_ACME_UNSUPPORTED',
    "the CA's directory offers no revocation (revokeCert)",
  );
}

function outcomeOf(result: Awaited<ReturnType<typeof revokeCertificate>>): Outcome {
  return result === 'revoked' ? 'revoked' : 'already revoked';
}

function reasonOf({ reason }: RevokeFileOptions): { readonly reason?: RevocationReason } {
  return reason === undefined ? {} : { reason };
}

function signerOf({ key }: RevokeFileOptions): 'account' | 'certificate' {
  return key === undefined ? 'account' : 'certificate';
}

function namesOf({ identifiers, otherNames }: CertificateInfo): string {
  const names = [...identifiers.map(({ value }) => value), ...otherNames];
  return names.map((name) => printable(name, 255)).join(' ');
}

function rowOf({ leaf, options }: RevokeContext, result: Outcome): Row {
  return {
    certificate: options.cert,
    serial: leaf.serialNumber,
    result,
    signer: signerOf(options),
    names: namesOf(leaf),
  };
}
