export interface CallOptions {
  /** Ends the call at once, with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
}
