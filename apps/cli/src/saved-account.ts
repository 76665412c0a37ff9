import { createHash } from 'node:crypto';
import { errorCode, generateAccountKey } from '@acmex/protocol';
import { jsonRecord, type Storage } from '@acmex/storage';

/** One account at one CA, as it lies in the storage. */
export interface SavedAccount {
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

/**
 * The account kept for a CA's directory; its key is made and stored before anyone else sees it.
 * When two programs begin at once, both end up with the same key.
 */
export async function savedAccount(storage: Storage, directory: string, signal: AbortSignal): Promise<SavedAccount> {
  const place = placeOf(directory);
  const entry = await storage.get(place, { signal });
  if (entry) {
    const { key, account } = record.read(entry);
    return { key, account, save: async (url) => { if (url !== account) await write(storage, place, { directory, key, account: url }, entry.version); } };
  }
  const { pem } = await generateAccountKey();
  await write(storage, place, { directory, key: pem }, null);
  return await savedAccount(storage, directory, signal);
}

/** Writes it unless someone else was faster, who has the same to say. */
async function write(storage: Storage, place: string, account: AccountRecord, ifVersion: string | null): Promise<void> {
  await storage.write([{ set: place, value: record.bytes(account), ifVersion, secret: true }]).catch((error: unknown) => {
    if (errorCode(error) !== 'ERR_STORAGE_CONFLICT') throw error;
  });
}

/** `account/acme.example.com-` and a digest of the whole URL. */
function placeOf(directory: string): string {
  const host = new URL(directory).hostname.replaceAll(/[^a-z0-9.-]|^\.+/g, '').slice(0, 80);
  return `account/${host}-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}`;
}
