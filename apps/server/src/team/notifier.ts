import { type Clock, systemClock } from '@acmex/clock';
import type { Redis } from 'ioredis';
import { type InvalidValues, type Notification, readNotification } from './redis-values.ts';

/**
 * Notifies all processes of a team, so that they need not poll. A notification may get lost: they
 * poll too, less often.
 */
export interface Notifier {
  /** Something that is due was written. */
  notifyDue(): void;
  /** A task waits in the queue. */
  notifyWaiting(): void;
  /** A task ended. */
  notifyEnded(task: string): void;
  on(listener: NotifierListener): void;
}

export interface NotifierListener {
  readonly due?: (() => void) | undefined;
  readonly waiting?: (() => void) | undefined;
  readonly ended?: ((task: string) => void) | undefined;
}

/** Notifications of one kind within this time are sent as one. Milliseconds. */
const coalesceMs = 20;

export interface NotifierOptions {
  /** Publishes. */
  readonly client: Redis;
  /** Subscribes. */
  readonly listener: Redis;
  readonly channel: string;
  /** Counts the notifications that are not valid; no one is notified by them. */
  readonly invalidValues: InvalidValues;
  readonly clock?: Clock | undefined;
}

/**
 * Connects to the channel of a team. Listeners of this process hear its notifications too.
 * @throws what Redis answers to SUBSCRIBE
 */
export async function redisNotifier({
  client,
  listener: subscriber,
  channel,
  invalidValues,
  clock = systemClock,
}: NotifierOptions): Promise<Notifier> {
  const listeners: NotifierListener[] = [];
  const pending = new Set<string>();
  const publish = (text: string) => {
    client.publish(channel, text).catch(() => {
      /* a process that misses it polls */
    });
  };
  const publishOnce = (text: string) => {
    if (pending.has(text)) return;
    pending.add(text);
    void clock.sleep({ milliseconds: coalesceMs }).then(() => {
      pending.delete(text);
      publish(text);
    });
  };
  subscriber.on('message', (from: string, text: string) => {
    if (from !== channel) return;
    const notification = readNotification(text);
    if (!notification) return invalidValues.add('notification');
    for (const listener of listeners) deliver(listener, notification);
  });
  await subscriber.subscribe(channel);
  return {
    notifyDue: () => publishOnce('due'),
    notifyWaiting: () => publishOnce('waits'),
    notifyEnded: (task) => publish(`ended ${task}`),
    on(listener) {
      listeners.push(listener);
    },
  };
}

function deliver(listener: NotifierListener, [kind, task]: Notification): void {
  if (kind === 'due') listener.due?.();
  else if (kind === 'waits') listener.waiting?.();
  else if (task !== undefined) listener.ended?.(task);
}
