import type { Clock } from '@acmex/clock';
import { type DnsOptions, jsonApi, type Secret } from '@acmex/dns';

/** What acme-dns gave at a registration: it can write one name there. */
export interface AcmednsAccount {
  /** The name that `_acme-challenge` is an alias (CNAME) of. */
  readonly fulldomain: string;
  readonly subdomain: string;
  readonly username: string;
  readonly password: Secret;
}

export interface RegisterOptions extends DnsOptions {
  /** The URL of acme-dns: `https://auth.example.org`. */
  readonly url: string;
  /** Networks that may use the account, in CIDR notation; all by default. */
  readonly allowFrom?: readonly string[];
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/**
 * Makes an account. Keep it: acme-dns shows the password this once. Then set the alias:
 * `_acme-challenge.www.example.com. CNAME FULLDOMAIN.`
 */
export async function registerAcmedns({
  url,
  allowFrom = [],
  signal,
  ...more
}: RegisterOptions): Promise<AcmednsAccount & { readonly password: string }> {
  const api = jsonApi({ provider: 'acmedns', baseUrl: url.replace(/\/$/, ''), ...more });
  const body = allowFrom.length > 0 ? { allowfrom: allowFrom } : {};
  const { fulldomain, subdomain, username, password } = await api('POST', '/register', {
    signal,
    body,
    answer: { fulldomain: '', subdomain: '', username: '', password: '' },
  });
  return { fulldomain, subdomain, username, password };
}
