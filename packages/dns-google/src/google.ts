import { keyedMutex, systemClock } from '@acmex/clock';
import {
  allPages,
  bearer,
  type CallOptions,
  DnsError,
  type DnsOptions,
  type DnsProvider,
  editRecordSet,
  hostZones,
  jsonApi,
  type Method,
  quoted,
  recordName,
  type RecordSet,
  type RecordSetEdit,
  type Refusal,
  type TxtRecord,
  unquoted,
  type ValueText,
  withoutValue,
  withValue,
} from '@acmex/dns';
import { type AccessTokenOptions, accessTokens } from './access-token.ts';
import { projectOfMachine } from './machine-project.ts';

export interface GoogleOptions extends AccessTokenOptions {
  /**
   * The id of the project that has the zones; by default that of the service account's key, or that
   * of the machine.
   */
  readonly project?: string;
  /**
   * The one managed zone that is written, by its name or id; for projects that have several with
   * one DNS name.
   */
  readonly managedZone?: string;
  /** Which managed zones are written; `public` by default. */
  readonly visibility?: 'public' | 'private';
}

interface ManagedZones {
  readonly managedZones: readonly {
    readonly name: string;
    readonly dnsName: string;
    readonly visibility?: string;
  }[];
  readonly nextPageToken?: string | null;
}
interface GoogleZone {
  /** The name of the managed zone. */
  readonly id: string;
  /** Its DNS name. */
  readonly name: string;
}
interface ResourceRecordSet {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  /** Absent where it has a routing policy. */
  readonly rrdatas?: readonly string[] | null;
  readonly routingPolicy?: object | null;
}
interface ResourceRecordSets {
  readonly rrsets: readonly ResourceRecordSet[];
}
interface Found extends RecordSet {
  readonly routed: boolean;
}

const zonesAnswer: ManagedZones = { managedZones: [{ name: '', dnsName: '' }] };
const setsAnswer: ResourceRecordSets = { rrsets: [{ name: '', type: '', ttl: 0 }] };
const text: ValueText = { write: quoted, read: unquoted };

/**
 * TXT records in Google Cloud DNS. Record sets are changed as a whole: the one that was read is
 * deleted and the wanted one added in one change, which fails where someone came in between, and is
 * tried again.
 * @see https://docs.cloud.google.com/dns/docs/reference/rest/v1
 */
// eslint-disable-next-line max-lines-per-function -- every inner function uses the same connection and settings
export function google({
  project,
  managedZone,
  visibility = 'public',
  ...more
}: GoogleOptions = {}): DnsProvider {
  const { credentials, ...transport } = more;
  const { clock = systemClock } = transport;
  const tokens = accessTokens(more);
  const metadataProject = credentials ? undefined : projectOfMachine(transport);
  const mutex = keyedMutex();
  const call = async <T>(method: Method, path: string, options: CallOptions<T>): Promise<T> =>
    await tokens.use(options, async (access) => {
      const owner = project ?? access.project ?? (await metadataProject?.(options));
      if (owner === undefined)
        throw new DnsError(
          'ERR_DNS_CREDENTIALS',
          'google: the project is unknown: give its id as project',
        );
      const api = jsonApi({
        provider: 'google',
        baseUrl: 'https://dns.googleapis.com/dns/v1/projects',
        headers: { authorization: bearer(access.token) },
        refusal(json, status) {
          if (status === 401) tokens.forget();
          return refusal(json, status);
        },
        ...transport,
      });
      return await api(method, `/${encodeURIComponent(owner)}${path}`, options);
    });

  const list = (
    query: Readonly<Record<string, string>>,
    options: DnsOptions & { readonly zone?: string },
  ) =>
    allPages(
      '',
      async (pageToken) => {
        const { managedZones, nextPageToken: next } = await call(
          'GET',
          `/managedZones?${new URLSearchParams({ ...query, ...(pageToken === '' ? {} : { pageToken }) })}`,
          { ...options, answer: zonesAnswer },
        );
        return {
          items: managedZones
            .filter((managedZone) => (managedZone.visibility ?? 'public') === visibility)
            .map(({ name: id, dnsName: name }) => ({ id, name })),
          next,
        };
      },
      { provider: 'google' },
    );
  const zones = hostZones<GoogleZone>({
    clock,
    ...(managedZone === undefined
      ? {
          list: (limits) => list({}, limits),
          ask: (name, limits) => list({ dnsName: `${name}.` }, limits),
        }
      : {
          list: async (limits) => {
            const { dnsName: name } = await call('GET', pathOf(managedZone), {
              ...limits,
              zone: managedZone,
              answer: { dnsName: '' },
            });
            return [{ id: managedZone, name }];
          },
        }),
  });
  const pathOfZone = (zone: string, [hostedZone, ...namesakes]: readonly GoogleZone[]): string => {
    if (hostedZone && namesakes.length === 0) return pathOf(hostedZone.id);
    throw new DnsError(
      'ERR_DNS_ZONE_NOT_FOUND',
      hostedZone
        ? `google: ${namesakes.length + 1} ${visibility} managed zones are for ${zone} (${[hostedZone, ...namesakes].map(({ id }) => id).join(', ')}): give managedZone`
        : `google: no ${visibility} managed zone for ${zone} in this project: check the name, the project, and whether the zone is public or private`,
    );
  };
  const find = async (
    path: string,
    zone: string,
    name: string,
    options: DnsOptions,
  ): Promise<Found | undefined> => {
    const { rrsets } = await call(
      'GET',
      `${path}/rrsets?${new URLSearchParams({ name: `${name}.`, type: 'TXT' })}`,
      { ...options, zone, answer: setsAnswer },
    );
    const rrset = rrsets.find(
      (rrset) => rrset.type === 'TXT' && nameOf(rrset.name) === name.toLowerCase(),
    );
    return rrset && foundIn(rrset);
  };
  const replace = async (
    path: string,
    zone: string,
    name: string,
    there: Found | undefined,
    wanted: RecordSet,
    options: DnsOptions,
  ): Promise<unknown> => {
    if (there?.routed)
      throw new DnsError(
        'ERR_DNS_API',
        `google: the TXT records of ${name} have a routing policy, and no other record can exist next to them: delegate ${name} by a CNAME record`,
      );
    const sets = ({ ttl, values }: RecordSet) =>
      values.length > 0 ? [{ name: `${name}.`, type: 'TXT', ttl, rrdatas: values }] : [];
    const body = { deletions: there ? sets(there) : [], additions: sets(wanted) };
    // What was to be deleted is not there (404) or is another (412), what was to be added is there
    // (409); also by the same change, when it was sent twice.
    return await call('POST', `${path}/changes`, {
      ...options,
      zone,
      body,
      repeatable: true,
      accept: [404, 409, 412],
    });
  };
  const editAt = async (
    path: string,
    zone: string,
    records: readonly TxtRecord[],
    edit: (record: TxtRecord, text: ValueText) => RecordSetEdit,
    options: DnsOptions,
  ): Promise<void> => {
    for (const record of records) {
      const name = recordName(zone, record);
      const set = {
        provider: 'google',
        name,
        clock,
        ttl: 60,
        find: () => find(path, zone, name, options),
        replace: (there: Found | undefined, wanted: RecordSet) =>
          replace(path, zone, name, there, wanted, options),
        ...options,
      };
      await mutex(name, () => editRecordSet(set, edit(record, text)), options);
    }
  };

  const each = async (
    zone: string,
    records: readonly TxtRecord[],
    edit: (record: TxtRecord, text: ValueText) => RecordSetEdit,
    options: DnsOptions,
  ): Promise<void> => {
    if (managedZone !== undefined)
      return await editAt(pathOf(managedZone), zone, records, edit, options);
    await zones.use(zone, options, (entries) =>
      editAt(pathOfZone(zone, entries), zone, records, edit, options),
    );
  };

  return {
    name: 'google',
    append: (zone, records, options = {}) => each(zone, records, withValue, options),
    remove: (zone, records, options = {}) => each(zone, records, withoutValue, options),
    zones: (options = {}) => zones.names(options),
    zoneOf: (name, options = {}) => zones.zoneOf(name, options),
  };
}

/** @throws DnsError `ERR_DNS_API` where the values are not texts */
function foundIn({ name, ttl, rrdatas, routingPolicy }: ResourceRecordSet): Found {
  const values: unknown = rrdatas ?? [];
  if (!isTexts(values))
    throw new DnsError(
      'ERR_DNS_API',
      `google: the TXT records of ${nameOf(name)} are not texts: see whether google has trouble, or has changed its API`,
    );
  return { ttl, values, routed: Boolean(routingPolicy) };
}

function isTexts(values: unknown): values is readonly string[] {
  return Array.isArray(values) && values.every((value) => typeof value === 'string');
}

function pathOf(managedZone: string): string {
  return `/managedZones/${encodeURIComponent(managedZone)}`;
}

function nameOf(name: string): string {
  return name.replace(/\.$/, '').toLowerCase();
}

/**
 * Limits and quotas are reported with status 403. A rate passes with time; a quota of the project
 * (`quotaExceeded`) does not.
 */
function refusal(json: unknown, status: number): Refusal | undefined {
  const { error } = {
    ...(json as
      | {
          readonly error?: {
            readonly message?: unknown;
            readonly errors?: readonly { readonly reason?: unknown }[];
          };
        }
      | undefined),
  };
  if (status !== 403 || !Array.isArray(error?.errors)) return undefined;
  const reasons = error.errors.map((entry) => String(entry?.reason));
  const message = String(error.message);
  if (reasons.some((reason) => /^(userRateLimit|rateLimit|dailyLimit)Exceeded/.test(reason)))
    return { code: 'ERR_DNS_RATE_LIMITED', message };
  return reasons.includes('quotaExceeded') ? { code: 'ERR_DNS_API', message } : undefined;
}
