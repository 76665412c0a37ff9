import { createHash } from 'node:crypto';
import { type Clock, systemClock } from '@acmex/clock';
import { eventChange } from '@acmex/orchestrator';
import {
  type AcmeSession,
  type Account,
  acmeSession,
  changeKey,
  deactivateAccount as deactivateAcmeAccount,
  type ExternalAccount,
  type Fetch,
  generateAccountKey,
  getAccount,
  importAccountKey,
  newAccount,
  updateAccount,
} from '@acmex/protocol';
import { acquireLock, type Change, type Entry, jsonRecord, type Storage } from '@acmex/storage';
import { ManagerError } from './errors.ts';
import { errorCode, printable } from '@acmex/errors';

/** An account at a CA, as far as is known before it is there. */
export interface AccountDescription {
  readonly directory: string;
  /** What people call the CA. */
  readonly title: string;
  /** Of one beside the account that is kept for the directory. */
  readonly own?: string | undefined;
  /** URLs: `mailto:you@example.com`. */
  readonly contact?: readonly string[] | undefined;
  /** Whether somebody has read the terms of service, and agrees. */
  readonly agreed?: boolean | undefined;
  readonly externalAccount?: (() => Promise<ExternalAccount>) | undefined;
}

export interface AccountOptions {
  readonly storage: Storage;
  readonly fetch: Fetch;
  readonly userAgent?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
  /** PKCS#8 PEM of a key that is not kept here, in place of the one that is. */
  readonly key?: string | undefined;
  /** Is told the URL of an account that was made, or found at the CA. */
  readonly onRegistered?: ((account: string) => void) | undefined;
}

/**
 * A session with the account that is kept; where there is none yet, it is made at the CA.
 * @throws ManagerError `ERR_MANAGER_TERMS`, `ERR_MANAGER_EXTERNAL_ACCOUNT`; and what the CA answers
 */
export async function accountSession(
  description: AccountDescription,
  options: AccountOptions,
): Promise<AcmeSession> {
  const { fetch, userAgent, signal, clock = systemClock, key: given, onRegistered } = options;
  const { directory, title, contact = [], agreed = false } = description;
  const kept = given === undefined ? await savedAccount(description, options) : undefined;
  const key = await importAccountKey(kept?.key ?? given ?? '');
  const session = acmeSession({ directory, key, account: kept?.account, fetch, userAgent, clock });
  if (session.account !== undefined) return session;
  const { meta } = await session.directory({ signal });
  const externalAccount = await description.externalAccount?.();
  if (meta.externalAccountRequired && !externalAccount)
    throw new ManagerError(
      'ERR_MANAGER_EXTERNAL_ACCOUNT',
      `${title} asks for an external account: give --eab-kid and --eab-hmac-key, or external_account_binding in acmex.toml, as it handed them out`,
    );
  const may = agreed || meta.termsOfService === undefined;
  const account = await newAccount(
    session,
    may ? { contact, termsOfServiceAgreed: agreed, externalAccount } : { onlyReturnExisting: true },
    { signal },
  ).catch((error: unknown) => {
    if (may || errorCode(error) !== 'ERR_ACME_ACCOUNT_DOES_NOT_EXIST') throw error;
    throw new ManagerError(
      'ERR_MANAGER_TERMS',
      `${title} asks that its terms of service are agreed to: read ${printable(meta.termsOfService ?? '', 300)}, then give --accept-tos, or tos_agreed = true in acmex.toml`,
    );
  });
  await kept?.save(account.url);
  onRegistered?.(account.url);
  return session;
}

/** An account that is kept. */
export interface KeptAccount {
  /** As `accountId` has it. */
  readonly id: string;
  readonly directory: string;
  /** Its URL; absent where its key was made and the CA has not answered yet. */
  readonly account?: string | undefined;
}

/** All accounts that are kept in a storage. */
export async function* keptAccounts(storage: Storage): AsyncGenerator<KeptAccount> {
  for await (const entry of storage.list('account')) {
    const { directory, account } = record.read(entry);
    yield { id: `acc_${entry.key.slice(-12)}`, directory, account };
  }
}

/** The account as the CA has it. */
export async function accountOf(
  description: AccountDescription,
  options: AccountOptions,
): Promise<Account> {
  return await getAccount(await existing(description, options), { signal: options.signal });
}

/** Replaces the contacts: URLs. */
export async function updateContact(
  description: AccountDescription,
  contact: readonly string[],
  options: AccountOptions,
): Promise<Account> {
  const account = await updateAccount(
    await existing(description, options),
    { contact },
    { signal: options.signal },
  );
  await options.storage.write([told('account_updated', description, account.url, options)]);
  return account;
}

/** Gives the account another key. It is kept before the CA hears of it, so that an interruption at any point loses neither. */
export async function rotateAccountKey(
  description: AccountDescription,
  options: AccountOptions,
): Promise<void> {
  const { storage, signal, clock = systemClock } = options;
  const place = placeOf(description);
  const session = await existing(description, options);
  await using lock = await acquireLock(storage, place, { signal, clock });
  const { key, pem } = await generateAccountKey();
  const entry = await entryAt(storage, place, signal);
  const now = record.read(entry);
  if (now.next !== undefined || now.account !== session.account)
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      'another process has changed the account meanwhile: try again',
    );
  const [version = ''] = await lock.write([entryOf(place, { ...now, next: pem }, entry.version)]);
  await changeKey(session, key, { signal });
  await lock.write([
    entryOf(place, { ...now, key: pem, next: undefined }, version),
    told('account_key_changed', description, session.account ?? '', options),
  ]);
}

/** Gives the account up, for good; its key is kept no longer. Its certificates stay as they are, and are not renewed. */
export async function deactivateAccount(
  description: AccountDescription,
  options: AccountOptions,
): Promise<Account> {
  const account = await deactivateAcmeAccount(await existing(description, options), {
    signal: options.signal,
  });
  await options.storage.write([
    { remove: placeOf(description) },
    told('account_updated', description, `${account.url} is given up`, options),
  ]);
  return account;
}

/** A session with the account that is kept, and no new one. @throws ManagerError `ERR_MANAGER_ISSUER` */
async function existing(
  description: AccountDescription,
  options: AccountOptions,
): Promise<AcmeSession> {
  const kept = await options.storage.get(placeOf(description), { signal: options.signal });
  if (!kept || record.read(kept).account === undefined)
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      `no account at ${description.title} is kept in this storage: register one first`,
    );
  return await accountSession(description, options);
}

async function entryAt(
  storage: Storage,
  place: string,
  signal: AbortSignal | undefined,
): Promise<Entry> {
  const entry = await storage.get(place, { signal });
  if (!entry)
    throw new ManagerError('ERR_MANAGER_ISSUER', `the account ${place} was removed meanwhile`);
  return entry;
}

function told(
  type: 'account_updated' | 'account_key_changed' | 'account_registered',
  { title: issuer }: AccountDescription,
  message: string,
  { clock = systemClock }: Pick<AccountOptions, 'clock'>,
): Change {
  return eventChange({ type, issuer, message }, clock);
}

/** One account at one CA, as it lies in the storage. */
interface SavedAccount {
  /** PKCS#8 PEM */
  readonly key: string;
  /** The account's URL, once the CA has given it. */
  readonly account?: string | undefined;
  /** Keeps the URL. */
  save(account: string): Promise<void>;
}

interface AccountRecord {
  readonly directory: string;
  readonly key: string;
  readonly account?: string | undefined;
  /** The key that the account is about to have, or has: the CA knows. */
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
        'it lacks its CA or its key: restore it from a backup, or remove it to register anew',
      );
    return {
      directory,
      key,
      account: typeof account === 'string' ? account : undefined,
      next: typeof next === 'string' ? next : undefined,
    };
  },
});

/** The key is made and stored before anyone else sees it. When two programs begin at once, both end up with the same key. */
async function savedAccount(
  description: AccountDescription,
  options: AccountOptions,
): Promise<SavedAccount> {
  const { storage, signal } = options;
  const { directory } = description;
  const place = placeOf(description);
  const entry = await storage.get(place, { signal });
  if (!entry) {
    const { pem } = await generateAccountKey();
    await write(storage, [entryOf(place, { directory, key: pem }, null)]);
    return await savedAccount(description, options);
  }
  const read = record.read(entry);
  if (read.next !== undefined) {
    await settleKey(place, description, options);
    return await savedAccount(description, options);
  }
  const { key, account } = read;
  return {
    key,
    account,
    save: async (url) => {
      if (url !== account)
        await write(storage, [
          entryOf(place, { directory, key, account: url }, entry.version),
          told('account_registered', description, url, options),
        ]);
    },
  };
}

/** A change of the key was interrupted, or is under way: the account has the one or the other, and whoever holds the lock finds out. */
async function settleKey(
  place: string,
  description: AccountDescription,
  options: AccountOptions,
): Promise<void> {
  const { storage, signal, clock = systemClock } = options;
  await using lock = await acquireLock(storage, place, { signal, clock });
  const entry = await entryAt(storage, place, signal);
  const { next, ...read } = record.read(entry);
  if (next === undefined) return;
  const changed = await hasAccount(read.directory, next, options);
  await lock.write([
    entryOf(place, { ...read, key: changed ? next : read.key }, entry.version),
    ...(changed ? [told('account_key_changed', description, read.account ?? '', options)] : []),
  ]);
}

async function hasAccount(
  directory: string,
  pem: string,
  { fetch, userAgent, signal, clock }: AccountOptions,
): Promise<boolean> {
  const session = acmeSession({
    directory,
    key: await importAccountKey(pem),
    fetch,
    userAgent,
    ...(clock ? { clock } : {}),
  });
  return await newAccount(session, { onlyReturnExisting: true }, { signal }).then(
    () => true,
    (error: unknown) => {
      if (errorCode(error) === 'ERR_ACME_ACCOUNT_DOES_NOT_EXIST') return false;
      throw error;
    },
  );
}

function entryOf(set: string, account: AccountRecord, ifVersion: string | null): Change {
  return { set, value: record.bytes(account), ifVersion, secret: true };
}

/** Writes it unless someone else was faster, who has the same to say. */
async function write(storage: Storage, changes: readonly Change[]): Promise<void> {
  await storage.write(changes).catch((error: unknown) => {
    if (errorCode(error) !== 'ERR_STORAGE_CONFLICT') throw error;
  });
}

/** How an API names the account that is kept for a CA: the same for every process. */
export function accountId({ directory, own }: AccountDescription): string {
  return `acc_${digestOf(directory, own)}`;
}

function digestOf(directory: string, own: string | undefined): string {
  return createHash('sha256')
    .update(own === undefined ? directory : `${directory} ${own}`)
    .digest('hex')
    .slice(0, 12);
}

/** `account/acme.example.com-` and a digest of the whole URL, with the account's own name where it has one. */
function placeOf({ directory, own }: AccountDescription): string {
  const host = new URL(directory).hostname.replaceAll(/[^a-z0-9.-]|^\.+/g, '').slice(0, 80);
  return `account/${host}-${digestOf(directory, own)}`;
}
