import { errorCode, errorText } from './thrown.ts';
import { systemFailureText } from './system-failure.ts';

/**
 * Returns why a credential cannot be read. Only texts that never have it are used: those of the
 * operating system and of the configuration.
 */
export function unreadableText(cause: unknown): string {
  const code = errorCode(cause) ?? '';
  if (code.startsWith('ERR_CONFIG_')) return errorText(cause);
  return systemFailureText(code) ?? 'its source failed';
}
