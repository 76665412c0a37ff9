import { type Clock, systemClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import type { Issuer, IssuerStep } from '@acmex/orchestrator';
import type { Metrics } from './metrics.ts';

/** Steps of an issuer that are transitions of the order. */
const transitions: ReadonlySet<string> = new Set([
  'ordered',
  'resumed',
  'validated',
  'finalized',
  'issued',
]);

/**
 * Adds the metrics of orders.
 * @returns a function that returns an issuer whose orders are counted, for `watchIssuer` of a
 * certificate manager
 */
export function orderMetrics(
  metrics: Metrics,
  { clock = systemClock }: { readonly clock?: Clock | undefined } = {},
): <I extends Issuer>(issuer: I) => I {
  const counted = metrics.counter('order_transitions_total');
  const failures = metrics.counter('order_failures_total');
  const durations = metrics.histogram('order_duration_seconds');
  /** Returns what counts the steps of one execution of an order. */
  const execution = (issuer: string) => {
    let challenge = 'none';
    let since: number | undefined;
    const endStage = (stage: string) => {
      if (since !== undefined)
        durations.observe({ issuer, challenge, stage }, (clock.monotonic() - since) / 1000);
      since = clock.monotonic();
    };
    return {
      onStep(step: IssuerStep) {
        challenge = step.challenge ?? challenge;
        if (!transitions.has(step.type)) return;
        if (step.type === 'ordered' || step.type === 'resumed') since = clock.monotonic();
        if (step.type === 'validated') endStage('validation');
        if (step.type === 'issued') endStage('issuance');
        counted.inc({ issuer, challenge, transition: step.type });
      },
      onFailure(error: unknown) {
        counted.inc({ issuer, challenge, transition: 'failed' });
        failures.inc({ issuer, challenge, code: codeLabel(error) });
      },
    };
  };
  return <I extends Issuer>(issuer: I): I => ({
    ...issuer,
    async issue(request, options) {
      const { onStep, onFailure } = execution(issuer.name);
      try {
        return await issuer.issue(request, {
          ...options,
          onStep(step) {
            onStep(step);
            options.onStep?.(step);
          },
        });
      } catch (error) {
        // A stop is not a failure of the order.
        if (!options.signal?.aborted) onFailure(error);
        throw error;
      }
    },
  });
}

/** Returns the code of an error, which is text of this software or of Node.js. */
export function codeLabel(error: unknown): string {
  const code = errorCode(error) ?? '';
  return /^[A-Z][A-Z0-9_]{0,60}$/.test(code) ? code : 'none';
}
