import type { ConfigSection } from './certbot-config.ts';
import { readCertbotConfig } from './certbot-config.ts';
import type { ClientChallenge, Omission } from './client-directory.ts';
import { readTextIfPresent } from './client-files.ts';

/** A DNS plug-in of certbot: the keys of its credentials, and the variables that mean the same. */
interface DnsPlugin {
  readonly provider: string;
  readonly keys: Readonly<Record<string, string>>;
  /** The variable for the path of the credentials, where the file is not one of keys. */
  readonly file?: string;
  /** It has no credentials of its own. */
  readonly isAmbient?: true;
}

/** https://eff-certbot.readthedocs.io/en/stable/using.html#dns-plugins */
const plugins: Readonly<Record<string, DnsPlugin>> = {
  'dns-cloudflare': {
    provider: 'cloudflare',
    keys: {
      dns_cloudflare_api_token: 'CLOUDFLARE_API_TOKEN',
      dns_cloudflare_api_key: 'CLOUDFLARE_API_KEY',
      dns_cloudflare_email: 'CLOUDFLARE_EMAIL',
    },
  },
  'dns-digitalocean': {
    provider: 'digitalocean',
    keys: { dns_digitalocean_token: 'DIGITALOCEAN_TOKEN' },
  },
  'dns-linode': { provider: 'linode', keys: { dns_linode_key: 'LINODE_TOKEN' } },
  'dns-google': { provider: 'google', keys: {}, file: 'GOOGLE_APPLICATION_CREDENTIALS' },
  'dns-route53': { provider: 'route53', keys: {}, isAmbient: true },
};

/**
 * Returns how a DNS plug-in of certbot validates names, with the credentials in the file that its
 * setting names; or why this cannot be taken over.
 */
export async function certbotDns(
  authenticator: string,
  values: ConfigSection['values'],
): Promise<ClientChallenge | Omission> {
  const plugin = Object.hasOwn(plugins, authenticator) ? plugins[authenticator] : undefined;
  if (!plugin)
    return {
      setting: 'authenticator',
      reason: `${authenticator} is not known: name a DNS host with --dns-provider, and set its variables`,
    };
  const { provider, keys, file, isAmbient } = plugin;
  if (isAmbient) return { type: 'dns-01', provider, variables: {} };
  const setting = `${authenticator.replaceAll('-', '_')}_credentials`;
  const path = values[setting];
  if (path !== undefined && file !== undefined)
    return { type: 'dns-01', provider, variables: { [file]: path } };
  const text = path === undefined ? undefined : await readTextIfPresent(path);
  const credentials = readCertbotConfig(text ?? '').values;
  const variables = Object.fromEntries(
    Object.entries(keys).flatMap(([key, variable]) => {
      const value = credentials[key];
      return value === undefined ? [] : [[variable, value]];
    }),
  );
  if (Object.keys(variables).length > 0) return { type: 'dns-01', provider, variables };
  return {
    setting,
    reason: `there are no credentials in ${path ?? 'the configuration'}: name the host with --dns-provider ${provider}, and set its variables`,
  };
}
