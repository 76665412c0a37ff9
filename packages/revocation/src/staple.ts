import { systemClock, withTimeLimit } from '@acmex/clock';
import { errorText } from '@acmex/errors';
import { Temporal } from 'temporal-polyfill';
import {
  type Check,
  fetchResponse,
  ocspCheck,
  readPair,
  responders,
  type RevocationOptions,
} from './check-revocation.ts';
import { type OcspProof, proofByOcsp } from './ocsp.ts';
import { type RevocationStatus, UnprovenError } from './status.ts';

export type StapleOptions = Pick<
  RevocationOptions,
  'fetch' | 'clock' | 'cache' | 'limit' | 'signal'
>;

/** An OCSP response for a server that staples it. RFC 6066 §8 */
export interface StapledResponse {
  /** DER */
  readonly response: Uint8Array;
  /** What it proves; a server staples `good` alone. */
  readonly status: Exclude<RevocationStatus, { readonly status: 'unknown' }>;
  /** When to call `responseToStaple` again: in the middle of the life of the response. */
  readonly renewAt: Temporal.Instant;
  /** The response must not be stapled from here on. */
  readonly nextUpdate: Temporal.Instant;
}

/**
 * Returns an OCSP response about a certificate, verified as by `checkRevocation`: one of the cache
 * in the first half of its life, else one of the responders that the certificate names, by GET.
 *
 * @param certificate DER
 * @param issuer DER; verify the chain first, this trusts it
 * @returns undefined for a certificate that names no responder
 * @throws UnprovenError with a sentence for each responder where no one has proven anything;
 * CertificateError `ERR_CERTIFICATE_FORMAT`; the reason of `signal`
 */
export async function responseToStaple(
  certificate: Uint8Array,
  issuer: Uint8Array,
  options: StapleOptions = {},
): Promise<StapledResponse | undefined> {
  const { clock = systemClock, limit = { minutes: 1 }, signal } = options;
  const pair = readPair(certificate, issuer);
  const urls = responders(pair.certificate);
  if (urls.length === 0) return undefined;
  return await withTimeLimit({ clock, limit, signal }, async (timed) => {
    const now = clock.now().epochMilliseconds;
    const check: Check = { ...options, ...pair, now, nonce: 'none', signal: timed };
    return (await youngFromCache(check)) ?? (await firstResponse(urls, check));
  });
}

async function youngFromCache(check: Check): Promise<StapledResponse | undefined> {
  const response = await check.cache?.response(check);
  if (!response) return undefined;
  try {
    const proof = await proofByOcsp(response, ocspCheck(check));
    return check.now < middleOf(proof) ? stapled(response, proof) : undefined;
  } catch (error) {
    // The record is damaged: the responder is asked instead.
    if (error instanceof UnprovenError) return undefined;
    throw error;
  }
}

async function firstResponse(urls: readonly string[], check: Check): Promise<StapledResponse> {
  const reasons: string[] = [];
  for (const url of urls)
    try {
      const { response, proof } = await fetchResponse(url, check);
      await check.cache?.storeResponse(check, response, proof);
      return stapled(response, proof);
    } catch (error) {
      check.signal.throwIfAborted();
      reasons.push(`${url}: ${errorText(error)}`);
    }
  throw new UnprovenError(reasons.join('; '));
}

function stapled(response: Uint8Array, proof: OcspProof): StapledResponse {
  return {
    response,
    status: proof.status,
    renewAt: Temporal.Instant.fromEpochMilliseconds(middleOf(proof)),
    nextUpdate: Temporal.Instant.fromEpochMilliseconds(proof.nextUpdate),
  };
}

function middleOf({ thisUpdate, nextUpdate }: OcspProof): number {
  return Math.floor((thisUpdate + nextUpdate) / 2);
}
