import { type CryptoBackend, webcrypto } from '@acmex/certificate';
import { type Clock, systemClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import type { Storage } from '@acmex/storage';
import { CaError } from '../errors.ts';
import { recordsOf } from '../stored.ts';
import { isDevelopment, type NewAuthority } from './authority.ts';
import { type Issuer, issuerOf } from './issuer.ts';

interface AuthorityRecord {
  readonly kind: NewAuthority['kind'];
  readonly root: string;
  readonly issuing: string;
}

const authorities = recordsOf<AuthorityRecord>('authority');
const keys = recordsOf<{ readonly pem: string }>('authority-key', { secret: true });
const id = 'issuing';

/**
 * Keeps a new CA in a storage: its certificates and the issuing key, which is marked as secret.
 * Never the root's key.
 * @throws CaError `ERR_CA_EXISTS` where there is one already
 */
export async function saveAuthority(
  storage: Storage,
  { kind, root, issuing, issuingKey }: NewAuthority,
): Promise<void> {
  try {
    await storage.write([
      authorities.added(id, { kind, root, issuing }),
      keys.added(id, { pem: Buffer.from(issuingKey).toString('latin1') }),
    ]);
  } catch (cause) {
    if (errorCode(cause) === 'ERR_STORAGE_CONFLICT')
      throw new CaError(
        'ERR_CA_EXISTS',
        'the storage holds a CA already, and a second would take its place: use another storage',
        { cause },
      );
    throw cause;
  }
}

export interface LoadOptions {
  /** What the caller means to run: a CA of the other kind is refused. */
  readonly kind: NewAuthority['kind'];
  readonly backend?: CryptoBackend;
  readonly clock?: Clock;
}

/** A CA that is ready to issue. */
export interface LoadedAuthority {
  readonly issuer: Issuer;
  /** PEM; what clients trust. */
  readonly root: string;
}

/**
 * The CA that a storage holds.
 * @throws CaError `ERR_CA_MISSING`; `ERR_CA_DEVELOPMENT` for one of the other kind;
 * `ERR_CA_CERTIFICATE` when it has expired
 */
export async function loadAuthority(
  storage: Storage,
  { kind, backend = webcrypto(), clock = systemClock }: LoadOptions,
): Promise<LoadedAuthority> {
  const [authority, key] = await Promise.all([
    authorities.read(storage, id),
    keys.read(storage, id),
  ]);
  if (!authority || !key)
    throw new CaError(
      'ERR_CA_MISSING',
      'the storage holds no CA: make one first, by acmex ca init or by saveAuthority',
    );
  const { root, issuing } = authority.record;
  const storedKind =
    isDevelopment(root) || isDevelopment(issuing) ? 'development' : authority.record.kind;
  if (storedKind !== kind)
    throw new CaError(
      'ERR_CA_DEVELOPMENT',
      `the storage holds a ${storedKind} CA, and a ${kind} one is asked for: neither becomes the other, use another storage`,
    );
  const pem = Buffer.from(key.record.pem, 'latin1');
  try {
    return { root, issuer: issuerOf({ chain: issuing, key: await backend.import(pem), clock }) };
  } finally {
    pem.fill(0);
  }
}
