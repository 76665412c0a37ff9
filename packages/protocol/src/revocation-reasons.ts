/** Why a certificate is revoked, by the numbers of RFC 5280 §5.3.1. */
export const revocationReasons = {
  unspecified: 0,
  keyCompromise: 1,
  caCompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aaCompromise: 10,
} as const;
export type RevocationReason = keyof typeof revocationReasons;

/**
 * The reasons that a subscriber may use. The others concern the keys of a CA, or a hold that ends.
 */
export const subscriberRevocationReasons = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn',
] as const satisfies readonly RevocationReason[];
