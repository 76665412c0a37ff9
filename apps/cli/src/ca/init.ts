import { access } from 'node:fs/promises';
import {
  type AuthorityKeyType,
  createAuthority,
  issuerOf,
  type NewAuthority,
  saveAuthority,
} from '@acmex/ca';
import { parseCertificate, webcrypto } from '@acmex/certificate';
import { CliError } from '../errors.ts';
import { openStorage } from '../open-storage.ts';
import { readText } from '../read-text.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';
import { waitingFile } from '../whole-file.ts';
import { type ConfiguredOutputOptions, formatResult } from '../output.ts';

export interface InitOptions extends ConfiguredOutputOptions {
  readonly name?: string;
  readonly domains?: readonly string[];
  readonly addresses?: readonly string[];
  readonly unconstrained?: boolean;
  readonly keyType: AuthorityKeyType;
  readonly rootDays: number;
  readonly issuingDays: number;
  readonly passphraseFile?: string;
  readonly rootCertificate: string;
  readonly rootKey: string;
  /** The user's own issuing certificate and key, in place of new ones. */
  readonly issuingCertificate?: string;
  readonly issuingKey?: string;
}

/** `acmex ca init`: a CA of one's own in a storage, its root's key in an encrypted file that belongs elsewhere. */
export async function init(options: InitOptions, terminal: Terminal): Promise<void> {
  const report = await reporter(terminal, options);
  try {
    const own = options.issuingCertificate !== undefined || options.issuingKey !== undefined;
    const { document, lines } = await (own ? takeOver : make)(options, terminal, report);
    report.close();
    terminal.stdout.write(formatResult({ text: lines.join('\n'), document }, options.output));
  } finally {
    report.close();
  }
}

interface Made {
  readonly document: object;
  readonly lines: readonly string[];
}

async function make(options: InitOptions, terminal: Terminal, report: Reporter): Promise<Made> {
  const {
    name = usage('a CA has a name: give --name, as "Example Corp"'),
    keyType,
    rootDays,
    issuingDays,
    rootCertificate,
    rootKey,
  } = options;
  const request = constrained(options);
  const passphrase = await passphraseOf(options, terminal.env);
  for (const path of [rootCertificate, rootKey]) if (await isThere(path)) throw exists(path);
  await using storage = await openStorage(options, terminal, report);
  await using certificateFile = await waitingFile(rootCertificate, 0o644);
  await using keyFile = await waitingFile(rootKey, 0o600);
  report.working('making the keys');
  const authority = await createAuthority({
    ...request,
    name,
    passphrase,
    keyType,
    rootDays,
    issuingDays,
  });
  try {
    // The root's key first: a CA whose root is lost cannot be renewed.
    if (!(await keyFile.commitNew(authority.rootKey ?? new Uint8Array()))) throw exists(rootKey);
    if (!(await certificateFile.commitNew(authority.root))) throw exists(rootCertificate);
    await saveAuthority(storage, authority);
  } finally {
    authority.rootKey?.fill(0);
    authority.issuingKey.fill(0);
  }
  const about = described(authority);
  return {
    document: { ...about, rootCertificate, rootKey },
    lines: [
      `the CA "${name}" is ready: acmex ca serve starts it`,
      `root certificate  ${rootCertificate}: clients trust this`,
      `root key          ${rootKey}: encrypted with your passphrase; move it off this machine, it is needed only to renew the CA`,
      `issuing until     ${about.notAfter}`,
    ],
  };
}

async function takeOver(
  { issuingCertificate, issuingKey, rootCertificate, ...options }: InitOptions,
  terminal: Terminal,
  report: Reporter,
): Promise<Made> {
  if (issuingCertificate === undefined || issuingKey === undefined)
    return usage(
      'a CA of your own is a pair: give --issuing-certificate and --issuing-key, and its root by --root-certificate',
    );
  const [issuing, key, root] = await Promise.all([
    readText(issuingCertificate, 'the issuing certificate'),
    readText(issuingKey, 'the issuing key'),
    readText(rootCertificate, 'the root certificate'),
  ]);
  const authority: NewAuthority = { kind: 'private', root, issuing, issuingKey: Buffer.from(key) };
  // They belong together, and are a CA's.
  issuerOf({ chain: issuing, key: await webcrypto().import(authority.issuingKey) });
  await using storage = await openStorage(options, terminal, report);
  await saveAuthority(storage, authority);
  const about = described(authority);
  return {
    document: about,
    lines: [
      `the CA of ${issuingCertificate} is ready until ${about.notAfter}: acmex ca serve starts it`,
    ],
  };
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

function constrained({ domains = [], addresses = [], unconstrained }: InitOptions) {
  if (unconstrained) {
    if (domains.length + addresses.length > 0)
      usage('either --domains and --addresses, or --unconstrained');
    return { unconstrained: true as const };
  }
  if (domains.length + addresses.length === 0)
    usage(
      'say what the CA is for: --domains corp.example, --addresses 10.0.0.0/8; or --unconstrained, which lets its key issue for every name there is',
    );
  return { constraints: { domains, addresses } };
}

async function passphraseOf(
  { passphraseFile }: InitOptions,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  if (passphraseFile !== undefined)
    return (await readText(passphraseFile, 'the passphrase file')).replace(/\r?\n$/, '');
  return (
    env.ACMEX_CA_PASSPHRASE ??
    usage("the root's key is kept encrypted: give --passphrase-file, or ACMEX_CA_PASSPHRASE")
  );
}

function described({ issuing, root }: NewAuthority) {
  const { subject, notAfter } = parseCertificate(issuing);
  return {
    subject,
    notAfter: notAfter.toString(),
    rootFingerprint: parseCertificate(root).fingerprint,
  };
}

function exists(path: string): CliError {
  return new CliError(
    'ERR_CLI_EXISTS',
    `${path} exists already: choose another path, a CA's files are never written over`,
  );
}

function usage(message: string): never {
  throw new CliError('ERR_CLI_USAGE', message);
}
