import type { ValidationFailure } from './errors.ts';
import { nameOf } from './progress.ts';
import type { ChallengeSolver } from './solver.ts';

type Name = Pick<ValidationFailure, 'identifier' | 'wildcard'>;

/** Which types of challenge have failed for which names. */
export class TriedChallenges {
  readonly #types = new Map<string, Set<string>>();

  has(name: Name, type: string): boolean {
    return this.#types.get(nameOf(name))?.has(type) ?? false;
  }

  /**
   * Keeps failures in mind.
   * @returns whether for each of the names another solver is left to try
   */
  addAll(failures: readonly ValidationFailure[], solvers: readonly ChallengeSolver[]): boolean {
    for (const failure of failures)
      this.#types.set(
        nameOf(failure),
        (this.#types.get(nameOf(failure)) ?? new Set()).add(failure.challenge),
      );
    // A challenge that no solver answers was not ours: trying again would change nothing.
    return failures.every(
      (failure) =>
        solvers.some(({ type }) => type === failure.challenge) &&
        solvers.some(
          (solver) =>
            !this.has(failure, solver.type) &&
            solver.supports(failure.identifier, failure.wildcard),
        ),
    );
  }
}
