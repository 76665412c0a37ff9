import type { ChallengeSolver, SolverOptions } from '@acmex/client';
import type { JsonObject } from '@acmex/protocol';

/**
 * Shows a made-up response, makes sure that it is visible, and removes it: what a solver can do now,
 * it can do after the order too.
 * @throws what `present`, `visible` and `remove` throw
 */
export async function rehearse<R extends JsonObject>(
  solver: ChallengeSolver<R>,
  response: R,
  options: SolverOptions = {},
): Promise<void> {
  try {
    await solver.present(response, options);
    await solver.visible(response, options);
  } catch (error) {
    await solver.remove(response).catch(() => {
      /* the first failure says more */
    });
    throw error;
  }
  await solver.remove(response);
}
