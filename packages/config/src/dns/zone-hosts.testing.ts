import { domainToASCII, domainToUnicode } from 'node:url';
import { type VirtualClock, virtualClock } from '@acmex/clock';
import type { DnsProvider } from '@acmex/dns';
import { alibaba } from '@acmex/dns-alibaba';
import { azure } from '@acmex/dns-azure';
import { cloudflare } from '@acmex/dns-cloudflare';
import { cloudns } from '@acmex/dns-cloudns';
import { digitalocean } from '@acmex/dns-digitalocean';
import { google } from '@acmex/dns-google';
import { huawei } from '@acmex/dns-huawei';
import { linode } from '@acmex/dns-linode';
import { powerdns } from '@acmex/dns-powerdns';
import { route53 } from '@acmex/dns-route53';
import { tencent } from '@acmex/dns-tencent';

/** The part of a host's API that lists zones and finds them by name, with its largest page. */
interface ZoneHost {
  /** How the host writes internationalized names in its answers. */
  readonly writes?: 'u-labels';
  readonly open: (transport: {
    readonly fetch: typeof fetch;
    readonly clock: VirtualClock;
  }) => DnsProvider;
  /** Answers a question about zones; undefined for anything else. */
  readonly answer: (request: ZoneRequest, zones: readonly string[]) => Response | undefined;
}
interface ZoneRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly text: string;
}

const json = (body: unknown, status = 200) => Response.json(body, { status });
/** One page of a list. */
const pageOf = <Item>(items: readonly Item[], size: number, page: number) =>
  items.slice(size * (page - 1), size * page);
const pagesOf = (items: readonly unknown[], size: number) => Math.ceil(items.length / size);
const named = (zones: readonly string[], name: string | null) =>
  name === null ? zones : zones.filter((zone) => zone === name);
const containing = (zones: readonly string[], text: string | null) =>
  text === null ? zones : zones.filter((zone) => zone.includes(text));
const reversed = (name: string) => name.split('.').reverse().join('.');
const azurePath = '/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/dnsZones';
const azureZone = (name: string) => ({ id: `${azurePath}/${name}`, name });
const route53Zone = (name: string) =>
  `<HostedZone><Id>/hostedzone/Z${Buffer.from(name).toString('hex').toUpperCase()}</Id><Name>${name}.</Name><CallerReference>x</CallerReference><Config><PrivateZone>false</PrivateZone></Config></HostedZone>`;

function azureAnswer({ path, query }: ZoneRequest, zones: readonly string[]) {
  if (path === '/subscriptions') return json({ value: [{ subscriptionId: 's' }] });
  if (path === '/subscriptions/s/resources') {
    const filter = query.get('$filter') ?? '';
    const [, name = ''] = / and name eq '(.*)'$/.exec(filter) ?? [];
    const [, part = null] = / and substringof\('(.*)', name\)$/.exec(filter) ?? [];
    const matching = part === null ? named(zones, name) : containing(zones, part);
    return json({ value: matching.map(azureZone) });
  }
  const [, zone] = /\/dnsZones\/([^/]*)$/.exec(path) ?? [];
  if (zone !== undefined)
    return zones.includes(zone)
      ? json(azureZone(zone))
      : json({ error: { code: 'ResourceNotFound', message: 'no' } }, 404);
  if (!/\/dnsZones$/.test(path)) return undefined;
  const page = Number(query.get('$skipToken') ?? 1);
  const next = `https://management.azure.com${path}?$skipToken=${page + 1}`;
  return json({
    value: pageOf(zones, 100, page).map(azureZone),
    ...(page < pagesOf(zones, 100) ? { nextLink: next } : {}),
  });
}

/** Every host that has an API for zones. */
export const zoneHosts: Readonly<Record<string, ZoneHost>> = {
  alibaba: {
    writes: 'u-labels',
    open: (transport) => alibaba({ accessKeyId: 'i', accessKeySecret: 's', ...transport }),
    answer({ headers, query }, zones) {
      const action = headers.get('x-acs-action');
      if (action === 'DescribeDomainInfo') {
        const [DomainName] = named(zones, query.get('DomainName'));
        return DomainName === undefined
          ? json({ Code: 'InvalidDomainName.NoExist', Message: 'no' }, 400)
          : json({ DomainName });
      }
      if (action !== 'DescribeDomains') return undefined;
      const all = containing(zones, query.get('KeyWord'));
      const Domain = pageOf(all, 100, Number(query.get('PageNumber'))).map((DomainName) => ({
        DomainName,
        PunyCode: domainToASCII(DomainName),
      }));
      return json({ TotalCount: all.length, Domains: { Domain } });
    },
  },
  azure: {
    open: (transport) => azure({ credentials: { accessToken: 'a' }, ...transport }),
    answer: azureAnswer,
  },
  cloudflare: {
    writes: 'u-labels',
    open: (transport) => cloudflare({ token: 'a-token', ...transport }),
    answer({ path, query }, zones) {
      if (path !== '/client/v4/zones') return undefined;
      const [, end] = /^ends_with:(.*)$/.exec(query.get('name') ?? '') ?? [];
      const all =
        end === undefined
          ? named(zones, query.get('name'))
          : zones.filter((zone) => zone.endsWith(end));
      return json({
        success: true,
        result: pageOf(all, 50, Number(query.get('page'))).map((name) => ({ id: 'i', name })),
        result_info: { total_pages: pagesOf(all, 50) },
      });
    },
  },
  cloudns: {
    open: (transport) => cloudns({ user: { authId: '1' }, password: 'p', ...transport }),
    answer({ path, text }, zones) {
      const form = new URLSearchParams(text);
      const zone = (name: string) => ({ name, type: 'master', zone: 'domain', status: '1' });
      if (path === '/dns/get-pages-count.json') return json(pagesOf(zones, 100));
      if (path === '/dns/list-zones.json')
        return json(
          pageOf(containing(zones, form.get('search')), 100, Number(form.get('page'))).map(zone),
        );
      if (path !== '/dns/get-zone-info.json') return undefined;
      const [name] = named(zones, form.get('domain-name'));
      return json(
        name === undefined
          ? { status: 'Failed', statusDescription: 'Missing domain-name' }
          : zone(name),
      );
    },
  },
  digitalocean: {
    open: (transport) => digitalocean({ token: 't', ...transport }),
    answer({ path, query }, zones) {
      if (path === '/v2/domains')
        return json({
          domains: pageOf(zones, 200, Number(query.get('page'))).map((name) => ({ name })),
          meta: { total: zones.length },
        });
      const [, domain] = /^\/v2\/domains\/([^/]+)$/.exec(path) ?? [];
      if (domain === undefined) return undefined;
      const [name] = named(zones, decodeURIComponent(domain));
      return name === undefined
        ? json({ id: 'not_found', message: 'no such domain' }, 404)
        : json({ domain: { name } });
    },
  },
  google: {
    open: (transport) => google({ project: 'p', credentials: { accessToken: 'a' }, ...transport }),
    answer({ path, query }, zones) {
      if (path !== '/dns/v1/projects/p/managedZones') return undefined;
      const name = query.get('dnsName');
      const all = named(zones, name === null ? null : name.replace(/\.$/, ''));
      const page = Number(query.get('pageToken') ?? 1);
      return json({
        managedZones: pageOf(all, 100, page).map((zone, at) => ({
          name: `z${at}`,
          dnsName: `${zone}.`,
        })),
        ...(page < pagesOf(all, 100) ? { nextPageToken: String(page + 1) } : {}),
      });
    },
  },
  huawei: {
    open: (transport) => huawei({ accessKeyId: 'i', secretAccessKey: 's', ...transport }),
    answer({ path, query }, zones) {
      if (path !== '/v2/zones') return undefined;
      const name = query.get('name')?.replace(/\.$/, '') ?? null;
      const all =
        query.get('search_mode') === 'equal' ? named(zones, name) : containing(zones, name);
      const offset = Number(query.get('offset'));
      return json({
        zones: all.slice(offset, offset + 500).map((zone) => ({ id: zone, name: `${zone}.` })),
        metadata: { total_count: all.length },
      });
    },
  },
  linode: {
    open: (transport) => linode({ token: 't', ...transport }),
    answer({ path, query, headers }, zones) {
      if (path !== '/v4/domains') return undefined;
      const { domain = null } = JSON.parse(headers.get('x-filter') ?? '{}') as {
        readonly domain?: string | { readonly '+contains': string };
      };
      const all =
        typeof domain === 'string'
          ? named(zones, domain)
          : containing(zones, domain?.['+contains'] ?? null);
      return json({
        data: pageOf(all, 500, Number(query.get('page'))).map((name, id) => ({
          id,
          domain: name,
          type: 'master',
        })),
        pages: pagesOf(all, 500),
      });
    },
  },
  powerdns: {
    open: (transport) => powerdns({ url: 'http://127.0.0.1:8081', apiKey: 'k', ...transport }),
    answer: ({ path }, zones) =>
      path.endsWith('/zones') ? json(zones.map((name) => ({ name: `${name}.` }))) : undefined,
  },
  route53: {
    open: ({ fetch, clock }) =>
      route53({
        credentials: { accessKeyId: 'i', secretAccessKey: 's' },
        requestHandler: fetchHandler(fetch),
        clock,
      }),
    answer({ path, query }, zones) {
      if (!path.endsWith('/hostedzonesbyname')) return undefined;
      const from = reversed((query.get('dnsname') ?? '').replace(/\.$/, ''));
      const all = [...zones]
        .sort((a, b) => (reversed(a) < reversed(b) ? -1 : 1))
        .filter((name) => reversed(name) >= from);
      const next = all[100];
      return new Response(
        `<ListHostedZonesByNameResponse><HostedZones>${all.slice(0, 100).map(route53Zone).join('')}</HostedZones><IsTruncated>${next !== undefined}</IsTruncated>${next === undefined ? '' : `<NextDNSName>${next}.</NextDNSName><NextHostedZoneId>Z1</NextHostedZoneId>`}<MaxItems>100</MaxItems></ListHostedZonesByNameResponse>`,
        { headers: { 'content-type': 'text/xml' } },
      );
    },
  },
  tencent: {
    open: (transport) => tencent({ secretId: 'i', secretKey: 's', ...transport }),
    answer({ headers, text }, zones) {
      if (headers.get('x-tc-action') !== 'DescribeDomainList') return undefined;
      const { Offset, Limit } = JSON.parse(text) as { Offset: number; Limit: number };
      return json({
        Response: {
          DomainCountInfo: { DomainTotal: zones.length },
          DomainList: zones.slice(Offset, Offset + Limit).map((name) => ({
            Name: domainToUnicode(name),
            Punycode: name,
          })),
        },
      });
    },
  },
};

/** Hosts that find zones in another way, with options. */
export const moreZoneHosts: Readonly<Record<string, ZoneHost>> = {
  'azure in a resource group': {
    open: (transport) =>
      azure({
        credentials: { accessToken: 'a' },
        subscriptionId: 's',
        resourceGroup: 'g',
        ...transport,
      }),
    answer: azureAnswer,
  },
};

type Handler = NonNullable<NonNullable<Parameters<typeof route53>[0]>['requestHandler']>;

/** Sends the requests of AWS's SDK by fetch. */
export function fetchHandler(send: typeof fetch): Handler {
  const handle = async ({ method, hostname, path, query, headers, body }: SdkRequest) => {
    const search = new URLSearchParams(query).toString();
    const response = await send(`https://${hostname}${path}?${search}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    return {
      response: {
        statusCode: response.status,
        headers: Object.fromEntries(response.headers),
        body: response.body,
      },
    };
  };
  return { handle } as unknown as Handler;
}

interface SdkRequest {
  readonly method: string;
  readonly hostname: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * Opens the provider of a host that has these zones.
 *
 * @param zones names in A-labels
 * @returns the provider, and the questions about zones that it asked
 */
export function openZoneHost(
  type: string,
  zones: readonly string[],
): {
  readonly provider: DnsProvider;
  readonly questions: readonly string[];
  readonly urls: readonly string[];
  readonly clock: VirtualClock;
} {
  const host = zoneHosts[type] ?? moreZoneHosts[type];
  if (!host) throw new Error(`there is no host ${type}`);
  const listed = host.writes === 'u-labels' ? zones.map((name) => domainToUnicode(name)) : zones;
  const questions: string[] = [];
  const urls: string[] = [];
  const clock = virtualClock();
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    urls.push(`${request.method} ${request.url}`);
    const answer = host.answer(
      {
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        text: await request.text(),
      },
      listed,
    );
    await new Promise((resolve) => setImmediate(resolve));
    if (answer) questions.push(`${request.method} ${request.url}`);
    return answer ?? new Response(null, { status: 500 });
  };
  return { provider: host.open({ fetch, clock }), questions, urls, clock };
}
