import { errorText } from '@acmex/errors';
import type { ConfiguredManager } from '@acmex/manager/from-config';
import type { Deployed } from '@acmex/orchestrator';
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
