import { z } from 'zod';
import type { CredentialKey } from '../credential.ts';
import type { Frozen } from '../frozen.ts';
import { apiUrl, argv, choice, list, ownName, path, text } from '../keys.ts';

/** One of `[[challenge.dns01.providers]]`: its options are those of its type. */
export function dnsProviderEntry(secret: CredentialKey) {
  const entry = <const T extends string, S extends z.ZodRawShape>(type: T, options: S) =>
    z.strictObject({ name: ownName('What certificates call it.'), type: z.literal(type).meta({ description: 'The kind of host; name by default.' }), ...options });
  const env = list(text('NAME, or NAME* for all that begin so.'), 'Environment variables that the program sees beside PATH, HOME, LANG and TZ.').default([]);
  return z.discriminatedUnion('type', [
    entry('cloudflare', { api_token: secret('API token with Zone.Zone read and Zone.DNS edit.') }),
    entry('digitalocean', { api_token: secret('Personal access token with the scopes domain:read, domain:create and domain:delete.') }),
    entry('route53', {
      access_key_id: text('An access key of IAM; what AWS\'s own tools find by default.').optional(),
      secret_access_key: secret('Its secret.').optional(),
      session_token: secret('The token of temporary credentials.').optional(),
      profile: text('In place of a key: a profile of ~/.aws/config.').optional(),
      region: text('us-east-1 by default; others for China and GovCloud.').optional(),
      hosted_zone_id: text('The one hosted zone that is written, where several have one name.').optional(),
      visibility: choice(['public', 'private'], 'Which hosted zones; public by default.').optional(),
    }),
    entry('google', {
      key_file: path('The key file (JSON) of a service account; that of the machine by default, from the metadata server.').optional(),
      service_account: secret('In place of a file: what is in it.').optional(),
      access_token: secret('In place of a key: an access token of OAuth 2.0.').optional(),
      project: text('The id of the project; that of the key by default.').optional(),
      managed_zone: text('The one managed zone that is written, where several have one DNS name.').optional(),
      visibility: choice(['public', 'private'], 'Which managed zones; public by default.').optional(),
    }),
    entry('powerdns', {
      url: apiUrl('Where the API lies: http://127.0.0.1:8081.'),
      api_key: secret('The api-key of pdns.conf.'),
      server: text('The server\'s id; localhost by default.').optional(),
    }),
    entry('rfc2136', {
      server: text('The primary server: host, host:port or [IPv6]:port.'),
      key_name: text('Name of the TSIG key.').optional(),
      key_secret: secret('Its secret in base64, as tsig-keygen prints it.').optional(),
      key_algorithm: choice(['hmac-sha256', 'hmac-sha384', 'hmac-sha512'], 'Its algorithm; hmac-sha256 by default.').optional(),
    }),
    entry('acmedns', {
      url: apiUrl('Where acme-dns lies: https://auth.example.org.'),
      accounts: list(z.strictObject({
        fulldomain: text('The name that _acme-challenge is an alias of.'),
        subdomain: text('Subdomain of the registration.'),
        username: text('User name of the registration.'),
        password: secret('Password of the registration.'),
      }), 'Registrations, one for each name.').min(1, 'write at least one: [{ fulldomain = "…", subdomain = "…", username = "…", password = "${…}" }]'),
    }),
    entry('exec', { program: path('Called as PROGRAM present|cleanup NAME VALUE.'), env }),
    entry('httpreq', {
      endpoint: apiUrl('What stands before /present and /cleanup.'),
      mode: choice(['default', 'RAW'], 'RAW sends the challenge in place of the record.').default('default'),
      username: text('For basic authentication.').optional(),
      password: secret('For basic authentication.').optional(),
    }),
    entry('certbot', { auth: argv('The program of --manual-auth-hook.'), cleanup: argv('The program of --manual-cleanup-hook.'), env }),
    entry('acme.sh', { home: path('Where acme.sh is installed.'), hook: text('As after --dns: dns_cf.').regex(/^dns_\w+$/, 'write it as "dns_cf"'), env }),
  ], { error: `write type = one of ${dnsProviderTypes.map((type) => `"${type}"`).join(', ')}` });
}

/** Those that can be named; in the order of the reference. */
export const dnsProviderTypes = ['cloudflare', 'digitalocean', 'route53', 'google', 'powerdns', 'rfc2136', 'acmedns', 'exec', 'httpreq', 'certbot', 'acme.sh'] as const;

/** A provider as the configuration describes it. */
export type DnsProviderDescription = Frozen<z.output<ReturnType<typeof dnsProviderEntry>>>;

/** Those that need no more than `api_token`, so that `challenge.dns01.provider` can name them without a table of their own. */
export const tokenAloneTypes = ['cloudflare', 'digitalocean'] as const;
