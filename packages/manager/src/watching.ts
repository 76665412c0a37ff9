import { type Clock, type DurationInput, mapConcurrent, milliseconds } from '@acmex/clock';
import { type EventType, scanAlarms } from '@acmex/orchestrator';
import { Temporal } from 'temporal-polyfill';
import type { CertificateManager } from './certificate-manager.ts';

/** What a scan has reported: how many events of each type, and whether it has read everything. */
export interface Watched {
  readonly reported: ReadonlyMap<EventType, number>;
  readonly isComplete: boolean;
}

export interface WatchingOptions {
  /** Called at each scan. */
  readonly managers: () => ReadonlyMap<string, Pick<CertificateManager, 'storage'>>;
  /** The longest time between two scans; 5 minutes by default. */
  readonly interval?: DurationInput | undefined;
  /** Called after each scan; the next one waits for it. */
  readonly onWatched?: ((watched: Watched, options: SignalOption) => Promise<void>) | undefined;
  readonly clock: Clock;
  readonly onError: (what: string, error: unknown) => void;
}

interface SignalOption {
  readonly signal: AbortSignal;
}

/** Scans for alarms until it is disposed of. */
export interface Watching extends AsyncDisposable {
  /** Scans soon: something has changed. */
  wake(): void;
  /** Waits for the scan that runs, so that what it reports is sent together. */
  idle(): Promise<void>;
}

const usualInterval = { minutes: 5 };
/** The shortest time between two scans: what changes in the meantime is read together. */
const shortestPauseMs = 1000;
/** The number of storages that are read at the same time. */
const atOnce = 4;

/** Starts to scan for alarms: at once, when one is due, when it is woken, and after the interval. */
export function startWatching(options: WatchingOptions): Watching {
  const { clock, interval = usualInterval, onWatched, onError } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let waking = new AbortController();
  let scanning: Promise<unknown> = Promise.resolve();
  const running = async () => {
    while (!signal.aborted) {
      waking = new AbortController();
      const scan = watchAll(options, signal);
      scanning = scan;
      const { next, ...watched } = await scan;
      await onWatched?.(watched, { signal }).catch((error: unknown) => {
        if (!signal.aborted) onError('after the scan for alarms', error);
      });
      const latest = clock.now().add({ milliseconds: milliseconds(interval) });
      const until = [latest, ...(next ? [next] : [])].sort(Temporal.Instant.compare)[0] ?? latest;
      await pause(until, clock, { stopped: signal, woken: waking.signal });
    }
  };
  const ended = running();
  return {
    wake: () => waking.abort(),
    async idle() {
      await scanning;
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
    },
  };
}

/** Scans the storages of all managers once. A storage that fails does not stop the others. */
export async function watchAll(
  { managers, clock, onError }: Pick<WatchingOptions, 'managers' | 'clock' | 'onError'>,
  signal: AbortSignal,
): Promise<Watched & { readonly next: Temporal.Instant | undefined }> {
  const reported = new Map<EventType, number>();
  const due: Temporal.Instant[] = [];
  let isComplete = true;
  const report = (what: string, error: unknown) => {
    isComplete = false;
    if (!signal.aborted) onError(what, error);
  };
  await mapConcurrent(atOnce, [...managers()], async ([scope, { storage }]) => {
    const prefix = scope === '' ? '' : `${scope}/`;
    try {
      const scan = await scanAlarms({
        storage,
        clock,
        signal,
        onError: (certificate, error) => report(`${prefix}${certificate} is not watched`, error),
      });
      for (const [type, count] of scan.reported)
        reported.set(type, (reported.get(type) ?? 0) + count);
      if (scan.next) due.push(scan.next);
    } catch (error) {
      report(`${prefix === '' ? '' : `${scope}: `}the scan for alarms has failed`, error);
    }
  });
  return { reported, isComplete, next: due.sort(Temporal.Instant.compare)[0] };
}

/** Waits until a moment; ends early when it is woken, but not at once. */
async function pause(
  until: Temporal.Instant,
  clock: Clock,
  { stopped, woken }: { readonly stopped: AbortSignal; readonly woken: AbortSignal },
): Promise<void> {
  const signal = AbortSignal.any([stopped, woken]);
  try {
    await clock.sleep({ milliseconds: shortestPauseMs }, { signal: stopped });
    const left = until.epochMilliseconds - clock.now().epochMilliseconds;
    await clock.sleep({ milliseconds: Math.max(left, 0) }, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
