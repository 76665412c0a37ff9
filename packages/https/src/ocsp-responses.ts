import type { Clock } from '@acmex/clock';
import { revocationFetch } from '@acmex/manager';
import { proofCache, responseToStaple, type StapledResponse } from '@acmex/revocation';
import type { Storage } from '@acmex/storage';

export interface OcspResponsesOptions {
  /** Stores the responses, under `revocation/`, for a restart and for the other processes. */
  readonly storage: Storage;
  /** Special address ranges that responders may have; none by default. */
  readonly allow: readonly string[] | undefined;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/** Returns a verified response; undefined for a certificate that names no responder. */
export type OcspResponses = (
  certificate: Uint8Array,
  issuer: Uint8Array,
  signal: AbortSignal,
) => Promise<StapledResponse | undefined>;

const limit = { seconds: 30 };

/** Loads what asks responders; it is imported only when a client asks for a response. */
export function ocspResponses({
  storage,
  allow,
  clock,
  onError,
}: OcspResponsesOptions): OcspResponses {
  const cache = proofCache({ storage, clock, onError });
  const fetch = revocationFetch(allow);
  return async (certificate, issuer, signal) =>
    await responseToStaple(certificate, issuer, { fetch, cache, clock, limit, signal });
}
