import { type Clock, systemClock } from '@acmex/clock';
import type { Metrics } from './metrics.ts';
import { perScrape } from './per-scrape.ts';

/** An attempt to send a notification, as its metrics see it. */
export interface WatchedAttempt {
  /** The kind of its channel: `webhook`, `email`. */
  readonly channel: string;
  readonly outcome: 'delivered' | 'failed' | 'dead';
}

/** The notifications of a tenant that were not delivered. */
export interface WatchedDeliveries {
  deliveries(options: { readonly onCorrupt: (error: Error) => void }): AsyncIterable<{
    readonly state: 'waiting' | 'dead';
    /** RFC 3339 */
    readonly createdAt: string;
  }>;
}

/**
 * Adds the metrics of attempts to send notifications.
 * @returns counts an attempt, for `onNotificationAttempt` of a certificate manager
 */
export function notificationAttemptMetrics(metrics: Metrics): (attempt: WatchedAttempt) => void {
  const attempts = metrics.counter('notification_attempts_total');
  return ({ channel, outcome }) => attempts.inc({ channel, outcome });
}

/** Adds the metrics of notifications that were not delivered, by tenant. */
export function notificationMetrics(
  metrics: Metrics,
  {
    notifiers,
    clock = systemClock,
  }: {
    readonly notifiers: () => Iterable<readonly [tenant: string, notifier: WatchedDeliveries]>;
    readonly clock?: Clock | undefined;
  },
): void {
  const collect = perScrape(async () => {
    for (const gauge of Object.values(gauges)) gauge.reset();
    const now = clock.now().epochMilliseconds;
    for (const [tenant, notifier] of notifiers()) {
      const counts = { waiting: 0, dead: 0 };
      let oldest = now;
      for await (const { state, createdAt } of notifier.deliveries({ onCorrupt: leaveOut })) {
        counts[state] += 1;
        if (state === 'waiting') oldest = Math.min(oldest, Date.parse(createdAt));
      }
      for (const [state, count] of Object.entries(counts))
        gauges.undelivered.set({ tenant, state }, count);
      gauges.oldest.set({ tenant }, (now - oldest) / 1000);
    }
  });
  const gauges = {
    undelivered: metrics.gauge('notifications', collect),
    oldest: metrics.gauge('notification_oldest_waiting_seconds', collect),
  };
}

/** The notifier reports it. */
function leaveOut(): void {
  /* it is not counted */
}
