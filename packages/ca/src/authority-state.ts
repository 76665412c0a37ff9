import type { Storage } from '@acmex/storage';
import { storedRootCrl } from './authority/root-crl.ts';
import { storedAuthority, type StoredAuthority } from './authority/stored-authority.ts';
import { type CrlState, storedCrlState } from './crl.ts';
import { storedResponderEnd } from './ocsp-responder.ts';

/** An issuing certificate with what it has signed for those who check revocation. */
export interface IssuerState {
  /** Counts from 1. */
  readonly generation: number;
  /** PEM */
  readonly certificate: string;
  /** Undefined until the first list is made. */
  readonly crl: CrlState | undefined;
  /** When the certificate of its OCSP responder ends, RFC 3339; undefined where there is none. */
  readonly responderNotAfter: string | undefined;
}

/** A CA and how its revocation lists are. */
export interface AuthorityState extends Pick<StoredAuthority, 'kind' | 'root'> {
  /** The present issuer, then those before it. */
  readonly issuers: readonly IssuerState[];
  /** When the list of the root ends, RFC 3339; undefined where there is none. */
  readonly rootCrlNextUpdate: string | undefined;
}

/** Returns the state of the CA that a storage holds; undefined if there is none. Opens no key. */
export async function authorityState(storage: Storage): Promise<AuthorityState | undefined> {
  const authority = await storedAuthority(storage);
  if (!authority) return undefined;
  const { kind, root, issuing } = authority;
  return {
    kind,
    root,
    issuers: await Promise.all(
      issuing.map(async (issuer) => ({
        ...issuer,
        crl: await storedCrlState(storage, issuer),
        responderNotAfter: await storedResponderEnd(storage, issuer),
      })),
    ),
    rootCrlNextUpdate: (await storedRootCrl(storage))?.nextUpdate.toString(),
  };
}
