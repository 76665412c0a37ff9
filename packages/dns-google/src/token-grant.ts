import { readFile } from 'node:fs/promises';
import type { Clock } from '@acmex/clock';
import {
  bearer,
  DnsError,
  type DnsOptions,
  type GrantedToken,
  jsonApi,
  reveal,
  tokenRefusal,
} from '@acmex/dns';
import type { ExternalAccount, GoogleCredential, ServiceAccount } from './credential-file.ts';
import { jwt } from './jwt.ts';

/** How Google is reached, and until when a caller waits. */
export interface GrantCall {
  readonly options: DnsOptions;
  readonly clock: Clock;
  readonly fetch?: typeof fetch | undefined;
}

const granted: GrantedToken = { access_token: '', expires_in: 0 };
export const dnsScope = 'https://www.googleapis.com/auth/ndev.clouddns.readwrite';
/** With it a token can be used to act as a service account. */
export const platformScope = 'https://www.googleapis.com/auth/cloud-platform';

/** Gets an access token for credentials; a token for a person has the scopes of the login. */
export async function grantFor(
  credential: GoogleCredential,
  scope: string,
  call: GrantCall,
): Promise<GrantedToken> {
  switch (credential.type) {
    case 'service_account':
      return await signedGrant(credential, scope, call);
    case 'authorized_user':
      return await requestToken(call, credential.tokenUri, {
        grant_type: 'refresh_token',
        client_id: credential.clientId,
        client_secret: credential.clientSecret,
        refresh_token: credential.refreshToken,
      });
    case 'external_account':
      return await exchangedGrant(credential, scope, call);
    case 'impersonated_service_account':
      return await impersonatedGrant(
        await grantFor(credential.source, platformScope, call),
        { url: credential.impersonationUrl, scope },
        call,
      );
  }
}

/** Gets an access token of a service account by an assertion with its key. RFC 7523 §2.1 */
async function signedGrant(
  account: ServiceAccount,
  scope: string,
  call: GrantCall,
): Promise<GrantedToken> {
  const now = Math.floor(call.clock.now().epochMilliseconds / 1000);
  const assertion = jwt(
    { iss: account.email, scope, aud: account.tokenUri, iat: now, exp: now + 3600 },
    account,
  );
  return await requestToken(call, account.tokenUri, {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion,
  });
}

/** Exchanges the token of another provider. RFC 8693 §2.1 */
async function exchangedGrant(
  account: ExternalAccount,
  scope: string,
  call: GrantCall,
): Promise<GrantedToken> {
  const { impersonationUrl: url } = account;
  const token = await requestToken(call, account.tokenUrl, {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: account.audience,
    scope: url === undefined ? scope : platformScope,
    subject_token: await subjectToken(account),
    subject_token_type: account.subjectTokenType,
  });
  return url === undefined ? token : await impersonatedGrant(token, { url, scope }, call);
}

/** @see https://docs.cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken */
export async function impersonatedGrant(
  source: Pick<GrantedToken, 'access_token'>,
  { url, scope }: { readonly url: string; readonly scope: string },
  { options, clock, fetch }: GrantCall,
): Promise<GrantedToken> {
  const api = jsonApi({
    provider: 'google',
    baseUrl: url,
    headers: { authorization: bearer(source.access_token) },
    clock,
    ...(fetch ? { fetch } : {}),
  });
  const { accessToken, expireTime } = await api('POST', '', {
    ...options,
    repeatable: true,
    body: { scope: [scope], lifetime: '3600s' },
    answer: { accessToken: '', expireTime: '' },
  });
  const leftMs = Date.parse(expireTime) - clock.now().epochMilliseconds;
  return { access_token: accessToken, expires_in: leftMs > 0 ? Math.floor(leftMs / 1000) : 0 };
}

async function requestToken(
  { options, clock, fetch }: GrantCall,
  baseUrl: string,
  fields: Readonly<Record<string, string>>,
): Promise<GrantedToken> {
  const api = jsonApi({
    provider: 'google',
    baseUrl,
    refusal: tokenRefusal,
    clock,
    ...(fetch ? { fetch } : {}),
  });
  const body = new URLSearchParams(fields);
  return await api('POST', '', { ...options, repeatable: true, body, answer: granted });
}

/** The file is written again before its token ends. */
async function subjectToken({ tokenFile, tokenField }: ExternalAccount): Promise<string> {
  const what = `the token of the workload identity in ${tokenFile}`;
  return await reveal(
    async () => {
      const text = await readFile(tokenFile, 'utf8');
      return tokenField === undefined ? text : fieldOf(text, tokenField);
    },
    { provider: 'google', what },
  );
}

function fieldOf(text: string, name: string): string {
  let value: unknown;
  try {
    value = (JSON.parse(text) as Readonly<Record<string, unknown>> | null)?.[name];
  } catch {
    // The parser's own words would quote the token.
  }
  if (typeof value === 'string') return value;
  throw new DnsError('ERR_DNS_CREDENTIALS', `google: the token file has no field ${name}`);
}
