import { errorCode, errorText, systemFailureText } from '@acmex/errors';

/** Why a connection or a file failed: undici says it in the cause of the cause, an SDK deeper still. */
export function reasonOf(error: unknown): string {
  // Which proxy refused, and why, is not in the code.
  if (errorCode(error) === 'ERR_ACME_PROXY') return errorText(error);
  if (error instanceof Error && error.cause instanceof Error) return reasonOf(error.cause);
  const code = errorCode(error);
  if (code === undefined) return errorText(error);
  if (code === 'ERR_TIME_LIMIT') return 'its time is over';
  return systemFailureText(code) ?? code;
}

/** Returns true where a host has a certificate that this machine does not trust. */
export function isUntrusted(error: unknown): boolean {
  if (error instanceof Error && error.cause instanceof Error) return isUntrusted(error.cause);
  return /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT)/.test(errorCode(error) ?? '');
}
