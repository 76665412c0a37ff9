/**
 * Returns the stable code of anything thrown. It decides what a caller does, and also works on an
 * error of another realm or of a second copy of a package. Where a disposal failed after an error,
 * it is the code of that error.
 *
 * @returns `undefined` where there is no code, or one that is not a string.
 */
export function errorCode(error: unknown): string | undefined {
  if (isSuppressedError(error)) return errorCode(error.suppressed);
  return typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'string'
    ? error.code
    : undefined;
}

/**
 * Returns whether an error says that a module or a package could not be found: Node.js has one code
 * for `import`, and another for `require`, which bundles use.
 */
export function isModuleMissing(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
}

/**
 * Returns the message of anything thrown: of an error its `message`, of any other value the value
 * as text. The text for several errors has each message once: for an `AggregateError` without a
 * message, as Node.js throws it when no address of a host can be reached, and where a disposal
 * failed after an error, which comes first.
 */
export function errorText(error: unknown): string {
  if (isSuppressedError(error)) return joined([error.suppressed, error.error]);
  if (error instanceof AggregateError && error.message === '') return joined(error.errors);
  return error instanceof Error ? error.message : String(error);
}

/** What a runtime throws when a disposal fails after an error: Node.js 20 has no class for it. */
interface SuppressedFailure extends Error {
  /** What was thrown first. */
  readonly suppressed: unknown;
  /** What the disposal threw. */
  readonly error: unknown;
}

function isSuppressedError(error: unknown): error is SuppressedFailure {
  return (
    error instanceof Error &&
    error.name === 'SuppressedError' &&
    'suppressed' in error &&
    'error' in error
  );
}

function joined(errors: readonly unknown[]): string {
  return [...new Set(errors.map(errorText))].join('; ');
}
