import { parseCertificate } from '@acmex/certificate';
import { type Clock, retry, systemClock } from '@acmex/clock';
import {
  type CompleteBundle,
  DeployError,
  type DeployTarget,
  filesOf,
  type ImportPlace,
  importingTarget,
  type SdkCall,
  type TargetCallOptions,
  type TargetRefusal,
  targetSdk,
} from '@acmex/deploy';
import { reveal, sdkFetch } from '@acmex/dns';
import { cloudflareSdk } from './sdk.ts';

/** How Cloudflare completes a chain: `force` serves it unchanged. */
export type CloudflareBundleMethod = 'force' | 'optimal' | 'ubiquitous';

export interface CloudflareOptions {
  /** The zone that gets the certificates: 32 hexadecimal digits. */
  readonly zoneId: string;
  /** Returns a token with "SSL and Certificates: Edit" for the zone; called for each request. */
  readonly token: () => Promise<string>;
  /** `force` by default. */
  readonly bundleMethod?: CloudflareBundleMethod | undefined;
  /** `legacy` also serves clients without SNI; `modern` by default. */
  readonly clientSupport?: 'modern' | 'legacy' | undefined;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/** A custom certificate as Cloudflare lists it: without its serial number. */
interface Listed {
  readonly id: string;
  readonly status?: string | undefined;
  readonly hosts?: readonly string[] | undefined;
  readonly expires_on?: string | undefined;
}

type Sdk = ReturnType<typeof cloudflareSdk>;
type Call = <T>(
  ask: (sdk: Sdk, signal: AbortSignal) => Promise<T>,
  options?: Omit<SdkCall<T>, 'call'>,
) => Promise<T | undefined>;

/** The codes of refusals whose meaning is not in their status. */
const refusedTokens = [6003, 9109, 10_000];
const duplicate = 1220;

/**
 * Deploys certificates as custom certificates of a zone at Cloudflare, each of which replaces the
 * former one. Cloudflare shows neither a private key nor a serial number.
 * @see https://developers.cloudflare.com/api/resources/custom_certificates/
 * @throws RangeError for what is not the id of a zone
 */
export function cloudflare(options: CloudflareOptions): DeployTarget {
  const { zoneId, bundleMethod = 'force', clientSupport = 'modern', clock = systemClock } = options;
  if (!/^[\da-f]{32}$/.test(zoneId))
    throw new RangeError(
      `${JSON.stringify(zoneId)} is not the id of a zone: copy its 32 digits from the overview of the zone`,
    );
  const call = sdkCall(options);
  const zone = { zone_id: zoneId };
  const list = async (options: TargetCallOptions) => await listed(call, zone, options);
  const place: ImportPlace = {
    async find({ id, pending }, options) {
      const all = await list(options);
      const sameId = all.find((entry) => entry.id === id);
      if (sameId || pending === undefined) return sameId && { id: sameId.id };
      const made = all.find((entry) => isListingOf(entry, pending));
      return made && { id: made.id, serialNumber: parseCertificate(pending).serialNumber };
    },
    async write(bundle, id, options) {
      const { chain, privateKey } = bundle;
      const body = {
        ...zone,
        certificate: chain,
        private_key: privateKey,
        bundle_method: bundleMethod,
      };
      if (id === undefined) {
        const type = clientSupport === 'legacy' ? 'legacy_custom' : 'sni_custom';
        const made = await call(
          (sdk, signal) => sdk.customCertificates.create({ ...body, type }, { signal }),
          { body, ...options },
        );
        return idOf(made);
      }
      const replaced = await call(
        (sdk, signal) => sdk.customCertificates.edit(id, body, { signal }),
        { body, accept: isDuplicate, ...options },
      );
      // The answer to an earlier attempt was lost: what counts is whether it is there.
      return replaced ? idOf(replaced) : await idOfDuplicate(bundle, await list(options));
    },
    async confirm(id, options) {
      const ask = async () =>
        await call((sdk, signal) => sdk.customCertificates.get(id, zone, { signal }), options);
      await untilActive(ask, clock, options);
    },
    async remove(id, options) {
      await call((sdk, signal) => sdk.customCertificates.delete(id, zone, { signal }), {
        accept: ({ status }) => status === 404,
        ...options,
      });
    },
  };
  return importingTarget('cloudflare', () => place);
}

/** Returns all custom certificates of a zone. */
async function listed(
  call: Call,
  zone: { readonly zone_id: string },
  options: TargetCallOptions,
): Promise<readonly Listed[]> {
  const all: Listed[] = [];
  for (let page = 1, last = 1; page <= last; page += 1) {
    const answer = await call(async (sdk, signal) => {
      const { result, result_info: info } = await sdk.customCertificates.list(
        { ...zone, page, per_page: 50 },
        { signal },
      );
      const pages = 'total_pages' in info ? info.total_pages : undefined;
      // The SDK makes an empty list of any other answer.
      if (typeof pages !== 'number' || !result.every(isListed)) throw new TypeError('not a list');
      return { result, pages };
    }, options);
    all.push(...(answer?.result ?? []));
    last = answer?.pages ?? 1;
  }
  return all;
}

function isListed(entry: unknown): entry is Listed {
  return (
    typeof entry === 'object' && entry !== null && 'id' in entry && typeof entry.id === 'string'
  );
}

function idOf(certificate: unknown): string {
  if (isListed(certificate)) return certificate.id;
  throw new DeployError(
    'ERR_DEPLOY_UNREACHABLE',
    'cloudflare: api.cloudflare.com answered without the id of the certificate: see whether Cloudflare has trouble',
  );
}

/** Returns true for what Cloudflare lists of a certificate: its names and its end. */
function isListingOf({ hosts = [], expires_on: end = '' }: Listed, pem: string): boolean {
  const { identifiers, notAfter } = parseCertificate(pem);
  const shownHosts = hosts.map((host) => host.toLowerCase());
  return (
    Math.floor(Date.parse(end) / 1000) === Math.floor(notAfter.epochMilliseconds / 1000) &&
    identifiers.every(({ value }) => shownHosts.includes(value))
  );
}

function isDuplicate({ text }: TargetRefusal): boolean {
  return text.includes(`(${duplicate})`);
}

async function idOfDuplicate(bundle: CompleteBundle, all: readonly Listed[]): Promise<string> {
  const { certificate } = filesOf(bundle);
  const same = all.find((entry) => isListingOf(entry, certificate));
  if (same) return same.id;
  throw new DeployError(
    'ERR_DEPLOY_REFUSED',
    'cloudflare: the zone has this certificate already, as one that is not shown: delete it in the dashboard',
  );
}

/** Resolves when Cloudflare serves a certificate: it distributes a new one for some seconds. */
async function untilActive(
  ask: () => Promise<Listed | undefined>,
  clock: Clock,
  { signal }: TargetCallOptions,
): Promise<void> {
  const answer = await retry(
    clock,
    {
      attempts: 60,
      backoff: { first: 'PT1S', longest: 'PT5S' },
      limit: 'PT1M',
      signal,
      again: (outcome) =>
        outcome.status === 'fulfilled' &&
        ['pending', 'initializing'].includes(outcome.value?.status ?? ''),
    },
    ask,
  );
  if (answer?.status === 'active') return;
  throw new DeployError(
    'ERR_DEPLOY_UNREACHABLE',
    `cloudflare: the certificate is not active (${JSON.stringify(answer?.status)}): check that the zone is active, and try again later`,
  );
}

/** Returns what the SDK makes of an answer; also of one that it stumbles over. */
function toRefusal(error: unknown): TargetRefusal | undefined {
  const { name, status, errors } = error as {
    readonly name?: unknown;
    readonly status?: unknown;
    readonly errors?: unknown;
  };
  if (name === 'SyntaxError' || name === 'TypeError') return { status: 200, text: '' };
  if (typeof status !== 'number') return undefined;
  const reasons = (Array.isArray(errors) ? errors : []) as readonly {
    readonly code?: unknown;
    readonly message?: unknown;
  }[];
  const text = reasons
    .map(({ code, message }) => `${String(message)} (${String(code)})`)
    .join('; ');
  const isToken =
    status !== 429 && reasons.some(({ code }) => refusedTokens.includes(Number(code)));
  return { status, text, code: isToken ? 'ERR_DEPLOY_CREDENTIALS' : undefined };
}

/** Returns the SDK's calls with the time limits and the errors of deploy targets. */
function sdkCall({ token: secret, fetch, clock }: CloudflareOptions): Call {
  let token = '';
  const api = targetSdk({
    target: 'cloudflare',
    host: 'api.cloudflare.com',
    toRefusal,
    ...(clock ? { clock } : {}),
  });
  return async (ask, options) =>
    await api({
      ...options,
      credentials: () => [token],
      async call(signal) {
        token = await reveal(secret, { provider: 'cloudflare', what: 'the token' });
        const headers = { authorization: `Bearer ${token}` };
        return await ask(cloudflareSdk({ token, fetch: sdkFetch({ headers, fetch }) }), signal);
      },
    });
}
