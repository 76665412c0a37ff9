/** Runs work while a permit is free; other work waits in the order of the calls. */
export type Semaphore = <T>(work: () => Promise<T>) => Promise<T>;

/** @param permits How much work runs at once. */
export function semaphore(permits: number): Semaphore {
  const waiting: (() => void)[] = [];
  let free = permits;
  return async (work) => {
    if (free > 0) free -= 1;
    else
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}
