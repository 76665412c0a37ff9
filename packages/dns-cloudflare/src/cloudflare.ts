import { type Clock, systemClock } from '@acmex/clock';
import {
  acceptedTtl,
  allPages,
  canonicalName,
  concealed,
  DnsError,
  type DnsOptions,
  type DnsProvider,
  type HostAnswer,
  type HostZones,
  hostZones,
  type Page,
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

/** The key of a whole account: it can change everything in it. */
export interface CloudflareGlobalKey {
  /** The e-mail address of the account. */
  readonly email: string;
  readonly key: Secret;
}

export interface CloudflareOptions {
  /** An API token that may read the zone (Zone.Zone) and edit its records (Zone.DNS). */
  readonly token?: Secret;
  /** Reads zones (Zone.Zone), if `token` may only edit records; `token` by default. */
  readonly zoneToken?: Secret;
  /** Instead of tokens. */
  readonly globalKey?: CloudflareGlobalKey;
  /** The only zone that is written; zones are found by their names by default. */
  readonly zoneId?: string;
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
 * @throws RangeError unless there is either a token or a global key
 * @see https://developers.cloudflare.com/api/resources/dns/subresources/records/
 */
export function cloudflare(options: CloudflareOptions): DnsProvider {
  const { token, globalKey, zoneToken, zoneId, ...transport } = options;
  const credential = token ?? globalKey;
  if (credential === undefined || (token !== undefined && globalKey !== undefined))
    throw new RangeError('cloudflare needs either a token or a global key');
  const call = sdkCall(credential, transport);
  const zoneCall = zoneToken === undefined ? call : sdkCall(zoneToken, transport);
  const zones = cloudflareZones(zoneCall, { zoneId, clock: options.clock ?? systemClock });

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
    ttl: acceptedTtl(record.ttl, { minimum: 60, maximum: 86_400 }),
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
    await allPages(
      1,
      (page) =>
        pageOf(
          call,
          'dns.records.list',
          { id: '', type: '', name: '', content: '' },
          (sdk, request) => sdk.dns.records.list({ ...wanted, page, per_page: 50 }, request),
          { ...options, zone, page },
        ),
      { provider: 'cloudflare' },
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
    `cloudflare: no zone ${zone} with these credentials: check the name, and that the token has Zone.Zone read for it`,
  );
}

/** Cloudflare writes names in U-labels, in its answers and in its filter. */
function cloudflareZones(
  call: Call,
  { zoneId, clock }: { readonly zoneId: string | undefined; readonly clock: Clock },
): HostZones<CloudflareZone> {
  const zone: CloudflareZone = { id: '', name: '' };
  if (zoneId !== undefined)
    return hostZones({
      clock,
      writes: 'u-labels',
      list: async (options) => [
        await call('zones.get', (sdk, request) => sdk.zones.get({ zone_id: zoneId }, request), {
          ...options,
          zone: zoneId,
          repeatable: true,
          answer: zone,
        }),
      ],
    });
  const zonesPage = (page: number, filter: { readonly name?: string }, options: DnsOptions) =>
    pageOf(
      call,
      'zones.list',
      zone,
      (sdk, request) => sdk.zones.list({ ...filter, page, per_page: 50 }, request),
      { ...options, page },
    );
  const listed = (filter: { readonly name?: string }, options: DnsOptions) =>
    allPages(1, (page) => zonesPage(page, filter, options), { provider: 'cloudflare' });
  return hostZones({
    clock,
    writes: 'u-labels',
    list: (options) => listed({}, options),
    ask: (name, options) => listed({ name }, options),
    search: async (base, options) => {
      const { items, next } = await zonesPage(1, { name: `ends_with:${base}` }, options);
      return { zones: items, isComplete: next === undefined };
    },
  });
}

/** Returns a page of a list. */
async function pageOf<T>(
  call: Call,
  what: string,
  item: T,
  ask: (sdk: CloudflareSdk, request: Request) => Promise<unknown>,
  { page, ...options }: DnsOptions & { readonly zone?: string; readonly page: number },
): Promise<Page<T, number>> {
  const {
    result: items,
    result_info: { total_pages: last },
  } = await call(what, ask, {
    ...options,
    repeatable: true,
    answer: { result: [item], result_info: { total_pages: 0 } },
  });
  return { items, next: page < last ? page + 1 : undefined };
}

/** Returns the SDK's calls with our time limits, pauses and errors. */
function sdkCall(
  credential: Secret | CloudflareGlobalKey,
  { fetch, clock }: Pick<CloudflareOptions, 'fetch' | 'clock'>,
): Call {
  let revealed = '';
  const api = sdkApi({
    provider: 'cloudflare',
    toAnswer,
    refusal,
    conceal: (text) => concealed(text, [revealed]),
    ...(clock ? { clock } : {}),
  });
  return (what, ask, options) =>
    api(
      what,
      async (signal) => {
        const isKey = typeof credential === 'object';
        revealed = await reveal(isKey ? credential.key : credential, {
          provider: 'cloudflare',
          what: isKey ? 'the global key' : 'the token',
        });
        const headers: Readonly<Record<string, string>> = isKey
          ? { 'x-auth-email': credential.email, 'x-auth-key': revealed }
          : { authorization: `Bearer ${revealed}` };
        return await ask(cloudflareSdk({ token: revealed, fetch: sdkFetch({ headers, fetch }) }), {
          signal,
        });
      },
      options,
    );
}
