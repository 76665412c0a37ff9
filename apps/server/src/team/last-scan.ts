import { type Clock, systemClock } from '@acmex/clock';
import type { Redis } from 'ioredis';

/** The oldest task that is late. */
export interface Late {
  readonly id: string;
  /** RFC 3339 */
  readonly dueAt: string;
}

/** When a team last read what is due, and what was late then. */
export interface Scan {
  /** RFC 3339 */
  readonly at: string;
  readonly late?: Late | undefined;
}

/** How often the last scan is read, and written at most. Milliseconds. */
const [readIntervalMs, minWriteIntervalMs] = [2000, 1000];

/** The last scan of a team, by whichever of its processes, as it was known a few seconds ago. */
export class LastScan implements AsyncDisposable {
  readonly #client: Redis;
  readonly #key: string;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  readonly #reading: Promise<void>;
  #scan: Scan | undefined;
  #writtenAt = -Infinity;

  constructor({
    client,
    prefix,
    clock = systemClock,
  }: {
    readonly client: Redis;
    readonly prefix: string;
    readonly clock?: Clock | undefined;
  }) {
    this.#client = client;
    this.#key = `${prefix}:looked`;
    this.#clock = clock;
    this.#reading = this.#readUntilDisposed();
  }

  get(): Scan | undefined {
    return this.#scan;
  }

  /** Records a scan by this process. */
  record(late: Late | undefined): void {
    this.#scan = { at: this.#clock.now().toString(), ...(late ? { late } : {}) };
    if (this.#clock.monotonic() - this.#writtenAt < minWriteIntervalMs) return;
    this.#writtenAt = this.#clock.monotonic();
    this.#client.set(this.#key, JSON.stringify(this.#scan), 'EX', 3600).catch(() => {
      /* the next scan writes it */
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#reading;
  }

  async #readUntilDisposed(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      await this.#read().catch(() => {
        /* Redis is away: the scan that was read last stays */
      });
      await this.#clock.sleep({ milliseconds: readIntervalMs }, { signal }).catch(() => {
        /* disposed of */
      });
    }
  }

  async #read(): Promise<void> {
    const text = await this.#client.get(this.#key);
    this.#scan = text === null ? undefined : (JSON.parse(text) as Scan);
  }
}
