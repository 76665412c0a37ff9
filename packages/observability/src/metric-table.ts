/** The programs that have a metric. */
export type MetricProgram = 'server' | 'daemon' | 'renew' | 'ca' | 'agent' | 'https';

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
  collect_failures_total: {
    type: 'counter',
    labels: ['metric'],
    meaning: 'How often a metric could not be found out, and was absent from a scrape.',
    programs: ['server', 'daemon', 'renew', 'ca', 'agent', 'https'],
  },
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
    meaning:
      'Orders of this process that ended, by outcome: succeeded, failed, cancelled. In the OpenMetrics format, its exemplar is the trace id of the last one.',
    programs: ['server', 'daemon', 'renew'],
  },
  certs_managed: {
    type: 'gauge',
    labels: ['tenant'],
    meaning: 'Certificates that are managed, by tenant.',
    programs: ['server', 'daemon', 'renew'],
  },
  certificates: {
    type: 'gauge',
    labels: ['tenant', 'state'],
    meaning:
      'Certificates by tenant and state: valid, due, failing, waiting, unissued, paused, revoked, expired.',
    programs: ['server', 'daemon', 'renew'],
  },
  certificate_alarms: {
    type: 'gauge',
    labels: ['tenant', 'alarm'],
    meaning:
      'Certificates with an alarm that was reported and is not over, by tenant and by the type of its event: certificate_expiring, renewal_late, deployment_failed, served_certificate_differs, served_certificate_unreachable.',
    programs: ['server', 'daemon', 'renew'],
  },
  certificate_not_after_timestamp_seconds: {
    type: 'gauge',
    labels: ['tenant', 'certificate', 'issuer', 'domain'],
    unit: 'unix seconds',
    meaning:
      'When a certificate expires. For the certificates that expire first: metrics.certificates in acmex.toml says how many. The label domain exists with metrics.domain_labels.',
    programs: ['server', 'daemon', 'renew'],
  },
  certificate_renew_at_timestamp_seconds: {
    type: 'gauge',
    labels: ['tenant', 'certificate', 'issuer', 'domain'],
    unit: 'unix seconds',
    meaning: 'When a certificate is to be renewed. For the same certificates.',
    programs: ['server', 'daemon', 'renew'],
  },
  certificate_ready: {
    type: 'gauge',
    labels: ['tenant', 'certificate', 'issuer', 'domain'],
    meaning:
      'Whether a certificate can be used: 1 while it is neither expired nor revoked, otherwise 0. For the same certificates.',
    programs: ['server', 'daemon', 'renew'],
  },
  certificate_served: {
    type: 'gauge',
    labels: ['tenant', 'certificate', 'issuer', 'domain'],
    meaning:
      'Whether each server of a certificate serves it: 1 if all do, 0 if one serves a different certificate or cannot be reached. Absent without servers in served_at, and until all were reached. For the same certificates.',
    programs: ['server', 'daemon', 'renew'],
  },
  oldest_due_seconds: {
    type: 'gauge',
    labels: [],
    unit: 'seconds',
    meaning:
      'For how long the oldest task is due, even if a process works on it; 0 if nothing is due.',
    programs: ['server', 'daemon', 'renew'],
  },
  order_transitions_total: {
    type: 'counter',
    labels: ['issuer', 'challenge', 'transition'],
    meaning:
      'Transitions of orders in this process, by CA and challenge type: ordered, resumed, validated, finalized, issued, failed. The challenge is none until a response is presented.',
    programs: ['server', 'daemon', 'renew', 'https'],
  },
  order_failures_total: {
    type: 'counter',
    labels: ['issuer', 'challenge', 'code'],
    meaning: 'Executions of orders that failed in this process, by the code of the error.',
    programs: ['server', 'daemon', 'renew', 'https'],
  },
  order_duration_seconds: {
    type: 'histogram',
    labels: ['issuer', 'challenge', 'stage'],
    unit: 'seconds',
    meaning:
      'How long the stages of an order took: validation, from its creation or resumption to the proof of every name; issuance, from there to the certificate.',
    programs: ['server', 'daemon', 'renew', 'https'],
    buckets: [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600],
  },
  ca_requests_total: {
    type: 'counter',
    labels: ['issuer', 'operation', 'problem'],
    meaning:
      'Requests to CAs, by the resource of RFC 8555 and the problem type of the refusal: none for a success, other for a refusal without a known type, and the code of the error without an answer.',
    programs: ['server', 'daemon', 'renew', 'https'],
  },
  ca_request_duration_seconds: {
    type: 'histogram',
    labels: ['issuer', 'operation'],
    unit: 'seconds',
    meaning: 'How long requests to CAs took.',
    programs: ['server', 'daemon', 'renew', 'https'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  ca_limited_until_timestamp_seconds: {
    type: 'gauge',
    labels: ['issuer'],
    unit: 'unix seconds',
    meaning:
      'When a CA that has refused a request as rateLimited allows the next one, as its last such refusal says. Absent until a CA says so: no CA publishes how much of a limit is left.',
    programs: ['server', 'daemon', 'renew', 'https'],
  },
  notification_attempts_total: {
    type: 'counter',
    labels: ['channel', 'outcome'],
    meaning:
      'Attempts of this process to send a notification, by channel (webhook, email) and outcome: delivered, failed (it is tried again), dead (it is a dead letter now).',
    programs: ['server', 'daemon', 'renew'],
  },
  notifications: {
    type: 'gauge',
    labels: ['tenant', 'state'],
    meaning:
      'Notifications that are not delivered, by tenant and state: waiting, dead. A dead letter is only sent again by acmex notify replay.',
    programs: ['server', 'daemon', 'renew'],
  },
  notification_oldest_waiting_seconds: {
    type: 'gauge',
    labels: ['tenant'],
    unit: 'seconds',
    meaning: 'For how long the oldest notification waits for its delivery; 0 if none waits.',
    programs: ['server', 'daemon', 'renew'],
  },
  audit_records: {
    type: 'gauge',
    labels: [],
    meaning:
      'Records that all processes have written to the audit log. This and the next three exist with audit.enabled.',
    programs: ['server', 'daemon', 'renew', 'ca'],
  },
  audit_last_record_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    unit: 'unix seconds',
    meaning: 'When the last record of the audit log was written; 0 before the first.',
    programs: ['server', 'daemon', 'renew', 'ca'],
  },
  audit_last_checkpoint_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    unit: 'unix seconds',
    meaning: 'When the ends of the audit log were last signed; 0 before the first checkpoint.',
    programs: ['server', 'daemon', 'renew', 'ca'],
  },
  audit_oldest_unsigned_seconds: {
    type: 'gauge',
    labels: [],
    unit: 'seconds',
    meaning:
      'Age of the oldest record of the audit log since the last checkpoint; 0 if there is none.',
    programs: ['server', 'daemon', 'renew', 'ca'],
  },
  heartbeats_total: {
    type: 'counter',
    labels: ['outcome'],
    meaning:
      'Heartbeats to notifications.heartbeat_url that this process has attempted, by outcome: succeeded, failed.',
    programs: ['server', 'daemon', 'renew'],
  },
  heartbeat_last_success_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    unit: 'unix seconds',
    meaning:
      'When this process has last sent a heartbeat; 0 until then. Of several processes with one storage, one sends it.',
    programs: ['server', 'daemon', 'renew'],
  },
  storage_duration_seconds: {
    type: 'histogram',
    labels: ['operation'],
    unit: 'seconds',
    meaning:
      'How long the storage took, by operation: get, list, snapshot, write. Of a list, the time that its reader waited.',
    programs: ['server', 'daemon', 'renew', 'ca', 'https'],
    buckets: [0.0005, 0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
  },
  storage_failures_total: {
    type: 'counter',
    labels: ['operation', 'code'],
    meaning:
      'Operations of the storage that failed, by the code of the error. ERR_STORAGE_CONFLICT is normal where several processes write.',
    programs: ['server', 'daemon', 'renew', 'ca', 'https'],
  },
  audit_checkpoints_unsent: {
    type: 'gauge',
    labels: ['destination'],
    meaning:
      'Checkpoints of the audit log that wait to be sent, by destination: file, syslog, webhook.',
    programs: ['server', 'daemon', 'ca'],
  },
  queue_tasks: {
    type: 'gauge',
    labels: ['state'],
    meaning:
      'Tasks in the queue, by state: waiting_urgent, waiting_high, waiting_normal, waiting_low, delayed, running.',
    programs: ['server', 'daemon'],
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
    programs: ['server', 'daemon'],
  },
  authority_issuances_total: {
    type: 'counter',
    labels: ['profile'],
    meaning: 'Certificates that this process has issued to ACME clients, by profile.',
    programs: ['ca'],
  },
  authority_answers_total: {
    type: 'counter',
    labels: ['status'],
    meaning: 'Requests of ACME clients that were answered, by HTTP status.',
    programs: ['ca'],
  },
  authority_refusals_total: {
    type: 'counter',
    labels: ['problem'],
    meaning: 'Requests of ACME clients that were refused, by problem type.',
    programs: ['ca'],
  },
  authority_crl_age_seconds: {
    type: 'gauge',
    labels: ['issuer'],
    unit: 'seconds',
    meaning:
      'Age of the latest revocation list of an issuing certificate, by its number: 1 for the first. Absent until there is a list.',
    programs: ['ca'],
  },
  authority_crl_next_update_timestamp_seconds: {
    type: 'gauge',
    labels: ['issuer'],
    unit: 'unix seconds',
    meaning: 'When the latest revocation list of an issuing certificate ends.',
    programs: ['ca'],
  },
  agent_updates_total: {
    type: 'counter',
    labels: ['outcome'],
    meaning:
      'Updates of the certificates of this host, by outcome: succeeded, or the code of the error.',
    programs: ['agent'],
  },
  agent_last_update_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    unit: 'unix seconds',
    meaning: 'When the certificates of this host were last compared with the server; 0 for never.',
    programs: ['agent'],
  },
  agent_certificates: {
    type: 'gauge',
    labels: ['state'],
    meaning:
      'Certificates of this host after the last update: deployed, failed (not deployed), missing (selected, and not at the server).',
    programs: ['agent'],
  },
  tls_handshakes_total: {
    type: 'counter',
    labels: ['outcome'],
    meaning:
      'TLS handshakes of the servers that autocert serves, by outcome: succeeded, or the code of the error, as Node.js has it.',
    programs: ['https'],
  },
  new_names_total: {
    type: 'counter',
    labels: ['outcome'],
    meaning:
      'Names without a stored certificate that clients have asked autocert for, by outcome: succeeded, or the code of the error, such as ERR_HTTPS_NOT_PERMITTED.',
    programs: ['https'],
  },
  last_run_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    unit: 'unix seconds',
    meaning: 'When acmex renew has ended.',
    programs: ['renew'],
  },
  last_run_results: {
    type: 'gauge',
    labels: ['result'],
    meaning:
      'Certificates of the last run of acmex renew, by result: renewed, deployed, not_due, waiting, failed, not_deployed.',
    programs: ['renew'],
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
