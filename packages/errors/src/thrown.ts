/**
 * Returns the `code` of anything thrown. Compare codes, never classes: `instanceof` fails for an
 * error of another realm or of a second copy of a package.
 *
 * @returns `undefined` where there is no code, or one that is not a string.
 */
export function errorCode(error: unknown): string | undefined {
  return typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'string'
    ? error.code
    : undefined;
}

/**
 * Returns the message of anything thrown: of an error its `message`, of any other value the value
 * as text.
 */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
