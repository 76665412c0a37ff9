import { LRUCache } from 'lru-cache';
import type { Temporal } from 'temporal-polyfill';

export interface SignedOcspResponse {
  readonly der: Uint8Array;
  readonly thisUpdate: Temporal.Instant;
  readonly nextUpdate: Temporal.Instant;
}

/** Responses that are signed already, by what they say about which certificates. */
export type SignedOcspResponses = LRUCache<string, SignedOcspResponse>;

/** Holds up to 10,000 responses; those go first that were not used for the longest time. */
export function signedOcspResponses(): SignedOcspResponses {
  return new LRUCache<string, SignedOcspResponse>({ max: 10_000 });
}
