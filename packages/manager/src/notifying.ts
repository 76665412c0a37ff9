import { type Clock, mapConcurrent } from '@acmex/clock';
import { notificationSubscriber, type Notifier } from '@acmex/notifications';
import type { StoredEvents } from '@acmex/orchestrator';
import { Temporal } from 'temporal-polyfill';
import type { CertificateManager } from './certificate-manager.ts';

export interface NotifyingOptions {
  /** Called at each pass. */
  readonly managers: () => ReadonlyMap<string, Pick<CertificateManager, 'notifier'>>;
  /** Waits for what is to be sent together; each pass begins with it. */
  readonly ready?: (() => Promise<void>) | undefined;
  readonly clock: Clock;
  readonly onError: (what: string, error: unknown) => void;
}

/** Sends the notifications of managers until it is disposed of. */
export interface Notifying extends AsyncDisposable {
  /** Sends now what is new. */
  wake(): void;
}

/** The longest time between two passes: other processes write events too. */
const longestPauseMs = 10_000;
/** The shortest one: what happens in the meantime is sent together. */
const shortestPauseMs = 1000;

/** Starts to send: at once, when it is woken, and when something is due. */
export function startNotifying(options: NotifyingOptions): Notifying {
  const stopping = new AbortController();
  let waking = new AbortController();
  const running = async () => {
    while (!stopping.signal.aborted) {
      waking = new AbortController();
      const { signal } = stopping;
      await options.ready?.();
      const next = await notifyAll(options, signal);
      await pause(next, options.clock, { stopped: signal, woken: waking.signal });
    }
  };
  const ended = running();
  return {
    wake: () => waking.abort(),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
    },
  };
}

/** @returns when something is due; undefined where there is no receiver */
async function notifyAll(
  { managers, clock, onError }: NotifyingOptions,
  signal: AbortSignal,
): Promise<Temporal.Instant | undefined> {
  const notifiers = [...managers().values()]
    .map(({ notifier }) => notifier)
    .filter((notifier): notifier is Notifier => (notifier?.receivers.length ?? 0) > 0);
  if (notifiers.length === 0) return undefined;
  const latest = clock.now().add({ milliseconds: longestPauseMs });
  const due = await mapConcurrent(notifiers.length, notifiers, async (notifier) => {
    try {
      return (await notifier.notify({ signal })) ?? latest;
    } catch (error) {
      if (!signal.aborted) onError('notifications cannot be sent', error);
      return latest;
    }
  });
  return [...due].sort(Temporal.Instant.compare)[0];
}

/** Waits until a moment, or forever; ends early when it is woken, but not at once. */
async function pause(
  until: Temporal.Instant | undefined,
  clock: Clock,
  { stopped, woken }: { readonly stopped: AbortSignal; readonly woken: AbortSignal },
): Promise<void> {
  const signal = AbortSignal.any([stopped, woken]);
  if (!until) {
    await aborted(signal);
    return;
  }
  try {
    await clock.sleep({ milliseconds: shortestPauseMs }, { signal: stopped });
    const left = until.epochMilliseconds - clock.now().epochMilliseconds;
    const milliseconds = Math.min(Math.max(left, 0), longestPauseMs);
    await clock.sleep({ milliseconds }, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Returns the events of a manager. Where there are no receivers, nothing waits for the notifier. */
export function storedEvents({
  storage,
  notifier,
}: Pick<CertificateManager, 'storage' | 'notifier'>): StoredEvents {
  const isRetired = (notifier?.receivers.length ?? 0) === 0;
  return { storage, retired: isRetired ? [notificationSubscriber] : [] };
}
