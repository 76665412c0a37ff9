/** Runs work of an owner while a slot is free; other work waits. */
export type FairSlots = <T>(owner: string, work: () => Promise<T>) => Promise<T>;

/**
 * Limits how much work runs at once, with a fair share for each owner: a free slot goes to the next
 * owner in turn, and no owner has more than its share while others could come.
 * @param slots In all.
 * @param share Of one owner.
 */
export function fairSlots({
  slots,
  share,
}: {
  readonly slots: number;
  readonly share: number;
}): FairSlots {
  /** In the order of their turns. */
  const waiting = new Map<string, (() => void)[]>();
  const running = new Map<string, number>();
  let free = slots;

  const start = () => {
    for (const [owner, queue] of waiting) {
      if (free === 0) return;
      const count = running.get(owner) ?? 0;
      if (count >= share) continue;
      // The owner's next turn comes after those of the others.
      waiting.delete(owner);
      const next = queue.shift();
      if (queue.length > 0) waiting.set(owner, queue);
      running.set(owner, count + 1);
      free -= 1;
      next?.();
    }
  };

  return async (owner, work) => {
    await new Promise<void>((resolve) => {
      const queue = waiting.get(owner);
      if (queue) queue.push(resolve);
      else waiting.set(owner, [resolve]);
      start();
    });
    try {
      return await work();
    } finally {
      free += 1;
      const left = (running.get(owner) ?? 1) - 1;
      if (left === 0) running.delete(owner);
      else running.set(owner, left);
      start();
    }
  };
}
