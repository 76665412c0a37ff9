import type { DnsOptions } from './provider.ts';

/** Work on things that have names: on each, one after the other. */
export type Turns = <T>(name: string, work: () => Promise<T>, options?: DnsOptions) => Promise<T>;

/**
 * For hosts that replace a record set as a whole: between reading and writing it nobody else of this process comes in.
 * Work whose signal aborts before its turn is never begun.
 */
export function turns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return async (name, work, { signal } = {}) => {
    const before = last.get(name);
    const mine = (async () => {
      await before?.catch(() => {
        /* its own caller hears of it */
      });
      signal?.throwIfAborted();
      return await work();
    })();
    last.set(name, mine);
    try {
      return await mine;
    } finally {
      if (last.get(name) === mine) last.delete(name);
    }
  };
}
