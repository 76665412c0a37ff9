import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readBundle } from '@acmex/certificate/formats';
import type { StandInTargetSubject, TargetTrouble } from '@acmex/deploy/contract';
import type { TroubleOptions } from '@acmex/dns/contract';
import { type StandInAnswer, standIn, type StandInRequest } from '@acmex/dns/stand-in';

interface Version {
  readonly id: string;
  /** PEM, the leaf first. */
  readonly chain: string;
  readonly privateKey: string;
  readonly contentType: string;
  readonly value: string;
  enabled: boolean;
}
type Kind = TargetTrouble | 'rate-limited';

export interface VaultStandInOptions {
  /** Returns true for an access token that the vault takes. */
  readonly takes: (token: string) => boolean;
  /** Whether the token may read secrets. */
  readonly mayReadSecrets?: boolean;
  /** How a vault shows a disabled certificate: as such, or not at all. */
  readonly showsDisabled?: boolean;
  /** A name that was deleted, and can be recovered. */
  readonly deleted?: string;
}

const failure = (status: number, code: string, message: string, inner?: string): StandInAnswer => ({
  status,
  body: { error: { code, message, ...(inner ? { innererror: { code: inner } } : {}) } },
});

/** Returns what a vault calls the key of a certificate. */
function keyOf({ publicKey }: X509Certificate): Readonly<Record<string, unknown>> {
  const { namedCurve, modulusLength } = publicKey.asymmetricKeyDetails ?? {};
  const curves: Readonly<Record<string, string>> = {
    prime256v1: 'P-256',
    secp384r1: 'P-384',
    secp521r1: 'P-521',
  };
  return namedCurve === undefined
    ? { kty: 'RSA', key_size: modulusLength }
    : { kty: 'EC', crv: curves[namedCurve] };
}

interface ImportBody {
  readonly value?: string;
  readonly pwd?: string;
  readonly policy?: {
    readonly key_props?: Readonly<Record<string, unknown>>;
    readonly secret_props?: { readonly contentType?: string };
  };
}

/**
 * A key vault as its reference describes it, version 7.4, with one certificate. Its newest version
 * is the current one, also where that is disabled.
 */
export function keyVaultStandIn({
  takes,
  mayReadSecrets = true,
  showsDisabled = true,
  deleted,
}: VaultStandInOptions): Pick<StandInTargetSubject, 'inUse'> & {
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly requests: readonly string[];
  readonly versions: readonly Version[];
  trouble(kind: Kind | undefined, options?: TroubleOptions): void;
} {
  const versions: Version[] = [];
  let trouble: Kind | undefined;
  const url = 'https://web.vault.azure.net';
  const name = 'a-test';
  const idOf = (version: Version) => `${url}/certificates/${name}/${version.id}`;
  const bundleOf = (version: Version) => {
    const { id: key, contentType } = version;
    const { raw } = new X509Certificate(version.chain);
    const policy = { secret_props: { contentType } };
    const attributes = { enabled: version.enabled };
    const kid = `${url}/keys/${name}/${key}`;
    return { id: idOf(version), kid, cer: raw.toString('base64'), attributes, policy };
  };
  const checked =
    (route: (request: StandInRequest) => StandInAnswer) =>
    (request: StandInRequest): StandInAnswer =>
      request.url.searchParams.get('api-version') === '7.4'
        ? route(request)
        : failure(400, 'BadParameter', 'api-version must be specified');
  const absent = failure(
    404,
    'CertificateNotFound',
    'A certificate with (name/id) was not found in this key vault.',
  );
  const disabled = (inner: string) =>
    failure(403, 'Forbidden', 'Operation get is not allowed on a disabled object.', inner);
  /** Reads what was imported last; a route is not asynchronous. */
  const imports = new Map<string, Awaited<ReturnType<typeof readBundle>>>();
  const imported = ({ params, body, text, headers }: StandInRequest): StandInAnswer => {
    const { value = '', pwd, policy = {} } = body as ImportBody;
    if (trouble === 'refusal')
      return failure(400, 'BadParameter', [...headers.values(), pwd, value, text].join(' '));
    if (params['name'] === deleted)
      return failure(
        409,
        'Conflict',
        `Certificate ${deleted} is currently in a deleted but recoverable state, and its name cannot be reused.`,
        'ObjectIsDeletedButRecoverable',
      );
    const contents = imports.get(value);
    const { contentType = '' } = policy.secret_props ?? {};
    const form = value.includes('-----BEGIN') ? 'application/x-pem-file' : 'application/x-pkcs12';
    if (contents?.privateKey === undefined || contentType !== form)
      return failure(400, 'BadParameter', 'The specified certificate content can not be read.');
    const leaf = new X509Certificate(contents.chain);
    if (!leaf.checkPrivateKey(createPrivateKey(contents.privateKey)))
      return failure(400, 'BadParameter', 'The private key does not match.');
    const wanted = Object.entries(keyOf(leaf));
    if (!wanted.every(([property, want]) => policy.key_props?.[property] === want))
      return failure(400, 'BadParameter', 'Policy key_props do not match the certificate.');
    const { chain, privateKey } = contents;
    const id = (versions.length + 1).toString(16).padStart(32, '0');
    const version = { id, chain, privateKey, contentType, value, enabled: true };
    versions.push(version);
    return { status: 200, body: bundleOf(version) };
  };
  const host = standIn({
    baseUrl: url,
    authorized: ({ headers }) => takes(headers.get('authorization')?.replace(/^Bearer /, '') ?? ''),
    words: {
      credentials: failure(401, 'Unauthorized', 'AKV10032: Invalid issuer.'),
      'rate-limited': failure(429, 'Throttled', 'Request was not processed: too many requests.'),
      unknown: failure(404, 'NotFound', 'No such resource'),
      malformed: failure(400, 'BadParameter', 'The request body is not valid JSON.'),
      'server-error': failure(500, 'InternalError', 'An internal error occurred.'),
    },
    routes: {
      'GET /certificates/:name': checked(({ params }) => {
        const last = versions.at(-1);
        if (!last || params['name'] !== name) return absent;
        if (!last.enabled && !showsDisabled) return disabled('CertificateDisabled');
        return { status: 200, body: bundleOf(last) };
      }),
      'POST /certificates/:name/import': checked(imported),
      'PATCH /certificates/:name/:version': checked(({ params, body }) => {
        const version = versions.find(({ id }) => id === params['version']);
        if (!version) return absent;
        const { attributes } = body as { readonly attributes?: { readonly enabled?: boolean } };
        version.enabled = attributes?.enabled ?? version.enabled;
        return { status: 200, body: bundleOf(version) };
      }),
      'GET /secrets/:name/:version': checked(({ params }) => {
        const version = versions.find(({ id }) => id === params['version']);
        if (!version) return failure(404, 'SecretNotFound', 'A secret was not found.');
        if (!mayReadSecrets)
          return failure(403, 'Forbidden', 'Caller is not authorized.', 'ForbiddenByRbac');
        if (!version.enabled) return disabled('SecretDisabled');
        const value = version.contentType.endsWith('pem-file')
          ? `${version.privateKey}${version.chain}`
          : version.value;
        return { status: 200, body: { value, contentType: version.contentType } };
      }),
    },
  });
  return {
    url,
    async fetch(input, init) {
      const request = new Request(input, init);
      if (/\/import\?/.test(request.url)) {
        const { value = '', pwd } = JSON.parse(await request.text()) as ImportBody;
        const isPem = value.includes('-----BEGIN');
        const bytes = Buffer.from(value, isPem ? 'utf8' : 'base64');
        const contents = await readBundle(bytes, { passphrase: pwd }).catch(() => undefined);
        if (contents) imports.set(value, contents);
      }
      return await host.fetch(input, init);
    },
    requests: host.requests,
    versions,
    async inUse() {
      const last = versions.at(-1);
      return last?.enabled ? { chain: last.chain, privateKey: last.privateKey } : undefined;
    },
    trouble(kind, options) {
      trouble = kind;
      host.trouble(kind === 'refusal' ? undefined : kind, options);
    },
  };
}
