import { configKeys } from '../config-keys.ts';
import type { Config } from '../read-config.ts';
import { configSchema } from '../schema.ts';
import { type DnsProviderDescription, dnsProviderTypes } from './entry.ts';

/** A kind of DNS host that a configuration can name. */
export interface DnsProviderKind {
  /** As `type` in `[[challenge.dns01.providers]]`. */
  readonly type: DnsProviderDescription['type'];
  readonly title: string;
  /** What has to be installed. */
  readonly package: string;
  readonly options: readonly DnsProviderOption[];
}

export interface DnsProviderOption {
  readonly name: string;
  readonly required: boolean;
  readonly credential: boolean;
  readonly meaning: string;
}

const titles = {
  'cloudflare': ['Cloudflare', '@acmex/dns-cloudflare'],
  'digitalocean': ['DigitalOcean', '@acmex/dns-digitalocean'],
  'route53': ['Amazon Route 53', '@acmex/dns-route53'],
  'google': ['Google Cloud DNS', '@acmex/dns-google'],
  'powerdns': ['PowerDNS', '@acmex/dns-powerdns'],
  'rfc2136': ['RFC 2136 (BIND, Knot, PowerDNS, Windows)', '@acmex/dns-rfc2136'],
  'acmedns': ['acme-dns', '@acmex/dns-acmedns'],
  'exec': ['A program, called as by lego', '@acmex/dns-hooks'],
  'httpreq': ['A server with the API of lego\'s httpreq', '@acmex/dns-hooks'],
  'certbot': ['Hooks of certbot\'s manual plugin', '@acmex/dns-hooks'],
  'acme.sh': ['A dnsapi script of acme.sh', '@acmex/dns-hooks'],
} as const satisfies Readonly<Record<DnsProviderDescription['type'], readonly [title: string, name: string]>>;

/** Every kind that can be named, with its options. `manual` is none of them: nobody stands by when a certificate is renewed. */
export function dnsProviderKinds(): readonly DnsProviderKind[] {
  return dnsProviderTypes.map((type) => ({ type, title: titles[type][0], package: titles[type][1], options: optionsOf(type) }));
}

function optionsOf(type: DnsProviderDescription['type']): readonly DnsProviderOption[] {
  const entry = dnsEntrySchemas().find((one) => one.properties?.['type'] !== undefined && typeof one.properties['type'] === 'object' && one.properties['type'].const === type);
  if (!entry) return [];
  return configKeys({ ...entry }).filter(({ path: [name] }) => name !== 'type' && name !== 'name').map(({ path, schema }) => ({
    name: path.join('.').replaceAll('.[]', '[]'),
    required: entry.required?.includes(path[0] ?? '') ?? false,
    credential: schema.writeOnly === true,
    meaning: schema.description ?? '',
  }));
}

function dnsEntrySchemas() {
  const at = (schema: ReturnType<typeof configSchema> | boolean | undefined, name: string) => (typeof schema === 'object' ? schema.properties?.[name] : undefined);
  const providers = at(at(at(configSchema(), 'challenge'), 'dns01'), 'providers');
  const items = typeof providers === 'object' ? providers.items : undefined;
  const either = typeof items === 'object' && !Array.isArray(items) ? items.oneOf ?? items.anyOf ?? [] : [];
  return either.filter((one) => typeof one === 'object');
}

/** The providers of a configuration. The one that is used where a certificate names none is `challenge.dns01.provider`. */
export function dnsProvidersOf({ values: { challenge: { dns01 } } }: Pick<Config, 'values'>): readonly DnsProviderDescription[] {
  const { provider: name, api_token: token, providers } = dns01;
  if (token === undefined || (name !== 'cloudflare' && name !== 'digitalocean')) return providers;
  return [...providers, { name, type: name, api_token: token }];
}
