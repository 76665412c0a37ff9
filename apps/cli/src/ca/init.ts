import { access } from 'node:fs/promises';
import {
  type AuthorityKeyType,
  type AuthorityRequest,
  createAuthority,
  issuerOf,
  type NewAuthority,
  saveAuthority,
} from '@acmex/ca';
import { storageOf } from '@acmex/config';
import { isKeyReference, parseCertificate, storableKey } from '@acmex/certificate';
import { configuredCrypto } from '@acmex/manager/crypto';
import { CliError } from '../errors.ts';
import { newPassphrase } from '../passphrase.ts';
import { readCertificates } from '../read-text.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';
import { waitingFile } from '../whole-file.ts';
import { type ConfiguredOutputOptions, formatResult } from '../output.ts';
import { caPassphrase, readCaKey } from './ca-key.ts';
import { openCaStorage } from './ca-storage.ts';

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
  /** A file, or the reference of an existing key in a device. */
  readonly rootKey: string;
  /** The reference of an existing key in a device for the issuing certificate. */
  readonly key?: string;
  /** An existing issuing certificate to use instead of a new CA. */
  readonly issuingCertificate?: string;
  readonly issuingKey?: string;
}

/**
 * `acmex ca init`: creates a CA in the storage, and writes the root's key to an encrypted file, to
 * be moved elsewhere.
 */
export async function init(options: InitOptions, terminal: Terminal): Promise<void> {
  const report = await reporter(terminal, options);
  try {
    const isExisting = options.issuingCertificate !== undefined || options.issuingKey !== undefined;
    const { document, lines } = await (isExisting ? importAuthority : makeAuthority)(
      options,
      terminal,
      report,
    );
    report.close();
    terminal.stdout.write(formatResult({ text: lines.join('\n'), document }, options.output));
  } finally {
    report.close();
  }
}

interface Initialised {
  readonly document: object;
  readonly lines: readonly string[];
}

async function makeAuthority(
  options: InitOptions,
  terminal: Terminal,
  report: Reporter,
): Promise<Initialised> {
  const {
    name = usage('the name of the CA is missing: use --name, as "Example Corp"'),
    keyType,
    rootDays,
    issuingDays,
    rootCertificate,
    rootKey,
  } = options;
  const request = constrained(options);
  const isInDevice = isKeyReference(rootKey);
  for (const path of isInDevice ? [rootCertificate] : [rootCertificate, rootKey]) {
    if (await exists(path)) throw existsError(path);
  }
  await using storage = await openCaStorage(options, terminal, report);
  await using certificateFile = await waitingFile(rootCertificate, 0o644);
  await using keyFile = isInDevice ? undefined : await waitingFile(rootKey, 0o600);
  const passphrase = isInDevice
    ? undefined
    : await newPassphrase(
        { ...caPassphrase(options), name: rootKey },
        terminal,
        "the root's key must be encrypted, and",
      );
  report.working('creating the keys');
  const authority = await createAuthority({
    ...request,
    ...(await existingKeys(options, terminal)),
    name,
    passphrase,
    keyType,
    rootDays,
    issuingDays,
  });
  try {
    // The root's key first: a CA whose root is lost cannot be renewed.
    if (keyFile && !(await keyFile.commitNew(authority.rootKey ?? new Uint8Array())))
      throw existsError(rootKey);
    if (!(await certificateFile.commitNew(authority.root))) throw existsError(rootCertificate);
    await saveAuthority(storage, authority);
    warnOfClearKey(authority, options, report);
  } finally {
    authority.rootKey?.fill(0);
    authority.issuingKey.fill(0);
  }
  const about = describe(authority);
  return {
    document: { ...about, rootCertificate, rootKey, key: options.key },
    lines: [
      `the CA "${name}" is ready: start it with acmex ca serve`,
      `root certificate  ${rootCertificate}: clients trust this`,
      `root key          ${rootKey}: ${isInDevice ? 'it stays there' : 'encrypted with your passphrase; move it off this machine, only renewing the CA needs it'}`,
      ...(options.key === undefined ? [] : [`issuing key       ${options.key}: it stays there`]),
      `issuing until     ${about.notAfter}`,
    ],
  };
}

/** Opens the keys in devices that a new CA is to have. */
async function existingKeys(
  { rootKey, key, configuration }: InitOptions,
  terminal: Terminal,
): Promise<Pick<AuthorityRequest, 'rootKey' | 'issuingKey'>> {
  const crypto = configuredCrypto(configuration, terminal.env);
  const open = async (reference: string) => await crypto.import(Buffer.from(reference));
  return {
    rootKey: isKeyReference(rootKey) ? await open(rootKey) : undefined,
    issuingKey: key === undefined ? undefined : await open(key),
  };
}

async function importAuthority(
  { issuingCertificate, issuingKey, rootCertificate, ...options }: InitOptions,
  terminal: Terminal,
  report: Reporter,
): Promise<Initialised> {
  if (issuingCertificate === undefined || issuingKey === undefined)
    return usage(
      'an existing CA needs its certificate, key and root: use --issuing-certificate, --issuing-key and --root-certificate',
    );
  const [issuing, root] = await Promise.all([
    readCertificates(issuingCertificate, 'the issuing certificate'),
    readCertificates(rootCertificate, 'the root certificate'),
  ]);
  const crypto = configuredCrypto(options.configuration, terminal.env);
  const what = 'the issuing key';
  const keyBytes = await readCaKey(issuingKey, { ...options, what }, terminal);
  const key = await crypto.import(keyBytes).finally(() => keyBytes.fill(0));
  // Throws unless they belong together, and are those of a CA.
  issuerOf({ chain: issuing, key });
  await using storage = await openCaStorage(options, terminal, report);
  const authority: NewAuthority = {
    kind: 'private',
    root,
    issuing,
    issuingKey: await storableKey(key),
  };
  try {
    await saveAuthority(storage, authority);
    warnOfClearKey(authority, options, report);
  } finally {
    authority.issuingKey.fill(0);
  }
  const about = describe(authority);
  return {
    document: about,
    lines: [
      `the CA of ${issuingCertificate} is ready until ${about.notAfter}: start it with acmex ca serve`,
    ],
  };
}

/** Warns that the issuing key is in clear, when nothing encrypts the storage. */
function warnOfClearKey(
  { issuingKey }: NewAuthority,
  { configuration }: Pick<InitOptions, 'configuration'>,
  report: Reporter,
): void {
  const isInDevice = isKeyReference(Buffer.from(issuingKey).toString());
  if (isInDevice || storageOf(configuration).encryption !== undefined) return;
  report.warn(
    'the issuing key is in the storage without encryption: everyone who can read the storage can issue certificates. Encrypt it with acmex storage encrypt and --encryption-key-file',
  );
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

function constrained({ domains = [], addresses = [], unconstrained }: InitOptions) {
  if (unconstrained) {
    if (domains.length + addresses.length > 0)
      usage('use either --domains and --addresses, or --unconstrained');
    return { unconstrained: true as const };
  }
  if (domains.length + addresses.length === 0)
    usage(
      'the names that the CA may issue for are missing: use --domains corp.example or --addresses 10.0.0.0/8; or --unconstrained, which permits every name',
    );
  return { constraints: { domains, addresses } };
}

function describe({ issuing, root }: NewAuthority) {
  const { subject, notAfter } = parseCertificate(issuing);
  return {
    subject,
    notAfter: notAfter.toString(),
    rootFingerprint: parseCertificate(root).fingerprint,
  };
}

function existsError(path: string): CliError {
  return new CliError(
    'ERR_CLI_EXISTS',
    `${path} already exists: use another path; the files of a CA are never overwritten`,
  );
}

function usage(message: string): never {
  throw new CliError('ERR_CLI_USAGE', message);
}
