import { type Clock, systemClock } from '@acmex/clock';
import { DnsError, type DnsOptions, jsonApi, type Refusal, reveal, type Secret } from '@acmex/dns';
import { jwt } from './jwt.ts';
import { readServiceAccount, type ServiceAccountSource } from './service-account.ts';

/** By what access is had: a service account's key, or an access token of OAuth 2.0 that someone else gets. */
export type GoogleCredentials = ServiceAccountSource | { readonly accessToken: Secret };

export interface AccessTokenOptions {
  /** By default the service account of the machine, container or pod that this runs on at Google Cloud. */
  readonly credentials?: GoogleCredentials;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

export interface AccessToken {
  readonly token: string;
  /** Of the service account's key. */
  readonly project?: string | undefined;
}

interface Granted {
  readonly access_token: string;
  /** Seconds. */
  readonly expires_in: number;
}

const granted: Granted = { access_token: '', expires_in: 0 };
const scope = 'https://www.googleapis.com/auth/ndev.clouddns.readwrite';

/** Access tokens for Cloud DNS, each kept until a minute before its end, or until it is forgotten. */
export function accessTokens({ credentials, ...more }: AccessTokenOptions): { readonly get: (options: DnsOptions) => Promise<AccessToken>; readonly forget: () => void } {
  const { clock = systemClock } = more;
  let kept: (AccessToken & { readonly until: number }) | undefined;

  const ask = async (options: DnsOptions): Promise<Granted & { readonly project?: string | undefined }> => {
    if (!credentials || 'accessToken' in credentials) return await fromMetadata(more, options);
    const account = await readServiceAccount(credentials);
    const now = Math.floor(clock.now().epochMilliseconds / 1000);
    const assertion = jwt({ iss: account.email, scope, aud: account.tokenUri, iat: now, exp: now + 3600 }, account);
    const api = jsonApi({ provider: 'google', baseUrl: account.tokenUri, refusal, ...more });
    return { ...await api('POST', '', { ...options, repeatable: true, body: new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }), answer: granted }), project: account.project };
  };
  return {
    async get(options) {
      if (credentials && 'accessToken' in credentials) return { token: await reveal(credentials.accessToken, { provider: 'google', what: 'the access token' }) };
      if (kept && clock.monotonic() < kept.until) return kept;
      const { access_token: token, expires_in: seconds, project } = await ask(options);
      kept = { token, project, until: clock.monotonic() + (seconds - 60) * 1000 };
      return kept;
    },
    forget: () => { kept = undefined; },
  };
}

/** @see https://docs.cloud.google.com/compute/docs/access/authenticate-workloads */
async function fromMetadata(more: Omit<AccessTokenOptions, 'credentials'>, options: DnsOptions): Promise<Granted> {
  const api = jsonApi({ provider: 'google', baseUrl: 'http://metadata.google.internal/computeMetadata/v1', headers: { 'metadata-flavor': 'Google' }, limit: 'PT3S', ...more });
  return await api('GET', '/instance/service-accounts/default/token', { ...options, answer: granted }).catch((cause: unknown) => {
    options.signal?.throwIfAborted();
    throw new DnsError('ERR_DNS_CREDENTIALS', 'google: there are no credentials, and the metadata server of Google Cloud gives none: give serviceAccount, keyFile or accessToken', { cause });
  });
}

/** OAuth 2.0 says by status 400 that it does not take a key. RFC 6749 §5.2. */
function refusal(json: unknown, status: number): Refusal | undefined {
  if (status !== 400 && status !== 401) return undefined;
  const { error, error_description: description } = { ...(json as { readonly error?: unknown; readonly error_description?: unknown } | undefined) };
  return { code: 'ERR_DNS_CREDENTIALS', message: `${String(description ?? '')} (${String(error)})` };
}
