import type { DnsProvider } from '@acmex/dns';
import { ConfigError } from '../errors.ts';
import { loaded as load } from '../loaded.ts';
import type { Environment } from '../substitution.ts';
import type { DnsProviderDescription } from './entry.ts';

export interface OpenDnsProviderOptions {
  /** What programs may be given of; see `env` of each. */
  readonly environment: Environment;
}

/**
 * The provider that is described; its package is loaded when it is named, its credential is asked for when it is needed.
 * @throws ConfigError `ERR_CONFIG_PACKAGE_MISSING` with the line that installs it
 */
export async function openDnsProvider(description: DnsProviderDescription, { environment: from }: OpenDnsProviderOptions): Promise<DnsProvider> {
  const { name } = description;
  switch (description.type) {
    case 'cloudflare': return (await loaded('@acmex/dns-cloudflare', name, () => import('@acmex/dns-cloudflare'))).cloudflare({ token: description.api_token.reveal });
    case 'digitalocean': return (await loaded('@acmex/dns-digitalocean', name, () => import('@acmex/dns-digitalocean'))).digitalocean({ token: description.api_token.reveal });
    case 'route53': {
      const { access_key_id: accessKeyId, secret_access_key: key, session_token: token, profile, region, hosted_zone_id: hostedZoneId, visibility } = description;
      if (accessKeyId !== undefined && !key) throw new ConfigError('ERR_CONFIG_PROOF', `the DNS provider ${name} has an access_key_id and no secret_access_key: give both, or neither`);
      const given = accessKeyId !== undefined && key ? { accessKeyId, secretAccessKey: key.reveal, ...(token ? { sessionToken: token.reveal } : {}) } : profile === undefined ? undefined : { profile };
      return (await loaded('@acmex/dns-route53', name, () => import('@acmex/dns-route53'))).route53({
        ...(given ? { credentials: given } : {}), ...(region === undefined ? {} : { region }), ...(hostedZoneId === undefined ? {} : { hostedZoneId }), ...(visibility === undefined ? {} : { visibility }),
      });
    }
    case 'google': {
      const { key_file: keyFile, service_account: account, access_token: token, project, managed_zone: managedZone, visibility } = description;
      const given = keyFile !== undefined ? { keyFile } : account ? { serviceAccount: account.reveal } : token ? { accessToken: token.reveal } : undefined;
      return (await loaded('@acmex/dns-google', name, () => import('@acmex/dns-google'))).google({
        ...(given ? { credentials: given } : {}), ...(project === undefined ? {} : { project }), ...(managedZone === undefined ? {} : { managedZone }), ...(visibility === undefined ? {} : { visibility }),
      });
    }
    case 'powerdns': {
      const { url, api_key: { reveal: apiKey }, server } = description;
      return (await loaded('@acmex/dns-powerdns', name, () => import('@acmex/dns-powerdns'))).powerdns({ url, apiKey, ...(server === undefined ? {} : { server }) });
    }
    case 'rfc2136': {
      const { server, key_name: keyName, key_secret: secret, key_algorithm: algorithm = 'hmac-sha256' } = description;
      const key = keyName !== undefined && secret ? { key: { name: keyName, secret: secret.reveal, algorithm } } : {};
      return (await loaded('@acmex/dns-rfc2136', name, () => import('@acmex/dns-rfc2136'))).rfc2136({ server, ...key });
    }
    case 'acmedns': {
      const accounts = description.accounts.map(({ password, ...account }) => ({ ...account, password: password.reveal }));
      return (await loaded('@acmex/dns-acmedns', name, () => import('@acmex/dns-acmedns'))).acmedns({ url: description.url, accounts });
    }
    case 'exec': case 'httpreq': case 'certbot': case 'acme.sh': return await hooks(description, from);
  }
}

/** @param provider the name of the one that needs it */
async function loaded<T>(name: string, provider: string, importing: () => Promise<T>): Promise<T> {
  return await load(name, `the DNS provider ${provider}`, importing);
}

async function hooks(description: Extract<DnsProviderDescription, { type: 'exec' | 'httpreq' | 'certbot' | 'acme.sh' }>, from: Environment): Promise<DnsProvider> {
  const { acmeSh, certbotHooks, environment, execHook, httpreq } = await loaded('@acmex/dns-hooks', description.name, () => import('@acmex/dns-hooks'));
  if (description.type === 'httpreq') {
    const { endpoint, mode, username, password } = description;
    return httpreq({ endpoint, mode, ...(username !== undefined && password ? { user: { name: username, password: password.reveal } } : {}) });
  }
  const env = environment({ from, allow: ['PATH', 'HOME', 'LANG', 'TZ', ...description.env] });
  switch (description.type) {
    case 'exec': return execHook({ program: description.program, env });
    case 'certbot': return certbotHooks({ auth: description.auth, cleanup: description.cleanup, env });
    case 'acme.sh': return acmeSh({ home: description.home, hook: description.hook, env });
  }
}
