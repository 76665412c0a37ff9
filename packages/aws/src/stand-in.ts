import { systemClock } from '@acmex/clock';
import type { StandIn, StandInRequest } from '@acmex/dns/stand-in';
import { sha256, signatureOf } from './signature.ts';

export { signatureOf, type SignedRequest } from './signature.ts';

/** The access key that a stand-in takes. */
export interface StandInKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/**
 * Returns true for a request with a signature, of this key, over what must be signed, of these
 * minutes.
 * @param scope the region and the service: `us-east-1/route53`
 */
export function isSigned(
  { method, url, headers: requestHeaders, text: body }: StandInRequest,
  { accessKeyId, secretAccessKey, sessionToken }: StandInKey,
  scope: string,
): boolean {
  const headers = Object.fromEntries(requestHeaders);
  const [, key, signedScope = '', list = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      headers['authorization'] ?? '',
    ) ?? [];
  const time = headers['x-amz-date'] ?? '';
  const names = list.split(';');
  if (
    key !== accessKeyId ||
    !/^\d{8}T\d{6}Z$/.test(time) ||
    signedScope !== `${time.slice(0, 8)}/${scope}/aws4_request` ||
    headers['x-amz-security-token'] !== sessionToken
  )
    return false;
  if (Math.abs(systemClock.now().since(time).total('minutes')) > 15) return false;
  const mustBeSigned = (name: string) => name.startsWith('x-amz-') || name === 'content-type';
  if (!['host', ...Object.keys(headers).filter(mustBeSigned)].every((name) => names.includes(name)))
    return false;
  if ((headers['x-amz-content-sha256'] ?? sha256(body)) !== sha256(body)) return false;
  return (
    signatureOf({ method, url, headers, body }, { names, scope: signedScope, secretAccessKey }) ===
    signature
  );
}

/** A request as the SDK hands it on. */
interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

/** Returns the request handler that replaces the SDK's network access. */
export function standInHandler({ fetch }: Pick<StandIn, 'fetch'>) {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    async handle(
      { protocol, hostname, path, query, ...request }: SdkRequest,
      { abortSignal: signal }: { readonly abortSignal?: AbortSignal } = {},
    ) {
      const search = String(new URLSearchParams(query));
      const { method, headers, body } = request;
      const response = await fetch(
        `${protocol}//${hostname}${path}${search === '' ? '' : `?${search}`}`,
        { method, headers, ...(body === undefined ? {} : { body }), ...(signal ? { signal } : {}) },
      );
      return {
        response: {
          statusCode: response.status,
          headers: Object.fromEntries(response.headers),
          body: new Uint8Array(await response.arrayBuffer()),
        },
      };
    },
  };
}
