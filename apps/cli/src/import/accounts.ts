import { createHash } from 'node:crypto';
import type { ClientAccount, ClientDirectory } from '@acmex/import';
import { compareAccount, type DeclaredIssuer, keepAccount, keepIssuer } from '@acmex/manager';
import type { Storage } from '@acmex/storage';
import type { ImportAuthority } from './authorities.ts';

/** An account, and the issuer under which certificates name it. */
export interface PlacedAccount {
  readonly account: ClientAccount;
  readonly issuer: DeclaredIssuer;
  readonly result: 'added' | 'unchanged';
}

/** Where accounts go. */
export interface Places {
  readonly storage: Storage;
  readonly dryRun: boolean;
  /** The directories whose default account is taken in this run. */
  readonly taken: Set<string>;
}

/**
 * Stores an account of a client. It is the default account of its CA if the storage has none, or
 * this one; else an account with a name beside it.
 */
export async function placeAccount(
  account: ClientAccount,
  authority: ImportAuthority,
  { client, ...places }: Places & Pick<ClientDirectory, 'client'>,
): Promise<PlacedAccount> {
  const { storage, dryRun, taken } = places;
  const { hasDeviceKey, ...issuer } = authority;
  const { directory } = authority;
  const state = await compareAccount({ directory }, account, { storage });
  const isDefault =
    !hasDeviceKey && !taken.has(directory) && (state === 'same' || state === 'absent');
  const accountName = isDefault ? undefined : nameOf(account, { client, directory });
  if (isDefault) taken.add(directory);
  const placed = isDefault ? issuer : { ...issuer, name: accountName, accountName };
  const description = { directory, title: issuer.title, accountName };
  const before = await compareAccount(description, account, { storage });
  if (!dryRun) {
    await keepAccount(description, { key: account.key, account: account.url }, { storage });
    await keepIssuer(storage, placed);
  }
  return { account, issuer: placed, result: before === 'same' ? 'unchanged' : 'added' };
}

/** Returns a name that is the same each time: `certbot-1a2b3c4d5e6f`. */
function nameOf(
  { id }: ClientAccount,
  { client, directory }: { readonly client: string; readonly directory: string },
): string {
  const digest = createHash('sha256').update(`${directory} ${id}`).digest('hex').slice(0, 12);
  return `${client.replaceAll('.', '-')}-${digest}`;
}
