import { type Entry, idOf, type Storage } from '@acmex/storage';
import {
  certificates,
  type CurrentCertificate,
  type Failure,
  isDue,
  type ManagedCertificate,
  type Moment,
  momentId,
  type RenewalPlan,
} from './certificate-record.ts';
import { OrchestratorError } from './errors.ts';
import { reversedName } from './names.ts';

/** The state of a certificate. `unissued`: its first order has not succeeded yet. */
export const certificateStates = [
  'valid',
  'due',
  'failing',
  'unissued',
  'paused',
  'revoked',
  'expired',
] as const;
export type CertificateState = (typeof certificateStates)[number];

/** What the state of a certificate depends on. */
export interface StatedCertificate {
  readonly current?: Pick<CurrentCertificate, 'notAfter' | 'revokedAt'> | undefined;
  readonly paused: boolean;
  readonly failure?: Pick<Failure, 'at'> | undefined;
  readonly renewal?: Pick<RenewalPlan, 'at'> | undefined;
}

/** Returns the state of a certificate. */
export function stateOf(
  { current, paused, failure, renewal }: StatedCertificate,
  clock: { now(): Moment },
): CertificateState {
  const now = clock.now();
  if (isDue(current?.notAfter, now)) return 'expired';
  if (current?.revokedAt !== undefined) return 'revoked';
  if (paused) return 'paused';
  if (failure) return 'failing';
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
  const moments = [current?.notAfter, renewal?.at]
    .map((at) => (at === undefined ? Infinity : Date.parse(at)))
    .filter((moment) => moment > now);
  return Math.min(...moments);
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
  /**
   * With `sort: 'expiry'`: only certificates that expire at this time or later, and before
   * `expiresBefore`. RFC 3339
   */
  readonly expiresFrom?: string | undefined;
  readonly expiresBefore?: string | undefined;
  /** A filter without an index. */
  readonly where?: ((certificate: ManagedCertificate) => boolean) | undefined;
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

/** The index that a page is read from. */
interface IndexRange {
  readonly prefix: string;
  readonly from?: string | undefined;
  /** The first key behind the range. */
  readonly before?: string | undefined;
  /** Whether the page has the certificate at this key: several keys may lead to it. */
  readonly isListedAt: (key: string, certificate: ManagedCertificate) => boolean;
}

/** @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT` for a cursor of a different query */
export async function certificatePage(
  storage: Storage,
  query: PageQuery,
): Promise<CertificatePage> {
  const { limit, scan = 2000, where = () => true, cursor } = query;
  const range = rangeOf(query);
  const after = cursor === undefined ? range.from : keyIn(cursor, range);
  const page: ManagedCertificate[] = [];
  let [scanned, last] = [0, ''];
  for await (const entry of storage.list(range.prefix, {
    ...(after === undefined ? {} : { after }),
    limit: scan + 1,
  })) {
    if (range.before !== undefined && entry.key >= range.before) break;
    if (page.length === limit || scanned === scan)
      return { certificates: page, next: Buffer.from(last).toString('base64url'), scanned };
    const stored = range.prefix.startsWith('certificate')
      ? certificates.parse(entry)
      : await certificates.read(storage, idIn(entry));
    [scanned, last] = [scanned + 1, entry.key];
    const certificate = stored && { id: idIn(entry), ...stored.record };
    if (certificate && range.isListedAt(entry.key, certificate) && where(certificate))
      page.push(certificate);
  }
  return { certificates: page, scanned };
}

function rangeOf({
  sort = 'id',
  name,
  below,
  failing = false,
  expiresFrom,
  expiresBefore,
}: PageQuery): IndexRange {
  if (name !== undefined) return byName(name.toLowerCase());
  if (below !== undefined) return byNameBelow(below.toLowerCase());
  if (failing)
    return {
      prefix: 'failing',
      isListedAt: (_, { failure, deployFailure }) =>
        failure !== undefined || deployFailure !== undefined,
    };
  if (sort === 'name') return { prefix: 'by-name', isListedAt: isFirstKey('by-name/') };
  if (sort === 'id') return { prefix: 'certificate', isListedAt: () => true };
  const at = (time: string | undefined) =>
    time === undefined ? undefined : `by-expiry/${momentId('', time)}`;
  return {
    prefix: 'by-expiry',
    from: at(expiresFrom),
    before: at(expiresBefore),
    isListedAt: (key, { id, current }) =>
      current !== undefined && key === `by-expiry/${momentId(id, current.notAfter)}`,
  };
}

function byName(name: string): IndexRange {
  const prefix = `by-name/${reversedName(name)}`;
  // The ids are next to each other among the labels below the name.
  return {
    prefix,
    from: `${prefix}/crt_`,
    before: `${prefix}/crt\``,
    isListedAt: (key, { id, names }) => key === `${prefix}/${id}` && names.includes(name),
  };
}

function byNameBelow(name: string): IndexRange {
  const prefix = `by-name/${reversedName(name)}`;
  const isFirst = isFirstKey(`${prefix}/`);
  return {
    prefix,
    isListedAt: (key, { names, ...certificate }) =>
      key !== `${prefix}/${certificate.id}` &&
      isFirst(key, { ...certificate, names: names.filter((listed) => listed !== name) }),
  };
}

/** Whether a key is the first one below a prefix that leads to a certificate. */
function isFirstKey(prefix: string): IndexRange['isListedAt'] {
  return (key, { id, names }) =>
    names
      .map((name) => `by-name/${reversedName(name)}/${id}`)
      .filter((listed) => listed.startsWith(prefix))
      .sort()[0] === key;
}

/** In the index by expiry the id follows the second. */
const idIn = (entry: Pick<Entry, 'key'>) => idOf(entry).replace(/^\d\d-/, '');

function keyIn(cursor: string, { prefix }: IndexRange): string {
  const key = /^[\w-]{1,800}$/.test(cursor) ? Buffer.from(cursor, 'base64url').toString() : '';
  if (!/^([a-z0-9_~-][a-z0-9._~-]*\/)+[a-z0-9._~-]+$/.test(key) || !key.startsWith(`${prefix}/`))
    throw new OrchestratorError(
      'ERR_ORCHESTRATOR_INPUT',
      'the cursor is not from a page of this query: start without a cursor',
    );
  return key;
}
