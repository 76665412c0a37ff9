import { createHash } from 'node:crypto';
import {
  compareAccount,
  type DeclaredIssuer,
  findIssuer,
  issuerName,
  keepAccount,
  keepIssuer,
} from '@acmex/manager';
import type { Storage } from '@acmex/storage';
import type { ImportAuthority } from './authorities.ts';
import type { ImportAccount, ImportContents } from './contents.ts';

/** An account, and the issuer under which certificates name it. */
export interface PlacedAccount {
  readonly account: ImportAccount;
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
  account: ImportAccount,
  authority: ImportAuthority,
  { client, ...places }: Places & Pick<ImportContents, 'client'>,
): Promise<PlacedAccount> {
  const { storage, taken } = places;
  const { hasDeviceKey, ...issuer } = authority;
  const former = account.issuer && (await formerPlace(account, authority, storage));
  if (former) return await place(account, former, places);
  const { directory } = authority;
  const state = await compareAccount({ directory }, account, { storage });
  const isDefault =
    !hasDeviceKey && !taken.has(directory) && (state === 'same' || state === 'absent');
  const accountName = isDefault ? undefined : nameOf(account, { client, directory });
  if (isDefault) taken.add(directory);
  const placed = isDefault ? issuer : { ...issuer, name: accountName, accountName };
  return await place(account, placed, places);
}

async function place(
  account: ImportAccount,
  placed: DeclaredIssuer,
  { storage, dryRun }: Pick<Places, 'storage' | 'dryRun'>,
): Promise<PlacedAccount> {
  const { directory, title, accountName } = placed;
  const description = { directory, title, accountName };
  const before = await compareAccount(description, account, { storage });
  if (!dryRun) {
    await keepAccount(description, { key: account.key, account: account.url }, { storage });
    await keepIssuer(storage, placed);
  }
  return { account, issuer: placed, result: before === 'same' ? 'unchanged' : 'added' };
}

/**
 * Returns the issuer under which a storage of AcmeX has an account, if its place is free here or has
 * the same account.
 */
async function formerPlace(
  { issuer, ...account }: ImportAccount,
  { hasDeviceKey, ...authority }: ImportAuthority,
  storage: Storage,
): Promise<DeclaredIssuer | undefined> {
  if (!issuer || hasDeviceKey) return undefined;
  const { directory, accountName } = issuer;
  if ((await compareAccount(issuer, account, { storage })) === 'different') return undefined;
  const name = issuerName(issuer);
  const stored = name === authority.name ? undefined : await findIssuer(storage, name);
  const isFree = !stored || (stored.directory === directory && stored.accountName === accountName);
  return isFree ? { ...issuer, ...authorityOf(authority), name } : undefined;
}

function authorityOf({ caCertificate, trustAnchors }: DeclaredIssuer): Partial<DeclaredIssuer> {
  return {
    ...(caCertificate === undefined ? {} : { caCertificate }),
    ...(trustAnchors === undefined ? {} : { trustAnchors }),
  };
}

/** Returns a name that is the same each time: `certbot-1a2b3c4d5e6f`. */
function nameOf(
  { id }: ImportAccount,
  { client, directory }: { readonly client: string; readonly directory: string },
): string {
  const digest = createHash('sha256').update(`${directory} ${id}`).digest('hex').slice(0, 12);
  return `${client.replaceAll('.', '-')}-${digest}`;
}
