import { constants, createHash, verify, X509Certificate } from 'node:crypto';
import type { Clock } from '@acmex/clock';
import { type StandInAnswer, type StandInRequest, standIn } from '@acmex/dns/stand-in';
import type { TokenPlace } from './clouds.ts';

export const principal = {
  tenantId: '72f988bf-0000-0000-0000-2d7cd011db47',
  clientId: '6731de76-0000-0000-0000-7cc6fd85487b',
};
export const clientSecret = 'a-secret-that-stays-secret';
export const federatedToken = 'eyJ.federated-that-stays-secret.sig';

const words = {
  credentials: { status: 401 },
  'rate-limited': { status: 429 },
  unknown: { status: 404 },
  malformed: { status: 400 },
  'server-error': { status: 500 },
};
const refused = (status: number, error: string, description: string): StandInAnswer => ({
  status,
  body: {
    error,
    error_description: `${description}\r\nTrace ID: 0000aaaa\r\nTimestamp: 2026-01-01 00:00:00Z`,
    error_codes: [Number(/\d+/.exec(description)?.[0])],
  },
});

const usedIds = new Set<unknown>();
const decoded = (text: string) =>
  JSON.parse(Buffer.from(text, 'base64url').toString()) as Readonly<Record<string, unknown>>;

/** Whether an assertion is signed with the key of a certificate, for this place and time, once. */
function isSigned(
  assertion: string,
  {
    clientCertificate,
    audience,
    clock,
  }: { readonly clientCertificate: string; readonly audience: string; readonly clock: Clock },
): boolean {
  const [head = '', body = '', signature = ''] = assertion.split('.');
  if (signature === '') return false;
  const { alg, typ, ...header } = decoded(head);
  const { iss, sub, aud, jti, nbf, exp } = decoded(body);
  const { raw, publicKey } = new X509Certificate(clientCertificate);
  const now = clock.now().epochMilliseconds / 1000;
  const isNew = !usedIds.has(jti);
  usedIds.add(jti);
  return (
    isNew &&
    [alg, typ].join() === 'PS256,JWT' &&
    header['x5t#S256'] === createHash('sha256').update(raw).digest('base64url') &&
    [iss, sub].every((id) => id === principal.clientId) &&
    aud === audience &&
    Number(nbf) <= now &&
    Number(exp) > now &&
    Number(exp) - Number(nbf) <= 600 &&
    verify(
      'sha256',
      Buffer.from(`${head}.${body}`),
      { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
      Buffer.from(signature, 'base64url'),
    )
  );
}

interface EntraOptions extends TokenPlace {
  readonly clock: Clock;
  /** In PEM: the only proof that is taken. */
  readonly clientCertificate: string | undefined;
}

/** Returns what Entra ID has against a token request; undefined for one that it grants. */
function entraRefusal(
  { params, body }: StandInRequest,
  { resource, ...options }: EntraOptions,
): StandInAnswer | undefined {
  const form = (body ?? {}) as Readonly<Record<string, string>>;
  if (params['tenant'] !== principal.tenantId)
    return refused(400, 'invalid_request', `AADSTS90002: Tenant '${params['tenant']}' not found.`);
  if (form['grant_type'] !== 'client_credentials')
    return refused(
      400,
      'unsupported_grant_type',
      'AADSTS70003: The app requested an unsupported grant type.',
    );
  if (form['client_id'] !== principal.clientId)
    return refused(
      400,
      'unauthorized_client',
      `AADSTS700016: Application with identifier '${form['client_id']}' was not found in the directory.`,
    );
  if (form['scope'] !== `${resource}/.default`)
    return refused(
      400,
      'invalid_scope',
      "AADSTS70011: The provided request must include a 'scope' input parameter.",
    );
  const problem = proofProblem(form, options);
  return problem === undefined ? undefined : refused(401, 'invalid_client', problem);
}

/** Returns what is wrong with the proof of a service principal. */
function proofProblem(
  form: Readonly<Record<string, string>>,
  { authority, clock, clientCertificate }: Omit<EntraOptions, 'resource'>,
): string | undefined {
  const { client_secret: secret, client_assertion: assertion } = form;
  if (secret === undefined && assertion === undefined)
    return "AADSTS7000218: The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
  const audience = `${authority}/${principal.tenantId}/oauth2/v2.0/token`;
  const isCertain =
    clientCertificate !== undefined &&
    isSigned(assertion ?? '', { clientCertificate, audience, clock });
  if (clientCertificate !== undefined && !isCertain)
    return 'AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on application.';
  const asserted =
    (isCertain || assertion === federatedToken) &&
    form['client_assertion_type'] === 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  if (assertion !== undefined && !asserted)
    return 'AADSTS700024: Client assertion is not within its valid time range.';
  return asserted || secret === clientSecret
    ? undefined
    : 'AADSTS7000215: Invalid client secret provided.';
}

/** Returns what the metadata service of a machine has against a request. */
function metadataRefusal(
  { url: { searchParams } }: StandInRequest,
  resource: string,
): StandInAnswer | undefined {
  if (searchParams.get('api-version') !== '2018-02-01')
    return refused(400, 'bad_request', 'The api-version is not supported');
  if (searchParams.get('resource') !== resource)
    return refused(
      400,
      'invalid_resource',
      `AADSTS500011: The resource principal named ${searchParams.get('resource')} was not found in the tenant.`,
    );
  return [null, principal.clientId].includes(searchParams.get('client_id'))
    ? undefined
    : refused(400, 'invalid_request', 'Identity not found');
}

/**
 * Where Azure gives access tokens: Entra ID for one service principal, and the metadata service of
 * a machine.
 */
export function tokenStandIn(
  clock: Clock,
  { authority, resource }: TokenPlace,
  clientCertificate?: string,
) {
  const ends = new Map<string, number>();
  const granted = (more: object): StandInAnswer => {
    const token = `eyJ.token-that-stays-secret-${ends.size + 1}`;
    ends.set(token, clock.monotonic() + 3_599_000);
    return { status: 200, body: { token_type: 'Bearer', access_token: token, ...more } };
  };
  const options = { authority, resource, clock, clientCertificate };
  const entra = standIn({
    baseUrl: authority,
    authorized: () => true,
    words,
    routes: {
      'POST /:tenant/oauth2/v2.0/token': (request) =>
        entraRefusal(request, options) ?? granted({ expires_in: 3599, ext_expires_in: 3599 }),
    },
  });
  const metadata = standIn({
    baseUrl: 'http://169.254.169.254/metadata/identity/oauth2',
    authorized: ({ headers }) => headers.get('metadata') === 'true',
    words: {
      ...words,
      credentials: refused(400, 'bad_request_102', 'Required metadata header not specified'),
    },
    routes: {
      'GET /token': (request) =>
        metadataRefusal(request, resource) ??
        granted({
          client_id: principal.clientId,
          expires_in: '3599',
          expires_on: '1767228799',
          resource,
        }),
    },
  });
  return {
    entra,
    metadata,
    /** Whether it is one that was given, and has not ended. */
    valid: (token: string) => clock.monotonic() < (ends.get(token) ?? -Infinity),
    revoke: () => ends.clear(),
    granted: () => [...ends.keys()],
  };
}
