import { type CryptoBackend, isKeyReference, storedPem, webcrypto } from '@acmex/certificate';
import { type Clock, systemClock } from '@acmex/clock';
import { accountKeyOf } from '@acmex/crypto-exec';
import { errorCode, printable } from '@acmex/errors';
import { eventChange, Provisioner } from '@acmex/orchestrator';
import {
  type Account,
  type AccountKey,
  type AcmeSession,
  type AcmeSessionOptions,
  acmeSession,
  changeKey,
  deactivateAccount as deactivateAccountAtCa,
  type ExternalAccount,
  type Fetch,
  generateAccountKey,
  getAccount,
  importAccountKey,
  newAccount,
  thumbprint,
  updateAccount,
} from '@acmex/protocol';
import {
  acquireLock,
  type Change,
  type Entry,
  jsonRecord,
  type Storage,
  untilWritten,
  writeIfUnchanged,
} from '@acmex/storage';
import { directoryDigest, directoryName } from './directory-name.ts';
import { ManagerError } from './errors.ts';
import { issuerName } from './issuer-record.ts';
import { storedDirectories } from './stored-directories.ts';

/** An account at a CA, as it is described before it exists. */
export interface AccountDescription {
  readonly directory: string;
  /** The CA's name for people. */
  readonly title: string;
  /** The name of an account beside the default account of the directory. */
  readonly accountName?: string | undefined;
  /** URLs: `mailto:you@example.com`. */
  readonly contact?: readonly string[] | undefined;
  /** True where a person has read the CA's terms of service and agrees to them. */
  readonly agreed?: boolean | undefined;
  readonly externalAccount?: (() => Promise<ExternalAccount>) | undefined;
  /**
   * The reference of the account's key in a device, such as `pkcs11:token=acme;object=account`; by
   * default a new key is created and stored.
   */
  readonly keyReference?: string | undefined;
}

export interface AccountOptions {
  readonly storage: Storage;
  readonly fetch: Fetch;
  readonly userAgent?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
  /** Opens the references of keys in devices; WebCrypto by default, which opens none. */
  readonly crypto?: CryptoBackend | undefined;
  /** A key that is used instead of the stored key, and is not stored. */
  readonly key?: AccountKey | undefined;
  /** Called with each request to the CA that has ended. */
  readonly onExchange?: AcmeSessionOptions['onExchange'];
  /** Waits before each request to the CA; no wait by default. */
  readonly requestPace?: AcmeSessionOptions['requestPace'];
  /** Called with what does not stop the work: a directory that the storage cannot keep. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Called with the URL of an account that was created, or found at the CA. */
  readonly onRegistered?: ((account: string) => void) | undefined;
  /**
   * URL of a stored account that the CA did not accept: the CA is asked for it by its key, and an
   * account that it has lost is created again with the same key.
   */
  readonly suspect?: string | undefined;
}

/**
 * Opens a session with the stored account. Creates the account at the CA where there is none.
 * @throws ManagerError `ERR_MANAGER_TERMS`, `ERR_MANAGER_EXTERNAL_ACCOUNT`, `ERR_MANAGER_ISSUER` for
 * an account that has another key than that of `keyReference`
 * @throws AcmeError where the CA refuses the account
 */
export async function accountSession(
  description: AccountDescription,
  options: AccountOptions,
): Promise<AcmeSession> {
  const { signal, onRegistered } = options;
  const stored = options.key === undefined ? await storedAccount(description, options) : undefined;
  const key = options.key ?? (await openKey(stored?.key ?? '', options));
  const isSuspect = stored?.account !== undefined && stored.account === options.suspect;
  const account = isSuspect ? undefined : stored?.account;
  const session = newSession(description, { key, account }, options);
  if (session.account !== undefined) return session;
  const existing = isSuspect ? await findAccount(session, signal) : undefined;
  // A person agreed to the terms of service when the account was first created.
  const agreed = isSuspect || description.agreed;
  const { url } = existing ?? (await register(session, { ...description, agreed }, signal));
  await stored?.save(url, isSuspect && !existing ? 'created-again' : 'found');
  onRegistered?.(url);
  return session;
}

/**
 * Opens a session without an account, for a request that a key signs for itself: the revocation of
 * its certificate. Registers nothing. RFC 8555 §7.6
 */
export function keySession(
  description: Pick<AccountDescription, 'directory'>,
  key: AccountKey,
  options: Omit<AccountOptions, 'key'>,
): AcmeSession {
  return newSession(description, { key, account: undefined }, options);
}

function newSession(
  { directory }: Pick<AccountDescription, 'directory'>,
  signer: { readonly key: AccountKey; readonly account: string | undefined },
  { storage, clock = systemClock, ...options }: AccountOptions,
): AcmeSession {
  const { fetch, userAgent, onExchange, onWarning, requestPace } = options;
  const directories = storedDirectories({ storage, onWarning });
  return acmeSession({
    directory,
    ...signer,
    directories,
    fetch,
    userAgent,
    clock,
    onExchange,
    requestPace,
  });
}

/**
 * Returns the account as the CA has it. Creates it where there is none, and creates it again with
 * the same key if the CA has lost it, also in the middle of a change of its key.
 * @throws as `accountSession`
 */
export async function registerAccount(
  description: AccountDescription,
  options: AccountOptions,
): Promise<Account> {
  const { storage, signal } = options;
  const stored = await storage.get(keyOf(description), { signal });
  if (stored && record.read(stored).next !== undefined)
    await settleKey(description, options, { isLost: true });
  const session = await accountSession(description, options);
  try {
    return await getAccount(session, { signal });
  } catch (error) {
    if (errorCode(error) !== 'ERR_ACME_ACCOUNT_DOES_NOT_EXIST') throw error;
    const suspect = session.account;
    const renewed = await accountSession(description, { ...options, suspect });
    return await getAccount(renewed, { signal });
  }
}

/**
 * Opens what a storage holds of an account's key.
 * @param stored PEM, or the reference of a key in a device
 */
async function openKey(
  stored: string,
  { crypto = webcrypto() }: Pick<AccountOptions, 'crypto'>,
): Promise<AccountKey> {
  if (!isKeyReference(stored)) return await importAccountKey(stored);
  return accountKeyOf(await crypto.import(new TextEncoder().encode(stored)));
}

/** Asks the CA for the account of the session's key. */
async function findAccount(
  session: AcmeSession,
  signal: AbortSignal | undefined,
): Promise<Account | undefined> {
  try {
    return await newAccount(session, { onlyReturnExisting: true }, { signal });
  } catch (error) {
    if (errorCode(error) === 'ERR_ACME_ACCOUNT_DOES_NOT_EXIST') return undefined;
    throw error;
  }
}

async function register(
  session: AcmeSession,
  { title, contact = [], agreed = false, ...description }: AccountDescription,
  signal: AbortSignal | undefined,
): Promise<Account> {
  // The terms, and whether there must be an external account, are what the CA says now.
  const { meta } = await session.directory({ signal, fromCa: true });
  const externalAccount = await description.externalAccount?.();
  if (meta.externalAccountRequired && !externalAccount)
    throw new ManagerError(
      'ERR_MANAGER_EXTERNAL_ACCOUNT',
      `${title} requires an external account: set the values from the CA, by --eab-kid and --eab-hmac-key, external_account_binding in acmex.toml, or externalAccount in a program`,
    );
  const canCreate = agreed || meta.termsOfService === undefined;
  try {
    return await newAccount(
      session,
      canCreate
        ? { contact, termsOfServiceAgreed: agreed, externalAccount }
        : { onlyReturnExisting: true },
      { signal },
    );
  } catch (error) {
    if (canCreate || errorCode(error) !== 'ERR_ACME_ACCOUNT_DOES_NOT_EXIST') throw error;
    throw new ManagerError(
      'ERR_MANAGER_TERMS',
      `${title} requires agreement to its terms of service: read ${printable(meta.termsOfService ?? '', 300)}, then use --accept-tos, set tos_agreed = true in acmex.toml, or send tosAgreed to the REST API`,
    );
  }
}

/** An account in a storage. */
export interface StoredAccountSummary {
  /** The same as `accountId` returns. */
  readonly id: string;
  readonly directory: string;
  /** The account's URL; absent where the CA has not answered yet. */
  readonly account?: string | undefined;
}

/** The key of an account that exists at a CA, and its URL. */
export interface ExistingAccount {
  /** PKCS#8 PEM. */
  readonly key: string;
  /** The account's URL; without it the CA is asked for it by the key when it is needed. */
  readonly account?: string | undefined;
}

/**
 * Returns what a storage has for an account: nothing, an account with this key, or one
 * with another key.
 */
export async function compareAccount(
  description: Pick<AccountDescription, 'directory' | 'accountName'>,
  { key }: Pick<ExistingAccount, 'key'>,
  { storage, signal }: Pick<AccountOptions, 'storage' | 'signal'>,
): Promise<'absent' | 'same' | 'different'> {
  const entry = await storage.get(keyOf(description), { signal });
  if (!entry) return 'absent';
  const { key: stored } = record.read(entry);
  if (isKeyReference(stored)) return 'different';
  const [wanted, existing] = await Promise.all(
    [key, stored].map(async (pem) => await thumbprint(await importAccountKey(pem))),
  );
  return wanted === existing ? 'same' : 'different';
}

/**
 * Stores an account that exists at the CA, such as one that another client registered. It is the
 * account that `accountSession` uses from then on. An account that is stored already stays.
 * @returns `same` where the storage had it already, `different` where it has another account
 * @throws AcmeError `ERR_ACME_KEY` for a key that ACME cannot use
 */
export async function keepAccount(
  description: AccountDescription,
  existing: ExistingAccount,
  options: Pick<AccountOptions, 'storage' | 'signal' | 'clock'>,
): Promise<'added' | 'same' | 'different'> {
  const { storage } = options;
  const { directory } = description;
  const { key, account } = existing;
  await importAccountKey(key);
  return await untilWritten(async () => {
    const state = await compareAccount(description, existing, options);
    if (state !== 'absent') return state;
    await storage.write([
      put(keyOf(description), { directory, key, account }, null),
      event('account_registered', description, account ?? 'its URL is not known yet', options),
    ]);
    return 'added';
  });
}

/**
 * Returns the key and the URL of a stored account, without an event: the storage is not written to.
 * @returns undefined where there is no account
 * @throws ManagerError `ERR_MANAGER_ISSUER` where a change of its key was interrupted;
 * CertificateError `ERR_KEY_NOT_EXPORTABLE` for a key in a device
 */
export async function existingAccount(
  description: Pick<AccountDescription, 'directory' | 'title' | 'accountName'>,
  { storage, signal }: Pick<AccountOptions, 'storage' | 'signal'>,
): Promise<ExistingAccount | undefined> {
  const { title } = description;
  const entry = await storage.get(keyOf(description), { signal });
  if (!entry) return undefined;
  const { key, account, next } = record.read(entry);
  if (next !== undefined)
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      `a change of the key of the account at ${title} was interrupted: end it with acmex account show first`,
    );
  return { key: storedPem(key, `the key of the account at ${title}`), account };
}

/**
 * Returns the key and the URL of a stored account, and writes the event that the key was read.
 * @throws ManagerError `ERR_MANAGER_ISSUER` where there is no account, or a change of its key was
 * interrupted; CertificateError `ERR_KEY_NOT_EXPORTABLE` for a key in a device
 */
export async function exportAccount(
  description: AccountDescription,
  options: Pick<AccountOptions, 'storage' | 'signal' | 'clock'>,
): Promise<ExistingAccount> {
  const existing = await existingAccount(description, options);
  if (!existing)
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      `this storage has no account at ${description.title}: register one first`,
    );
  const { account = 'an account without a URL' } = existing;
  await options.storage.write([event('private_key_read', description, account, options)]);
  return existing;
}

/** Lists the accounts of a storage. */
export async function* storedAccounts(storage: Storage): AsyncGenerator<StoredAccountSummary> {
  for await (const entry of storage.list('account')) {
    const { directory, account } = record.read(entry);
    yield { id: `acc_${entry.key.slice(-12)}`, directory, account };
  }
}

/** Returns the URL of the stored account; undefined where none is registered. Asks no CA. */
export async function storedAccountUrl(
  description: Pick<AccountDescription, 'directory' | 'accountName'>,
  { storage, signal }: Pick<AccountOptions, 'storage' | 'signal'>,
): Promise<string | undefined> {
  const entry = await storage.get(keyOf(description), { signal });
  return entry && record.read(entry).account;
}

/** Returns the account as the CA has it. */
export async function accountOf(
  description: AccountDescription,
  options: AccountOptions,
): Promise<Account> {
  return await getAccount(await existingSession(description, options), { signal: options.signal });
}

/**
 * Replaces the account's contacts at the CA.
 * @param contact URLs
 */
export async function updateContact(
  description: AccountDescription,
  contact: readonly string[],
  options: AccountOptions,
): Promise<Account> {
  const account = await updateAccount(
    await existingSession(description, options),
    { contact },
    { signal: options.signal },
  );
  await options.storage.write([event('account_updated', description, account.url, options)]);
  return account;
}

/**
 * Notes that a person has agreed to the terms of service of a CA as they are now, where the account
 * exists already, and makes due now what waits for that. The CA itself learns it on the page that
 * its refusal names: "the server MUST ignore any updates to" `termsOfServiceAgreed`. RFC 8555
 * §7.3.2, §7.3.3
 * @returns the account as the CA has it, the URL of the terms, if the CA has any, and the ids of the
 * certificates that wait
 * @throws ManagerError `ERR_MANAGER_ISSUER` where there is no account, or the CA does not accept it
 * any more
 */
export async function acceptTerms(
  description: AccountDescription & { readonly name?: string | undefined },
  options: AccountOptions,
): Promise<{
  readonly account: Account;
  readonly terms: string | undefined;
  readonly certificates: readonly string[];
}> {
  const { storage, signal, clock } = options;
  const session = await existingSession(description, options);
  const { termsOfService: terms } = (await session.directory({ signal, fromCa: true })).meta;
  const account = await getAccount(session, { signal });
  if (account.status !== 'valid')
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      `the account at ${description.title} is ${printable(account.status, 40)}: register another one`,
    );
  await storage.write([
    event('terms_accepted', description, terms ?? 'the CA names no terms', options),
  ]);
  const provisioner = new Provisioner({ storage, issuers: async () => undefined, clock });
  const certificates = await provisioner.resumeIssuer(issuerName(description), { signal });
  return { account, terms, certificates };
}

/**
 * Replaces the account's key (RFC 8555 §7.3.5). The new key is stored before the CA receives it, so
 * that an interruption at any point loses neither key. The change has succeeded when the CA has
 * accepted it: the account is not read again, since some CAs know the new key only seconds later.
 * The new key is that of `keyReference`, or is created.
 * @returns the account as the CA had it just before
 * @throws ManagerError `ERR_MANAGER_ISSUER` where there is no account, or another process changed
 * it
 */
export async function rotateAccountKey(
  description: AccountDescription,
  options: AccountOptions,
): Promise<Account> {
  const { storage, signal, clock = systemClock } = options;
  const location = keyOf(description);
  const session = await existingSession({ ...description, keyReference: undefined }, options);
  const account = await getAccount(session, { signal });
  await using lock = await acquireLock(storage, location, { signal, clock });
  const entry = await readEntry(storage, location, signal);
  const current = record.read(entry);
  const next = await newKey(description);
  if (next === current.key)
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      `the account has the key ${next} already: create a new key in the device, and name it in account_key`,
    );
  const key = await openKey(next, options);
  if (current.next !== undefined || current.account !== session.account)
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      'another process has changed the account: try again',
    );
  const [version = ''] = await lock.write([put(location, { ...current, next }, entry.version)]);
  await changeKey(session, key, { signal });
  await lock.write([
    put(location, { ...current, key: next, next: undefined }, version),
    event('account_key_changed', description, session.account ?? '', options),
  ]);
  return account;
}

/** Returns what is stored of a new key. */
async function newKey({ keyReference }: AccountDescription): Promise<string> {
  return keyReference ?? (await generateAccountKey()).pem;
}

/**
 * Deactivates the account for good (RFC 8555 §7.3.6) and removes its key. Its certificates stay
 * valid and are not renewed.
 * @throws ManagerError `ERR_MANAGER_ISSUER` where there is no account
 */
export async function deactivateAccount(
  description: AccountDescription,
  options: AccountOptions,
): Promise<Account> {
  const account = await deactivateAccountAtCa(await existingSession(description, options), {
    signal: options.signal,
  });
  const { storage } = options;
  const key = keyOf(description);
  await untilWritten(async () => {
    const entry = await storage.get(key);
    // Another process may have registered a new account since.
    const isSame = entry !== undefined && record.read(entry).account === account.url;
    await storage.write([
      ...(isSame ? [{ remove: key, ifVersion: entry.version }] : []),
      event('account_updated', description, `${account.url} is deactivated`, options),
    ]);
  });
  return account;
}

/**
 * Opens a session with the stored account, and creates none.
 * @throws ManagerError `ERR_MANAGER_ISSUER`
 */
async function existingSession(
  description: AccountDescription,
  options: AccountOptions,
): Promise<AcmeSession> {
  const entry = await options.storage.get(keyOf(description), { signal: options.signal });
  if (!entry || record.read(entry).account === undefined)
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      `this storage has no account at ${description.title}: register one first`,
    );
  return await accountSession(description, options);
}

async function readEntry(
  storage: Storage,
  location: string,
  signal: AbortSignal | undefined,
): Promise<Entry> {
  const entry = await storage.get(location, { signal });
  if (!entry)
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      `another process has removed the account ${location}: register it again`,
    );
  return entry;
}

function event(
  type:
    | 'account_updated'
    | 'account_key_changed'
    | 'account_registered'
    | 'private_key_read'
    | 'terms_accepted',
  { title: issuer }: AccountDescription,
  message: string,
  { clock = systemClock }: Pick<AccountOptions, 'clock'>,
): Change {
  return eventChange({ type, issuer, message }, clock);
}

/** An account's key, with its URL once the CA has answered. */
interface StoredAccount {
  /** PKCS#8 PEM, or the reference of a key in a device. */
  readonly key: string;
  readonly account?: string | undefined;
  /** Stores the account's URL, with an event if something has changed. */
  save(account: string, state: 'found' | 'created-again'): Promise<void>;
}

interface AccountRecord {
  readonly directory: string;
  readonly key: string;
  readonly account?: string | undefined;
  /**
   * The key that a rotation sends to the CA. After an interruption the CA knows which of the two is
   * valid.
   */
  readonly next?: string | undefined;
}
const record = jsonRecord<AccountRecord>({
  kind: 'saved account',
  version: 1,
  check(read) {
    const { directory, key, account, next } = read as Readonly<
      Record<keyof AccountRecord, unknown>
    >;
    if (typeof directory !== 'string' || typeof key !== 'string')
      throw new TypeError(
        'its CA or its key is missing: restore it from a backup, or remove it to register again',
      );
    return {
      directory,
      key,
      account: typeof account === 'string' ? account : undefined,
      next: typeof next === 'string' ? next : undefined,
    };
  },
});

/**
 * Reads the account, and first creates and stores its key where there is none. Two programs that
 * start together get the same key.
 */
async function storedAccount(
  description: AccountDescription,
  options: AccountOptions,
): Promise<StoredAccount> {
  const { storage, signal } = options;
  const { directory } = description;
  const location = keyOf(description);
  const entry = await storage.get(location, { signal });
  if (!entry) {
    const key = await newKey(description);
    // Another process that is faster has stored a key too, which is used then.
    await writeIfUnchanged(storage, [put(location, { directory, key }, null)]);
    return await storedAccount(description, options);
  }
  const { key, account, next } = record.read(entry);
  if (next !== undefined) {
    await settleKey(description, options, { isLost: false });
    return await storedAccount(description, options);
  }
  assertSameKey(key, description);
  return {
    key,
    account,
    save: async (url, state) => {
      if (url === account && state === 'found') return;
      const reason = state === 'found' ? '' : ': the CA had lost the account';
      await writeIfUnchanged(storage, [
        put(location, { directory, key, account: url }, entry.version),
        event('account_registered', description, `${url}${reason}`, options),
      ]);
    },
  };
}

/** @throws ManagerError `ERR_MANAGER_ISSUER` for an account that has another key than described */
function assertSameKey(key: string, { keyReference, title }: AccountDescription): void {
  if (keyReference === undefined || keyReference === key) return;
  const existing = isKeyReference(key) ? key : 'a key in the storage';
  throw new ManagerError(
    'ERR_MANAGER_ISSUER',
    `the account at ${title} has ${existing}, and account_key is ${keyReference}: give the account that key with acmex account rotate-key`,
  );
}

/**
 * Ends a rotation that was interrupted: asks the CA which of the two keys the account has. Waits
 * for a rotation in progress. Does nothing where there is none.
 * @param isLost whether the account is taken for lost if the CA knows neither key: the former key
 * stays then
 * @throws ManagerError `ERR_MANAGER_ISSUER` if the CA knows neither key, and both stay
 */
async function settleKey(
  description: AccountDescription,
  options: AccountOptions,
  { isLost }: { readonly isLost: boolean },
): Promise<void> {
  const { storage, signal, clock = systemClock } = options;
  const location = keyOf(description);
  await using lock = await acquireLock(storage, location, { signal, clock });
  const entry = await readEntry(storage, location, signal);
  const { next, ...current } = record.read(entry);
  if (next === undefined) return;
  const hasChanged = await hasAccount(current.directory, next, options);
  // Some CAs know a new key only seconds later.
  if (!hasChanged && !isLost && !(await hasAccount(current.directory, current.key, options)))
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      `a change of the key of the account at ${description.title} was interrupted, and the CA knows neither the former key nor the new one: try again in a few minutes, or register again with acmex account register if the CA has lost the account`,
    );
  await lock.write([
    put(location, { ...current, key: hasChanged ? next : current.key }, entry.version),
    ...(hasChanged
      ? [event('account_key_changed', description, current.account ?? '', options)]
      : []),
  ]);
}

async function hasAccount(
  directory: string,
  stored: string,
  options: AccountOptions,
): Promise<boolean> {
  const { fetch, userAgent, signal, clock } = options;
  const session = acmeSession({
    directory,
    key: await openKey(stored, options),
    fetch,
    userAgent,
    ...(clock ? { clock } : {}),
  });
  return (await findAccount(session, signal)) !== undefined;
}

function put(set: string, account: AccountRecord, ifVersion: string | null): Change {
  return { set, value: record.bytes(account), ifVersion, secret: true };
}

/** Returns the id of a CA's account in APIs: the same in every process. */
export function accountId({
  directory,
  accountName,
}: Pick<AccountDescription, 'directory' | 'accountName'>): string {
  return `acc_${directoryDigest(directory, accountName)}`;
}

/** Returns the storage key: `account/acme.example.com-` and a digest. */
function keyOf({
  directory,
  accountName,
}: Pick<AccountDescription, 'directory' | 'accountName'>): string {
  return `account/${directoryName(directory, accountName)}`;
}
