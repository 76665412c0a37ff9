import { type Clock, type DurationInput, systemClock } from '@acmex/clock';
import {
  type ApiRequest,
  DnsError,
  jsonApi,
  type JsonApi,
  type Refusal,
  reveal,
  type Secret,
} from '@acmex/dns';
import { sdkHmac } from './sdk-hmac.ts';

export interface HuaweiApiOptions {
  /** Of an access key of IAM (AK). */
  readonly accessKeyId: string;
  /** (SK). */
  readonly secretAccessKey: Secret;
  /** Of a temporary access key. */
  readonly securityToken?: Secret;
  /**
   * As `cn-north-4`: private zones are in one. By default the address that has the public zones of
   * all.
   */
  readonly region?: string;
  /** The project that has the zones; the region's own by default. */
  readonly projectId?: string;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/** The API v2 of Huawei Cloud DNS. The message of an error begins with Huawei's code. */
export function huaweiApi({
  accessKeyId,
  secretAccessKey,
  securityToken,
  region,
  projectId,
  ...more
}: HuaweiApiOptions & { readonly limit?: DurationInput }): JsonApi {
  const { clock = systemClock } = more;
  // Else it could name another host, which would get the token.
  if (region !== undefined && !/^[a-z0-9-]+$/.test(region))
    throw new DnsError(
      'ERR_DNS_API',
      `huawei: the region ${JSON.stringify(region)} is none: write it as cn-north-4`,
    );
  const sign = async ({ method, url, headers, body }: ApiRequest) => {
    const date = new Date(clock.now().epochMilliseconds).toISOString().replace(/[-:]|\.\d+/g, '');
    const input = Object.entries(headers).filter(
      ([name]) => name === 'content-type' || name.startsWith('x-'),
    );
    const signed = { ...Object.fromEntries(input), host: url.host, 'x-sdk-date': date };
    const key = {
      accessKeyId,
      secretAccessKey: await reveal(secretAccessKey, {
        provider: 'huawei',
        what: 'the secret access key',
      }),
    };
    return {
      'x-sdk-date': date,
      authorization: sdkHmac({ method, url, headers: signed, body }, key),
    };
  };
  return jsonApi({
    provider: 'huawei',
    baseUrl: `https://dns${region === undefined ? '' : `.${region}`}.myhuaweicloud.com/v2`,
    headers: {
      ...(securityToken === undefined ? {} : { 'x-security-token': securityToken }),
      ...(projectId === undefined ? {} : { 'x-project-id': projectId }),
    },
    sign,
    refusal,
    ...more,
  });
}

/** There is no such set: it was removed after it was read. */
const gone: readonly string[] = ['DNS.0004', 'DNS.0313'];
/** Limits of DNS and of the gateway, which DNS reports with status 403. */
const flowControl: readonly string[] = ['DNS.0014', 'APIGW.0308', 'APIG.0308'];
/** There is a set of the name already; or it is still being written, and takes no change. */
const inBetween = ['DNS.0016', 'DNS.0312', 'DNS.0314', 'DNS.0335', ...gone];

/** Nothing, where someone else changed the set after it was read. @throws what is anything else */
export function undefinedIfChanged(error: unknown): undefined {
  if (error instanceof Error && inBetween.some((code) => error.message.includes(`${code}: `)))
    return undefined;
  throw error;
}

/** Of DNS itself, or of the gateway before it. */
function refusal(json: unknown, status: number): Refusal | undefined {
  const {
    code = undefined,
    message = '',
    error_code: outer = undefined,
    error_msg: words = '',
  } = { ...(json as Readonly<Record<string, unknown>> | undefined) };
  const theirs = code ?? outer;
  if (status < 400 || typeof theirs !== 'string') return undefined;
  const said = { message: `${theirs}: ${String(code === undefined ? words : message)}` };
  if (theirs === 'DNS.0302') return { ...said, code: 'ERR_DNS_ZONE_NOT_FOUND' };
  if (flowControl.includes(theirs)) return { ...said, code: 'ERR_DNS_RATE_LIMITED' };
  return gone.includes(theirs) ? { ...said, code: 'ERR_DNS_API' } : said;
}
