import { type DurationInput, keyedMutex, milliseconds, systemClock } from '@acmex/clock';
import {
  acceptedTtl,
  allPages,
  DnsError,
  type DnsOptions,
  type DnsProvider,
  editRecordSet,
  hostZones,
  quoted,
  recordName,
  type RecordSet,
  type TxtRecord,
  unquoted,
  type ValueText,
  withoutValue,
  withValue,
} from '@acmex/dns';
import { huaweiApi, type HuaweiApiOptions, undefinedIfChanged } from './huawei-api.ts';

export interface HuaweiOptions extends HuaweiApiOptions {
  /** The one zone that is written; for accounts that have several of one name. */
  readonly zoneId?: string;
  /** Which zones are written; `public` by default. */
  readonly visibility?: 'public' | 'private';
  /** For a change to reach Huawei's servers; 2 minutes by default. */
  readonly activeLimit?: DurationInput;
}

interface Found extends RecordSet {
  readonly id: string;
  /** `ACTIVE` where it is served. */
  readonly status: string;
  /** That the name has more, by lines or weights. */
  readonly several: boolean;
}
interface Zones {
  readonly zones: readonly { readonly id: string; readonly name: string }[];
  readonly metadata: { readonly total_count: number };
}

const zonesAnswer: Zones = { zones: [{ id: '', name: '' }], metadata: { total_count: 0 } };
const setsAnswer = {
  recordsets: [{ id: '', name: '', type: '', ttl: 0, records: [''], status: '' }],
};
const text: ValueText = { write: quoted, read: unquoted };
const pageSize = 500;

/**
 * TXT records at Huawei Cloud DNS. `append` returns when they are served. Record sets are written
 * as a whole: after the one that was there has been read, and no sooner than the change before it
 * is served; afterwards they are read again.
 * @throws DnsError by both effects also `ERR_DNS_NOT_VISIBLE`, when a change takes longer than
 * `activeLimit`
 * @see https://support.huaweicloud.com/intl/en-us/api-dns/ListRecordSetsByZone.html
 */
// eslint-disable-next-line max-lines-per-function -- every inner function uses the same connection and settings
export function huawei({
  zoneId,
  visibility = 'public',
  activeLimit = 'PT2M',
  ...more
}: HuaweiOptions): DnsProvider {
  const { clock = systemClock } = more;
  const api = huaweiApi(more);
  // No longer: what it is made of was read before, and grows old.
  const change = huaweiApi({ ...more, limit: 'PT10S' });
  const mutex = keyedMutex();

  const page = async (
    offset: number,
    name: { readonly name?: string; readonly search_mode?: 'equal' | 'like' },
    options: DnsOptions & { readonly zone?: string },
  ) => {
    const query = new URLSearchParams({
      type: visibility,
      ...name,
      limit: String(pageSize),
      offset: String(offset),
    });
    const { zones, metadata } = await api('GET', `/zones?${query}`, {
      ...options,
      answer: zonesAnswer,
    });
    return {
      items: zones,
      next: offset + pageSize < metadata.total_count ? offset + pageSize : undefined,
    };
  };
  const list = (
    name: { readonly name?: string; readonly search_mode?: 'equal' },
    options: DnsOptions & { readonly zone?: string },
  ) => allPages(0, (offset) => page(offset, name, options), { provider: 'huawei' });
  const zones = hostZones({
    clock,
    ...(zoneId === undefined
      ? {
          list: (limits: DnsOptions) => list({}, limits),
          ask: (name: string, limits: DnsOptions) =>
            list({ name: `${name}.`, search_mode: 'equal' }, limits),
          search: async (name: string, limits: DnsOptions) => {
            const { items, next } = await page(0, { name, search_mode: 'like' }, limits);
            return { zones: items, isComplete: next === undefined };
          },
        }
      : {
          list: async (limits: DnsOptions) => [
            await api('GET', `/zones/${encodeURIComponent(zoneId)}`, {
              ...limits,
              zone: zoneId,
              answer: { id: '', name: '' },
            }),
          ],
        }),
  });
  const idOf = (
    zone: string,
    [hostedZone, ...namesakes]: readonly { readonly id: string }[],
  ): string => {
    if (hostedZone && namesakes.length === 0) return hostedZone.id;
    throw new DnsError(
      'ERR_DNS_ZONE_NOT_FOUND',
      hostedZone
        ? `huawei: ${namesakes.length + 1} ${visibility} zones are called ${zone} (${[hostedZone, ...namesakes].map(({ id }) => id).join(', ')}): give zoneId`
        : `huawei: no ${visibility} zone ${zone} with these credentials: check the name, the account, the region of private zones, and whether the zone is public or private`,
    );
  };
  /** The set that has the value, else the first; no sooner than Huawei has done with it. */
  const find = async (
    path: string,
    zone: string,
    record: TxtRecord,
    options: DnsOptions,
  ): Promise<Found | undefined> => {
    const name = recordName(zone, record);
    const end = clock.monotonic() + milliseconds(activeLimit);
    for (;;) {
      const { recordsets } = await api(
        'GET',
        `${path}?${new URLSearchParams({ type: 'TXT', name: `${name}.`, search_mode: 'equal' })}`,
        { ...options, zone, answer: setsAnswer },
      ).catch(noSets);
      const all = recordsets.filter(
        (recordset) => recordset.type === 'TXT' && nameOf(recordset.name) === name.toLowerCase(),
      );
      const set =
        all.find(({ records }) =>
          records.some((candidate) => unquoted(candidate) === record.value),
        ) ?? all[0];
      if (!set?.status.startsWith('PENDING'))
        return set && { ...set, values: set.records, several: all.length > 1 };
      if (clock.monotonic() + 2000 > end)
        throw new DnsError(
          'ERR_DNS_NOT_VISIBLE',
          `huawei: the TXT records of ${name} are ${set.status} since more than ${Math.round(milliseconds(activeLimit) / 1000)} seconds: wait longer, or see whether huawei has trouble`,
        );
      await clock.sleep({ seconds: 2 }, options);
    }
  };
  const replace = async (
    path: string,
    zone: string,
    name: string,
    there: Found | undefined,
    { ttl, values }: RecordSet,
    options: DnsOptions,
  ): Promise<true | undefined> => {
    const place = there ? `${path}/${encodeURIComponent(there.id)}` : path;
    const call = { ...options, zone, repeatable: true as const };
    const done =
      values.length === 0
        ? change('DELETE', place, call)
        : change(there ? 'PUT' : 'POST', place, {
            ...call,
            body: {
              name: `${name}.`,
              type: 'TXT',
              ttl: acceptedTtl(ttl, { minimum: 1 }),
              records: values,
            },
          });
    return await done.then(() => true as const, undefinedIfChanged);
  };
  const setIn = (id: string, zone: string, options: DnsOptions) => {
    const path = `/zones/${encodeURIComponent(id)}/recordsets`;
    return (record: TxtRecord) => {
      const name = recordName(zone, record);
      return {
        provider: 'huawei',
        name,
        clock,
        ttl: 300,
        find: () => find(path, zone, record, options),
        replace: (there: Found | undefined, wanted: RecordSet) =>
          replace(path, zone, name, there, wanted, options),
        ...options,
      };
    };
  };

  const append = async (
    set: ReturnType<ReturnType<typeof setIn>>,
    record: TxtRecord,
  ): Promise<Found | undefined> => {
    const edit = withValue(record, text);
    const served = async () => servedSet(set.name, await set.find());
    const replaceServed = async (there: Found | undefined, wanted: RecordSet) => {
      if (there?.several)
        throw new DnsError(
          'ERR_DNS_API',
          `huawei: the TXT records of ${set.name} go by lines or weights, and no other record can exist next to them: delegate ${set.name} by a CNAME record`,
        );
      const after = (await set.replace(there, wanted)) && (await served());
      return after && !edit(after) ? after : undefined;
    };
    return await editRecordSet({ ...set, find: served, replace: replaceServed }, edit);
  };
  const each = async (
    zone: string,
    records: readonly TxtRecord[],
    options: DnsOptions,
    change: (set: ReturnType<ReturnType<typeof setIn>>, record: TxtRecord) => Promise<unknown>,
  ): Promise<void> => {
    const changeAll = async (id: string) => {
      const at = setIn(id, zone, options);
      for (const record of records) {
        const set = at(record);
        await mutex(set.name, () => change(set, record), options);
      }
    };
    if (zoneId !== undefined) return await changeAll(zoneId);
    await zones.use(zone, options, (entries) => changeAll(idOf(zone, entries)));
  };

  return {
    name: 'huawei',
    append: (zone, records, options = {}) => each(zone, records, options, append),
    remove: (zone, records, options = {}) =>
      each(zone, records, options, (set, record) => editRecordSet(set, withoutValue(record, text))),
    zones: (options = {}) => zones.names(options),
    zoneOf: (name, options = {}) => zones.zoneOf(name, options),
  };
}

/** A set that is paused or frozen is there, and no one sees it. */
function servedSet(name: string, recordSet: Found | undefined): Found | undefined {
  if (!recordSet || recordSet.status === 'ACTIVE') return recordSet;
  throw new DnsError(
    'ERR_DNS_API',
    `huawei: the TXT records of ${name} are ${recordSet.status} and not served: enable them in the console, or remove them`,
  );
}

/** Turns the answer that there are no sets into an empty list. */
function noSets(error: unknown): typeof setsAnswer {
  if (error instanceof Error && error.message.includes('DNS.0004: ')) return { recordsets: [] };
  throw error;
}

function nameOf(name: string): string {
  return name.replace(/\.$/, '').toLowerCase();
}
