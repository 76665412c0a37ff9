import type { IncomingHttpHeaders } from 'node:http';
import { continuedTrace, parseTraceparent, traceIdOf } from '@acmex/orchestrator';

/**
 * Returns the trace that a request belongs to. A header that is not well-formed counts as none. W3C
 * Trace Context §3.2
 */
export function traceparentIn({ traceparent }: IncomingHttpHeaders): string | undefined {
  return typeof traceparent === 'string' && parseTraceparent(traceparent)
    ? continuedTrace(traceparent)
    : undefined;
}

/** Returns the id of the trace that a request belongs to: 32 hexadecimal digits. */
export function traceIdIn(headers: IncomingHttpHeaders): string | undefined {
  return traceIdOf(headers.traceparent);
}
