import type { VirtualClock } from '@acmex/clock';
import type { Priority, QueuedTask, TaskQueue } from './task-queue.ts';

/** What a clause is tried on: a new queue for each, by a clock that the test moves. */
export interface QueueSubject {
  readonly queue: TaskQueue;
  readonly clock: VirtualClock;
  /** What handlers threw. */
  readonly errors: readonly string[];
}

export interface QueueClause {
  /** Completes "a queue …". */
  readonly title: string;
  check(subject: QueueSubject): Promise<void>;
}

const task = (id: string, more: Partial<QueuedTask> = {}): QueuedTask => ({ id, group: 'one', priority: 'normal', ...more });

function hold(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

function same(found: unknown, wanted: unknown): void {
  hold(JSON.stringify(found) === JSON.stringify(wanted), `found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`);
}

/** Handlers that begin, and end when the test says so. */
function steered(queue: TaskQueue, options: { readonly concurrency: number; readonly perGroup?: number }) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const stop = queue.process(async (id, { signal }) => {
    begun.push(id);
    await new Promise<void>((resolve) => {
      ends.set(id, resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    return undefined;
  }, options);
  const settle = () => new Promise<void>((resolve) => { setImmediate(resolve); });
  return { begun, stop, settle, end: async (id: string) => { ends.get(id)?.(); await settle(); } };
}

/** What every queue does: held against each that there is. */
export const taskQueueContract: readonly QueueClause[] = [
  { title: 'does each task once', async check({ queue }) {
    const { begun, settle } = steered(queue, { concurrency: 10 });
    for (const id of ['a', 'b', 'c']) await queue.add(task(id));
    await settle();
    same([...begun].sort(), ['a', 'b', 'c']);
  } },
  { title: 'takes the earlier time and the more urgent priority of a task that waits already', async check({ queue, clock }) {
    await queue.add(task('a', { priority: 'low', runAt: clock.now().add({ hours: 2 }) }));
    await queue.add(task('a', { priority: 'high', runAt: clock.now().add({ hours: 1 }) }));
    await queue.add(task('a', { priority: 'low', runAt: clock.now().add({ hours: 3 }) }));
    same((await queue.counts()).delayed, 1);
    await clock.advance({ minutes: 59 });
    same((await queue.counts()).delayed, 1);
    await clock.advance({ minutes: 1 });
    same((await queue.counts()).waiting.high, 1);
  } },
  { title: 'does a task that is added while it runs once more afterwards, and no more', async check({ queue }) {
    const { begun, settle, end } = steered(queue, { concurrency: 2 });
    await queue.add(task('a'));
    await settle();
    for (let n = 0; n < 3; n += 1) await queue.add(task('a'));
    await settle();
    same(begun, ['a']);
    await end('a');
    same(begun, ['a', 'a']);
    await end('a');
    same(begun, ['a', 'a']);
  } },
  { title: 'does a task again when its handler says so', async check({ queue, clock }) {
    let times = 0;
    queue.process(async () => (++times < 3 ? { runAt: clock.now().add({ minutes: 1 }), priority: 'low', group: 'one' } : undefined), { concurrency: 1 });
    await queue.add(task('a'));
    await clock.advance({ minutes: 1 });
    await clock.advance({ minutes: 1 });
    await clock.advance({ hours: 1 });
    same(times, 3);
  } },
  { title: 'does not begin a task before its time, nor forget it', async check({ queue, clock }) {
    const { begun } = steered(queue, { concurrency: 1 });
    await queue.add(task('later', { runAt: clock.now().add({ hours: 48 }) }));
    await queue.add(task('sooner', { runAt: clock.now().add({ seconds: 1 }) }));
    await clock.advance({ seconds: 2 });
    same(begun, ['sooner']);
    same((await queue.counts()).delayed, 1);
  } },
  { title: 'forgets a task that is removed, and does one that runs not again', async check({ queue }) {
    const { begun, settle, end } = steered(queue, { concurrency: 1 });
    await queue.add(task('a'));
    await queue.add(task('b'));
    await settle();
    await queue.add(task('a'));
    await queue.remove('a');
    await queue.remove('b');
    await queue.remove('nobody');
    await end('a');
    same(begun, ['a']);
    same((await queue.counts()).running, 0);
  } },
  { title: 'keeps to its limits, and a group at its limit keeps no other waiting', async check({ queue }) {
    const { begun, settle, end } = steered(queue, { concurrency: 3, perGroup: 2 });
    for (const id of ['a1', 'a2', 'a3', 'a4']) await queue.add(task(id, { group: 'a', priority: 'urgent' }));
    await queue.add(task('b1', { group: 'b', priority: 'low' }));
    await queue.add(task('b2', { group: 'b', priority: 'low' }));
    await settle();
    same(begun, ['a1', 'a2', 'b1']);
    await end('a1');
    same(begun, ['a1', 'a2', 'b1', 'a3']);
  } },
  { title: 'lets urgent, high, normal and low run as 8:4:2:1, and none starve', async check({ queue }) {
    const first = steered(queue, { concurrency: 1 });
    await queue.add(task('first'));
    await first.settle();
    for (const priority of ['low', 'normal', 'high', 'urgent'] as const) for (let n = 0; n < 60; n += 1) await queue.add(task(`${priority}-${n}`, { priority }));
    for (let n = 0; n < 30; n += 1) await first.end(first.begun.at(-1) ?? '');
    const count = (priority: Priority) => first.begun.filter((id) => id.startsWith(priority)).length;
    same([count('urgent'), count('high'), count('normal'), count('low')], [16, 8, 4, 2]);
    same(first.begun.filter((id) => id.startsWith('urgent')).slice(0, 3), ['urgent-0', 'urgent-1', 'urgent-2']);
  } },
  { title: 'reports what a handler throws, and goes on', async check({ queue, errors }) {
    const done: string[] = [];
    queue.process(async (id) => {
      if (id === 'bad') throw new Error('no');
      done.push(id);
      return undefined;
    }, { concurrency: 1 });
    await queue.add(task('bad'));
    await queue.add(task('good'));
    await new Promise((resolve) => { setImmediate(resolve); });
    same([done, errors], [['good'], ['bad: no']]);
    same(await queue.counts(), { waiting: { urgent: 0, high: 0, normal: 0, low: 0 }, delayed: 0, running: 0 });
  } },
  { title: 'begins nothing after its end, waits for what runs, and aborts it when the time is over', async check({ queue, clock }) {
    const { begun, settle, end } = steered(queue, { concurrency: 2 });
    for (const id of ['a', 'b', 'c']) await queue.add(task(id));
    await settle();
    const closed = queue.close({ within: { seconds: 20 } });
    await end('a');
    await clock.advance({ seconds: 20 });
    same(await closed, ['b']);
    same(begun, ['a', 'b']);
  } },
];
