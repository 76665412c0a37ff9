import { type RevocationReason, subscriberRevocationReasons } from '@acmex/protocol';

/**
 * The reasons for which a CA's operator may revoke a certificate: all but a hold, which could be
 * lifted again. A revocation is for good. RFC 5280 §5.3.1
 */
export const operatorRevocationReasons = [
  ...subscriberRevocationReasons,
  'caCompromise',
  'aaCompromise',
] as const satisfies readonly RevocationReason[];
export type OperatorRevocationReason = (typeof operatorRevocationReasons)[number];
