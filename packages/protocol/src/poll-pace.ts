/** The pauses before the first question about an order, in milliseconds. */
const shortest = 10;
export const usualFirstPause = 50;

interface Learned {
  readonly firstPause: number;
  /** Whether an order of this status took longer than the first pause. */
  readonly hasMissed: boolean;
}

/**
 * How soon a CA is done with an order of each status: learned from each order for the next. A CA
 * that is never done after the usual first pause is never asked sooner than that.
 */
export class PollPace {
  readonly #learned = new Map<string, Learned>();

  /** The pauses between questions: after the first ones three times longer each time. */
  *pauses(status: string): Generator<number, never> {
    const first = this.#learned.get(status)?.firstPause ?? usualFirstPause;
    yield first;
    if (first < usualFirstPause) yield usualFirstPause - first;
    for (let pause = 3 * usualFirstPause; ; pause = Math.min(pause * 3, 10_000)) yield pause;
  }

  /**
   * @param first the pause before the first question
   * @param questions how many it took until the order had changed
   */
  learn(status: string, first: number, questions: number): void {
    const hasMissed = questions > 1 || this.#learned.get(status)?.hasMissed === true;
    const sooner = first * (hasMissed ? 0.9 : 0.5);
    const next = [sooner, first * 1.5][questions - 1] ?? usualFirstPause;
    const firstPause = Math.min(Math.max(next, shortest), usualFirstPause);
    this.#learned.set(status, { firstPause, hasMissed });
  }
}
