import type { IncomingHttpHeaders } from 'node:http';

/**
 * Returns the trace that a request belongs to. A header that is not well-formed counts as none. W3C
 * Trace Context §3.2.2
 */
export function traceparentIn({ traceparent }: IncomingHttpHeaders): string | undefined {
  return typeof traceparent === 'string' &&
    /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(traceparent)
    ? traceparent
    : undefined;
}

/** Returns the id of the trace that a request belongs to: 32 hexadecimal digits. */
export function traceIdIn(headers: IncomingHttpHeaders): string | undefined {
  return traceparentIn(headers)?.split('-')[1];
}
