import { createPublicKey, verify } from 'node:crypto';
import type { Clock } from '@acmex/clock';
import { type StandInAnswer, standIn } from '@acmex/dns/stand-in';
import { authorizedUser, exampleKey, subjectToken } from './service-account.testing.ts';

const words = {
  credentials: { status: 401 },
  'rate-limited': { status: 429 },
  unknown: { status: 404 },
  malformed: { status: 400 },
  'server-error': { status: 500 },
};
const dnsScope = 'https://www.googleapis.com/auth/ndev.clouddns.readwrite';
const platformScope = 'https://www.googleapis.com/auth/cloud-platform';
const target = 'target@project-1.iam.gserviceaccount.com';
const isUser = (form: Readonly<Record<string, string>>) => {
  const user = JSON.parse(authorizedUser) as Readonly<Record<string, string>>;
  return ['client_id', 'client_secret', 'refresh_token'].every((name) => form[name] === user[name]);
};
const invalid = (description: string): StandInAnswer => ({
  status: 400,
  body: { error: 'invalid_grant', error_description: description },
});

/**
 * Where Google gives access tokens: its OAuth 2.0 server for a JWT of the example key, and the
 * metadata server of a machine.
 */
export function tokenStandIn(clock: Clock) {
  const ends = new Map<string, number>();
  /** Tokens with which a service account can be impersonated, and not DNS be written. */
  const platform = new Set<string>();
  const newToken = (isPlatform = false): string => {
    const token = `ya29.token-that-stays-secret-${ends.size + 1}`;
    ends.set(token, clock.monotonic() + 3_600_000);
    if (isPlatform) platform.add(token);
    return token;
  };
  const grant = (isPlatform = false): StandInAnswer => ({
    status: 200,
    body: { access_token: newToken(isPlatform), expires_in: 3600, token_type: 'Bearer' },
  });
  const oauth = standIn({
    baseUrl: 'https://oauth2.googleapis.com',
    authorized: () => true,
    words,
    routes: {
      'POST /token': ({ body }) => {
        const form = (body ?? {}) as Readonly<Record<string, string>>;
        const { grant_type: type, assertion = '' } = form;
        if (type === 'refresh_token') return isUser(form) ? grant() : invalid('Bad Request');
        if (type !== 'urn:ietf:params:oauth:grant-type:jwt-bearer')
          return {
            status: 400,
            body: {
              error: 'unsupported_grant_type',
              error_description: `Invalid grant_type: ${type}`,
            },
          };
        const [header = '', claims = '', signature = ''] = assertion.split('.');
        const [{ alg, typ, kid }, { iss, scope, aud, iat, exp }] = [header, claims].map((part) =>
          JSON.parse(Buffer.from(part, 'base64url').toString()),
        ) as [
          Record<string, string>,
          { iss: string; scope: string; aud: string; iat: number; exp: number },
        ];
        if (
          alg !== 'RS256' ||
          typ !== 'JWT' ||
          kid !== 'key-1' ||
          !verify(
            'sha256',
            Buffer.from(`${header}.${claims}`),
            createPublicKey(exampleKey),
            Buffer.from(signature, 'base64url'),
          )
        )
          return invalid('Invalid JWT Signature.');
        if (iss !== 'acme@project-1.iam.gserviceaccount.com')
          return invalid('Invalid grant: account not found');
        const now = clock.now().epochMilliseconds / 1000;
        if (
          aud !== 'https://oauth2.googleapis.com/token' ||
          !(iat <= now && exp > now && exp - iat <= 3600)
        )
          return invalid(
            'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.',
          );
        return scope === dnsScope || scope === platformScope
          ? grant(scope === platformScope)
          : {
              status: 400,
              body: {
                error: 'invalid_scope',
                error_description: `${scope} is not a valid audience string.`,
              },
            };
      },
    },
  });
  const metadata = standIn({
    baseUrl: 'http://metadata.google.internal/computeMetadata/v1',
    authorized: ({ headers }) => headers.get('metadata-flavor') === 'Google',
    words: {
      ...words,
      credentials: { status: 403, text: 'Missing Metadata-Flavor:Google header.' },
    },
    routes: {
      'GET /instance/service-accounts/default/token': () => grant(),
      'GET /project/project-id': () => ({ status: 200, text: 'project-1' }),
    },
  });
  const sts = standIn({
    baseUrl: 'https://sts.googleapis.com/v1',
    authorized: () => true,
    words,
    routes: {
      'POST /token': ({ body }) => {
        const form = (body ?? {}) as Readonly<Record<string, string>>;
        const isRight =
          form['grant_type'] === 'urn:ietf:params:oauth:grant-type:token-exchange' &&
          form['requested_token_type'] === 'urn:ietf:params:oauth:token-type:access_token' &&
          form['subject_token_type'] === 'urn:ietf:params:oauth:token-type:jwt' &&
          /^\/\/iam\.googleapis\.com\/projects\/1\//.test(form['audience'] ?? '') &&
          form['subject_token'] === subjectToken;
        return isRight
          ? grant(form['scope'] === platformScope)
          : invalid(`The given credential is rejected: ${form['subject_token']}`);
      },
    },
  });
  const iam = standIn({
    baseUrl: 'https://iamcredentials.googleapis.com/v1',
    authorized: ({ headers }) => {
      const [, token = ''] = /^Bearer (.+)$/.exec(headers.get('authorization') ?? '') ?? [];
      return ends.has(token);
    },
    words,
    routes: {
      'POST /projects/-/serviceAccounts/:account': ({ params, body }) => {
        const { scope } = body as { readonly scope: readonly string[] };
        if (decodeURIComponent(params.account ?? '') !== `${target}:generateAccessToken`)
          return {
            status: 403,
            body: {
              error: {
                code: 403,
                message: "Permission 'iam.serviceAccounts.getAccessToken' denied on resource.",
                status: 'PERMISSION_DENIED',
              },
            },
          };
        const expireTime = new Date(clock.now().epochMilliseconds + 3_600_000).toISOString();
        return { status: 200, body: { accessToken: newToken(scope[0] !== dnsScope), expireTime } };
      },
    },
  });
  return {
    oauth,
    metadata,
    sts,
    iam,
    /** Whether it is one that was given, and has not ended. */
    valid: (token: string) =>
      clock.monotonic() < (ends.get(token) ?? -Infinity) && !platform.has(token),
    revoke: () => ends.clear(),
    granted: () => [...ends.keys()],
  };
}
