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

/** What is due, by the storage: the only place where delayed work is kept. */
export interface DueSource {
  /** Lists what is due, the task that is due longest first. It costs what it returns. */
  due(
    now: Temporal.Instant,
    options: { readonly limit: number; readonly signal: AbortSignal },
  ): AsyncIterable<DueTask>;
  /** Returns when something is next due, which may be in the past; undefined for never. */
  next(options: { readonly signal: AbortSignal }): Promise<Temporal.Instant | undefined>;
}

export interface DispatcherOptions {
  readonly source: DueSource;
  readonly queue: TaskQueue;
  /**
   * The longest time between two scans: what other processes write is seen so late; a minute by
   * default.
   */
  readonly interval?: DurationInput | undefined;
  /**
   * A task that is still due after so long is dispatched again, because its queue has lost it; ten
   * minutes by default.
   */
  readonly redeliverAfter?: DurationInput | undefined;
  /** The shortest time between two scans, however often it is woken; 0 by default. */
  readonly minInterval?: DurationInput | undefined;
  /** The oldest task is reported when it is late by so much; 15 minutes by default. */
  readonly lateAfter?: DurationInput | undefined;
  /**
   * Called once when the oldest due task is late, and once with undefined when no task is late any
   * more.
   */
  readonly onLate?:
    | ((late: { readonly id: string; readonly dueAt: Temporal.Instant } | undefined) => void)
    | undefined;
  /** Called after each scan that succeeded. */
  readonly onScan?: (() => void) | undefined;
  /** Called with the error of a scan; the next scan comes after a growing pause. */
  readonly onError?: ((error: unknown) => void) | undefined;
  readonly clock?: Clock | undefined;
}

export interface Dispatcher extends AsyncDisposable {
  /** Scans now: something was written, or the task `ended` was done and may be due again. */
  wake(ended?: string): void;
}

/**
 * How many tasks are dispatched for each that can run at once: workers do not run dry between two
 * scans, and urgent tasks overtake few.
 */
const windowFactor = 4;
/** How many due tasks a scan reads at most: enough to find the urgent ones among them. */
const scanLimit = (window: number) => Math.max(256, window * 8);
/** How soon a scan follows another where more is due. Milliseconds. */
const minPauseMs = 1_000;
/** The pauses after scans that failed. */
const backoff = { first: { seconds: 2 }, longest: { minutes: 1 }, jitter: 0 };
/** A scan that takes longer is given up and repeated. */
const scanTimeout = { minutes: 1 };
/**
 * How long a task is not dispatched again that was done and is due as before; twice as long each
 * time. A task that changes nothing must not run over and over. Milliseconds.
 */
const cooldownMs = 1_000;

/**
 * Fills a queue from what is due, the same for every queue. It ends only by its disposal.
 * @returns the running dispatcher
 */
export function dispatcher(options: DispatcherOptions): Dispatcher {
  return new QueueDispatcher(options);
}

class QueueDispatcher implements Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #clock: Clock;
  readonly #lateAfterMs: number;
  readonly #dispatched: DispatchedTasks;
  /** Outlives the scans: a scan often has room for a single task. */
  readonly #nextPriority = weightedTurns();
  readonly #ended = new AbortController();
  readonly #running: Promise<void>;
  #wakeSignal = new AbortController();
  #isLate = false;
  #scannedAt = -Infinity;
  /** Until when the last scan has read what is due, in milliseconds since 1970. */
  #readUntil = -Infinity;
  /** Whether the last scan found more than there was room for. */
  #hasBacklog = false;
  /** Whether something was written since the last scan. */
  #hasNews = true;

  constructor(options: DispatcherOptions) {
    const { clock = systemClock, redeliverAfter = { minutes: 10 } } = options;
    this.#options = options;
    this.#clock = clock;
    this.#lateAfterMs = milliseconds(options.lateAfter ?? { minutes: 15 });
    this.#dispatched = new DispatchedTasks(clock, milliseconds(redeliverAfter));
    this.#running = this.#run();
  }

  wake(ended?: string): void {
    if (ended === undefined) this.#hasNews = true;
    else this.#dispatched.end(ended);
    this.#wakeSignal.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    this.#wakeSignal.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    let failures = 0;
    while (!signal.aborted) {
      this.#wakeSignal = new AbortController();
      let pauseMs: number;
      try {
        pauseMs = await this.#scanOnce(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#options.onError?.(error);
        failures += 1;
        pauseMs = backoffMs(backoff, failures, 1);
      }
      await this.#clock
        .sleep(
          { milliseconds: Math.max(1, Math.ceil(pauseMs)) },
          { signal: this.#wakeSignal.signal },
        )
        .catch(() => {
          /* woken */
        });
    }
  }

  /** @returns the pause before the next scan */
  async #scanOnce(signal: AbortSignal): Promise<number> {
    const { minInterval = { seconds: 0 }, onScan } = this.#options;
    const isMoreDue = await withTimeLimit(
      { clock: this.#clock, limit: scanTimeout, signal },
      async () => await this.#scan(),
    );
    const pauseMs = await this.#pauseAfter(isMoreDue);
    onScan?.();
    if (milliseconds(minInterval) > 0) await this.#clock.sleep(minInterval, { signal });
    return pauseMs;
  }

  /**
   * Dispatches what is due, as far as there is room.
   * @returns true where more is due than there is room for, or cools down
   */
  async #scan(): Promise<boolean> {
    const { waiting, running, delayed, capacity } = await this.#options.queue.counts();
    const held = running + priorities.reduce((sum, priority) => sum + waiting[priority], 0);
    // Where no worker is there yet, one is about to come.
    const window = windowFactor * Math.max(capacity, 1);
    if (held + delayed === 0) this.#dispatched.forgetLost();
    if (this.#isTooSoon(held, window)) return true;
    this.#scannedAt = this.#clock.monotonic();
    this.#hasNews = false;
    this.#dispatched.forgetOld();
    const { candidates, isCoolingDown } = await this.#candidates(scanLimit(window));
    await this.#dispatch(candidates, window - held);
    this.#hasBacklog = priorities.some((priority) => candidates[priority].length > 0);
    return isCoolingDown || this.#hasBacklog;
  }

  /**
   * A scan reads hundreds of records: where more waits than there is room for, there is none for
   * each task that ends.
   */
  #isTooSoon(held: number, window: number): boolean {
    const hasEnough = held >= window || (this.#hasBacklog && !this.#hasNews && held > window / 2);
    return hasEnough && this.#clock.monotonic() - this.#scannedAt < minPauseMs;
  }

  /**
   * Reads the due tasks that can be dispatched, and reports whether the oldest due task is late.
   */
  async #candidates(limit: number): Promise<{
    readonly candidates: Readonly<Record<Priority, DueTask[]>>;
    readonly isCoolingDown: boolean;
  }> {
    const now = this.#clock.now();
    this.#readUntil = now.epochMilliseconds;
    const candidates: Record<Priority, DueTask[]> = { urgent: [], high: [], normal: [], low: [] };
    let oldest: DueTask | undefined;
    let isCoolingDown = false;
    for await (const task of this.#options.source.due(now, { limit, signal: this.#ended.signal })) {
      oldest ??= task;
      if (!this.#dispatched.has(task)) candidates[task.priority].push(task);
      else if (this.#dispatched.hasEnded(task.id)) isCoolingDown = true;
    }
    this.#reportLate(oldest, now);
    return { candidates, isCoolingDown };
  }

  #reportLate(oldest: DueTask | undefined, now: Temporal.Instant): void {
    const lateness = oldest ? now.epochMilliseconds - oldest.dueAt.epochMilliseconds : 0;
    const late = oldest && lateness > this.#lateAfterMs ? oldest : undefined;
    if ((late !== undefined) !== this.#isLate)
      this.#options.onLate?.(late && { id: late.id, dueAt: late.dueAt });
    this.#isLate = late !== undefined;
  }

  async #dispatch(candidates: Readonly<Record<Priority, DueTask[]>>, room: number): Promise<void> {
    for (let left = room; left > 0; left -= 1) {
      const priority = this.#nextPriority((candidate) => candidates[candidate].length > 0);
      const task = priority && candidates[priority].shift();
      if (!task) return;
      this.#dispatched.add(task);
      await this.#options.queue.add({ id: task.id, group: task.group, priority: task.priority });
    }
  }

  async #pauseAfter(isMoreDue: boolean): Promise<number> {
    const intervalMs = milliseconds(this.#options.interval ?? { minutes: 1 });
    // A worker of this process wakes the dispatcher when a task ends: this is for those of others.
    if (isMoreDue) return Math.min(intervalMs, minPauseMs);
    const next = await this.#options.source.next({ signal: this.#ended.signal });
    if (!next) return intervalMs;
    // What was due at the scan is dispatched, and needs no other scan before something ends. What has
    // become due since then does.
    if (next.epochMilliseconds <= this.#readUntil) return intervalMs;
    const untilMs = next.epochMilliseconds - this.#clock.now().epochMilliseconds;
    return Math.min(intervalMs, Math.max(0, untilMs));
  }
}

/** A task that was dispatched: how often with this due time, and when it ended. */
interface DispatchedTask {
  readonly dueAt: number;
  readonly at: number;
  readonly times: number;
  readonly endedAt?: number | undefined;
}

/** What a dispatcher has dispatched, so that it dispatches no task twice. */
class DispatchedTasks {
  readonly #clock: Clock;
  readonly #redeliverAfterMs: number;
  readonly #tasks = new Map<string, DispatchedTask>();

  constructor(clock: Clock, redeliverAfterMs: number) {
    this.#clock = clock;
    this.#redeliverAfterMs = redeliverAfterMs;
  }

  add({ id, dueAt: { epochMilliseconds: dueAt } }: DueTask): void {
    const before = this.#tasks.get(id);
    const times = before?.dueAt === dueAt ? before.times + 1 : 1;
    this.#tasks.set(id, { dueAt, at: this.#clock.monotonic(), times });
  }

  end(id: string): void {
    const task = this.#tasks.get(id);
    if (task) this.#tasks.set(id, { ...task, endedAt: this.#clock.monotonic() });
  }

  /** Returns whether a task was dispatched with this due time, and has not ended or cools down. */
  has({ id, dueAt }: DueTask): boolean {
    const task = this.#tasks.get(id);
    if (task?.dueAt !== dueAt.epochMilliseconds) return false;
    if (task.endedAt === undefined) return true;
    const cooldown = Math.min(cooldownMs * 2 ** (task.times - 1), this.#redeliverAfterMs);
    return this.#clock.monotonic() - task.endedAt < cooldown;
  }

  hasEnded(id: string): boolean {
    return this.#tasks.get(id)?.endedAt !== undefined;
  }

  /** Forgets what has not ended: an empty queue has lost it. */
  forgetLost(): void {
    for (const [id, { at, endedAt }] of this.#tasks)
      if (endedAt === undefined && this.#clock.monotonic() - at >= minPauseMs)
        this.#tasks.delete(id);
  }

  forgetOld(): void {
    for (const [id, { at, endedAt }] of this.#tasks)
      if (this.#clock.monotonic() - (endedAt ?? at) >= this.#redeliverAfterMs)
        this.#tasks.delete(id);
  }
}
