import { base64url } from 'jose';
import type { DnsPersistDraft } from './dns-persist.ts';

/** What an account is named by in a record of dns-persist-01. */
export interface AccountUriParts {
  /** The account's URL. RFC 8555 §7.3 */
  readonly url: string;
  /** Of the account's keys, the current one first, as base64url. RFC 7638 */
  readonly thumbprints: readonly string[];
  /** The name of the record, without `_validation-persist.` */
  readonly domain: string;
  /** From the directory's `meta`; needed from draft 02 on. */
  readonly accountHashPrefix?: string | undefined;
}

/**
 * Returns all URIs that name the account: write the first. For draft 02 they include those of
 * earlier keys, and those that are the same for every domain.
 */
export async function accountUris(
  draft: DnsPersistDraft,
  { url, thumbprints, domain, accountHashPrefix: prefix }: AccountUriParts,
): Promise<readonly string[]> {
  if (draft !== 'draft-ietf-acme-dns-persist-02') return [url];
  if (prefix === undefined) return [];
  return await Promise.all(
    thumbprints.flatMap((thumbprint) =>
      [domain, '*'].map(
        async (name) => `${prefix}sha-256/${await digestOf(name, thumbprint, url)}`,
      ),
    ),
  );
}

/** Whether it could name an account of this CA by a key that is not known here. */
export function isHashedUri(uri: string, accountHashPrefix: string | undefined): boolean {
  return (
    accountHashPrefix !== undefined &&
    uri.startsWith(`${accountHashPrefix}sha-256/`) &&
    /^[\w-]{43}$/.test(uri.slice(`${accountHashPrefix}sha-256/`.length))
  );
}

/** The length before the name keeps it apart from what follows. */
async function digestOf(domain: string, thumbprint: string, url: string): Promise<string> {
  const bytes = new TextEncoder().encode(`${domain}${thumbprint}${url}`);
  return base64url.encode(
    new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.of(domain.length, ...bytes))),
  );
}
