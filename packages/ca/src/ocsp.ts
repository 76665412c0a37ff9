import { createHash } from 'node:crypto';
import { signatureAlgorithmDer } from '@acmex/certificate';
import { context, der, objectIdentifier, tags } from '@acmex/certificate/structure';
import { milliseconds } from '@acmex/clock';
import { Temporal } from 'temporal-polyfill';
import type { Answer } from './answer.ts';
import { explicit, generalizedTime } from './authority/signed.ts';
import type { Issuer } from './authority/issuer.ts';
import { keyIdentifier } from './authority/extensions.ts';
import { certificates } from './certificate-records.ts';
import { generationOf, isKeyUnavailable } from './crl.ts';
import {
  type CertificateId,
  isOfIssuer,
  type OcspRequest,
  readOcspRequest,
} from './ocsp-request.ts';
import { currentResponder, type OcspResponder } from './ocsp-responder.ts';
import { refusal } from './problems.ts';
import type { Service } from './service.ts';
import type { SignedOcspResponse } from './signed-ocsp-responses.ts';

/** The largest request, in bytes. */
export const largestOcspRequest = 4096;

/** RFC 6960 §4.2.1 */
const responseStatus = { malformedRequest: 1, tryLater: 3, unauthorized: 6 } as const;
const basicResponse = '1.3.6.1.5.5.7.48.1.1';
/** How long caches use a response at most: until then, a revocation may be unknown to them. */
const longestCaching = { hours: 1 };

type Revoked = { readonly at: string; readonly reason: number };
/** `unknown`: this issuer has issued no such certificate. */
type Status = 'good' | 'unknown' | Revoked;

/** Returns the resource of POST requests. RFC 6960 §A.1 */
export async function ocspByPost(service: Service, body: Uint8Array): Promise<Answer> {
  return await answer(service, body, 'POST');
}

/** Returns the resource of GET requests: base64, escaped for a URL. RFC 6960 §A.1 */
export async function ocspByGet(service: Service, request: string): Promise<Answer> {
  const text = unescaped(request);
  const bytes =
    text !== undefined && /^[A-Za-z0-9+/]+={0,2}$/.test(text)
      ? Buffer.from(text, 'base64')
      : new Uint8Array();
  return await answer(service, bytes, 'GET');
}

async function answer(
  service: Service,
  bytes: Uint8Array,
  method: 'GET' | 'POST',
): Promise<Answer> {
  const { ocsp: signed, clock } = service;
  if (!signed)
    throw refusal('malformed', 'this CA answers no OCSP requests: use its revocation list', {
      status: 404,
    });
  const request = parsed(bytes);
  if (!request) return errorAnswer('malformedRequest');
  const [issuer, ...more] = issuersOf((await service.issuers()).all, request);
  // RFC 5019 §2.2.3: not an answer about certificates of others.
  if (!issuer || more.length > 0) return errorAnswer('unauthorized');
  const statuses = await Promise.all(
    request.certificates.map(({ serialNumber }) => statusOf(service, issuer, serialNumber)),
  );
  const key = cacheKey(request, statuses);
  const cached = key === undefined ? undefined : signed.get(key);
  const response =
    cached && isYoung(cached, service)
      ? cached
      : await signedResponse(service, { issuer, request, statuses }).catch((error: unknown) => {
          if (isKeyUnavailable(error)) return undefined;
          throw error;
        });
  if (!response) return errorAnswer('tryLater');
  if (key !== undefined) signed.set(key, response);
  const isCacheable = method === 'GET' && key !== undefined;
  return responseAnswer(response, isCacheable ? clock.now() : undefined);
}

function unescaped(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // the caller answers that the request is malformed
  }
}

function parsed(bytes: Uint8Array): OcspRequest | undefined {
  try {
    return bytes.length > largestOcspRequest ? undefined : readOcspRequest(bytes);
  } catch {
    return undefined; // the caller answers that the request is malformed
  }
}

/** Returns the issuers of the certificates, each once; none when one of them is unknown. */
function issuersOf(
  issuers: readonly Issuer[],
  { certificates: ids }: OcspRequest,
): readonly Issuer[] {
  const all = ids.map((id) => issuers.find(({ certificate }) => isOfIssuer(id, certificate)));
  const known = all.filter((issuer) => issuer !== undefined);
  return known.length < all.length ? [] : [...new Set(known)];
}

async function statusOf(
  { storage }: Service,
  issuer: Issuer,
  serialNumber: string,
): Promise<Status> {
  if (serialNumber.length > 40) return 'unknown';
  const stored = await certificates.read(storage, serialNumber);
  if (!stored || generationOf(stored.record) !== generationOf(issuer)) return 'unknown';
  return stored.record.revoked ?? 'good';
}

/** What a response depends on; undefined for one that is signed for one request. */
function cacheKey(
  { certificates: ids, nonce }: OcspRequest,
  statuses: readonly Status[],
): string | undefined {
  const [id] = ids;
  if (nonce || ids.length > 1 || !id || statuses.includes('unknown')) return undefined;
  const state = JSON.stringify(statuses);
  return `${createHash('sha256').update(id.encoded).digest('base64')} ${state}`;
}

/** Whether less than half of a response's life is over. */
function isYoung({ thisUpdate, nextUpdate }: SignedOcspResponse, { clock }: Service): boolean {
  const middle = (thisUpdate.epochMilliseconds + nextUpdate.epochMilliseconds) / 2;
  return clock.now().epochMilliseconds < middle;
}

interface ResponseContent {
  readonly issuer: Issuer;
  readonly request: OcspRequest;
  readonly statuses: readonly Status[];
}

async function signedResponse(
  service: Service,
  { issuer, request, statuses }: ResponseContent,
): Promise<SignedOcspResponse> {
  const responder = await currentResponder(service, issuer);
  const thisUpdate = service.clock.now().round({ smallestUnit: 'second', roundingMode: 'floor' });
  const end = thisUpdate.add({ milliseconds: milliseconds(service.lifetimes.ocsp) });
  const nextUpdate =
    Temporal.Instant.compare(end, responder.notAfter) < 0 ? end : responder.notAfter;
  const singles = request.certificates.map((id, index) =>
    singleResponse(id, statuses[index] ?? 'unknown', { thisUpdate, nextUpdate }),
  );
  const data = der(
    tags.sequence,
    explicit(2, der(tags.octetString, Buffer.from(keyIdentifier(responder.key.publicKey), 'hex'))),
    generalizedTime(thisUpdate),
    der(tags.sequence, ...singles),
    ...(request.nonce ? [explicit(1, der(tags.sequence, request.nonce))] : []),
  );
  return { der: await signedBasic(data, responder), thisUpdate, nextUpdate };
}

/** BasicOCSPResponse in OCSPResponse. RFC 6960 §4.2.1 */
async function signedBasic(data: Uint8Array, { key, certificate }: OcspResponder) {
  const signature = await key.sign(data);
  const basic = der(
    tags.sequence,
    data,
    signatureAlgorithmDer(key.type),
    der(tags.bitString, Uint8Array.of(0), signature),
    explicit(0, der(tags.sequence, certificate)),
  );
  return der(
    tags.sequence,
    der(0x0a, Uint8Array.of(0)),
    explicit(0, der(tags.sequence, objectIdentifier(basicResponse), der(tags.octetString, basic))),
  );
}

function singleResponse(
  { encoded }: CertificateId,
  status: Status,
  { thisUpdate, nextUpdate }: Pick<SignedOcspResponse, 'thisUpdate' | 'nextUpdate'>,
): Uint8Array {
  return der(
    tags.sequence,
    encoded,
    statusDer(status),
    generalizedTime(thisUpdate),
    explicit(0, generalizedTime(nextUpdate)),
  );
}

function statusDer(status: Status): Uint8Array {
  if (status === 'good') return der(context(0));
  if (status === 'unknown') return der(context(2));
  const at = Temporal.Instant.from(status.at);
  // As in the list, the reason "unspecified" is absent. RFC 5280 §5.3.1
  const reason =
    status.reason === 0 ? [] : [explicit(0, der(tags.enumerated, Uint8Array.of(status.reason)))];
  return der(context(1, { constructed: true }), generalizedTime(at), ...reason);
}

function errorAnswer(status: keyof typeof responseStatus): Answer {
  const body = der(tags.sequence, der(0x0a, Uint8Array.of(responseStatus[status])));
  return responseWith(body, {});
}

/** @param now absent for a response that caches must not use. RFC 5019 §6.2 */
function responseAnswer(
  { der: body, thisUpdate, nextUpdate }: SignedOcspResponse,
  now: Temporal.Instant | undefined,
): Answer {
  if (!now) return responseWith(body, {});
  const left = nextUpdate.epochMilliseconds - now.epochMilliseconds;
  const seconds = Math.floor(Math.min(left, milliseconds(longestCaching)) / 1000);
  return responseWith(body, {
    'cache-control': `max-age=${seconds}, public, no-transform, must-revalidate`,
    'last-modified': new Date(thisUpdate.epochMilliseconds).toUTCString(),
    expires: new Date(now.epochMilliseconds + seconds * 1000).toUTCString(),
    etag: `"${createHash('sha256').update(body).digest('hex')}"`,
  });
}

function responseWith(body: Uint8Array, headers: Readonly<Record<string, string>>): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/ocsp-response', ...headers },
    body: Uint8Array.from(body),
  };
}
