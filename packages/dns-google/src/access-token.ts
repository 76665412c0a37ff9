import { type Clock, systemClock } from '@acmex/clock';
import {
  DnsError,
  type DnsOptions,
  type GrantedToken,
  jsonApi,
  keptToken,
  reveal,
  type Secret,
  tokenRefusal,
} from '@acmex/dns';
import { jwt } from './jwt.ts';
import { readServiceAccount, type ServiceAccountSource } from './service-account.ts';

/**
 * By what access is had: a service account's key, or an access token of OAuth 2.0 that someone else
 * gets.
 */
export type GoogleCredentials = ServiceAccountSource | { readonly accessToken: Secret };

export interface AccessTokenOptions {
  /**
   * By default the service account of the machine, container or pod that this runs on at Google
   * Cloud.
   */
  readonly credentials?: GoogleCredentials;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

export interface AccessToken {
  readonly token: string;
  /** Of the service account's key. */
  readonly project?: string | undefined;
}

const granted: GrantedToken = { access_token: '', expires_in: 0 };
const scope = 'https://www.googleapis.com/auth/ndev.clouddns.readwrite';

/**
 * Access tokens for Cloud DNS, each kept until a minute before its end, or until it is forgotten.
 */
export function accessTokens({ credentials, ...more }: AccessTokenOptions): {
  readonly get: (options: DnsOptions) => Promise<AccessToken>;
  readonly forget: () => void;
} {
  const { clock = systemClock } = more;
  const ask = async (
    options: DnsOptions,
  ): Promise<GrantedToken & { readonly project?: string | undefined }> => {
    if (!credentials || 'accessToken' in credentials) return await fromMetadata(more, options);
    const account = await readServiceAccount(credentials);
    const now = Math.floor(clock.now().epochMilliseconds / 1000);
    const assertion = jwt(
      { iss: account.email, scope, aud: account.tokenUri, iat: now, exp: now + 3600 },
      account,
    );
    const api = jsonApi({
      provider: 'google',
      baseUrl: account.tokenUri,
      refusal: tokenRefusal,
      ...more,
    });
    return {
      ...(await api('POST', '', {
        ...options,
        repeatable: true,
        body: new URLSearchParams({
          grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
          assertion,
        }),
        answer: granted,
      })),
      project: account.project,
    };
  };
  const { get, forget } = keptToken(ask, { early: 60, clock });
  return {
    forget,
    async get(options) {
      if (credentials && 'accessToken' in credentials)
        return {
          token: await reveal(credentials.accessToken, {
            provider: 'google',
            what: 'the access token',
          }),
        };
      const { access_token: token, project } = await get(options);
      return { token, project };
    },
  };
}

/** @see https://docs.cloud.google.com/compute/docs/access/authenticate-workloads */
async function fromMetadata(
  more: Omit<AccessTokenOptions, 'credentials'>,
  options: DnsOptions,
): Promise<GrantedToken> {
  const api = jsonApi({
    provider: 'google',
    baseUrl: 'http://metadata.google.internal/computeMetadata/v1',
    headers: { 'metadata-flavor': 'Google' },
    limit: 'PT3S',
    ...more,
  });
  return await api('GET', '/instance/service-accounts/default/token', {
    ...options,
    answer: granted,
  }).catch((cause: unknown) => {
    options.signal?.throwIfAborted();
    if (cause instanceof DnsError && cause.code === 'ERR_DNS_RATE_LIMITED') throw cause;
    throw new DnsError(
      'ERR_DNS_CREDENTIALS',
      'google: there are no credentials, and the metadata server of Google Cloud gives none: give serviceAccount, keyFile or accessToken',
      { cause },
    );
  });
}
