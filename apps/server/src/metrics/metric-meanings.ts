/** What the server counts, without the prefix. */
export const metricMeanings = {
  requests_total: 'Requests that were answered, by method, route and status.',
  request_duration_seconds: 'How long they took, by method and route.',
  renewals_total: 'Orders of this process that ended, by outcome: succeeded, failed, cancelled.',
  certs_managed: 'Certificates that are managed, by tenant.',
  queue_tasks: 'Tasks in the queue, by state.',
  tasks_lost_total:
    'Tasks that this process no longer owned when it ended them: it was silent for too long and another process took them, or Redis lost them.',
  invalid_values_total:
    'Values in Redis that this process has removed or ignored because they were not valid, by kind: group, job, key, notification, scan, worker.',
  workers: 'Processes that work, where several share the queue.',
  job_lag_seconds:
    'Seconds since the last scan for what is due, where several processes share the work; 0 in a single process.',
  late_seconds: 'For how long the oldest task is due, where nothing is done for it.',
} as const;
