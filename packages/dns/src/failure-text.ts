import { errorCode, errorText } from '@acmex/errors';

const texts: Readonly<Record<string, string>> = {
  EACCES: 'this user may not read it',
  EAI_AGAIN: 'the resolver of this machine does not answer',
  ECONNREFUSED: 'no program listens there',
  ECONNRESET: 'the connection was closed',
  EHOSTUNREACH: 'the network has no way to it',
  EISDIR: 'it is a folder',
  ENETUNREACH: 'the network has no way to it',
  ENOENT: 'it does not exist',
  ENOTFOUND: 'the resolver of this machine does not know its name',
  EPROTO: 'it does not use TLS',
  ETIMEDOUT: 'no connection in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
};

/** Why a connection or a file failed: undici says it in the cause of the cause, an SDK deeper still. */
export function reasonOf(error: unknown): string {
  // Which proxy refused, and why, is not in the code.
  if (errorCode(error) === 'ERR_ACME_PROXY') return errorText(error);
  if (error instanceof Error && error.cause instanceof Error) return reasonOf(error.cause);
  const code = errorCode(error);
  if (code === undefined) return errorText(error);
  if (code === 'ERR_TIME_LIMIT') return 'its time is over';
  return Object.hasOwn(texts, code) ? `${texts[code]}, ${code}` : code;
}

/** Returns true where a host has a certificate that this machine does not trust. */
export function isUntrusted(error: unknown): boolean {
  if (error instanceof Error && error.cause instanceof Error) return isUntrusted(error.cause);
  return /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT)/.test(errorCode(error) ?? '');
}

/**
 * Why a credential cannot be read. Only texts that never have it are used: those of the operating
 * system and of the configuration.
 */
export function unreadableText(cause: unknown): string {
  const code = errorCode(cause) ?? '';
  if (code.startsWith('ERR_CONFIG_')) return errorText(cause);
  return Object.hasOwn(texts, code) ? `${texts[code]}, ${code}` : 'its source failed';
}
