import { errorCode } from '@acmex/errors';
import { type CertificateSummary, presentIssuer } from './certificate-record.ts';

/**
 * Refusals with a cause of their own: without the reference to the replaced certificate they would
 * be the same.
 */
const otherCauses: ReadonlySet<string> = new Set([
  'ERR_ACME_UNREACHABLE',
  'ERR_ACME_PROXY',
  'ERR_ACME_TLS',
  'ERR_ACME_NO_NONCE',
  'ERR_ACME_BAD_NONCE',
  'ERR_ACME_NOT_ACME',
  'ERR_ACME_URL',
  'ERR_ACME_RATE_LIMITED',
  'ERR_ACME_ACCOUNT_DOES_NOT_EXIST',
  'ERR_ACME_EXTERNAL_ACCOUNT_REQUIRED',
  'ERR_ACME_USER_ACTION_REQUIRED',
  'ERR_ACME_BAD_CSR',
  'ERR_ACME_BAD_PUBLIC_KEY',
  'ERR_ACME_BAD_SIGNATURE_ALGORITHM',
  'ERR_ACME_CAA',
  'ERR_ACME_CONNECTION',
  'ERR_ACME_DNS',
  'ERR_ACME_INCORRECT_RESPONSE',
  'ERR_ACME_INVALID_PROFILE',
  'ERR_ACME_REJECTED_IDENTIFIER',
  'ERR_ACME_TLS_CHALLENGE',
  'ERR_ACME_UNSUPPORTED_IDENTIFIER',
]);

/**
 * Whether a CA may have refused an order only because of the certificate that it names as replaced.
 * RFC 9773 §5. A CA that wants to be asked later is not asked again at once.
 */
export function mayConcernReplaces(error: unknown): boolean {
  const code = errorCode(error) ?? '';
  const { status, retryAfter } = (error ?? {}) as {
    readonly status?: unknown;
    readonly retryAfter?: unknown;
  };
  if (retryAfter !== undefined) return false;
  if (code === 'ERR_ACME_ALREADY_REPLACED') return true;
  if (typeof status !== 'number') return false;
  return !otherCauses.has(code) || /replace/i.test((error as Error).message);
}

/**
 * Whether the next order at an issuer names the certificate that it replaces: only the one that has
 * issued it knows it. It is left out after a refusal that may have been because of it.
 */
export function mayReplace(certificate: CertificateSummary, issuer: string): boolean {
  const { failure } = certificate;
  if (presentIssuer(certificate) !== issuer) return false;
  return (
    failure === undefined || !failure.code.startsWith('ERR_ACME_') || otherCauses.has(failure.code)
  );
}
