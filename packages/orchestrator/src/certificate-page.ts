import { idOf, type Storage } from '@acmex/storage';
import {
  certificates,
  type CurrentCertificate,
  type Failure,
  isDue,
  isWaiting,
  type ManagedCertificate,
  type Moment,
  momentId,
  type RenewalPlan,
} from './certificate-record.ts';
import { expiryOf } from './expiry.ts';
import { OrchestratorError } from './errors.ts';
import { reversedName } from './names.ts';

/**
 * The state of a certificate. `waiting`: its order waits for the limits of its CA, and nothing has
 * failed; `unissued`: its first order has not succeeded yet.
 */
export const certificateStates = [
  'valid',
  'due',
  'failing',
  'waiting',
  'unissued',
  'paused',
  'revoked',
  'expired',
] as const;
export type CertificateState = (typeof certificateStates)[number];

/** What the state of a certificate depends on. */
export interface StatedCertificate {
  readonly current?: Pick<CurrentCertificate, 'notAfter' | 'second' | 'revokedAt'> | undefined;
  readonly paused: boolean;
  readonly failure?: Pick<Failure, 'at' | 'failures'> | undefined;
  readonly renewal?: Pick<RenewalPlan, 'at'> | undefined;
}

/** Returns the state of a certificate. */
export function stateOf(
  { current, paused, failure, renewal }: StatedCertificate,
  clock: { now(): Moment },
): CertificateState {
  const now = clock.now();
  if (current && isDue(expiryOf(current), now)) return 'expired';
  if (current?.revokedAt !== undefined) return 'revoked';
  if (paused) return 'paused';
  if (failure) return isWaiting(failure) ? 'waiting' : 'failing';
  if (!current) return 'unissued';
  return isDue(renewal?.at, now) ? 'due' : 'valid';
}

/**
 * Returns when the state of a certificate may next change without a change of the certificate, in
 * milliseconds; infinite for never.
 */
export function nextStateAt(
  { current, renewal }: StatedCertificate,
  clock: { now(): Moment },
): number {
  const now = clock.now().epochMilliseconds;
  const moments = [current && expiryOf(current), renewal?.at]
    .map((at) => (at === undefined ? Infinity : Date.parse(at)))
    .filter((moment) => moment > now);
  return Math.min(...moments);
}

/** What the place of a certificate in a list depends on. */
export interface ListedCertificate {
  readonly id: string;
  readonly names: readonly string[];
  readonly current?: Pick<CurrentCertificate, 'notAfter' | 'second'> | undefined;
  readonly failure?: Pick<Failure, 'failures'> | undefined;
  readonly deployFailure?: object | undefined;
}

export interface PageQuery {
  /**
   * `id`, the default, is the order of creation. `name` compares labels from the right, which keeps
   * a domain together. `expiry` has only certificates that were issued.
   */
  readonly sort?: 'id' | 'name' | 'expiry' | undefined;
  /** Only certificates with this name; uses an index. */
  readonly name?: string | undefined;
  /** Only certificates with a name below this one; uses an index, in the order of names. */
  readonly below?: string | undefined;
  /** Only certificates for which something failed and has not succeeded since; uses an index. */
  readonly failing?: boolean | undefined;
  /** Only certificates whose order waits for the limits of its CA; uses an index. */
  readonly waiting?: boolean | undefined;
  /**
   * With `sort: 'expiry'`: only certificates that expire at this time or later, and before
   * `expiresBefore`. RFC 3339
   */
  readonly expiresFrom?: string | undefined;
  readonly expiresBefore?: string | undefined;
  /** A filter without an index. */
  readonly where?: ((certificate: ManagedCertificate) => boolean) | undefined;
  /**
   * The certificates that can match, in any order, where they are known without reading; only these
   * are read.
   */
  readonly among?: Iterable<ListedCertificate> | undefined;
  /** `next` of the previous page of the same query. */
  readonly cursor?: string | undefined;
  readonly limit: number;
  /** How many certificates are read for one page, at most; 2,000 by default. */
  readonly scan?: number | undefined;
}

export interface CertificatePage {
  readonly certificates: readonly ManagedCertificate[];
  /**
   * The cursor of the next page; absent on the last one. A page with fewer certificates than its
   * limit, or none, may have a next one.
   */
  readonly next?: string | undefined;
  /** How many certificates were read. */
  readonly scanned: number;
}

/** The prefix of the records, by id: each is listed once. */
const allById = 'certificate';

/** The index that a page is read from. */
interface IndexRange {
  readonly prefix: string;
  readonly from?: string | undefined;
  /** The first key behind the range. */
  readonly before?: string | undefined;
  /** The key at which a certificate is listed, of the several that may lead to it. */
  readonly keyOf: (certificate: ListedCertificate) => string | undefined;
}

/** @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT` for a cursor of a different query */
export async function certificatePage(
  storage: Storage,
  query: PageQuery,
): Promise<CertificatePage> {
  const { limit, scan = 2000, where = () => true, cursor, among } = query;
  const range = rangeOf(query);
  const after = cursor === undefined ? range.from : keyIn(cursor, range);
  const page: ManagedCertificate[] = [];
  let [scanned, last] = [0, ''];
  const isFull = () => page.length === limit || scanned === scan;
  const add = (key: string, certificate: ManagedCertificate | undefined) => {
    [scanned, last] = [scanned + 1, key];
    const isListed = range.prefix === allById || (certificate && range.keyOf(certificate) === key);
    if (certificate && isListed && where(certificate)) page.push(certificate);
  };
  const whole = (): CertificatePage => ({ certificates: page, scanned });
  const cut = () => ({ ...whole(), next: Buffer.from(last).toString('base64url') });
  if (among) {
    const keys = first(keysOf(among, { ...range, after }), scan + 1);
    for (let index = 0; index < keys.length; index += atOnce)
      for (const [key, certificate] of await readAll(storage, keys.slice(index, index + atOnce))) {
        if (isFull()) return cut();
        add(key, certificate);
      }
    return whole();
  }
  const { prefix, before } = range;
  const options = { ...(after === undefined ? {} : { after }), limit: scan + 1 };
  for await (const entry of storage.list(prefix, options)) {
    const { key } = entry;
    if (before !== undefined && key >= before) break;
    if (isFull()) return cut();
    const stored =
      prefix === allById ? certificates.parse(entry) : await certificates.read(storage, idIn(key));
    add(key, stored && { id: idIn(key), ...stored.record });
  }
  return whole();
}

/** How many certificates are read at a time, where more may be read than are wanted. */
const atOnce = 50;

/** Reads the certificates at these keys. */
async function readAll(
  storage: Storage,
  keys: readonly string[],
): Promise<readonly (readonly [key: string, certificate: ManagedCertificate | undefined])[]> {
  return await Promise.all(
    keys.map(async (key) => {
      const id = idIn(key);
      const stored = await certificates.read(storage, id);
      return [key, stored && { id, ...stored.record }] as const;
    }),
  );
}

/** The keys of a range at which certificates are listed, in any order. */
function* keysOf(
  listed: Iterable<ListedCertificate>,
  { keyOf, after = '', before }: IndexRange & { readonly after: string | undefined },
): Generator<string> {
  for (const certificate of listed) {
    const key = keyOf(certificate);
    if (key !== undefined && key > after && (before === undefined || key < before)) yield key;
  }
}

/** Returns the first keys in byte order: the others, which may be very many, are not sorted. */
function first(keys: Iterable<string>, count: number): readonly string[] {
  let lowest: string[] = [];
  let limit: string | undefined;
  for (const key of keys) {
    if (limit !== undefined && key >= limit) continue;
    lowest.push(key);
    if (lowest.length < 2 * count) continue;
    lowest = lowest.sort().slice(0, count);
    limit = lowest.at(-1);
  }
  return lowest.sort().slice(0, count);
}

function rangeOf({
  sort = 'id',
  name,
  below,
  failing = false,
  waiting = false,
  expiresFrom,
  expiresBefore,
}: PageQuery): IndexRange {
  if (name !== undefined) return byName(name.toLowerCase());
  if (below !== undefined) return byNameBelow(below.toLowerCase());
  if (failing || waiting) {
    const isListed = waiting ? isOnlyWaiting : hasFailed;
    return {
      prefix: 'failing',
      keyOf: (certificate) => (isListed(certificate) ? `failing/${certificate.id}` : undefined),
    };
  }
  if (sort === 'name') return { prefix: 'by-name', keyOf: firstKeyBelow('by-name/') };
  if (sort === 'id') return { prefix: allById, keyOf: ({ id }) => certificates.key(id) };
  const at = (time: string | undefined) =>
    time === undefined ? undefined : `by-expiry/${momentId('', time)}`;
  return {
    prefix: 'by-expiry',
    from: at(expiresFrom),
    before: at(expiresBefore),
    keyOf: ({ id, current }) => current && `by-expiry/${momentId(id, expiryOf(current))}`,
  };
}

function hasFailed({ failure, deployFailure }: ListedCertificate): boolean {
  return (failure !== undefined && !isWaiting(failure)) || deployFailure !== undefined;
}

function isOnlyWaiting(certificate: ListedCertificate): boolean {
  return isWaiting(certificate.failure) && !hasFailed(certificate);
}

function byName(name: string): IndexRange {
  const prefix = `by-name/${reversedName(name)}`;
  // The ids are next to each other among the labels below the name.
  return {
    prefix,
    from: `${prefix}/crt_`,
    before: `${prefix}/crt\``,
    keyOf: ({ id, names }) => (names.includes(name) ? `${prefix}/${id}` : undefined),
  };
}

function byNameBelow(name: string): IndexRange {
  const prefix = `by-name/${reversedName(name)}`;
  const firstKey = firstKeyBelow(`${prefix}/`);
  return {
    prefix,
    keyOf: ({ names, ...certificate }) =>
      firstKey({ ...certificate, names: names.filter((listed) => listed !== name) }),
  };
}

/** The first key below a prefix that leads to a certificate by one of its names. */
function firstKeyBelow(prefix: string): IndexRange['keyOf'] {
  return ({ id, names }) =>
    names
      .map((name) => `by-name/${reversedName(name)}/${id}`)
      .filter((key) => key.startsWith(prefix))
      .sort()[0];
}

/** In the index by expiry the id follows the second. */
const idIn = (key: string) => idOf({ key }).replace(/^\d\d-/, '');

function keyIn(cursor: string, { prefix }: IndexRange): string {
  const key = /^[\w-]{1,800}$/.test(cursor) ? Buffer.from(cursor, 'base64url').toString() : '';
  if (!/^([a-z0-9_~-][a-z0-9._~-]*\/)+[a-z0-9._~-]+$/.test(key) || !key.startsWith(`${prefix}/`))
    throw new OrchestratorError(
      'ERR_ORCHESTRATOR_INPUT',
      'the cursor is not from a page of this query: start without a cursor',
    );
  return key;
}
