/** What says when a certificate expires, or the two of a pair. RFC 3339 */
export interface Expiring {
  readonly notAfter: string;
  readonly second?: { readonly notAfter: string } | undefined;
}

/** Returns when a certificate expires, RFC 3339: of a pair, the first of the two. */
export function expiryOf({ notAfter, second }: Expiring): string {
  return second && Date.parse(second.notAfter) < Date.parse(notAfter) ? second.notAfter : notAfter;
}
