/** The programs that have a metric. */
export type MetricProgram = 'server' | 'daemon' | 'renew' | 'ca' | 'agent';

export interface MetricDescription {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly unit?: 'seconds' | 'unix seconds' | undefined;
  /** A sentence, or several, that is also the help text of the metric. */
  readonly meaning: string;
  readonly programs: readonly MetricProgram[];
  /** Upper bounds of the buckets of a histogram. */
  readonly buckets?: readonly number[] | undefined;
}

/** All metrics, by their names without the prefix. A name never changes. */
export const metricTable = {
  requests_total: {
    type: 'counter',
    labels: ['method', 'route', 'status'],
    meaning: 'Requests that were answered, by method, route and status.',
    programs: ['server'],
  },
  request_duration_seconds: {
    type: 'histogram',
    labels: ['method', 'route'],
    unit: 'seconds',
    meaning: 'How long requests took, by method and route.',
    programs: ['server'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
  },
  renewals_total: {
    type: 'counter',
    labels: ['outcome'],
    meaning: 'Orders of this process that ended, by outcome: succeeded, failed, cancelled.',
    programs: ['server'],
  },
  certs_managed: {
    type: 'gauge',
    labels: ['tenant'],
    meaning: 'Certificates that are managed, by tenant.',
    programs: ['server'],
  },
  queue_tasks: {
    type: 'gauge',
    labels: ['state'],
    meaning:
      'Tasks in the queue, by state: waiting_urgent, waiting_high, waiting_normal, waiting_low, delayed, running.',
    programs: ['server'],
  },
  tasks_lost_total: {
    type: 'counter',
    labels: [],
    meaning:
      'Tasks that this process no longer owned when it ended them: it was silent for too long and another process took them, or Redis lost them.',
    programs: ['server'],
  },
  invalid_values_total: {
    type: 'counter',
    labels: ['kind'],
    meaning:
      'Values in Redis that this process has removed or ignored because they were not valid, by kind: group, job, key, notification, scan, worker.',
    programs: ['server'],
  },
  workers: {
    type: 'gauge',
    labels: [],
    meaning: 'Processes that work, where several share the queue.',
    programs: ['server'],
  },
  job_lag_seconds: {
    type: 'gauge',
    labels: [],
    unit: 'seconds',
    meaning:
      'Seconds since the last scan for what is due, where several processes share the work; 0 in a single process.',
    programs: ['server'],
  },
  late_seconds: {
    type: 'gauge',
    labels: [],
    unit: 'seconds',
    meaning: 'For how long the oldest task is due, where nothing is done for it.',
    programs: ['server'],
  },
} as const satisfies Readonly<Record<string, MetricDescription>>;

type MetricTable = typeof metricTable;
export type MetricName = keyof MetricTable;

/** The names of the metrics of one type. */
export type MetricOfType<T extends MetricDescription['type']> = {
  [N in MetricName]: MetricTable[N]['type'] extends T ? N : never;
}[MetricName];

/** The labels of a metric. */
export type LabelOf<N extends MetricName> = MetricTable[N]['labels'][number];
