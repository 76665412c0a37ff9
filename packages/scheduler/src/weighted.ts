import { priorities, type Priority } from './task-queue.ts';

const weights: Readonly<Record<Priority, number>> = { urgent: 8, high: 4, normal: 2, low: 1 };

/**
 * Whose turn it is, of the priorities that have something: each gets its share of the turns, evenly spread (smooth weighted
 * round robin), and what one that waits had saved up is not lost while others are empty.
 */
export function weightedTurns(): (has: (priority: Priority) => boolean) => Priority | undefined {
  const credit: Record<Priority, number> = { urgent: 0, high: 0, normal: 0, low: 0 };
  return (has) => {
    const some = priorities.filter(has);
    for (const one of some) credit[one] += weights[one];
    const chosen = some.reduce<Priority | undefined>(
      (best, one) => (best === undefined || credit[one] > credit[best] ? one : best),
      undefined,
    );
    if (chosen !== undefined) credit[chosen] -= some.reduce((sum, one) => sum + weights[one], 0);
    return chosen;
  };
}
