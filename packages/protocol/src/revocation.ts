import { errorCode } from '@acmex/errors';
import { base64url } from 'jose';
import type { AccountKey } from './account-key.ts';
import { AcmeError } from './errors.ts';
import type { AcmeSession, CallOptions } from './session.ts';

/** Why a certificate is revoked: the reasons of RFC 5280 §5.3.1 that a subscriber may give. */
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

export interface RevokeOptions extends CallOptions {
  /** Absent: no reason is given. */
  readonly reason?: RevocationReason;
  /** The certificate's own key, for who has no account that may revoke it. */
  readonly key?: AccountKey;
}

/**
 * Revokes a certificate: as its account, as an account that controls all its names, or with its own key. RFC 8555 §7.6.
 * Repeatable; revoked already = success.
 * @param certificate DER
 */
export async function revokeCertificate(
  session: AcmeSession,
  certificate: Uint8Array,
  { reason, key, signal }: RevokeOptions = {},
): Promise<void> {
  const { revokeCert: url } = await session.directory({ signal });
  if (url === undefined)
    throw new AcmeError(
      'ERR_ACME_UNSUPPORTED',
      "the CA's directory offers no revocation (revokeCert)",
    );
  try {
    await session.post(
      url,
      { certificate: base64url.encode(certificate), reason: reason && revocationReasons[reason] },
      { signal, repeatable: true, signedBy: key },
    );
  } catch (error) {
    if (errorCode(error) !== 'ERR_ACME_ALREADY_REVOKED') throw error;
  }
}
