import { join } from 'node:path';
import type { Clock } from '@acmex/clock';
import { type Change, ConflictError, keyOf } from '@acmex/storage';
import { clearNewFiles, commit, type Outcome } from './commit.ts';
import { commitMutex } from './commit-mutex.ts';
import type { Disk } from './disk.ts';
import { Journal } from './journal.ts';
import { mutexFolder } from './place.ts';

/** Milliseconds that a process keeps the right to commit while it has more to write. */
const tenure = 20;
/** Milliseconds that it keeps the right after its last write: the next may come at once. */
const linger = 5;
/** How many writes are committed together at most. */
const largestGroup = 64;

interface QueuedWrite {
  readonly changes: readonly Change[];
  end(outcome: Outcome): void;
}

interface Tenure {
  readonly release: () => Promise<void>;
  /** On the monotonic clock. */
  readonly until: number;
}

/**
 * The commits of one process: one at a time, and of all processes. Writes that wait at the same
 * moment are committed together, and share their flushes.
 */
export class Committer {
  readonly #root: string;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #mutex;
  readonly #journal: Journal;
  readonly #queue = new Set<QueuedWrite>();
  /** Ends the wait for the mutex when no write waits any more; undefined where no group waits. */
  #group: AbortController | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #held: Tenure | undefined;
  /** Ends the pause before the mutex is given back. */
  #lingering: AbortController | undefined;
  #isRecovered = false;
  /** Whether the journal may hold commits of this process. */
  #hasJournal = false;

  constructor(root: string, { disk, clock }: { readonly disk: Disk; readonly clock: Clock }) {
    this.#root = root;
    this.#disk = disk;
    this.#clock = clock;
    this.#mutex = commitMutex(join(root, mutexFolder), { disk, clock });
    this.#journal = new Journal(root, disk);
  }

  /** Runs one work at a time in this process, and of all processes. */
  async alone<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    this.#waiting += 1;
    this.#lingering?.abort();
    return await this.#inTurn(async () => {
      this.#waiting -= 1;
      return await this.#holding(work, signal);
    });
  }

  /**
   * Does what one write wants, together with other writes that wait.
   * @returns the versions of what it sets
   */
  async write(
    changes: readonly Change[],
    signal: AbortSignal | undefined,
  ): Promise<readonly string[]> {
    signal?.throwIfAborted();
    return await new Promise((resolve, reject) => {
      const giveUp = () => {
        if (!this.#queue.delete(write)) return; // its commit has begun
        reject(signal?.reason as Error);
        if (this.#queue.size === 0) this.#group?.abort();
      };
      const write: QueuedWrite = {
        changes,
        end(outcome) {
          signal?.removeEventListener('abort', giveUp);
          if (outcome.status === 'fulfilled') resolve(outcome.value);
          else reject(outcome.reason as Error);
        },
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#queue.add(write);
      this.#beginGroup();
    });
  }

  /** Waits for all work that was begun, ends the journal, and lets other processes commit. */
  async settled(): Promise<void> {
    await this.#idle();
    if (this.#hasJournal)
      await this.alone(async () => await this.#journal.checkpoint(), undefined).then(
        () => {
          this.#hasJournal = false;
        },
        () => {
          /* all commits are in the journal, which the next process reads */
        },
      );
    this.#lingering?.abort();
    await this.#inTurn(async () => await this.#release());
  }

  async #idle(): Promise<void> {
    let last: Promise<unknown>;
    do {
      last = this.#last;
      await last;
    } while (last !== this.#last);
  }

  #beginGroup(): void {
    if (this.#group || this.#queue.size === 0) return;
    const group = new AbortController();
    this.#group = group;
    void this.alone(async () => await this.#commitGroup(), group.signal)
      .catch((reason: unknown) => {
        // Where all have given up, what has come since waits for its own turn.
        if (this.#group === group && !group.signal.aborted)
          for (const write of this.#taken()) write.end({ status: 'rejected', reason });
      })
      .finally(() => {
        if (this.#group === group) this.#group = undefined;
        this.#beginGroup();
      });
  }

  async #commitGroup(): Promise<void> {
    const writes = this.#taken();
    this.#group = undefined;
    this.#beginGroup();
    try {
      const changes = writes.map((write) => write.changes);
      this.#hasJournal = true;
      const place = { root: this.#root, disk: this.#disk, journal: this.#journal };
      const outcomes = await commit(place, changes);
      for (const [index, outcome] of outcomes.entries()) writes[index]?.end(outcome);
      if (outcomes.some(isFault)) this.#isRecovered = false;
    } catch (reason) {
      for (const write of writes) write.end({ status: 'rejected', reason });
      throw reason;
    }
  }

  /**
   * Takes the next writes from the queue, until one has a key that another changes: those who read
   * meanwhile see the keys of each write in their order.
   */
  #taken(): readonly QueuedWrite[] {
    const writes: QueuedWrite[] = [];
    const changed = new Set<string>();
    for (const write of this.#queue) {
      const hasChangedKey = write.changes.some((change) => changed.has(keyOf(change)));
      if (writes.length === largestGroup || hasChangedKey) break;
      for (const change of write.changes) if (!('check' in change)) changed.add(keyOf(change));
      writes.push(write);
      this.#queue.delete(write);
    }
    return writes;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {
      /* its caller handles it */
    });
    return await result;
  }

  /**
   * Holds the mutex for the work of this process that waits already or comes soon, but not for long
   * where others may wait.
   */
  async #holding<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const wasReleased = this.#held === undefined;
    this.#held ??= {
      release: await this.#mutex.acquire(signal),
      until: this.#clock.monotonic() + tenure,
    };
    try {
      signal?.throwIfAborted();
      if (wasReleased || !this.#isRecovered) await this.#journal.recover();
      if (!this.#isRecovered) await clearNewFiles(this.#root, this.#disk);
      this.#isRecovered = true;
      return await work();
    } catch (error) {
      this.#isRecovered = false;
      throw error;
    } finally {
      if (this.#clock.monotonic() >= this.#held.until) await this.#release();
      else if (this.#waiting === 0) this.#releaseSoon();
    }
  }

  #releaseSoon(): void {
    const lingering = new AbortController();
    this.#lingering = lingering;
    void this.#clock
      .sleep({ milliseconds: linger }, { signal: lingering.signal })
      .then(async () => await this.#inTurn(async () => await this.#releaseIfIdle()))
      .catch(() => {
        /* there is more work, which gives back what this process owes */
      });
  }

  async #releaseIfIdle(): Promise<void> {
    if (this.#waiting === 0) await this.#release();
  }

  async #release(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    await held?.release();
  }
}

/** Whether a write failed for more than another version of a key. */
function isFault(outcome: Outcome): boolean {
  return outcome.status === 'rejected' && !(outcome.reason instanceof ConflictError);
}
