import { readFile } from 'node:fs/promises';
import { createCsr, type IssuedCertificate, type KeyType, privateKeyPem, verifyIssued, webcrypto } from '@acmex/certificate';
import { http01, http01Webroot } from '@acmex/challenge/http-01';
import { AcmeClient, type ChallengeSolver, type IssuanceProgress, nameOf } from '@acmex/client';
import { systemClock } from '@acmex/clock';
import { type AcmeSession, acmeSession, errorCode, type Fetch, identifiers, importAccountKey, newAccount, printable } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import { called, type CertificateAuthority, chooseAuthority } from '../certificate-authority.ts';
import { dataDirectory } from '../data-directory.ts';
import { CliError } from '../errors.ts';
import { savedAccount, type SavedAccount } from '../saved-account.ts';
import { type LogLevel, type Reporter, reporter, type Terminal } from '../terminal.ts';
import { reason, type WaitingFile, waitingFile } from '../whole-file.ts';

export interface ObtainOptions {
  readonly domains: readonly string[];
  readonly email?: string;
  readonly certPath: string;
  readonly keyPath: string;
  readonly keyType: KeyType;
  readonly prod?: boolean;
  readonly ca?: string;
  readonly server?: string;
  readonly caCertificate?: string;
  readonly acceptTos?: boolean;
  readonly accountKey?: string;
  readonly httpPort: number;
  readonly webroot?: string;
  readonly storage?: string;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly logLevel: LogLevel;
}

/** `acmex obtain`: from names to a certificate and its key in two files. */
export async function obtain(options: ObtainOptions, terminal: Terminal): Promise<void> {
  const names = identifiers(options.domains);
  if (names.length === 0) throw new CliError('ERR_CLI_USAGE', 'there is no name to get a certificate for: give one or more with --domains');
  const authority = chooseAuthority(options);
  const directory = dataDirectory(options.storage, terminal);
  const ca = options.caCertificate === undefined ? undefined : await text(options.caCertificate, 'the CA certificate');
  // Whatever could fail on this side fails before the CA hears of it.
  await using keyFile = await place(options.keyPath, 0o600, options);
  await using certificateFile = await place(options.certPath, 0o644, options);
  const report = await reporter(terminal, options.logLevel);
  using fetch = nodeFetch({ ca });
  try {
    report.done(`${called(authority)}: ${authority.directory}`);
    report.working('generating a key');
    const key = await webcrypto().generate(options.keyType);
    const session = await openSession(options, { authority, directory, fetch: watched(fetch, report), report, signal: terminal.signal });
    const client = new AcmeClient({ session, solvers: [solver(options)] });
    const csr = await createCsr({ identifiers: names, key });
    const { pem } = await client.issue({ identifiers: names, csr }, { signal: terminal.signal, onProgress: (progress) => { track(terminal.display, progress); tell(report, progress); } });
    const issued = await verifyIssued(pem, { identifiers: names, publicKey: key.publicKey });
    await store(keyFile, certificateFile, { key: await privateKeyPem(key), chain: issued.pem });
    report.close();
    terminal.stdout.write(options.json ? `${JSON.stringify(document(issued, authority, options), null, 2)}\n` : `${summary(issued, authority, options)}\n`);
  } finally {
    report.close();
  }
}

/** A place for a file that does not exist yet, or that may be replaced. */
async function place(path: string, mode: 0o600 | 0o644, { force }: ObtainOptions): Promise<WaitingFile> {
  if (!force && await readFile(path).then(() => true, (error: NodeJS.ErrnoException) => error.code !== 'ENOENT')) {
    throw new CliError('ERR_CLI_EXISTS', `${path} exists already: choose another path, or give --force to replace it`);
  }
  return await waitingFile(path, mode);
}

interface Opening {
  readonly authority: CertificateAuthority;
  readonly directory: string;
  readonly fetch: Fetch;
  readonly report: Reporter;
  readonly signal: AbortSignal;
}

/** A session with the account that is kept for this CA; with one of the given key where there is one. */
async function openSession(options: ObtainOptions, { authority, directory, fetch, report, signal }: Opening): Promise<AcmeSession> {
  const kept: SavedAccount | undefined = options.accountKey === undefined ? await savedAccount(directory, authority.directory) : undefined;
  const key = await importAccountKey(kept?.key ?? await text(options.accountKey ?? '', 'the account key'));
  const session = acmeSession({ directory: authority.directory, key, account: kept?.account, fetch, userAgent: 'acmex-cli' });
  report.working(`asking ${authority.title}`);
  const { meta } = await session.directory({ signal });
  if (session.account !== undefined) return session;
  const contact = options.email === undefined ? [] : [`mailto:${options.email}`];
  const account = await newAccount(session, options.acceptTos || meta.termsOfService === undefined
    ? { contact, termsOfServiceAgreed: options.acceptTos ?? false }
    : { onlyReturnExisting: true }, { signal }).catch((error: unknown) => {
    if (errorCode(error) !== 'ERR_ACME_ACCOUNT_DOES_NOT_EXIST') throw error;
    throw new CliError('ERR_CLI_TERMS', `${authority.title} asks that its terms of service are agreed to: read ${printable(meta.termsOfService ?? '', 300)}, then give --accept-tos`);
  });
  await kept?.save(account.url);
  report.done(`account ${printable(account.url, 300)}`);
  return session;
}

function solver({ webroot, httpPort }: ObtainOptions): ChallengeSolver {
  return (webroot === undefined ? http01({ port: httpPort }) : http01Webroot({ directory: webroot })) as unknown as ChallengeSolver;
}

function tell(report: Reporter, progress: IssuanceProgress): void {
  const order = 'order' in progress ? printable(progress.order, 300) : '';
  const name = 'identifier' in progress ? printable(nameOf(progress), 255) : '';
  switch (progress.type) {
    case 'ordered': case 'resumed': return report.done(`order ${order} for ${progress.names} ${progress.names === 1 ? 'name' : 'names'}`);
    case 'already-valid': return report.done(`${name}: validated before`);
    case 'presented': return report.working(`${name}: ${progress.challenge} response in place`);
    case 'visible': return report.working(`${name}: ${progress.challenge} response visible`);
    case 'answered':
      report.done(`${name}: ${progress.challenge} response in place, the CA is told`);
      return report.working('the CA looks at it');
    case 'validated': return report.done('every name is validated');
    case 'removed': return report.debug(`${name}: ${progress.challenge} response taken down`);
    case 'left-on-display': return report.warn(`${name}: the ${progress.challenge} response could not be taken down: ${String(progress.error)}`);
    case 'finalized': return report.working('the CA makes the certificate');
    case 'issued': return report.debug(`certificate of ${order} downloaded`);
  }
}

/** Keeps the list of what is on display. */
function track(display: Set<string>, progress: IssuanceProgress): void {
  if (!('challenge' in progress)) return;
  const what = `the ${progress.challenge} response for ${printable(nameOf(progress), 255)}`;
  if (progress.type === 'presented') display.add(what);
  if (progress.type === 'removed') display.delete(what);
}

/** The key first: a certificate without its key is of no use, a key without its certificate does no harm. */
async function store(keyFile: WaitingFile, certificateFile: WaitingFile, { key, chain }: { readonly key: Uint8Array; readonly chain: string }): Promise<void> {
  try {
    await keyFile.commit(key);
    await certificateFile.commit(chain);
  } finally {
    key.fill(0);
  }
}

function document({ leaf }: IssuedCertificate, authority: CertificateAuthority, { certPath, keyPath }: ObtainOptions): object {
  return {
    certificate: certPath, privateKey: keyPath, ca: authority.title, directory: authority.directory, remark: authority.remark,
    names: leaf.identifiers.map(({ value }) => value), issuer: leaf.issuer, serialNumber: leaf.serialNumber, fingerprint: leaf.fingerprint,
    notBefore: leaf.notBefore.toString(), notAfter: leaf.notAfter.toString(),
  };
}

function summary({ leaf }: IssuedCertificate, authority: CertificateAuthority, { certPath, keyPath }: ObtainOptions): string {
  return [
    `names        ${leaf.identifiers.map(({ value }) => value).join(', ')}`,
    `issuer       ${printable(leaf.issuer, 300)}`,
    `valid        ${leaf.notBefore} to ${leaf.notAfter}`,
    `certificate  ${certPath}`,
    `private key  ${keyPath}`,
    `issued by ${called(authority)}`,
  ].join('\n');
}

async function text(path: string, what: string): Promise<string> {
  return await readFile(path, 'utf8').catch((error: unknown) => {
    throw new CliError('ERR_CLI_FILE', `${what} ${path} cannot be read: ${reason(error)}`, { cause: error });
  });
}

/** Tells each exchange at the level `debug`: what was asked, what came, how long it took; never a body. */
function watched(fetch: Fetch, report: Reporter): Fetch {
  return async (url, request) => {
    const start = systemClock.monotonic();
    const answer = await fetch(url, request);
    report.debug(`${request.method} ${printable(url, 300)}: ${answer.status} after ${Math.round(systemClock.monotonic() - start)} ms`);
    return answer;
  };
}
