import { systemClock } from '@acmex/clock';
import {
  acceptedTtl,
  allPages,
  type DnsOptions,
  type DnsProvider,
  type HostZone,
  hostZones,
  type TxtRecord,
} from '@acmex/dns';
import { tencentApi, type TencentOptions, undefinedIf } from './tencent-api.ts';

interface RecordList {
  readonly Response: {
    readonly RecordCountInfo: { readonly TotalCount: number };
    readonly RecordList: readonly {
      readonly RecordId: number;
      readonly Name: string;
      readonly Type: string;
      readonly Value: string;
      readonly LineId: string;
      readonly Status: string;
    }[];
  };
}
interface DomainList {
  readonly Response: {
    readonly DomainCountInfo: { readonly DomainTotal: number };
    readonly DomainList: readonly { readonly Punycode: string }[];
  };
}

const recordList: RecordList = {
  Response: {
    RecordCountInfo: { TotalCount: 0 },
    RecordList: [{ RecordId: 0, Name: '', Type: '', Value: '', LineId: '', Status: '' }],
  },
};
const domainList: DomainList = {
  Response: { DomainCountInfo: { DomainTotal: 0 }, DomainList: [{ Punycode: '' }] },
};
/**
 * The line that answers all who have none of their own; its name is another in the international
 * edition, its id is not.
 */
const line = { RecordLine: '默认', RecordLineId: '0' };
/** What every plan accepts. */
const ttls = { minimum: 600, maximum: 604_800 };
const Limit = 1000;
/** How long a new record may be missing from DNSPod's list. */
const listDelaySeconds = 30;

/**
 * TXT records at Tencent Cloud DNSPod, on its default line.
 * @see https://www.tencentcloud.com/document/api/1157/49041
 */
export function tencent(options: TencentOptions): DnsProvider {
  const api = tencentApi(options);
  const { clock = systemClock } = options;
  const zones = hostZones({
    clock,
    list: (limits) => listZones(api, limits),
  });

  /** The ids of records that this provider wrote; `undefined` where DNSPod did not say it. */
  const written = new Map<string, number | undefined>();
  /** Finds the ids of a record, also one that DNSPod does not list yet. */
  const idsOf = async (zone: string, record: TxtRecord, limits: DnsOptions) => {
    const key = keyOf(zone, record);
    const id = written.get(key);
    for (let waitedSeconds = 0; ; waitedSeconds += 5) {
      const ids = (await find(api, zone, record, limits)).map(({ RecordId }) => RecordId);
      if (id !== undefined) return [...new Set([...ids, id])];
      if (ids.length > 0 || !written.has(key) || waitedSeconds >= listDelaySeconds) return ids;
      await clock.sleep({ seconds: 5 }, limits);
    }
  };
  return {
    name: 'tencent',
    async append(zone, records, options = {}) {
      for (const record of records) {
        if (await isShown(api, zone, record, options)) continue;
        const key = keyOf(zone, record);
        const id = await create(api, zone, record, options);
        written.set(key, id ?? written.get(key));
      }
    },
    async remove(zone, records, options = {}) {
      for (const record of records) {
        const ids = await idsOf(zone, record, options);
        for (const RecordId of ids)
          await api(
            'DeleteRecord',
            { Domain: zone, RecordId },
            { ...options, zone, repeatable: true },
          ).catch(undefinedIf('InvalidParameter.RecordIdInvalid'));
        written.delete(keyOf(zone, record));
      }
    },
    zones: (options = {}) => zones.names(options),
    zoneOf: (name, options = {}) => zones.zoneOf(name, options),
  };
}

function keyOf(zone: string, { name, value }: TxtRecord): string {
  return JSON.stringify([zone, name, value]);
}

/**
 * Creates a record.
 *
 * @returns its id; `undefined` where it is there already: someone else made it, or the same request
 * that was sent twice
 * @throws DnsError also for a record that is there and paused
 */
async function create(
  api: ReturnType<typeof tencentApi>,
  zone: string,
  record: TxtRecord,
  options: DnsOptions,
): Promise<number | undefined> {
  const body = {
    Domain: zone,
    SubDomain: record.name,
    RecordType: 'TXT',
    ...line,
    Value: record.value,
    ...(record.ttl === undefined ? {} : { TTL: acceptedTtl(record.ttl, ttls) }),
  };
  try {
    const { Response } = await api('CreateRecord', body, {
      ...options,
      zone,
      repeatable: true,
      answer: { Response: { RecordId: 0 } },
    });
    return Response.RecordId;
  } catch (error) {
    undefinedIf('InvalidParameter.DomainRecordExist')(error);
    // Its list shows a new record up to half a minute later.
    const duplicates = await find(api, zone, record, options);
    if (duplicates.length > 0 && !duplicates.some(({ Status }) => Status === 'ENABLE')) throw error;
    return duplicates[0]?.RecordId;
  }
}

async function listZones(
  api: ReturnType<typeof tencentApi>,
  options: DnsOptions,
): Promise<readonly HostZone[]> {
  return await allPages(
    0,
    async (Offset) => {
      const page = await api(
        'DescribeDomainList',
        { Type: 'ALL', Offset, Limit },
        { ...options, repeatable: true, answer: domainList },
      ).catch(undefinedIf('ResourceNotFound.NoDataOfDomain'));
      return pageOf(
        Offset,
        page?.Response.DomainList.map(({ Punycode: name }) => ({ name })),
        page?.Response.DomainCountInfo.DomainTotal,
      );
    },
    { provider: 'tencent' },
  );
}

/** DNSPod has an error in place of a page without items. */
function pageOf<T>(offset: number, items: readonly T[] = [], total = 0) {
  return { items, next: offset + Limit < total ? offset + Limit : undefined };
}

/** A record that is paused is there, and no one sees it. */
async function isShown(
  api: ReturnType<typeof tencentApi>,
  zone: string,
  record: TxtRecord,
  options: DnsOptions,
) {
  return (await find(api, zone, record, options)).some(({ Status }) => Status === 'ENABLE');
}

async function find(
  api: ReturnType<typeof tencentApi>,
  zone: string,
  { name, value }: TxtRecord,
  options: DnsOptions,
) {
  const all = await allPages(
    0,
    async (Offset) => {
      const page = await api(
        'DescribeRecordList',
        { Domain: zone, Subdomain: name, RecordType: 'TXT', Offset, Limit },
        { ...options, zone, repeatable: true, answer: recordList },
      ).catch(undefinedIf('ResourceNotFound.NoDataOfRecord'));
      return pageOf(Offset, page?.Response.RecordList, page?.Response.RecordCountInfo.TotalCount);
    },
    { provider: 'tencent' },
  );
  return all.filter(
    (row) =>
      row.Type === 'TXT' &&
      row.LineId === line.RecordLineId &&
      row.Name.toLowerCase() === name.toLowerCase() &&
      row.Value === value,
  );
}
