import { createHash } from 'node:crypto';
import { type Clock, systemClock } from '@acmex/clock';
import { eventChange } from '@acmex/orchestrator';
import { type AcmeSession, acmeSession, errorCode, type ExternalAccount, type Fetch, generateAccountKey, importAccountKey, newAccount, printable } from '@acmex/protocol';
import { type Change, jsonRecord, type Storage } from '@acmex/storage';
import { ConfigError } from '../errors.ts';

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
 * @throws ConfigError `ERR_CONFIG_TERMS`, `ERR_CONFIG_EXTERNAL_ACCOUNT`; and what the CA answers
 */
export async function accountSession(description: AccountDescription, { storage, fetch, userAgent, signal, clock = systemClock, key: given, onRegistered }: AccountOptions): Promise<AcmeSession> {
  const { directory, title, contact = [], agreed = false } = description;
  const kept = given === undefined ? await savedAccount(storage, description, { signal, clock }) : undefined;
  const key = await importAccountKey(kept?.key ?? given ?? '');
  const session = acmeSession({ directory, key, account: kept?.account, fetch, userAgent, clock });
  if (session.account !== undefined) return session;
  const { meta } = await session.directory({ signal });
  const externalAccount = await description.externalAccount?.();
  if (meta.externalAccountRequired && !externalAccount) throw new ConfigError('ERR_CONFIG_EXTERNAL_ACCOUNT', `${title} asks for an external account: give --eab-kid and --eab-hmac-key, or external_account_binding in acmex.toml, as it handed them out`);
  const may = agreed || meta.termsOfService === undefined;
  const account = await newAccount(session, may ? { contact, termsOfServiceAgreed: agreed, externalAccount } : { onlyReturnExisting: true }, { signal }).catch((error: unknown) => {
    if (may || errorCode(error) !== 'ERR_ACME_ACCOUNT_DOES_NOT_EXIST') throw error;
    throw new ConfigError('ERR_CONFIG_TERMS', `${title} asks that its terms of service are agreed to: read ${printable(meta.termsOfService ?? '', 300)}, then give --accept-tos, or tos_agreed = true in acmex.toml`);
  });
  await kept?.save(account.url);
  onRegistered?.(account.url);
  return session;
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
}
const record = jsonRecord<AccountRecord>({
  kind: 'saved account', version: 1,
  check(read) {
    const { directory, key, account } = read as Readonly<Record<keyof AccountRecord, unknown>>;
    if (typeof directory !== 'string' || typeof key !== 'string') throw new TypeError('it lacks its CA or its key: restore it from a backup, or remove it to register anew');
    return { directory, key, account: typeof account === 'string' ? account : undefined };
  },
});

/** The key is made and stored before anyone else sees it. When two programs begin at once, both end up with the same key. */
async function savedAccount(storage: Storage, description: AccountDescription, options: { readonly signal: AbortSignal | undefined; readonly clock: Clock }): Promise<SavedAccount> {
  const { directory, title } = description;
  const place = placeOf(description);
  const entry = await storage.get(place, { signal: options.signal });
  if (entry) {
    const { key, account } = record.read(entry);
    const told = (url: string) => eventChange({ type: 'account_registered', issuer: title, message: url }, options.clock);
    return { key, account, save: async (url) => { if (url !== account) await write(storage, [entryOf(place, { directory, key, account: url }, entry.version), told(url)]); } };
  }
  const { pem } = await generateAccountKey();
  await write(storage, [entryOf(place, { directory, key: pem }, null)]);
  return await savedAccount(storage, description, options);
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

/** `account/acme.example.com-` and a digest of the whole URL, with the account's own name where it has one. */
function placeOf({ directory, own }: AccountDescription): string {
  const host = new URL(directory).hostname.replaceAll(/[^a-z0-9.-]|^\.+/g, '').slice(0, 80);
  return `account/${host}-${createHash('sha256').update(own === undefined ? directory : `${directory} ${own}`).digest('hex').slice(0, 12)}`;
}
