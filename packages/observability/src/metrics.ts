import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  type OpenMetricsContentType,
  Registry,
} from 'prom-client';
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

/** The content type of the text format of Prometheus. */
export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

/** The content type of OpenMetrics 1.0, the format that has exemplars. */
export const openMetricsContentType: OpenMetricsContentType =
  'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** The formats of metrics. */
export type MetricsContentType = typeof metricsContentType | typeof openMetricsContentType;

/**
 * Returns the format that a header `Accept` prefers; the text format of Prometheus where it prefers
 * none. Parameters other than `version` and `q`, as `escaping` of Prometheus 3, do not matter. RFC 9110
 * §12.5.1
 */
export function preferredMetricsContentType(accept = ''): MetricsContentType {
  const ranges = accept.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const valueOf = (name: string) =>
      parameters.find((parameter) => parameter.startsWith(`${name}=`))?.slice(name.length + 1);
    return { type, version: valueOf('version'), quality: Number(valueOf('q') ?? 1) };
  });
  const qualityOf = (contentType: MetricsContentType) => {
    const [wanted, version] = contentType.split(/; (?:version=)?/);
    const matching = ranges.filter(
      (range) => range.type === wanted && (range.version ?? version) === version,
    );
    return Math.max(0, ...matching.map(({ quality }) => quality));
  };
  return qualityOf(openMetricsContentType) > qualityOf(metricsContentType)
    ? openMetricsContentType
    : metricsContentType;
}

/**
 * The metrics of one program. Each is created once, by its name in `metricTable`; a program has
 * those that its collectors create.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #prefix: string;
  readonly #collectFailures: Counter<'metric'>;
  readonly #seriesGauges: {
    readonly name: MetricName;
    readonly collect: () => Promise<Iterable<Series>>;
  }[] = [];

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
   * Creates a counter whose series each have an exemplar in the OpenMetrics format: the trace that
   * was counted last.
   */
  tracedCounter<N extends MetricOfType<'counter'>>(name: N): Counter<LabelOf<N> | 'trace_id'> {
    const counter = new Counter<LabelOf<N> | 'trace_id'>({
      ...this.#configuration(name),
      enableExemplars: true,
      // A registry of the text format, which leaves the exemplars out, only takes it afterwards.
      registers: [],
    });
    this.#registry.registerMetric(counter);
    return counter;
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

  /**
   * Creates a gauge that may have very many series: prom-client takes several microseconds for each
   * of them at each scrape, and keeps them all.
   * @param collect called at each scrape. If it fails, the gauge is absent from this scrape, and the
   * failure is counted.
   */
  seriesGauge<N extends MetricOfType<'gauge'>>(
    name: N,
    collect: () => Promise<Iterable<Series>>,
  ): void {
    this.#seriesGauges.push({
      name,
      collect: async () => {
        try {
          return await collect();
        } catch {
          this.#collectFailures.inc({ metric: name });
          return [];
        }
      },
    });
  }

  /** Returns all metrics, by default in the text format of Prometheus. */
  async text(contentType?: MetricsContentType): Promise<string> {
    return [...(await this.pieces(contentType))].join('');
  }

  /**
   * Returns the pieces of the same text, each written when it is read. A text of very many series as
   * a whole takes several times as much: the garbage collector goes through everything for it.
   */
  async pieces(contentType: MetricsContentType = metricsContentType): Promise<Iterable<string>> {
    // All begin at once: some find out the same.
    const [registryText, ...gauges] = await Promise.all([
      this.#registryText(contentType),
      ...this.#seriesGauges.map(async ({ name, collect }) => ({ name, series: await collect() })),
    ]);
    return this.#written(gauges, registryText);
  }

  *#written(
    gauges: readonly { readonly name: MetricName; readonly series: Iterable<Series> }[],
    registryText: string,
  ): Generator<string, void> {
    for (const { name, series } of gauges) yield* this.#seriesPieces(name, series);
    yield registryText;
  }

  *#seriesPieces(name: MetricName, series: Iterable<Series>): Generator<string, void> {
    const fullName = `${this.#prefix}_${name}`;
    let piece = `# HELP ${fullName} ${metricTable[name].meaning}\n# TYPE ${fullName} gauge\n`;
    for (const { labels, value } of series) {
      piece += `${fullName}${labels} ${value}\n`;
      if (piece.length < pieceLength) continue;
      yield piece;
      piece = '';
    }
    yield piece;
  }

  async #registryText(contentType: MetricsContentType): Promise<string> {
    if (contentType === metricsContentType) return await this.#registry.metrics();
    const registry = new Registry<OpenMetricsContentType>();
    registry.setContentType(contentType);
    for (const { name } of this.#registry.getMetricsAsArray()) {
      const metric = this.#registry.getSingleMetric(name);
      if (metric instanceof Counter) registry.registerMetric(openMetricsCounter(metric, name));
      else if (metric) registry.registerMetric(metric);
    }
    return await registry.metrics();
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

/**
 * Returns a counter with the name that it has in the OpenMetrics format, without `_total`. A registry
 * in that format renames what it writes, so it must not be given the counter itself.
 */
function openMetricsCounter(counter: Counter, name: string): Counter {
  const renamed = {
    name: name.replace(/_total$/, ''),
    get: async () => ({ ...(await counter.get()), name: renamed.name }),
  };
  return new Proxy(counter, {
    get: (target, key) => Reflect.get(key in renamed ? renamed : target, key) as unknown,
    set: (_, key, value) => Reflect.set(renamed, key, value),
  });
}

/** A time series of a gauge. */
export interface Series {
  /** As `labelText` writes them. */
  readonly labels: string;
  /** A finite number. */
  readonly value: number;
}

const pieceLength = 32 * 1024;

/** Returns labels in the text format of Prometheus: `{tenant="default",issuer="ca"}`. */
export function labelText<N extends MetricName>(
  labels: Readonly<Partial<Record<LabelOf<N>, string>>>,
): string {
  const pairs = Object.entries<string | undefined>(labels).map(
    ([name, value = '']) => `${name}="${value.replace(/[\\\n"]/g, escaped)}"`,
  );
  return `{${pairs.join(',')}}`;
}

function escaped(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`;
}

interface Collected {
  reset(): void;
  set?(value: number): void;
}
