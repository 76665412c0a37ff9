import { errorCode } from '@acmex/errors';
import { LRUCache } from 'lru-cache';

/** How soon the same failure is reported again by default. */
const pauseMs = 600_000;
const remembered = 1000;

/**
 * Returns what reports failures that can come with each handshake: once in a time, by default ten
 * minutes, for a subject and a code.
 */
export function failureReports(
  onError: (error: unknown) => void,
  ttl = pauseMs,
): (subject: string, error: unknown) => void {
  const reported = new LRUCache<string, true>({ max: remembered, ttl });
  return (subject, error) => {
    const key = `${subject} ${errorCode(error) ?? ''}`;
    if (reported.has(key)) return;
    reported.set(key, true);
    onError(error);
  };
}
