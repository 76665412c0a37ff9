import {
  backoffMs,
  type Clock,
  type DurationInput,
  milliseconds,
  systemClock,
  withTimeLimit,
} from '@acmex/clock';
import type { Temporal } from 'temporal-polyfill';
import { priorities, type Priority, type QueuedTask, type TaskQueue } from './task-queue.ts';
import { weightedTurns } from './weighted.ts';

/** A task whose time has come. */
export interface DueTask extends Omit<QueuedTask, 'runAt'> {
  readonly dueAt: Temporal.Instant;
}

/** What is due, as storage knows it: the only place where delayed work is kept. */
export interface DueSource {
  /** From the one that is due longest; it costs what it returns. */
  due(
    now: Temporal.Instant,
    options: { readonly limit: number; readonly signal: AbortSignal },
  ): AsyncIterable<DueTask>;
  /** When something is next due, also in the past; undefined for never. */
  next(options: { readonly signal: AbortSignal }): Promise<Temporal.Instant | undefined>;
}

export interface DispatcherOptions {
  readonly source: DueSource;
  readonly queue: TaskQueue;
  /** How often it looks at least: what others write is seen so late; a minute by default. */
  readonly interval?: DurationInput | undefined;
  /** After so long a task that is still due is handed over again: its queue has lost it; ten minutes by default. */
  readonly patience?: DurationInput | undefined;
  /** At least so long lies between two looks, however often it is woken; nothing by default. */
  readonly breath?: DurationInput | undefined;
  /** From which lateness of the oldest task it is reported; 15 minutes by default. */
  readonly lateAfter?: DurationInput | undefined;
  /** Is told once when the oldest due task is late, and with undefined once when none is anymore. */
  readonly onLate?:
    | ((late: { readonly id: string; readonly dueAt: Temporal.Instant } | undefined) => void)
    | undefined;
  /** Is told of each look that went well. */
  readonly onLook?: (() => void) | undefined;
  /** Is told what failed in a look; the next one comes after a growing pause. */
  readonly onError?: ((error: unknown) => void) | undefined;
  readonly clock?: Clock | undefined;
}

export interface Dispatcher extends AsyncDisposable {
  /** Looks now: something was written, or the task `ended` was done, and may be due again. */
  wake(ended?: string): void;
}

/** So many are handed over, at most, for each that can run at once: no one who works runs dry between two looks, and what is urgent overtakes few. */
const depth = 4;
/** At most so many due tasks are looked at at once: enough to find the urgent ones among them. */
const scanned = (window: number) => Math.max(256, window * 8);
const shortest = 1_000;
/** The pauses after looks that failed. */
const backoff = { first: { seconds: 2 }, longest: { minutes: 1 }, jitter: 0 };
/** A look that takes longer is given up, and another is taken. */
const longestLook = { minutes: 1 };
/** So long a task rests that was done and is due as before, and twice as long each time: what changes nothing must not go round and round. */
const rest = 1_000;

/** A task that was handed over, how often as it is, and when it was done. */
interface Handed {
  readonly dueAt: number;
  readonly at: number;
  readonly times: number;
  readonly ended?: number | undefined;
}

/** The one loop that fills a queue from what is due, the same for every queue. It ends with its disposal, and with nothing else. */
export function dispatcher(options: DispatcherOptions): Dispatcher {
  const {
    source,
    queue,
    interval = { minutes: 1 },
    patience = { minutes: 10 },
    breath = { seconds: 0 },
    lateAfter = { minutes: 15 },
    onLate = () => {
      /* nobody looks */
    },
    onLook = () => {
      /* nobody looks */
    },
    onError = () => {
      /* nobody looks */
    },
    clock = systemClock,
  } = options;
  const ended = new AbortController();
  const handed = new Map<string, Handed>();
  // Kept over all looks: most find room for one alone.
  const turns = weightedTurns();
  let nap = new AbortController();
  let late = false;
  // Of the last scan: when it was, whether it found more than there was room for, and whether something was written since.
  let [scannedAt, backlog, written] = [-Infinity, false, true];

  /** Whether it was handed over as it is, and is not done, or rests. */
  const isHanded = ({ id, dueAt }: DueTask) => {
    const { dueAt: before, ended: at, times = 0 } = handed.get(id) ?? {};
    return (
      before === dueAt.epochMilliseconds &&
      (at === undefined ||
        clock.monotonic() - at < Math.min(rest * 2 ** (times - 1), milliseconds(patience)))
    );
  };
  /** A queue that has nothing has lost what was handed over and did not end: what carries it was wiped. */
  const forgetLost = () => {
    for (const [id, { at, ended: done }] of handed)
      if (done === undefined && clock.monotonic() - at >= shortest) handed.delete(id);
  };
  /** @returns whether there is to be another look soon: more is due than the window takes, or rests */
  const look = async (): Promise<boolean> => {
    const now = clock.now();
    const { waiting, running, delayed, capacity } = await queue.counts();
    const held = running + priorities.reduce((sum, one) => sum + waiting[one], 0);
    // Where nobody works yet, somebody is about to.
    const window = depth * Math.max(capacity, 1);
    if (held + delayed === 0) forgetLost();
    // A scan reads hundreds of records: where more waits than there is room for, not for each task that ends.
    const enough = held >= window || (backlog && !written && held > window / 2);
    if (enough && clock.monotonic() - scannedAt < shortest) return true;
    [scannedAt, written] = [clock.monotonic(), false];
    const found: Record<Priority, DueTask[]> = { urgent: [], high: [], normal: [], low: [] };
    let oldest: DueTask | undefined;
    let resting = false;
    for (const [id, { at, ended: done }] of handed)
      if (clock.monotonic() - (done ?? at) >= milliseconds(patience)) handed.delete(id);
    for await (const task of source.due(now, { limit: scanned(window), signal: ended.signal })) {
      oldest ??= task;
      if (!isHanded(task)) found[task.priority].push(task);
      else if (handed.get(task.id)?.ended !== undefined) resting = true;
    }
    const isLate =
      oldest !== undefined &&
      now.epochMilliseconds - oldest.dueAt.epochMilliseconds > milliseconds(lateAfter);
    if (isLate !== late)
      onLate(isLate && oldest ? { id: oldest.id, dueAt: oldest.dueAt } : undefined);
    late = isLate;
    for (let left = window - held; left > 0; left -= 1) {
      const priority = turns((one) => found[one].length > 0);
      const task = priority && found[priority].shift();
      if (!task) break;
      const before = handed.get(task.id);
      const dueAt = task.dueAt.epochMilliseconds;
      handed.set(task.id, {
        dueAt,
        at: clock.monotonic(),
        times: before?.dueAt === dueAt ? before.times + 1 : 1,
      });
      await queue.add({ id: task.id, group: task.group, priority: task.priority });
    }
    backlog = priorities.some((one) => found[one].length > 0);
    return resting || backlog;
  };

  const pauseAfter = async (more: boolean): Promise<number> => {
    const usual = milliseconds(interval);
    // Who works wakes it when something has ended: this is for those that work elsewhere.
    if (more) return Math.min(usual, shortest);
    const next = await source.next({ signal: ended.signal });
    const until = next ? next.epochMilliseconds - clock.now().epochMilliseconds : usual;
    // What is due already and was handed over is not worth a look before something ends.
    return until <= 0 ? usual : Math.min(usual, until);
  };

  const loop = async () => {
    for (let failures = 0; !ended.signal.aborted;) {
      nap = new AbortController();
      let pause: number;
      try {
        pause = await pauseAfter(
          await withTimeLimit(
            { clock, limit: longestLook, signal: ended.signal },
            async () => await look(),
          ),
        );
        failures = 0;
        onLook();
        if (milliseconds(breath) > 0) await clock.sleep(breath, { signal: ended.signal });
      } catch (error) {
        if (ended.signal.aborted) return;
        onError(error);
        failures += 1;
        pause = backoffMs(backoff, failures, 1);
      }
      await clock
        .sleep({ milliseconds: Math.max(1, Math.ceil(pause)) }, { signal: nap.signal })
        .catch(() => {
          /* woken */
        });
    }
  };
  const looping = loop();
  return {
    wake(id) {
      written ||= id === undefined;
      const done = id === undefined ? undefined : handed.get(id);
      if (id !== undefined && done) handed.set(id, { ...done, ended: clock.monotonic() });
      nap.abort();
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      nap.abort();
      await looping;
    },
  };
}
