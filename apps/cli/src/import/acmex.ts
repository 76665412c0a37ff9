import { resolve } from 'node:path';
import { isKeyReference, parseChain } from '@acmex/certificate';
import { keysOf, openDriver, storageOf } from '@acmex/config';
import { errorCode, errorText } from '@acmex/errors';
import { ImportError } from '@acmex/import';
import {
  accountId,
  type ChallengeConfig,
  type DeclaredIssuer,
  existingAccount,
  savedCredentials,
  storedAccounts,
  storedIssuers,
} from '@acmex/manager';
import { fromConfig } from '@acmex/manager/from-config';
import type { CertificateStore, ManagedCertificate } from '@acmex/orchestrator';
import type { Storage } from '@acmex/storage';
import type { Terminal } from '../terminal.ts';
import { keysIn } from '../open-storage.ts';
import type { ImportAccount, ImportCertificate, ImportContents } from './contents.ts';
import type { ImportOptions } from './options.ts';

type Failure = ImportContents['failures'][number];

/**
 * Reads a storage of AcmeX in files, also one of an earlier version. None of its files is changed.
 * @throws ImportError `ERR_IMPORT_DIRECTORY` where it has no certificate and no account
 */
export async function readAcmex(
  directory: string,
  options: ImportOptions,
  { env }: Pick<Terminal, 'env'>,
): Promise<ImportContents> {
  const path = resolve(directory);
  await using storage = await openSource(path, options);
  const { provisioner } = fromConfig(options.configuration, { storage, environment: env });
  const issuers = new Map<string, DeclaredIssuer>();
  for await (const issuer of storedIssuers(storage)) issuers.set(issuer.name, issuer);
  const accounts = await accountsOf(storage, issuers);
  const certificates = await certificatesOf(provisioner.certificates, {
    issuers,
    credentials: await savedCredentials(storage),
  });
  const failures = [...accounts.failures, ...certificates.failures];
  if (accounts.entries.length + certificates.entries.length + failures.length === 0)
    throw new ImportError(
      'ERR_IMPORT_DIRECTORY',
      `${path} has no certificate and no account of AcmeX: use the directory of a storage in files`,
    );
  return {
    client: 'acmex',
    accounts: accounts.entries,
    certificates: certificates.entries,
    failures,
  };
}

async function openSource(
  path: string,
  { configuration, sourceKeyFile }: ImportOptions,
): Promise<Storage> {
  const driver = await openDriver({ kind: 'file', path }, { directory: path, readOnly: true });
  if (!(await driver.get('encryption'))) return driver;
  const { encryptedStorage } = await import('@acmex/storage-encrypted');
  const { encryption } = storageOf(configuration);
  const configured = encryption ? await keysOf(encryption) : [];
  const keys = sourceKeyFile === undefined ? configured : await keysIn(sourceKeyFile);
  if (keys.length === 0)
    throw new ImportError(
      'ERR_IMPORT_DIRECTORY',
      `${path} is encrypted: use --source-key-file with its key, or set its passphrase with ACMEX_STORAGE_PASSPHRASE`,
    );
  return await encryptedStorage(driver, { keys });
}

interface Read<T> {
  readonly entries: readonly T[];
  readonly failures: readonly Failure[];
}

/** An account for each issuer, and those that no issuer names. */
async function accountsOf(
  storage: Storage,
  issuers: ReadonlyMap<string, DeclaredIssuer>,
): Promise<Read<ImportAccount>> {
  const entries: ImportAccount[] = [];
  const failures: Failure[] = [];
  const seen = new Set<string>();
  const add = async (name: string, issuer: DeclaredIssuer) => {
    try {
      const account = await existingAccount(issuer, { storage });
      if (!account) return;
      const { directory } = issuer;
      entries.push({ id: name, ca: { directory }, url: account.account, key: account.key, issuer });
    } catch (error) {
      failures.push({ subject: 'account', name, error: unusable('ERR_IMPORT_ACCOUNT', error) });
    }
  };
  for (const [name, issuer] of issuers) {
    seen.add(accountId(issuer));
    await add(name, issuer);
  }
  for await (const { id, directory, account } of storedAccounts(storage)) {
    if (seen.has(id)) continue;
    const issuer = { directory, title: directory };
    if (accountId(issuer) === id) await add(account ?? id, issuer);
    else failures.push({ subject: 'account', name: account ?? id, error: unnamed(directory) });
  }
  return { entries, failures };
}

function unnamed(directory: string): ImportError {
  return new ImportError(
    'ERR_IMPORT_ACCOUNT',
    `the storage does not say the name of this account at ${directory}: move it with acmex account export and acmex account import`,
  );
}

/** @throws what is not about one account or certificate */
function unusable(code: 'ERR_IMPORT_ACCOUNT' | 'ERR_IMPORT_KEY', error: unknown): ImportError {
  const reason = errorCode(error);
  if (reason === undefined || reason === 'ERR_STORAGE_UNAVAILABLE') throw error;
  return new ImportError(code, errorText(error), { cause: error });
}

interface Source {
  readonly issuers: ReadonlyMap<string, DeclaredIssuer>;
  readonly credentials: Readonly<Record<string, string>>;
}

async function certificatesOf(
  certificates: CertificateStore,
  source: Source,
): Promise<Read<ImportCertificate>> {
  const entries: ImportCertificate[] = [];
  const failures: Failure[] = [];
  const onCorrupt = (error: Error) => {
    const damaged = new ImportError('ERR_IMPORT_CERTIFICATE', errorText(error), { cause: error });
    failures.push({ subject: 'certificate', name: 'a damaged record', error: damaged });
  };
  for await (const certificate of certificates.list({ onCorrupt })) {
    try {
      entries.push(await certificateOf(certificates, certificate, source));
    } catch (error) {
      const failure = error instanceof ImportError ? error : unusable('ERR_IMPORT_KEY', error);
      failures.push({ subject: 'certificate', name: certificate.id, error: failure });
    }
  }
  return { entries, failures };
}

async function certificateOf(
  certificates: CertificateStore,
  certificate: ManagedCertificate,
  { issuers, credentials }: Source,
): Promise<ImportCertificate> {
  const { id, current, issuer: issuerName, paused } = certificate;
  const generation = current && (await certificates.generation(id, current.generation));
  const [leaf] = generation ? parseChain(generation.chain) : [];
  if (!current || !generation || !leaf)
    throw new ImportError(
      'ERR_IMPORT_CERTIFICATE',
      `${id} has not been issued yet: obtain it with acmex obtain`,
    );
  if (generation.second)
    throw new ImportError(
      'ERR_IMPORT_CERTIFICATE',
      `${id} has two keys, of which an import takes one: obtain it with acmex obtain and both key types`,
    );
  const { chain, privateKey } = generation;
  if (isKeyReference(privateKey))
    throw new ImportError(
      'ERR_IMPORT_KEY',
      `the key of ${id} cannot leave its device: obtain it with acmex obtain and the reference of its key`,
    );
  const issuer = issuers.get(issuerName);
  if (!issuer)
    throw new ImportError(
      'ERR_IMPORT_CERTIFICATE',
      `${id} names the CA ${issuerName}, which the storage does not describe: restore it from a backup`,
    );
  return {
    name: id,
    names: leaf.identifiers.map(({ value }) => value),
    chain,
    privateKey,
    keyType: certificate.keyType,
    notBefore: current.notBefore,
    notAfter: current.notAfter,
    ca: { directory: issuer.directory },
    account: issuerName,
    deploy: [],
    omitted: [],
    record: {
      issuer,
      paused,
      spec: specOf(certificate),
      credentials: neededCredentials(certificate, credentials),
    },
  };
}

function specOf({
  names,
  keyType,
  profile,
  preferredChain,
  ...certificate
}: ManagedCertificate): ImportCertificateSpec {
  const { reuseKey, mustStaple, proof, renewBefore, deploy, servedAt, labels } = certificate;
  const { maintenanceWindows, allowSubsetOfNames } = certificate;
  return {
    ...{ names, keyType, profile, preferredChain, reuseKey, mustStaple, allowSubsetOfNames },
    ...{ proof, renewBefore, maintenanceWindows, deploy, servedAt, labels },
  };
}

type ImportCertificateSpec = NonNullable<ImportCertificate['record']>['spec'];

/** The record of a challenge has null for a variable that is a secret. */
function neededCredentials(
  { proof }: ManagedCertificate,
  saved: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const { dnsVariables } = (proof ?? {}) as Partial<ChallengeConfig>;
  const secret = Object.entries(dnsVariables ?? {}).filter(([, value]) => value === null);
  return Object.fromEntries(
    secret.flatMap(([name]) => (saved[name] === undefined ? [] : [[name, saved[name]]])),
  );
}
