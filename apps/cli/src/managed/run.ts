import { errorText, printable } from '@acmex/errors';
import type { ConfiguredManager } from '@acmex/manager/from-config';
import type { Deployed, MaintenanceResult } from '@acmex/orchestrator';
import type { Reporter } from '../terminal.ts';

/**
 * Does work as one run, and ends the run after a failure and a stop too: a service that the hook
 * before has stopped is started again by the hook after.
 * @returns what the work returned, and the deployments that the end of the run has finished
 */
export async function withinRun<T>(
  { manager, report }: { readonly manager: ConfiguredManager; readonly report: Reporter },
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly finished: readonly Deployed[] }> {
  try {
    const result = await work();
    return { result, finished: await manager.finish() };
  } catch (error) {
    await manager
      .finish()
      .catch((failure: unknown) => report.warn(`the run is not ended: ${errorText(failure)}`));
    throw error;
  }
}

/**
 * Reports what a person should know of an order that was executed: what was unusual in the chain,
 * and where an issued certificate is that is not used.
 */
export function reportIssued(
  certificate: string,
  outcome: MaintenanceResult['outcome'],
  report: Pick<Reporter, 'warn'>,
): void {
  if (outcome?.state === 'succeeded')
    for (const warning of outcome.warnings ?? []) report.warn(`${certificate}: ${warning}`);
  if (outcome?.state === 'waiting') report.warn(`${certificate}: ${outcome.message}`);
  if (outcome?.state === 'failed' && outcome.refused !== undefined)
    report.warn(
      `${certificate}: the certificate that the CA issued is stored and is not used: acmex cert show ${certificate} says why, acmex cert export ${certificate} --refused ${printable(outcome.refused, 16)} writes it`,
    );
}
