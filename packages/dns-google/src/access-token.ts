import { type Clock, systemClock } from '@acmex/clock';
import {
  DnsError,
  type DnsOptions,
  type GrantedToken,
  jsonApi,
  keptToken,
  reveal,
  type Secret,
} from '@acmex/dns';
import { type CredentialSource, readCredential } from './credential-file.ts';
import { dnsScope, grantFor, impersonatedGrant, platformScope } from './token-grant.ts';

/**
 * By what access is had: credentials in JSON as Google Cloud makes them, of a service account, a
 * person or a workload identity; or an access token of OAuth 2.0 that someone else gets.
 */
export type GoogleCredentials = CredentialSource | { readonly accessToken: Secret };

export interface AccessTokenOptions {
  /**
   * By default the service account of the machine, container or pod that this runs on at Google
   * Cloud.
   */
  readonly credentials?: GoogleCredentials;
  /** The e-mail address of a service account that the credentials act as. */
  readonly impersonate?: string;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

export interface AccessToken {
  readonly token: string;
  /** Of the service account's key. */
  readonly project?: string | undefined;
}

type ProjectToken = GrantedToken & { readonly project?: string | undefined };

const granted: GrantedToken = { access_token: '', expires_in: 0 };

/**
 * Access tokens for Cloud DNS, each kept until a minute before its end, or until it is forgotten.
 */
export function accessTokens({ credentials, impersonate, ...more }: AccessTokenOptions): {
  /** See `KeptToken`. */
  readonly use: <Result>(
    options: DnsOptions,
    work: (token: AccessToken) => Promise<Result>,
  ) => Promise<Result>;
  readonly forget: () => void;
} {
  const { clock = systemClock, fetch } = more;
  const revealed = async (accessToken: Secret) =>
    await reveal(accessToken, { provider: 'google', what: 'the access token' });
  const ask = async (options: DnsOptions, scope: string): Promise<ProjectToken> => {
    if (!credentials) return await fromMetadata(more, options);
    if ('accessToken' in credentials)
      return { access_token: await revealed(credentials.accessToken), expires_in: 0 };
    const credential = await readCredential(credentials);
    const project = 'project' in credential ? credential.project : undefined;
    return { ...(await grantFor(credential, scope, { options, clock, fetch })), project };
  };
  const askAsAccount = async (options: DnsOptions): Promise<ProjectToken> => {
    if (impersonate === undefined) return await ask(options, dnsScope);
    const source = await ask(options, platformScope);
    const url = `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${encodeURIComponent(impersonate)}:generateAccessToken`;
    const token = await impersonatedGrant(
      source,
      { url, scope: dnsScope },
      { options, clock, fetch },
    );
    return { ...token, project: source.project };
  };
  const { use, forget } = keptToken(askAsAccount, { early: 60, clock });
  return {
    forget,
    async use(options, work) {
      if (credentials && 'accessToken' in credentials && impersonate === undefined)
        return await work({ token: await revealed(credentials.accessToken) });
      return await use(
        options,
        async ({ access_token: token, project }) => await work({ token, project }),
      );
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
