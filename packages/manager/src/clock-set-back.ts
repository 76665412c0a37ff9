import { type Clock, milliseconds } from '@acmex/clock';
import type { CertificateManager } from './certificate-manager.ts';

/** How soon it is seen that the clock was set back. */
const interval = { minutes: 15 };
/** Clocks are corrected by less all the time. */
const correction = { minutes: 1 };

export interface ClockSetBackOptions {
  /** Called when the clock was set back. */
  readonly managers: () => ReadonlyMap<string, Pick<CertificateManager, 'provisioner'>>;
  readonly clock: Clock;
  readonly onError: (what: string, error: unknown) => void;
}

/**
 * Starts to retry what waits for a time that a clock which was ahead has set: after the first
 * interval, because this may have been before the start, and whenever the clock was set back.
 */
export function startRetryAfterSetBack({
  managers,
  clock,
  onError,
}: ClockSetBackOptions): AsyncDisposable {
  const stopping = new AbortController();
  const { signal } = stopping;
  const difference = () => clock.now().epochMilliseconds - clock.monotonic();
  const running = async () => {
    let largest = Infinity;
    for (;;) {
      await clock.sleep(interval, { signal });
      const isSetBack = difference() < largest - milliseconds(correction);
      if (!isSetBack) largest = Math.max(largest, difference());
      else if (await retryAll()) largest = difference();
    }
  };
  /** @returns whether all were read */
  const retryAll = async () => {
    try {
      for (const { provisioner } of managers().values())
        await provisioner.retryAfterSetBack({ signal });
      return true;
    } catch (error) {
      signal.throwIfAborted();
      onError('cannot retry what waits since the clock was ahead', error);
      return false;
    }
  };
  const ended = running().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
    },
  };
}
