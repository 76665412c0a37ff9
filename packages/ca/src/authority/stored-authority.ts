import { type CryptoBackend, parseCertificate, webcrypto } from '@acmex/certificate';
import { type Clock, systemClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { type Storage, untilWritten } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { CaError } from '../errors.ts';
import { certificate, ordinal, privateKey, recordsOf } from '../stored.ts';
import { isDevelopment, type NewAuthority } from './authority.ts';
import { type Issuer, issuerOf, type Issuers } from './issuer.ts';
import { z } from 'zod';

interface AuthorityRecord {
  readonly kind: NewAuthority['kind'];
  readonly root: string;
  readonly issuing: string;
  /** Of the issuer; absent for the first. */
  readonly generation?: number | undefined;
}

const authorities = recordsOf<AuthorityRecord>(
  'authority',
  z.looseObject({
    kind: z.enum(['private', 'development']),
    root: certificate,
    issuing: certificate,
    generation: ordinal.optional(),
  }),
);
/** PKCS#8 PEM, or the reference of a key that cannot leave its device. */
const keys = recordsOf<{ readonly pem: string }>(
  'authority-key',
  z.looseObject({ pem: privateKey }),
  {
    secret: true,
  },
);
/** The CA that issues. Those before it are `issuing-<generation>`. */
const id = 'issuing';
const previousId = (generation: number) => `issuing-${generation}`;

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

/**
 * Replaces the issuing certificate of a CA. The storage still has the earlier one with its key, to
 * sign its CRL until it expires: what it issued stays verifiable, and renewals are issued by the
 * new one. Servers that follow the CA use the new one at once: see `followAuthority`.
 * @throws CaError `ERR_CA_MISSING`; `ERR_CA_DEVELOPMENT` for a development CA
 */
export async function replaceIssuing(
  storage: Storage,
  { root, issuing, issuingKey }: Omit<NewAuthority, 'kind'>,
): Promise<void> {
  await untilWritten(async () => {
    const { authority, key } = await stored(storage);
    const { kind, generation = 1 } = authority.record;
    if (kind !== 'private' || isDevelopment(issuing))
      throw new CaError(
        'ERR_CA_DEVELOPMENT',
        'a development CA lives for a week and cannot get another issuing certificate: make a new one',
      );
    await storage.write([
      authorities.added(previousId(generation), authority.record),
      keys.added(previousId(generation), key.record),
      authorities.changed(authority, { kind, root, issuing, generation: generation + 1 }),
      keys.changed(key, { pem: Buffer.from(issuingKey).toString('latin1') }),
    ]);
  });
}

/**
 * Returns the certificates of the CA that a storage holds, PEM.
 * @throws CaError `ERR_CA_MISSING`
 */
export async function storedCertificates(
  storage: Storage,
): Promise<{ readonly root: string; readonly issuing: string }> {
  const { root, issuing } = (await stored(storage)).authority.record;
  return { root, issuing };
}

/**
 * Returns the issuing certificates that a CA has had, PEM: the present one, then those before it.
 * @throws CaError `ERR_CA_MISSING`
 */
export async function issuingCertificates(storage: Storage): Promise<readonly string[]> {
  const { issuing, generation = 1 } = (await stored(storage)).authority.record;
  const certificates = [issuing];
  for (let earlier = generation - 1; earlier > 0; earlier--) {
    const previous = await authorities.read(storage, previousId(earlier));
    if (previous) certificates.push(previous.record.issuing);
  }
  return certificates;
}

/** Reads the certificates and the key that belong together, also while they are replaced. */
async function stored(storage: Storage) {
  let authority = await authorities.read(storage, id);
  let key = await keys.read(storage, id);
  for (let again = await authorities.read(storage, id); again?.version !== authority?.version;) {
    authority = again;
    key = await keys.read(storage, id);
    again = await authorities.read(storage, id);
  }
  if (!authority || !key)
    throw new CaError(
      'ERR_CA_MISSING',
      'the storage holds no CA: make one first, by acmex ca init or by saveAuthority',
    );
  return { authority, key };
}

export interface LoadOptions {
  /** What the caller means to run: a CA of the other kind is refused. */
  readonly kind: NewAuthority['kind'];
  /** Opens the issuing keys; WebCrypto by default, which opens none of a device. */
  readonly backend?: CryptoBackend;
  readonly clock?: Clock;
}

/** A CA that is ready to issue. */
export interface LoadedAuthority extends Issuers {
  readonly previousIssuers: readonly Issuer[];
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
  return await loaded(storage, await stored(storage), { kind, backend, clock });
}

export interface FollowOptions extends LoadOptions {
  /**
   * Called once for each replacement of the issuing certificate that cannot be used here, for
   * example because its key is in a device that this process does not know. The earlier issuers
   * stay in use.
   */
  readonly onError: (error: unknown) => void;
}

/**
 * Loads the CA that a storage holds, and returns a function that returns the current CA: after
 * `replaceIssuing`, also by another process, it is loaded again. Each call reads one record.
 * @throws CaError as `loadAuthority`
 */
export async function followAuthority(
  storage: Storage,
  { kind, backend = webcrypto(), clock = systemClock, onError }: FollowOptions,
): Promise<() => Promise<LoadedAuthority>> {
  const options = { kind, backend, clock };
  const first = await stored(storage);
  let { version } = first.authority;
  let authority = Promise.resolve(await loaded(storage, first, options));
  const replaced = async (earlier: Promise<LoadedAuthority>, earlierVersion: string) => {
    try {
      return await loadAuthority(storage, options);
    } catch (error) {
      // The next call tries again.
      if (errorCode(error) === 'ERR_STORAGE_UNAVAILABLE') version = earlierVersion;
      else onError(error);
      return await earlier;
    }
  };
  return async () => {
    const present = await authorities.read(storage, id);
    if (present && present.version !== version) {
      authority = replaced(authority, version);
      version = present.version;
    }
    return await authority;
  };
}

async function loaded(
  storage: Storage,
  { authority, key }: Awaited<ReturnType<typeof stored>>,
  { kind, backend, clock }: Required<LoadOptions>,
): Promise<LoadedAuthority> {
  const { root, issuing, generation = 1 } = authority.record;
  const storedKind =
    isDevelopment(root) || isDevelopment(issuing) ? 'development' : authority.record.kind;
  if (storedKind !== kind)
    throw new CaError(
      'ERR_CA_DEVELOPMENT',
      `the storage holds a ${storedKind} CA, and a ${kind} one is asked for: neither becomes the other, use another storage`,
    );
  const issuerFrom = async (chain: string, pemText: string, issuerGeneration: number) => {
    const pem = Buffer.from(pemText, 'latin1');
    try {
      const signer = await backend.import(pem);
      return issuerOf({ chain, key: signer, generation: issuerGeneration, clock });
    } finally {
      pem.fill(0);
    }
  };
  return {
    root,
    issuer: await issuerFrom(issuing, key.record.pem, generation),
    previousIssuers: await previousIssuers(storage, { generation, clock, issuerFrom }),
  };
}

/** Returns the issuers before the present one that have not expired. */
async function previousIssuers(
  storage: Storage,
  {
    generation,
    clock,
    issuerFrom,
  }: {
    readonly generation: number;
    readonly clock: Clock;
    readonly issuerFrom: (chain: string, pem: string, generation: number) => Promise<Issuer>;
  },
): Promise<readonly Issuer[]> {
  const issuers: Issuer[] = [];
  for (let earlier = generation - 1; earlier > 0; earlier--) {
    const [authority, key] = await Promise.all([
      authorities.read(storage, previousId(earlier)),
      keys.read(storage, previousId(earlier)),
    ]);
    if (!authority || !key) continue;
    const { issuing } = authority.record;
    if (Temporal.Instant.compare(parseCertificate(issuing).notAfter, clock.now()) > 0)
      issuers.push(await issuerFrom(issuing, key.record.pem, earlier));
  }
  return issuers;
}
