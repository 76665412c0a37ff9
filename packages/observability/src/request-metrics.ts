import type { Metrics } from './metrics.ts';

/** A request that was answered. */
export interface AnsweredRequest {
  readonly method: string;
  /** The pattern of the route, never what was requested in it. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** Adds the metrics of HTTP requests. @returns counts a request */
export function requestMetrics(metrics: Metrics): (request: AnsweredRequest) => void {
  const requests = metrics.counter('requests_total');
  const durations = metrics.histogram('request_duration_seconds');
  return ({ method, route, status, seconds }) => {
    requests.inc({ method, route, status });
    durations.observe({ method, route }, seconds);
  };
}
