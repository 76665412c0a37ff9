import type { Order } from './order.ts';

/** The pauses before the first question about an order, in milliseconds. */
const shortest = 10;
export const usualFirstPause = 50;

type Status = Order['status'];

/**
 * How soon a CA answers, and how soon it is done with an order of each status: learned from each
 * order for the next. A CA whose answers take long, or that is not done after the usual first
 * pause, is not asked sooner than that.
 */
export class PollPace {
  #answerMs = usualFirstPause;
  readonly #firstPauses = new Map<Status, number>();

  /** @param milliseconds how long the CA took for an answer */
  recordAnswer(milliseconds: number): void {
    this.#answerMs = milliseconds;
  }

  /** The pauses between questions: after the first ones three times longer each time. */
  *pauses(status: Status): Generator<number, never> {
    const first = this.#firstPauses.get(status) ?? withinLimits(2 * this.#answerMs);
    yield first;
    if (first < usualFirstPause) yield usualFirstPause - first;
    for (let pause = 3 * usualFirstPause; ; pause = Math.min(pause * 3, 10_000)) yield pause;
  }

  /**
   * @param first the pause before the first question
   * @param questions how many it took until the order had changed
   */
  learn(status: Status, first: number, questions: number): void {
    const next = [first * 0.9, first * 2][questions - 1] ?? usualFirstPause;
    this.#firstPauses.set(status, withinLimits(next));
  }
}

function withinLimits(pause: number): number {
  return Math.min(Math.max(pause, shortest), usualFirstPause);
}
