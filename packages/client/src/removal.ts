import { errorText, printable } from '@acmex/errors';
import { ClientError } from './errors.ts';
import type { IssuanceProgress } from './progress.ts';
import type { ChallengeSolver } from './solver.ts';
import { checkState, type IssuanceState, type SavedResponse } from './state.ts';

export interface RemovalOptions {
  /**
   * Returns the solver that removes responses of a type; undefined if there is none any more. An
   * error that only a person can fix (`fixedBy` of @acmex/errors) counts as none.
   */
  readonly solverOf: (type: string) => Promise<Pick<ChallengeSolver, 'remove'> | undefined>;
  /** Called with `left-on-display` for each response that nothing can remove. */
  readonly onProgress?: ((progress: IssuanceProgress) => void) | undefined;
}

/**
 * Removes the challenge responses of a saved state. Needs no CA. A response that nothing can remove
 * any more, because its solver or provider is gone, is reported and left behind: a later try could
 * not remove it either.
 * @throws AggregateError of what could not be removed now, and perhaps can later
 * @throws ClientError `ERR_CLIENT_STATE`
 */
export async function removeResponses(
  state: IssuanceState,
  { solverOf, onProgress }: RemovalOptions,
): Promise<void> {
  const failed: unknown[] = [];
  for (const response of checkState(state).responses) {
    try {
      const solver = await solverOf(response.type);
      if (!solver) throw noSolver(response);
      await solver.remove(response.response);
    } catch (error) {
      if (isForPerson(error))
        onProgress?.({ type: 'left-on-display', response, error: leftBehind(response, error) });
      else failed.push(error);
    }
  }
  if (failed.length > 0)
    throw new AggregateError(
      failed,
      `${failed.length} of the challenge responses could not be removed: ${printable(errorText(failed[0]), 2000)}`,
    );
}

function noSolver({ type }: SavedResponse): ClientError {
  return new ClientError('ERR_CLIENT_NO_SOLVER', `there is no ${type} solver any more`);
}

function leftBehind(saved: SavedResponse, cause: unknown): ClientError {
  const { type, authorization, response } = saved;
  // Of a DNS record, its name; else what the CA knows it by.
  const place = typeof response.name === 'string' ? response.name : authorization;
  return new ClientError(
    'ERR_CLIENT_NO_SOLVER',
    `the ${type} response of ${printable(place, 300)} may still be published, remove it by hand: ${printable(errorText(cause), 2000)}`,
    { cause },
  );
}

function isForPerson(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'fixedBy' in error && error.fixedBy === 'person'
  );
}
