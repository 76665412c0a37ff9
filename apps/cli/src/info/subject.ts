import { stat } from 'node:fs/promises';
import {
  type CertificateInfo,
  certificatesPem,
  nodeCrypto,
  parseCertificate,
  parseChain,
} from '@acmex/certificate';
import { errorCode, errorText, printable } from '@acmex/errors';
import { identifier, isWildcard, parseHostPort } from '@acmex/identifier';
import { servedTargets, type ServedTarget, type Trust } from '@acmex/manager';
import { presentIssuer } from '@acmex/orchestrator';
import { readConfig } from '@acmex/config';
import { anyAddress, probe, type ServedTls, type StartTlsProtocol } from '@acmex/probe';
import { type ConfigurationFlags, placesOf } from '../configuration.ts';
import { CliError } from '../errors.ts';
import { decoded, kindOf } from '../file-kind.ts';
import { findCertificate } from '../managed/certificates.ts';
import { commandManager } from '../managed/manager.ts';
import { openStorage } from '../open-storage.ts';
import { storedPassphrase } from '../passphrase.ts';
import { isBlank, readBytes } from '../read-text.ts';
import { type LogLevel, reporter, type Terminal } from '../terminal.ts';

/** Where a certificate is. */
export interface SubjectOptions extends ConfigurationFlags {
  readonly cert?: string | undefined;
  readonly starttls?: StartTlsProtocol | undefined;
  readonly servername?: string | undefined;
  readonly ipv4?: boolean | undefined;
  readonly ipv6?: boolean | undefined;
  /** Of a private key in the file. */
  readonly passphraseFile?: string | undefined;
  readonly config?: string | undefined;
  readonly logLevel: LogLevel;
}

/** Whether a private key and a certificate belong together. */
export type KeyMatch = 'matches' | 'differs' | 'unreadable';

/** Certificates, and where they are from. */
export interface Subject {
  /** The leaf first, as they are in the source. */
  readonly chain: readonly CertificateInfo[];
  readonly file?: string;
  /** What was found out about a private key in the same file. */
  readonly key?: { readonly match: KeyMatch; readonly reason?: string };
  readonly served?: ServedTls & { readonly host: string };
  readonly managed?: { readonly id: string; readonly names: readonly string[] };
  /** The certificate of the second key, as `chain`. */
  readonly second?: readonly CertificateInfo[];
  /** What is trusted for it; absent for what is not managed. */
  readonly trust?: Trust;
  /** The name that the certificate must be for. */
  readonly name?: string;
  /** The servers that should serve it. */
  readonly targets: readonly ServedTarget[];
}

/**
 * Reads the certificates that an input names: a file, `-` for standard input, `host:port`, or a
 * name or id of a managed certificate; the first of these that it can be.
 * @throws CliError `ERR_CLI_USAGE`, `ERR_CLI_FILE`; ProbeError
 */
export async function readSubject(
  input: string,
  options: SubjectOptions,
  terminal: Terminal,
): Promise<Subject> {
  const { cert = await existingFile(input) } = options;
  if ((input === '') === (options.cert === undefined))
    throw new CliError(
      'ERR_CLI_USAGE',
      'name one certificate: a file, - for standard input, HOST:PORT, or the name of a managed certificate',
    );
  if (cert === input) assertNoUrl(input);
  assertServerFlags(cert === undefined ? input : undefined, options);
  if (cert !== undefined) return await subjectOfFile(cert, options, terminal);
  const server = serverIn(input);
  if (server) return await subjectOfServer(server, options, terminal);
  return await subjectOfManaged(input, options, terminal);
}

function serverIn(input: string) {
  return parseHostPort(input);
}

/** Returns the input where it names a file, or has the form of a path. */
async function existingFile(input: string): Promise<string | undefined> {
  if (input === '-') return input;
  if (input === '') return undefined;
  const isFile = await stat(input).then(
    () => true,
    () => false,
  );
  return isFile || input.includes('/') ? input : undefined;
}

/** @throws CliError `ERR_CLI_USAGE` for an address of the web, which has the form of a path */
function assertNoUrl(input: string): void {
  if (!/^[a-z]+:\/\//i.test(input) || !URL.canParse(input)) return;
  const { hostname, port } = new URL(input);
  throw new CliError(
    'ERR_CLI_USAGE',
    `${printable(input, 300)} is a URL: use HOST:PORT, such as ${hostname || 'www.example.com'}:${port || '443'}`,
  );
}

/** @throws CliError `ERR_CLI_USAGE` where a flag for servers would be ignored */
function assertServerFlags(input: string | undefined, options: SubjectOptions): void {
  const { starttls, servername, ipv4, ipv6 } = options;
  if (ipv4 && ipv6)
    throw new CliError('ERR_CLI_USAGE', '-4 and -6 exclude each other: use one, or none for both');
  const isServer = input !== undefined && serverIn(input) !== undefined;
  if (!isServer && (starttls !== undefined || servername !== undefined))
    throw new CliError('ERR_CLI_USAGE', '--starttls and --servername need a HOST:PORT');
}

async function subjectOfFile(
  file: string,
  { passphraseFile }: SubjectOptions,
  terminal: Terminal,
): Promise<Subject> {
  const bytes =
    file === '-' ? await readInput(terminal.stdin) : await readBytes(file, 'the certificate');
  const name = file === '-' ? 'standard input' : file;
  const content = decoded(bytes);
  const chain = certificatesIn(name, content);
  const passphrase = async () =>
    await storedPassphrase({ file: passphraseFile, variable: 'ACMEX_PASSPHRASE' }, terminal);
  const key = await keyIn(content.toString(), chain, passphrase);
  return { chain, file: name, ...(key && { key }), targets: [] };
}

/** How much is read of standard input; a chain has 1 MiB at most. */
const maxInput = 2 * 1024 * 1024;

async function readInput(stdin: Terminal['stdin']): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin ?? []) {
    chunks.push(Buffer.from(chunk as Uint8Array));
    length += chunks.at(-1)?.length ?? 0;
    if (length > maxInput) break;
  }
  const bytes = Buffer.concat(chunks);
  if (isBlank(bytes))
    throw new CliError('ERR_CLI_FILE', 'standard input is empty: write a certificate to it');
  return bytes;
}

/** @throws CliError `ERR_CLI_FILE`, which names what the file is */
function certificatesIn(file: string, content: string | Buffer): readonly CertificateInfo[] {
  try {
    return parseChain(typeof content === 'string' ? content : certificatesPem(content));
  } catch (error) {
    const kind = kindOf(content);
    if (kind === undefined || /BEGIN CERTIFICATE-/.test(content.toString())) throw error;
    throw new CliError(
      'ERR_CLI_FILE',
      `${file} is ${kind} and has no certificate to show: use a certificate or a chain, PEM or DER`,
      { cause: error },
    );
  }
}

const keyBlock = /-----BEGIN ([A-Z ]{0,20}PRIVATE KEY)-----[^]{1,65536}?-----END \1-----/;

/** Compares the first private key of a text with the leaf. Nothing of the key is shown. */
async function keyIn(
  text: string,
  [leaf]: readonly CertificateInfo[],
  passphrase: () => Promise<string | undefined>,
): Promise<Subject['key'] | undefined> {
  const [block] = keyBlock.exec(text) ?? [];
  if (block === undefined || !leaf) return undefined;
  const secret = await passphrase();
  try {
    const { publicKey } = await nodeCrypto().import(Buffer.from(block), secret);
    return { match: Buffer.from(publicKey).equals(leaf.publicKey) ? 'matches' : 'differs' };
  } catch (error) {
    const isEncrypted = errorCode(error) === 'ERR_KEY_PASSPHRASE_MISSING';
    return {
      match: 'unreadable',
      reason: isEncrypted
        ? 'it is encrypted: use --passphrase-file or ACMEX_PASSPHRASE'
        : printable(errorText(error), 300),
    };
  }
}

async function subjectOfServer(
  { host, port }: { readonly host: string; readonly port: number },
  { starttls, servername, ipv4, ipv6 }: SubjectOptions,
  { signal }: Terminal,
): Promise<Subject> {
  const target = { host: wireName(host), port, startTls: starttls };
  const serverName = servername === undefined ? target.host : wireName(servername);
  const served = await probe({
    ...target,
    serverName,
    family: familyOf({ ipv4, ipv6 }),
    policy: anyAddress,
    signal,
  });
  return {
    chain: served.chain.map((der) => parseCertificate(der)),
    served: { ...served, host: target.host },
    name: serverName,
    targets: [],
  };
}

/** Returns a name as it is on the wire, as an A-label. */
function wireName(name: string): string {
  return identifier(name).value;
}

export function familyOf({ ipv4, ipv6 }: Pick<SubjectOptions, 'ipv4' | 'ipv6'>): 4 | 6 | undefined {
  if (ipv4) return 4;
  return ipv6 ? 6 : undefined;
}

async function subjectOfManaged(
  input: string,
  { overrides, config, logLevel }: SubjectOptions,
  terminal: Terminal,
): Promise<Subject> {
  const configuration = await readConfig({
    ...placesOf(terminal),
    file: config,
    environment: terminal.env,
    overrides,
  });
  const report = await reporter(terminal, { logLevel, configuration });
  try {
    await using storage = await openStorage({ configuration }, terminal, report);
    const manager = await commandManager({ storage, configuration, terminal, report });
    const managed = await findCertificate(manager, input).catch((error: unknown) => {
      if (errorCode(error) !== 'ERR_CLI_USAGE') throw error;
      throw new CliError(
        'ERR_CLI_USAGE',
        `${errorText(error)}. It is not a file or HOST:PORT either`,
        { cause: error },
      );
    });
    const { id, names, current } = managed;
    const { certificates } = manager.provisioner;
    const generation = current && (await certificates.generation(id, current.generation));
    if (!generation)
      throw new CliError(
        'ERR_CLI_USAGE',
        `${id} has no certificate yet: see acmex cert show ${id}`,
      );
    const name = names.find((candidate) => !isWildcard(candidate));
    return {
      chain: parseChain(generation.chain),
      managed: { id, names },
      ...(generation.second && { second: parseChain(generation.second.chain) }),
      trust: await manager.trust(presentIssuer(managed)),
      ...(name !== undefined && { name }),
      targets: servedTargets(managed),
    };
  } finally {
    report.close();
  }
}
