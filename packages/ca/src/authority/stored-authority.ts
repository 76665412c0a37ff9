import { type CryptoBackend, parseCertificate, webcrypto } from '@acmex/certificate';
import { type Clock, systemClock } from '@acmex/clock';
import { errorCode, errorText } from '@acmex/errors';
import { type Storage, untilWritten } from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import { CaError } from '../errors.ts';
import { newIndex } from '../issued-index.ts';
import { certificate, ordinal, privateKey, recordsOf } from '../stored.ts';
import { isDevelopment, type NewAuthority } from './authority.ts';
import { type Issuer, issuerOf, type Issuers } from './issuer.ts';
import { unopenedIssuer } from './unopened-issuer.ts';
import * as z from 'zod';

interface AuthorityRecord {
  readonly kind: NewAuthority['kind'];
  readonly root: string;
  readonly issuing: string;
  /** Of the issuer; absent for the first. */
  readonly generation?: number | undefined;
}

export const authorities = recordsOf<AuthorityRecord>(
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
      newIndex(),
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

/** What a storage has of a CA beside its keys. */
export interface StoredAuthority {
  readonly kind: NewAuthority['kind'];
  /** PEM */
  readonly root: string;
  /** The issuing certificates that it has had: the present one, then those before it. */
  readonly issuing: readonly {
    /** Counts from 1. */
    readonly generation: number;
    /** PEM */
    readonly certificate: string;
  }[];
}

/** Returns the CA that a storage holds, with its issuing certificates; undefined if there is none. */
export async function storedAuthority(storage: Storage): Promise<StoredAuthority | undefined> {
  const present = await authorities.read(storage, id);
  if (!present) return undefined;
  const { kind, root, issuing, generation = 1 } = present.record;
  const all = [{ generation, certificate: issuing }];
  for (let earlier = generation - 1; earlier > 0; earlier--) {
    const previous = await authorities.read(storage, previousId(earlier));
    if (previous) all.push({ generation: earlier, certificate: previous.record.issuing });
  }
  return { kind, root, issuing: all };
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
  /**
   * Called when an earlier issuing certificate, or its key, cannot be used: at the start, and at
   * each later attempt to open the key, at most every ten minutes. The CA issues nevertheless.
   */
  readonly onUnusableIssuer?: (error: unknown) => void;
}

/** A CA that is ready to issue. */
export interface LoadedAuthority extends Issuers {
  readonly previousIssuers: readonly Issuer[];
  /** PEM; what clients trust. */
  readonly root: string;
}

/**
 * The CA that a storage holds. The key of an earlier issuer that cannot be opened is opened again
 * when something must be signed with it, which rejects with `ERR_CA_KEY_UNAVAILABLE` until then.
 * @throws CaError `ERR_CA_MISSING`; `ERR_CA_DEVELOPMENT` for one of the other kind;
 * `ERR_CA_CERTIFICATE` when it has expired; `ERR_CA_KEY_UNAVAILABLE` when the key that issues
 * cannot be opened
 */
export async function loadAuthority(
  storage: Storage,
  options: LoadOptions,
): Promise<LoadedAuthority> {
  return await loaded(storage, await stored(storage), withDefaults(options));
}

function withDefaults({
  kind,
  backend = webcrypto(),
  clock = systemClock,
  onUnusableIssuer = noop,
}: LoadOptions): Required<LoadOptions> {
  return { kind, backend, clock, onUnusableIssuer };
}

function noop(): void {}

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
  { onError, ...loadOptions }: FollowOptions,
): Promise<() => Promise<LoadedAuthority>> {
  const options = withDefaults(loadOptions);
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
  options: Required<LoadOptions>,
): Promise<LoadedAuthority> {
  const { root, issuing, generation = 1 } = authority.record;
  const storedKind =
    isDevelopment(root) || isDevelopment(issuing) ? 'development' : authority.record.kind;
  if (storedKind !== options.kind)
    throw new CaError(
      'ERR_CA_DEVELOPMENT',
      `the storage holds a ${storedKind} CA, and a ${options.kind} one is asked for: neither becomes the other, use another storage`,
    );
  return {
    root,
    issuer: await openIssuer({ chain: issuing, pem: key.record.pem, generation }, options),
    previousIssuers: await previousIssuers(storage, generation, options),
  };
}

interface StoredIssuer {
  /** PEM */
  readonly chain: string;
  /** PKCS#8 PEM, or the reference of a key that cannot leave its device. */
  readonly pem: string;
  readonly generation: number;
}

/** @throws CaError `ERR_CA_KEY_UNAVAILABLE`, `ERR_CA_CERTIFICATE` */
async function openIssuer(
  { chain, pem, generation }: StoredIssuer,
  { backend, clock }: Required<LoadOptions>,
): Promise<Issuer> {
  const bytes = Buffer.from(pem, 'latin1');
  const key = await backend
    .import(bytes)
    .catch((cause: unknown) => {
      const { subject } = parseCertificate(chain);
      throw unavailable(`the issuing certificate ${subject}`, cause);
    })
    .finally(() => bytes.fill(0));
  return issuerOf({ chain, key, generation, clock });
}

function unavailable(certificateText: string, cause: unknown): CaError {
  return new CaError(
    'ERR_CA_KEY_UNAVAILABLE',
    `the key of ${certificateText} cannot be opened: ${errorText(cause)}`,
    { cause },
  );
}

/** Returns the issuers before the present one that have not expired. */
async function previousIssuers(
  storage: Storage,
  presentGeneration: number,
  options: Required<LoadOptions>,
): Promise<readonly Issuer[]> {
  const issuers: Issuer[] = [];
  for (let generation = presentGeneration - 1; generation > 0; generation--) {
    const authority = await authorities
      .read(storage, previousId(generation))
      .catch(reportDamage(options));
    if (!authority) continue;
    const chain = authority.record.issuing;
    if (Temporal.Instant.compare(parseCertificate(chain).notAfter, options.clock.now()) > 0)
      issuers.push(await earlierIssuer(storage, { chain, generation }, options));
  }
  return issuers;
}

/** Returns a function that reports a damaged record, and throws every other error. */
function reportDamage({ onUnusableIssuer }: Required<LoadOptions>) {
  return (error: unknown): undefined => {
    if (errorCode(error) !== 'ERR_STORAGE_CORRUPT') throw error;
    onUnusableIssuer(error);
  };
}

/** Returns an issuer before the present one; its key is opened later if that is not possible now. */
async function earlierIssuer(
  storage: Storage,
  { chain, generation }: Omit<StoredIssuer, 'pem'>,
  options: Required<LoadOptions>,
): Promise<Issuer> {
  const { subject } = parseCertificate(chain);
  const open = async (): Promise<Issuer> => {
    try {
      const key = await keys.read(storage, previousId(generation));
      if (!key) throw new CaError('ERR_CA_MISSING', 'it is not in the storage');
      return await openIssuer({ chain, pem: key.record.pem, generation }, options);
    } catch (error) {
      if (errorCode(error) === 'ERR_STORAGE_UNAVAILABLE') throw error;
      const cause = errorCode(error) === 'ERR_CA_KEY_UNAVAILABLE' ? (error as Error).cause : error;
      const failure = unavailable(
        `the earlier issuing certificate ${subject}, which is needed for its next CRL and OCSP responder,`,
        cause,
      );
      options.onUnusableIssuer(failure);
      throw failure;
    }
  };
  try {
    return await open();
  } catch (failure) {
    if (errorCode(failure) !== 'ERR_CA_KEY_UNAVAILABLE') throw failure;
    return unopenedIssuer({ chain, generation, clock: options.clock, open, failure });
  }
}
