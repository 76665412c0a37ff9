import { readFile } from 'node:fs/promises';
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
import { clientAssertion, type ClientCertificate } from './client-certificate.ts';
import type { TokenPlace } from './clouds.ts';

interface ServicePrincipal {
  readonly tenantId: string;
  readonly clientId: string;
}

/**
 * By what access is had: a service principal's client secret or certificate, the token of a workload
 * identity or the file that has it, an access token that someone else gets, or a managed identity by
 * its client id.
 */
export type AzureCredentials =
  | (ServicePrincipal & { readonly clientSecret: Secret })
  | (ServicePrincipal & ClientCertificate)
  | (ServicePrincipal & { readonly federatedTokenFile: string })
  | (ServicePrincipal & { readonly federatedToken: Secret })
  | { readonly accessToken: Secret }
  | { readonly clientId: string };

type ProvenPrincipal = Extract<AzureCredentials, ServicePrincipal>;

/** How hosts are reached. */
export interface Transport {
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/** Access tokens for one place. */
export interface AccessTokens {
  use<Result>(options: DnsOptions, work: (token: string) => Promise<Result>): Promise<Result>;
  forget(): void;
}

const provider = 'azure';

/**
 * Access tokens of Entra ID or a managed identity, each kept until five minutes before its end, or until
 * it is forgotten.
 */
export function accessTokens(
  credentials: AzureCredentials | undefined,
  place: TokenPlace,
  transport: Transport,
): AccessTokens {
  const { clock = systemClock } = transport;
  const ask = async (options: DnsOptions): Promise<GrantedToken> => {
    if (!credentials || !hasProof(credentials))
      return await fromMetadata(
        credentials && 'clientId' in credentials ? credentials : undefined,
        place,
        transport,
        options,
      );
    const { tenantId, clientId } = credentials;
    const path = `/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`;
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      scope: `${place.resource}/.default`,
      ...(await proofOf(credentials, { audience: `${place.authority}${path}`, clock })),
    });
    const api = jsonApi({
      provider,
      baseUrl: place.authority,
      refusal: tokenRefusal,
      ...transport,
    });
    return await api('POST', path, {
      ...options,
      repeatable: true,
      body,
      answer: { access_token: '', expires_in: 0 },
    });
  };
  const { use, forget } = keptToken(ask, { early: 300, clock });
  return {
    forget,
    use: async (options, work) =>
      credentials && 'accessToken' in credentials
        ? await work(await reveal(credentials.accessToken, { provider, what: 'the access token' }))
        : await use(options, async ({ access_token: token }) => await work(token)),
  };
}

/** Without a proof it is a managed identity, also where a tenant is known. */
function hasProof(credentials: AzureCredentials): credentials is ProvenPrincipal {
  return ['clientSecret', 'clientCertificateFile', 'federatedTokenFile', 'federatedToken'].some(
    (name) => name in credentials,
  );
}

/** Returns the fields of a token request by which a service principal proves who it is. */
async function proofOf(
  credentials: ProvenPrincipal,
  place: { readonly audience: string; readonly clock: Clock },
): Promise<Readonly<Record<string, string>>> {
  if ('clientSecret' in credentials) {
    const what = 'the client secret';
    return { client_secret: await reveal(credentials.clientSecret, { provider, what }) };
  }
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await assertionOf(credentials, place),
  };
}

async function assertionOf(
  credentials: Exclude<ProvenPrincipal, { readonly clientSecret: Secret }>,
  place: { readonly audience: string; readonly clock: Clock },
): Promise<string> {
  if ('clientCertificateFile' in credentials) {
    const { clientId } = credentials;
    return await clientAssertion(credentials, { clientId, ...place });
  }
  if ('federatedTokenFile' in credentials) return await tokenIn(credentials.federatedTokenFile);
  const what = 'the token of the workload identity';
  return await reveal(credentials.federatedToken, { provider, what });
}

/** Kubernetes writes the file again every hour. */
async function tokenIn(file: string): Promise<string> {
  return await reveal(() => readFile(file, 'utf8'), {
    provider,
    what: `the token of the workload identity in ${file}`,
  });
}

/**
 * @see
 * https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
 */
async function fromMetadata(
  identity: { readonly clientId: string } | undefined,
  { resource }: TokenPlace,
  transport: Transport,
  options: DnsOptions,
): Promise<GrantedToken> {
  const api = jsonApi({
    provider,
    baseUrl: 'http://169.254.169.254/metadata/identity/oauth2',
    headers: { metadata: 'true' },
    refusal: tokenRefusal,
    limit: 'PT5S',
    ...transport,
  });
  const query = new URLSearchParams({
    'api-version': '2018-02-01',
    resource,
    ...(identity ? { client_id: identity.clientId } : {}),
  });
  return await api('GET', `/token?${query}`, {
    ...options,
    answer: { access_token: '', expires_in: '' },
  }).catch((cause: unknown) => {
    options.signal?.throwIfAborted();
    if (cause instanceof Error && 'code' in cause && cause.code !== 'ERR_DNS_API') throw cause;
    throw new DnsError(
      'ERR_DNS_CREDENTIALS',
      `azure: ${identity ? 'of the managed identity there is not a secret' : 'there are no credentials'}, and the metadata service of Azure gives none: give tenantId and clientId with clientSecret, clientCertificateFile or federatedTokenFile, or accessToken`,
      { cause },
    );
  });
}
