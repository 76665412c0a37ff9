import { type Clock, systemClock } from '@acmex/clock';
import {
  allPages,
  canonicalName,
  concealed,
  DnsError,
  type DnsOptions,
  type DnsProvider,
  type HostAnswer,
  type HostZones,
  hostZones,
  quoted,
  recordName,
  type Refusal,
  reveal,
  sdkApi,
  type SdkCallOptions,
  sdkFetch,
  type Secret,
  type TxtRecord,
  unquoted,
} from '@acmex/dns';
import { cloudflareSdk } from './sdk.ts';

type CloudflareSdk = ReturnType<typeof cloudflareSdk>;
type Request = { readonly signal: AbortSignal };
type CloudflareZone = { readonly id: string; readonly name: string };
type Place = { readonly page: number; readonly per_page: number };

export interface CloudflareOptions {
  /** An API token that may read the zone (Zone.Zone) and edit its records (Zone.DNS). */
  readonly token: Secret;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/** Calls the SDK; `what` names the call in errors. */
type Call = <T>(
  what: string,
  ask: (sdk: CloudflareSdk, request: Request) => Promise<unknown>,
  options: SdkCallOptions<T>,
) => Promise<T>;

/**
 * TXT records at Cloudflare.
 * @see https://developers.cloudflare.com/api/resources/dns/subresources/records/
 */
export function cloudflare(options: CloudflareOptions): DnsProvider {
  const call = sdkCall(options);
  const zones = cloudflareZones(call, options.clock ?? systemClock);

  return {
    name: 'cloudflare',
    append: (zone, records, options = {}) =>
      zones.use(zone, options, async (entries) => {
        const id = idOf(zone, entries);
        for (const record of records) await add(call, id, zone, record, options);
      }),
    remove: (zone, records, options = {}) =>
      zones.use(zone, options, async (entries) => {
        const id = idOf(zone, entries);
        for (const record of records) await take(call, id, zone, record, options);
      }),
    zones: (options = {}) => zones.names(options),
    zoneOf: (name, options = {}) => zones.zoneOf(name, options),
  };
}

/** What the SDK makes of an answer; also of one that it stumbles over. */
function toAnswer(error: unknown): HostAnswer | undefined {
  const {
    name,
    status,
    headers,
    error: json,
  } = error as {
    readonly name?: unknown;
    readonly status?: unknown;
    readonly headers?: unknown;
    readonly error?: unknown;
  };
  if (name === 'SyntaxError' || name === 'TypeError')
    return { status: 200, headers: new Headers() };
  return typeof status === 'number' && headers instanceof Headers
    ? { status, headers, json }
    : undefined;
}

/** Cloudflare answers 400 also where a token cannot be one (6003, with 6111 in its chain). */
function refusal(json: unknown, status: number): Refusal | undefined {
  if (
    status < 400 ||
    typeof json !== 'object' ||
    json === null ||
    !('errors' in json) ||
    !Array.isArray(json.errors)
  )
    return undefined;
  const errors = json.errors as readonly { readonly code?: unknown; readonly message?: unknown }[];
  const message = errors
    .map((error) => `${String(error?.message)} (${String(error?.code)})`)
    .join('; ');
  return {
    message,
    ...(errors.some(
      (error) => error?.code === 6003 || error?.code === 9109 || error?.code === 10_000,
    ) && status !== 429
      ? { code: 'ERR_DNS_CREDENTIALS' as const }
      : {}),
  };
}

function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_DNS_API';
}

async function add(call: Call, id: string, zone: string, record: TxtRecord, options: DnsOptions) {
  if ((await find(call, id, zone, record, options)).length > 0) return;
  const wanted = {
    zone_id: id,
    type: 'TXT' as const,
    name: recordName(zone, record),
    content: quoted(record.value),
    ttl: record.ttl ?? 60,
  };
  await call('dns.records.create', (sdk, request) => sdk.dns.records.create(wanted, request), {
    ...options,
    zone,
    answer: { id: '' },
  }).catch(async (error: unknown) => {
    options.signal?.throwIfAborted();
    // Someone else was faster (81058: an identical record exists), or the answer was lost: what
    // counts is whether it is there.
    if (!isRefused(error) || (await find(call, id, zone, record, options)).length === 0)
      throw error;
  });
}

async function take(call: Call, id: string, zone: string, record: TxtRecord, options: DnsOptions) {
  for (const existingRecord of await find(call, id, zone, record, options))
    await call(
      'dns.records.delete',
      (sdk, request) => sdk.dns.records.delete(existingRecord.id, { zone_id: id }, request),
      { ...options, zone, repeatable: true, accept: [404] },
    );
}

async function find(call: Call, id: string, zone: string, record: TxtRecord, options: DnsOptions) {
  const wanted = { zone_id: id, type: 'TXT' as const, name: { exact: recordName(zone, record) } };
  return (
    await list(
      call,
      'dns.records.list',
      { id: '', type: '', name: '', content: '' },
      (sdk, place, request) => sdk.dns.records.list({ ...wanted, ...place }, request),
      { ...options, zone },
    )
  ).filter(
    ({ type, name, content }) =>
      type === 'TXT' &&
      canonicalName(name) === canonicalName(recordName(zone, record)) &&
      unquoted(content) === record.value,
  );
}

/** Returns the id of the zone that was found. */
function idOf(zone: string, [entry]: readonly CloudflareZone[]): string {
  if (entry) return entry.id;
  throw new DnsError(
    'ERR_DNS_ZONE_NOT_FOUND',
    `cloudflare: no zone ${zone} with this token: check the name, and that the token has Zone.Zone read for it`,
  );
}

/** Cloudflare writes names in U-labels, in its answers and in its filter. */
function cloudflareZones(call: Call, clock: Clock): HostZones<CloudflareZone> {
  const listed = (filter: { readonly name?: string }, options: DnsOptions) =>
    list(
      call,
      'zones.list',
      { id: '', name: '' },
      (sdk, place, request) => sdk.zones.list({ ...filter, ...place }, request),
      options,
    );
  return hostZones({
    clock,
    writes: 'u-labels',
    list: (options) => listed({}, options),
    ask: (name, options) => listed({ name }, options),
  });
}

/** Every item of a list, page by page. */
async function list<T>(
  call: Call,
  what: string,
  item: T,
  ask: (sdk: CloudflareSdk, place: Place, request: Request) => Promise<unknown>,
  options: DnsOptions & { readonly zone?: string },
) {
  return await allPages(
    1,
    async (page) => {
      const {
        result,
        result_info: { total_pages: last },
      } = await call(what, (sdk, request) => ask(sdk, { page, per_page: 50 }, request), {
        ...options,
        repeatable: true,
        answer: { result: [item], result_info: { total_pages: 0 } },
      });
      return { items: result, next: page < last ? page + 1 : undefined };
    },
    { provider: 'cloudflare' },
  );
}

/** Returns the SDK's calls with our time limits, pauses and errors. */
function sdkCall({ token, fetch, clock }: CloudflareOptions): Call {
  let revealedToken = '';
  const api = sdkApi({
    provider: 'cloudflare',
    toAnswer,
    refusal,
    conceal: (text) => concealed(text, [revealedToken]),
    ...(clock ? { clock } : {}),
  });
  return (what, ask, options) =>
    api(
      what,
      async (signal) => {
        revealedToken = await reveal(token, { provider: 'cloudflare', what: 'the token' });
        return await ask(
          cloudflareSdk({
            token: revealedToken,
            fetch: sdkFetch({ headers: { authorization: `Bearer ${revealedToken}` }, fetch }),
          }),
          { signal },
        );
      },
      options,
    );
}
