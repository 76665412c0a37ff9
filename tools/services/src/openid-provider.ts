import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type LocalCertificate, localCertificate } from './local-certificate.ts';

export interface OpenIdProviderOptions {
  readonly clientId: string;
  /** Without it, the client is public. */
  readonly clientSecret?: string;
  readonly redirectUris: readonly string[];
  /**
   * The audience of access tokens, which are JWTs then, and what their scopes are; by default they
   * are for the provider alone.
   */
  readonly resource?: { readonly audience: string; readonly scopes: string };
  /** Of its TLS; a new one by default. */
  readonly certificate?: LocalCertificate;
}

/** A provider at which a person signs in with a button, and denies with another. */
export interface OpenIdProvider extends AsyncDisposable {
  /** `https://127.0.0.1:PORT` */
  readonly issuer: string;
  readonly port: number;
  /** The CA that clients trust to reach it, PEM. */
  readonly caCertificate: string;
  /** What the tokens say of the person, from now on; `sub` is who it is. */
  claims: Readonly<Record<string, unknown>> & { readonly sub: string };
}

/** The part of `oidc-provider` that is used here. */
interface Library {
  readonly Provider: new (issuer: string, configuration: object) => LibraryProvider;
}
interface LibraryProvider {
  readonly Grant: new (about: object) => {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
    save(): Promise<string>;
  };
  callback(): (request: IncomingMessage, response: ServerResponse) => void;
  interactionFinished(
    request: IncomingMessage,
    response: ServerResponse,
    result: object,
  ): Promise<void>;
}

const page = `<!doctype html><html lang="en"><title>Provider</title><form method="post">
<button name="answer" value="yes">Continue</button>
<button name="answer" value="no">Deny</button></form></html>`;

/** Starts a real OpenID Connect provider on this machine. It keeps everything in memory. */
export async function startOpenIdProvider(options: OpenIdProviderOptions): Promise<OpenIdProvider> {
  const certificate = options.certificate ?? (await localCertificate());
  const server = createServer({ cert: certificate.certificate, key: certificate.privateKey });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const issuer = `https://127.0.0.1:${port}`;
  const state: Pick<OpenIdProvider, 'claims'> = { claims: { sub: 'somebody' } };
  // Loaded by the tests that use it. It says that it wants a later Node.js, and works with this one.
  const { Provider } = (await import('oidc-provider' as string)) as Library;
  const provider = new Provider(issuer, configuration(options, state));
  const handle = provider.callback();
  server.on('request', (request, response) => {
    if (!request.url?.startsWith('/interaction/')) handle(request, response);
    else if (request.method === 'GET') response.setHeader('content-type', 'text/html').end(page);
    else void answerInteraction({ provider, options, state }, request, response);
  });
  return Object.assign(state, {
    issuer,
    port,
    caCertificate: certificate.caCertificate,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

function configuration(
  { clientId, clientSecret, redirectUris, resource }: OpenIdProviderOptions,
  state: Pick<OpenIdProvider, 'claims'>,
): object {
  const authentication =
    clientSecret === undefined
      ? { token_endpoint_auth_method: 'none' }
      : { client_secret: clientSecret, token_endpoint_auth_method: 'client_secret_basic' };
  const signed = { id_token_signed_response_alg: 'ES256' };
  return {
    clients: [{ client_id: clientId, redirect_uris: redirectUris, ...signed, ...authentication }],
    jwks: { keys: [signingKey()] },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      Grant: 600,
      IdToken: 600,
      Interaction: 600,
      Session: 600,
    },
    cookies: { keys: ['a key for cookies of tests'] },
    // A token has the claims of the person at the moment.
    conformIdTokenClaims: false,
    claims: { openid: ['sub', 'tenant', 'scope', 'dns', 'preferred_username'] },
    findAccount: (_: unknown, accountId: string) => ({
      accountId,
      claims: async () => ({ ...state.claims, sub: accountId }),
    }),
    extraTokenClaims: () => {
      const { sub: _, scope: __, ...claims } = state.claims;
      return claims;
    },
    interactions: { url: (_: unknown, { uid }: { readonly uid: string }) => `/interaction/${uid}` },
    pkce: { required: () => true },
    scopes: ['openid'],
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: resource !== undefined,
        defaultResource: () => `urn:test:${resource?.audience}`,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          audience: resource?.audience,
          scope: resource?.scopes,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  };
}

function signingKey(): object {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' };
}

interface Interaction {
  readonly provider: LibraryProvider;
  readonly options: OpenIdProviderOptions;
  readonly state: Pick<OpenIdProvider, 'claims'>;
}

async function answerInteraction(
  { provider, options: { clientId, resource }, state: { claims } }: Interaction,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let body = '';
  for await (const piece of request.setEncoding('utf8')) body += String(piece);
  const grant = new provider.Grant({ accountId: claims.sub, clientId });
  grant.addOIDCScope('openid');
  if (resource) grant.addResourceScope(`urn:test:${resource.audience}`, resource.scopes);
  const result = body.includes('answer=yes')
    ? {
        login: { accountId: claims.sub, remember: false },
        consent: { grantId: await grant.save() },
      }
    : { error: 'access_denied', error_description: 'the person said no' };
  await provider.interactionFinished(request, response, result);
}
