import { setMaxListeners } from 'node:events';
import { type Clock, type DurationInput, mapConcurrent, withTimeLimit } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { type Finding, finding, findingOf, type Observation } from './finding.ts';

/** What is checked. */
export const checkKinds = [
  'names',
  'profile',
  'ca',
  'clock',
  'caa',
  'challenge',
  'http',
  'tls',
  'dnssec',
  'zone',
  'credentials',
  'storage',
  'deploy',
] as const;
export type CheckKind = (typeof checkKinds)[number];

/** Something to check. */
export interface Check {
  readonly kind: CheckKind;
  /** What it is about: a name, a certificate, a CA. */
  readonly subject: string;
  /** Rejects with an error that has a code of AcmeX, which is a finding, too. */
  run(signal: AbortSignal): Promise<Observation>;
}

/**
 * The result of a check. `passed`: nothing is wrong. `warning`, `error`: the worst of its findings.
 * `skipped`: nothing is known, and `saw` says why.
 */
export interface CheckResult {
  readonly kind: CheckKind;
  readonly subject: string;
  readonly state: 'passed' | 'warning' | 'error' | 'skipped';
  /** What was seen, where it is more than the findings say. */
  readonly saw?: string | undefined;
  readonly findings: readonly Finding[];
}

export interface RunChecksOptions {
  readonly clock: Clock;
  /** How many run at once; 16 by default. */
  readonly concurrency?: number | undefined;
  /** For each of them; 20 seconds by default. */
  readonly limit?: DurationInput | undefined;
  /** For all of them together; a minute by default. What has not ended then is a finding. */
  readonly totalLimit?: DurationInput | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs checks side by side.
 * @returns a result for each check, in their order
 * @throws the reason of the signal, and errors without a code, which are faults of the program
 */
export async function runChecks(
  checks: readonly Check[],
  { clock, concurrency = 16, limit = 'PT20S', totalLimit = 'PT1M', signal }: RunChecksOptions,
): Promise<readonly CheckResult[]> {
  return await withTimeLimit({ clock, limit: totalLimit, signal }, async (all) => {
    // Each check that runs listens to it.
    setMaxListeners(0, all);
    return await mapConcurrent(concurrency, checks, async (check) => {
      try {
        const seen = await withTimeLimit({ clock, limit, signal: all }, (limited) =>
          check.run(limited),
        );
        return resultOf(check, seen);
      } catch (error) {
        signal?.throwIfAborted();
        if (errorCode(error) === 'ERR_TIME_LIMIT') return resultOf(check, outOfTime(check));
        return resultOf(check, { findings: [findingOf(error, check.subject)] });
      }
    });
  });
}

function outOfTime({ kind, subject }: Check): Observation {
  return {
    findings: [
      finding('ERR_CHECK_TIME', { subject, saw: `the check "${kind}" has not ended in its time` }),
    ],
  };
}

function resultOf({ kind, subject }: Check, seen: Observation): CheckResult {
  if ('skipped' in seen)
    return { kind, subject, state: 'skipped', saw: seen.skipped, findings: [] };
  const { findings, saw } = seen;
  const hasError = findings.some(({ severity }) => severity === 'error');
  const worst = hasError ? 'error' : 'warning';
  return { kind, subject, state: findings.length === 0 ? 'passed' : worst, saw, findings };
}
