import { type Clock, systemClock } from '@acmex/clock';
import {
  type ApiRequest,
  type CallOptions,
  jsonApi,
  type JsonApiOptions,
  type Refusal,
  reveal,
  type Secret,
} from '@acmex/dns';
import { tc3 } from './tc3.ts';

export interface TencentOptions {
  /** Of an API key. */
  readonly secretId: string;
  readonly secretKey: Secret;
  /** Of temporary credentials. */
  readonly sessionToken?: Secret;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/** One action of DNSPod's API, version 2021-03-23. All of them are POST requests to one path. */
export type TencentApi = <T>(action: string, body: object, options: CallOptions<T>) => Promise<T>;

const host = 'dnspod.tencentcloudapi.com';

/** Errors come with status 200: the message of each begins with its code. */
export function tencentApi({
  secretId,
  secretKey,
  sessionToken,
  ...more
}: TencentOptions): TencentApi {
  const { clock = systemClock } = more;
  const sign = async (action: string, { headers, body }: ApiRequest) => {
    const timestamp = Math.floor(clock.now().epochMilliseconds / 1000);
    const signed = { 'content-type': headers['content-type'] ?? '', host, 'x-tc-action': action };
    const key = {
      secretId,
      secretKey: await reveal(secretKey, { provider: 'tencent', what: 'the secret key' }),
    };
    return {
      'x-tc-action': action,
      'x-tc-version': '2021-03-23',
      'x-tc-timestamp': String(timestamp),
      'x-tc-language': 'en-US',
      authorization: tc3({ headers: signed, body, service: 'dnspod', timestamp }, key),
    };
  };
  const input: JsonApiOptions = {
    provider: 'tencent',
    baseUrl: `https://${host}`,
    ...(sessionToken === undefined ? {} : { headers: { 'x-tc-token': sessionToken } }),
    refusal,
    ...more,
  };
  return async <T>(action: string, body: object, options: CallOptions<T>) =>
    await jsonApi({ ...input, sign: (request) => sign(action, request) })<T>('POST', '/', {
      ...options,
      body,
    });
}

/** Turns a failure of this code into undefined. @throws what is any other */
export function undefinedIf(code: string): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof Error && error.message.includes(`${code}: `)) return undefined;
    throw error;
  };
}

const zoneNotFound = [
  'FailedOperation.NotDomainOwner',
  'InvalidParameter.DomainIdInvalid',
  'InvalidParameter.DomainInvalid',
  'InvalidParameterValue.DomainNotExists',
  'OperationDenied.NoPermissionToOperateDomain',
  'ResourceNotFound.NoDataOfDomain',
];
const tooMany =
  /^(RequestLimitExceeded(\..+)?|FailedOperation\.FrequencyLimit|InvalidParameter\.OperationIsTooFrequent)$/;
const trouble =
  /^(InternalError(\..+)?|FailedOperation\.UnknowError|InvalidParameter\.OperateFailed)$/;

function refusal(json: unknown): Refusal | undefined {
  const { Code: code, Message: words } = {
    ...(
      json as
        | {
            readonly Response?: {
              readonly Error?: { readonly Code?: unknown; readonly Message?: unknown };
            };
          }
        | undefined
    )?.Response?.Error,
  };
  if (typeof code !== 'string') return undefined;
  const message = `${code}: ${String(words)}`;
  if (/^(AuthFailure|UnauthorizedOperation|OperationDenied\.AccessDenied)(\.|$)/.test(code))
    return { message, code: 'ERR_DNS_CREDENTIALS' };
  if (tooMany.test(code)) return { message, code: 'ERR_DNS_RATE_LIMITED' };
  if (zoneNotFound.includes(code)) return { message, code: 'ERR_DNS_ZONE_NOT_FOUND' };
  return trouble.test(code) ? { message, trouble: true } : { message };
}
