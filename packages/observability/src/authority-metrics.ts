import { type Clock, systemClock } from '@acmex/clock';
import type { Metrics } from './metrics.ts';
import { perScrape } from './per-scrape.ts';

export interface WatchedAuthority {
  /** Returns the times of the latest revocation list of each issuer, by its name; RFC 3339. */
  crls(): Promise<
    ReadonlyMap<string, { readonly thisUpdate: string; readonly nextUpdate: string }>
  >;
  readonly clock?: Clock | undefined;
}

/** What a CA calls with what it has done. */
export interface AuthorityWatch {
  onAnswer(answer: { readonly status: number; readonly problem?: string | undefined }): void;
  onIssued(certificate: { readonly profile?: string | undefined }): void;
}

/** Adds the metrics of an own CA. */
export function authorityMetrics(
  metrics: Metrics,
  { crls, clock = systemClock }: WatchedAuthority,
): AuthorityWatch {
  const issuances = metrics.counter('authority_issuances_total');
  const answers = metrics.counter('authority_answers_total');
  const refusals = metrics.counter('authority_refusals_total');
  const collect = perScrape(async () => {
    for (const gauge of Object.values(gauges)) gauge.reset();
    const now = clock.now().epochMilliseconds;
    for (const [issuer, { thisUpdate, nextUpdate }] of await crls()) {
      gauges.age.set({ issuer }, (now - Date.parse(thisUpdate)) / 1000);
      gauges.end.set({ issuer }, Date.parse(nextUpdate) / 1000);
    }
  });
  const gauges = {
    age: metrics.gauge('authority_crl_age_seconds', collect),
    end: metrics.gauge('authority_crl_next_update_timestamp_seconds', collect),
  };
  return {
    onAnswer({ status, problem }) {
      answers.inc({ status });
      if (problem !== undefined) refusals.inc({ problem });
    },
    onIssued: ({ profile = 'default' }) => issuances.inc({ profile }),
  };
}
