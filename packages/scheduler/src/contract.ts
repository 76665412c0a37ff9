import type { Clock, DurationInput } from '@acmex/clock';
import { dispatcher, type DueSource, type DueTask } from './dispatcher.ts';
import { priorities, type Priority, type QueuedTask, type TaskQueue } from './task-queue.ts';

/** What a clause is tried on: a new queue for each. */
export interface QueueSubject {
  readonly queue: TaskQueue;
  /** The time that the queue goes by. */
  readonly clock: Clock;
  /** Lets time pass: a virtual clock's at once. */
  readonly pass: (duration: DurationInput) => Promise<void>;
  /** Waits until what was begun has had its effect. */
  readonly settle: () => Promise<void>;
  /** What handlers threw. */
  readonly errors: readonly string[];
}

export interface QueueClause {
  /** Completes "a queue …". */
  readonly title: string;
  check(subject: QueueSubject): Promise<void>;
}

const task = (id: string, more: Partial<QueuedTask> = {}): QueuedTask => ({
  id,
  group: 'one',
  priority: 'normal',
  ...more,
});

function hold(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

function same(actual: unknown, wanted: unknown): void {
  hold(
    JSON.stringify(actual) === JSON.stringify(wanted),
    `found ${JSON.stringify(actual)}, wanted ${JSON.stringify(wanted)}`,
  );
}

/** Waits for something that is to come. */
async function until(
  { settle }: QueueSubject,
  holds: () => boolean | Promise<boolean>,
  what: () => unknown,
): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    if (await holds()) return;
    await settle();
  }
  throw new Error(`it did not come about: ${JSON.stringify(what())}`);
}

/** Handlers that begin, and end when the test says so. */
function steered(
  subject: QueueSubject,
  options: { readonly concurrency: number; readonly perGroup?: number },
) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  subject.queue.process(async (id, { signal }) => {
    begun.push(id);
    await new Promise<void>((resolve) => {
      ends.set(id, resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    return undefined;
  }, options);
  return {
    begun,
    end: (id: string) => ends.get(id)?.(),
    /** Waits until so many have begun, and then whether more do. */
    async comesTo(count: number) {
      await until(
        subject,
        () => begun.length >= count,
        () => begun,
      );
      await subject.settle();
      hold(begun.length === count, `${begun.length} began, wanted ${count}: ${begun.join(' ')}`);
    },
  };
}

/** What every queue does: held against each that there is. */
export const taskQueueContract: readonly QueueClause[] = [
  {
    title: 'does each task once',
    async check(subject) {
      const { begun, comesTo } = steered(subject, { concurrency: 10 });
      for (const id of ['a', 'b', 'c']) await subject.queue.add(task(id));
      await comesTo(3);
      same([...begun].sort(), ['a', 'b', 'c']);
    },
  },
  {
    title: 'takes the earlier time of a task that waits already',
    async check(subject) {
      const { queue, clock, pass } = subject;
      await queue.add(task('a', { runAt: clock.now().add({ hours: 2 }) }));
      await queue.add(task('a', { runAt: clock.now().add({ milliseconds: 700 }) }));
      await queue.add(task('a', { runAt: clock.now().add({ hours: 3 }) }));
      same((await queue.counts()).delayed, 1);
      const { comesTo } = steered(subject, { concurrency: 1 });
      await comesTo(0);
      await pass({ milliseconds: 700 });
      await comesTo(1);
    },
  },
  {
    title: 'takes the more urgent priority of a task that waits already',
    async check(subject) {
      const { queue } = subject;
      await queue.add(task('first', { priority: 'normal' }));
      for (const priority of ['low', 'urgent', 'high'] as const)
        await queue.add(task('second', { priority }));
      const { begun, comesTo } = steered(subject, { concurrency: 1 });
      await comesTo(1);
      same(begun, ['second']);
    },
  },
  {
    title: 'does a task that is added while it runs once more afterwards, and no more',
    async check(subject) {
      const { queue, settle } = subject;
      const { end, comesTo } = steered(subject, { concurrency: 2 });
      await queue.add(task('a'));
      await comesTo(1);
      for (let n = 0; n < 3; n += 1) await queue.add(task('a'));
      await comesTo(1);
      end('a');
      await comesTo(2);
      end('a');
      await settle();
      await comesTo(2);
    },
  },
  {
    title: 'does a task again when its handler says so',
    async check(subject) {
      const { queue, clock, pass } = subject;
      let times = 0;
      queue.process(
        async () =>
          ++times < 3
            ? { runAt: clock.now().add({ milliseconds: 300 }), priority: 'low', group: 'one' }
            : undefined,
        { concurrency: 1 },
      );
      await queue.add(task('a'));
      for (const wanted of [1, 2, 3]) {
        await until(
          subject,
          () => times === wanted,
          () => times,
        );
        await pass({ milliseconds: 300 });
      }
      await pass({ milliseconds: 300 });
      same(times, 3);
    },
  },
  {
    title: 'does not begin a task before its time, nor forget it',
    async check(subject) {
      const { queue, clock, pass } = subject;
      const { begun, comesTo } = steered(subject, { concurrency: 1 });
      await queue.add(task('later', { runAt: clock.now().add({ hours: 48 }) }));
      await queue.add(task('sooner', { runAt: clock.now().add({ milliseconds: 300 }) }));
      await pass({ milliseconds: 300 });
      await comesTo(1);
      same(begun, ['sooner']);
      same((await queue.counts()).delayed, 1);
    },
  },
  {
    title: 'forgets a task that is removed, and does one that runs not again',
    async check(subject) {
      const { queue } = subject;
      const { begun, end, comesTo } = steered(subject, { concurrency: 1 });
      await queue.add(task('a'));
      await comesTo(1);
      await queue.add(task('b'));
      await queue.add(task('a'));
      await queue.remove('a');
      await queue.remove('b');
      await queue.remove('nobody');
      end('a');
      await until(
        subject,
        async () => (await queue.counts()).running === 0,
        () => begun,
      );
      await comesTo(1);
    },
  },
  {
    title: 'keeps to its limits, and a group at its limit keeps no other waiting',
    async check(subject) {
      const { queue } = subject;
      const { begun, end, comesTo } = steered(subject, { concurrency: 3, perGroup: 2 });
      for (const id of ['a1', 'a2', 'a3', 'a4'])
        await queue.add(task(id, { group: 'a', priority: 'urgent' }));
      await queue.add(task('b1', { group: 'b', priority: 'low' }));
      await queue.add(task('b2', { group: 'b', priority: 'low' }));
      await comesTo(3);
      same([...begun].sort(), ['a1', 'a2', 'b1']);
      end('a1');
      await comesTo(4);
      same(begun.at(-1), 'a3');
    },
  },
  {
    title: 'lets the more urgent go first, also of another group',
    async check(subject) {
      const { queue } = subject;
      const { begun, end, comesTo } = steered(subject, { concurrency: 1 });
      await queue.add(task('first'));
      await comesTo(1);
      for (const priority of ['low', 'urgent', 'normal', 'high'] as const) {
        await queue.add(task(`${priority}-a`, { priority }));
        await queue.add(task(`${priority}-b`, { priority, group: 'other' }));
      }
      for (let n = 1; n <= 8; n += 1) {
        end(begun.at(-1) ?? '');
        await comesTo(n + 1);
      }
      same(
        begun.slice(1).map((id) => id.split('-')[0]),
        ['urgent', 'urgent', 'high', 'high', 'normal', 'normal', 'low', 'low'],
      );
    },
  },
  {
    title: 'lets groups of one priority take turns',
    async check(subject) {
      const { queue } = subject;
      const { begun, end, comesTo } = steered(subject, { concurrency: 1 });
      for (const id of ['a1', 'a2', 'a3']) await queue.add(task(id, { group: 'a' }));
      await queue.add(task('b1', { group: 'b' }));
      for (let n = 1; n <= 4; n += 1) {
        await comesTo(n);
        end(begun.at(-1) ?? '');
      }
      hold(begun.indexOf('b1') < begun.indexOf('a3'), `b had no turn: ${begun.join(' ')}`);
    },
  },
  {
    title: 'lets urgent, high, normal and low run as 8:4:2:1 by a dispatcher, and none starve',
    async check(subject) {
      const { queue, clock, settle } = subject;
      const source = endless(clock);
      const done: Priority[] = [];
      await using loop = dispatcher({ source, queue, clock });
      const stop = queue.process(
        async (id) => {
          await settle();
          done.push(source.end(id));
          loop.wake(id);
          return undefined;
        },
        { concurrency: 1 },
      );
      await until(
        subject,
        () => done.length >= 75,
        () => done,
      );
      stop();
      const count = (priority: Priority) =>
        done.slice(15, 75).filter((ended) => ended === priority).length;
      for (const [priority, share] of [
        ['urgent', 32],
        ['high', 16],
        ['normal', 8],
        ['low', 4],
      ] as const)
        hold(
          Math.abs(count(priority) - share) <= 2,
          `${count(priority)} of 60 were ${priority}, wanted ${share}`,
        );
    },
  },
  {
    title: 'reports what a handler throws, and continues',
    async check(subject) {
      const { queue, errors } = subject;
      const done: string[] = [];
      queue.process(
        async (id) => {
          if (id === 'bad') throw new Error('no');
          done.push(id);
          return undefined;
        },
        { concurrency: 1 },
      );
      await queue.add(task('bad'));
      await queue.add(task('good'));
      await until(
        subject,
        async () => done.length === 1 && (await queue.counts()).running === 0,
        () => done,
      );
      same([done, errors], [['good'], ['bad: no']]);
      same(await queue.counts(), {
        waiting: { urgent: 0, high: 0, normal: 0, low: 0 },
        delayed: 0,
        running: 0,
        capacity: 1,
        groups: [],
      });
    },
  },
  {
    title: 'begins nothing after its end, waits for what runs, and aborts it when the time is over',
    async check(subject) {
      const { queue, pass } = subject;
      const { begun, end, comesTo } = steered(subject, { concurrency: 2 });
      for (const id of ['a', 'b', 'c']) await queue.add(task(id));
      await comesTo(2);
      const closed = queue.close({ within: { milliseconds: 500 } });
      const [first = '', second = ''] = begun;
      end(first);
      await pass({ milliseconds: 500 });
      same(await closed, [second]);
      same(begun.length, 2);
    },
  },
];

/** Keeps twenty tasks of each priority due: a task that is done is replaced. */
function endless(clock: Clock): DueSource & { end(id: string): Priority } {
  const now = clock.now();
  const due = new Map<string, DueTask>();
  let last = 0;
  const put = (priority: Priority) => {
    last += 1;
    due.set(`t${last}`, { id: `t${last}`, group: 'one', priority, dueAt: now });
  };
  for (let n = 0; n < 20; n += 1) priorities.forEach(put);
  return {
    async *due(_, { limit }) {
      yield* [...due.values()].slice(0, limit);
    },
    next: async () => now,
    end(id) {
      const { priority } = due.get(id) ?? { priority: 'low' as const };
      due.delete(id);
      put(priority);
      return priority;
    },
  };
}
