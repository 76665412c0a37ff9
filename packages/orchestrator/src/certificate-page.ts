import type { Clock } from '@acmex/clock';
import { type Entry, idOf, type Storage } from '@acmex/storage';
import { certificates, isDue, type ManagedCertificate, momentId } from './certificate-record.ts';
import { OrchestratorError } from './errors.ts';
import { reversedName } from './names.ts';

/** How a certificate stands. `unissued`: the first order has not succeeded yet. */
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

export function stateOf(
  { current, paused, failure, renewal }: ManagedCertificate,
  clock: Pick<Clock, 'now'>,
): CertificateState {
  const now = clock.now();
  if (isDue(current?.notAfter, now)) return 'expired';
  if (current?.revokedAt !== undefined) return 'revoked';
  if (paused) return 'paused';
  if (failure) return 'failing';
  if (!current) return 'unissued';
  return isDue(renewal?.at, now) ? 'due' : 'valid';
}

export interface PageQuery {
  /** `id`, which is the order of their making, by default. `name`: by labels from the right, which keeps a domain together; `expiry` has those alone that were issued. */
  readonly sort?: 'id' | 'name' | 'expiry' | undefined;
  /** Those that hold just this name. By an index. */
  readonly name?: string | undefined;
  /** Those that hold a name below this one. By an index; in the order of names. */
  readonly below?: string | undefined;
  /** Those where something failed and has not succeeded since. By an index. */
  readonly failing?: boolean | undefined;
  /** With `sort: 'expiry'`: ends at this time or later, and before. RFC 3339 */
  readonly expiresFrom?: string | undefined;
  readonly expiresBefore?: string | undefined;
  /** What no index knows. */
  readonly where?: ((one: ManagedCertificate) => boolean) | undefined;
  /** `next` of the page before, for the same query. */
  readonly cursor?: string | undefined;
  readonly limit: number;
  /** How many are looked at for one page, at most; 2,000 by default. */
  readonly scan?: number | undefined;
}

export interface CertificatePage {
  readonly certificates: readonly ManagedCertificate[];
  /** Absent where there is nothing more. A page may hold less than its limit, or nothing, and still have a next. */
  readonly next?: string | undefined;
  /** How many were looked at. */
  readonly scanned: number;
}

/** What is listed, in the order of its keys, and where to stop. */
interface Way {
  readonly prefix: string;
  readonly from?: string | undefined;
  /** The first key that is too far. */
  readonly before?: string | undefined;
  /** Whether a certificate is shown at this key: it may be led to by several. */
  readonly shows: (key: string, one: ManagedCertificate) => boolean;
}

/** @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT` for a cursor of another query */
export async function certificatePage(
  storage: Storage,
  query: PageQuery,
): Promise<CertificatePage> {
  const { limit, scan = 2000, where = () => true, cursor } = query;
  const way = wayOf(query);
  const after = cursor === undefined ? way.from : keyIn(cursor, way);
  const page: ManagedCertificate[] = [];
  let [scanned, last] = [0, ''];
  for await (const entry of storage.list(way.prefix, {
    ...(after === undefined ? {} : { after }),
    limit: scan + 1,
  })) {
    if (way.before !== undefined && entry.key >= way.before) break;
    if (page.length === limit || scanned === scan)
      return { certificates: page, next: Buffer.from(last).toString('base64url'), scanned };
    const stored = way.prefix.startsWith('certificate')
      ? certificates.parse(entry)
      : await certificates.read(storage, idIn(entry));
    [scanned, last] = [scanned + 1, entry.key];
    const one = stored && { id: idIn(entry), ...stored.record };
    if (one && way.shows(entry.key, one) && where(one)) page.push(one);
  }
  return { certificates: page, scanned };
}

function wayOf({
  sort = 'id',
  name,
  below,
  failing = false,
  expiresFrom,
  expiresBefore,
}: PageQuery): Way {
  if (name !== undefined) return byName(name.toLowerCase());
  if (below !== undefined) return byNameBelow(below.toLowerCase());
  if (failing)
    return {
      prefix: 'failing',
      shows: (_, { failure, deployFailure }) =>
        failure !== undefined || deployFailure !== undefined,
    };
  if (sort === 'name') return { prefix: 'by-name', shows: first('by-name/') };
  if (sort === 'id') return { prefix: 'certificate', shows: () => true };
  const at = (time: string | undefined) =>
    time === undefined ? undefined : `by-expiry/${momentId('', time)}`;
  return {
    prefix: 'by-expiry',
    from: at(expiresFrom),
    before: at(expiresBefore),
    shows: (key, { id, current }) =>
      current !== undefined && key === `by-expiry/${momentId(id, current.notAfter)}`,
  };
}

function byName(name: string): Way {
  const prefix = `by-name/${reversedName(name)}`;
  // Ids stand side by side among the labels below.
  return {
    prefix,
    from: `${prefix}/crt_`,
    before: `${prefix}/crt\``,
    shows: (key, { id, names }) => key === `${prefix}/${id}` && names.includes(name),
  };
}

function byNameBelow(name: string): Way {
  const prefix = `by-name/${reversedName(name)}`;
  const shows = first(`${prefix}/`);
  return {
    prefix,
    shows: (key, one) =>
      key !== `${prefix}/${one.id}` &&
      shows(key, { ...one, names: one.names.filter((own) => own !== name) }),
  };
}

/** Whether it is the first key below a prefix that leads to a certificate. */
function first(prefix: string): Way['shows'] {
  return (key, { id, names }) =>
    names
      .map((name) => `by-name/${reversedName(name)}/${id}`)
      .filter((one) => one.startsWith(prefix))
      .sort()[0] === key;
}

/** In the index of ends it stands behind the second. */
const idIn = (entry: Pick<Entry, 'key'>) => idOf(entry).replace(/^\d\d-/, '');

function keyIn(cursor: string, { prefix }: Way): string {
  const key = /^[\w-]{1,800}$/.test(cursor) ? Buffer.from(cursor, 'base64url').toString() : '';
  if (!/^([a-z0-9_~-][a-z0-9._~-]*\/)+[a-z0-9._~-]+$/.test(key) || !key.startsWith(`${prefix}/`))
    throw new OrchestratorError(
      'ERR_ORCHESTRATOR_INPUT',
      'the cursor is not of a page of this query: begin without one',
    );
  return key;
}
