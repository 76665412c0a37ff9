import { errorCode } from '@acmex/errors';
import { base64url } from 'jose';
import type { AccountKey } from './account-key.ts';
import { AcmeError } from './errors.ts';
import { type RevocationReason, revocationReasons } from './revocation-reasons.ts';
import type { CallOptions } from './call-options.ts';
import type { AcmeSession } from './session.ts';

export interface RevokeOptions extends CallOptions {
  /** Absent: no reason is given. */
  readonly reason?: RevocationReason;
  /** The certificate's own key, for who has no account that may revoke it. */
  readonly key?: AccountKey;
}

/**
 * Revokes a certificate: as its account, as an account that controls all its names, or with its own
 * key. RFC 8555 §7.6. Repeatable; revoked already = success.
 * @param certificate DER
 * @returns whether this request revoked it, as the CA says
 */
export async function revokeCertificate(
  session: AcmeSession,
  certificate: Uint8Array,
  { reason, key, signal }: RevokeOptions = {},
): Promise<'revoked' | 'already-revoked'> {
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
      { signal, operation: 'revokeCert', repeatable: true, signedBy: key },
    );
    return 'revoked';
  } catch (error) {
    if (errorCode(error) !== 'ERR_ACME_ALREADY_REVOKED') throw error;
    return 'already-revoked';
  }
}
