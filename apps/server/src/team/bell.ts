import { type Clock, systemClock } from '@acmex/clock';
import type { Redis } from 'ioredis';

/** What processes tell each other, so that nobody has to look for it. Whoever misses it looks later by itself. */
export interface Bell {
  /** Something was written that is due. */
  due(): void;
  /** Something waits in the queue. */
  waits(): void;
  /** A task was done. */
  ended(task: string): void;
  on(listener: BellListener): void;
}

export interface BellListener {
  readonly due?: (() => void) | undefined;
  readonly waits?: (() => void) | undefined;
  readonly ended?: ((task: string) => void) | undefined;
}

/** Of many rings of one kind within so many milliseconds, one is heard. */
const together = 20;

export interface BellOptions {
  readonly client: Redis;
  readonly listener: Redis;
  readonly channel: string;
  readonly clock?: Clock | undefined;
}

/** Rings in every process that listens, in this one too. @throws what Redis says to SUBSCRIBE */
export async function bell({
  client,
  listener,
  channel,
  clock = systemClock,
}: BellOptions): Promise<Bell> {
  const listeners: BellListener[] = [];
  const soon = new Set<string>();
  // Nothing hangs on it: what is away is not there to hear it.
  const publish = (text: string) => {
    client.publish(channel, text).catch(() => {
      /* whoever misses it looks later by itself */
    });
  };
  const once = (text: string) => {
    if (soon.has(text)) return;
    soon.add(text);
    void clock.sleep({ milliseconds: together }).then(() => {
      soon.delete(text);
      publish(text);
    });
  };
  listener.on('message', (from: string, text: string) => {
    if (from !== channel) return;
    const [kind, task = ''] = text.split(' ');
    for (const one of listeners) {
      if (kind === 'due') one.due?.();
      else if (kind === 'waits') one.waits?.();
      else if (kind === 'ended') one.ended?.(task);
    }
  });
  await listener.subscribe(channel);
  return {
    due: () => once('due'),
    waits: () => once('waits'),
    ended: (task) => publish(`ended ${task}`),
    on: (one) => {
      listeners.push(one);
    },
  };
}
