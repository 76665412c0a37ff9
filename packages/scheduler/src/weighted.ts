import { priorities, type Priority } from './task-queue.ts';

const weights: Readonly<Record<Priority, number>> = { urgent: 8, high: 4, normal: 2, low: 1 };

/**
 * Returns a function that names the priority whose turn it is, of those that have a task. Each gets
 * its share of the turns, evenly spread (smooth weighted round robin). A priority keeps the credit
 * that it has saved while others are empty.
 */
export function weightedTurns(): (has: (priority: Priority) => boolean) => Priority | undefined {
  const credit: Record<Priority, number> = { urgent: 0, high: 0, normal: 0, low: 0 };
  return (has) => {
    const candidates = priorities.filter(has);
    for (const priority of candidates) credit[priority] += weights[priority];
    const chosen = candidates.reduce<Priority | undefined>(
      (best, priority) => (best === undefined || credit[priority] > credit[best] ? priority : best),
      undefined,
    );
    if (chosen !== undefined)
      credit[chosen] -= candidates.reduce((sum, priority) => sum + weights[priority], 0);
    return chosen;
  };
}
