/** What a `traceparent` says. W3C Trace Context §3.2.2 */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** 8 bits: bit 0 says that the caller may have recorded the trace. */
  readonly flags: number;
}

/** A later version may have more fields behind the flags. Version ff is not valid. */
const form =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const longestTraceparent = 512;
/** The flag `sampled`: no one has decided against the trace. */
const sampled = '01';

/**
 * Reads a `traceparent`.
 * @returns undefined for anything that is not well-formed: a wrong one counts as none
 */
export function parseTraceparent(traceparent: unknown): TraceContext | undefined {
  if (typeof traceparent !== 'string' || traceparent.length > longestTraceparent) return undefined;
  const [, version, traceId = '', spanId = '', flags = '', more] = form.exec(traceparent) ?? [];
  if (version === undefined || (version === '00' && more !== undefined)) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
}

/** Returns the id of the trace in a `traceparent`; undefined where it is not well-formed. */
export function traceIdOf(traceparent: unknown): string | undefined {
  return parseTraceparent(traceparent)?.traceId;
}

/** Returns a `traceparent` that is well-formed, in version 00; that of a new trace for a wrong one. */
export function continuedTrace(traceparent: string | undefined): string {
  const context = parseTraceparent(traceparent);
  if (!context) return `00-${randomHex(16)}-${randomHex(8)}-${sampled}`;
  const { traceId, spanId, flags } = context;
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`;
}

/** Returns random bytes as hexadecimal digits. */
function randomHex(length: number): string {
  return Buffer.from(globalThis.crypto.getRandomValues(new Uint8Array(length))).toString('hex');
}
