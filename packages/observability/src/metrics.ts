import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import {
  type LabelOf,
  type MetricDescription,
  type MetricName,
  type MetricOfType,
  metricTable,
} from './metric-table.ts';

export interface MetricsOptions {
  /** Precedes each name, with an underscore; `acmex` by default. */
  readonly prefix?: string | undefined;
  /** Whether the metrics of Node.js and of the process are included; yes by default. */
  readonly includesProcess?: boolean | undefined;
}

/** The content type of `Metrics.text`. */
export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * The metrics of one program. Each is created once, by its name in `metricTable`; a program has
 * those that its collectors create.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #prefix: string;
  readonly #collectFailures: Counter<'metric'>;

  constructor({ prefix = 'acmex', includesProcess = true }: MetricsOptions = {}) {
    this.#prefix = prefix;
    this.#collectFailures = this.counter('collect_failures_total');
    if (includesProcess) collectDefaultMetrics({ register: this.#registry });
  }

  /**
   * Creates a counter.
   * @param collect called at each scrape, before the value is read. If it fails, the metric is absent
   * from this scrape, and the failure is counted.
   */
  counter<N extends MetricOfType<'counter'>>(
    name: N,
    collect?: (counter: Counter<LabelOf<N>>) => Promise<void> | void,
  ): Counter<LabelOf<N>> {
    return new Counter({ ...this.#configuration(name), ...this.#collecting(name, collect) });
  }

  /**
   * Creates a gauge.
   * @param collect as for a counter; a gauge without labels is then NaN
   */
  gauge<N extends MetricOfType<'gauge'>>(
    name: N,
    collect?: (gauge: Gauge<LabelOf<N>>) => Promise<void> | void,
  ): Gauge<LabelOf<N>> {
    return new Gauge({ ...this.#configuration(name), ...this.#collecting(name, collect) });
  }

  histogram<N extends MetricOfType<'histogram'>>(name: N): Histogram<LabelOf<N>> {
    const { buckets }: MetricDescription = metricTable[name];
    return new Histogram({
      ...this.#configuration(name),
      ...(buckets ? { buckets: [...buckets] } : {}),
    });
  }

  /** Returns all metrics in the text format of Prometheus. */
  async text(): Promise<string> {
    return await this.#registry.metrics();
  }

  #configuration<N extends MetricName>(name: N) {
    const { labels, meaning }: MetricDescription = metricTable[name];
    return {
      name: `${this.#prefix}_${name}`,
      help: meaning,
      labelNames: [...labels] as LabelOf<N>[],
      registers: [this.#registry],
    };
  }

  /** Returns the option `collect` of prom-client, which passes the metric as `this`. */
  #collecting<M extends Collected>(
    name: MetricName,
    collect: ((metric: M) => Promise<void> | void) | undefined,
  ) {
    if (!collect) return {};
    const failures = this.#collectFailures;
    return {
      async collect(this: M) {
        try {
          await collect(this);
        } catch {
          failures.inc({ metric: name });
          this.reset();
          if (this.set && metricTable[name].labels.length === 0) this.set(NaN);
        }
      },
    };
  }
}

interface Collected {
  reset(): void;
  set?(value: number): void;
}
