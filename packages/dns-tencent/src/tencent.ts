import { systemClock } from '@acmex/clock';
import {
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
const Limit = 1000;

/**
 * TXT records at Tencent Cloud DNSPod, on its default line.
 * @see https://www.tencentcloud.com/document/api/1157/49041
 */
export function tencent(options: TencentOptions): DnsProvider {
  const api = tencentApi(options);
  const zones = hostZones({
    clock: options.clock ?? systemClock,
    list: (limits) => listZones(api, limits),
  });

  return {
    name: 'tencent',
    async append(zone, records, options = {}) {
      for (const record of records) {
        if (await isShown(api, zone, record, options)) continue;
        const body = {
          Domain: zone,
          SubDomain: record.name,
          RecordType: 'TXT',
          ...line,
          Value: record.value,
          ...(record.ttl === undefined ? {} : { TTL: record.ttl }),
        };
        // DNSPod takes no record twice: it is there when someone else has made it, or the same
        // request that was sent twice.
        await api('CreateRecord', body, {
          ...options,
          zone,
          repeatable: true,
          answer: { Response: { RecordId: 0 } },
        }).catch(async (error: unknown) => {
          undefinedIf('InvalidParameter.DomainRecordExist')(error);
          if (!(await isShown(api, zone, record, options))) throw error;
        });
      }
    },
    async remove(zone, records, options = {}) {
      for (const record of records) {
        for (const { RecordId } of await find(api, zone, record, options)) {
          await api(
            'DeleteRecord',
            { Domain: zone, RecordId },
            { ...options, zone, repeatable: true },
          ).catch(undefinedIf('InvalidParameter.RecordIdInvalid'));
        }
      }
    },
    zones: (options = {}) => zones.names(options),
    zoneOf: (name, options = {}) => zones.zoneOf(name, options),
  };
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
