import { type Clock, systemClock, timestamp } from '@acmex/clock';
import type { Redis } from 'ioredis';
import { type InvalidValues, readScan, type Scan } from './redis-values.ts';
import { ofType } from './typed-key.ts';

/** How often the last scan is read, and written at most. Milliseconds. */
const [readIntervalMs, minWriteIntervalMs] = [2000, 1000];

/** The last scan of a team, by whichever of its processes, as it was known a few seconds ago. */
export class LastScan implements AsyncDisposable {
  readonly #client: Redis;
  readonly #key: string;
  readonly #invalidValues: InvalidValues;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  readonly #reading: Promise<void>;
  #scan: Scan | undefined;
  #writtenAt = -Infinity;

  constructor({
    client,
    prefix,
    invalidValues,
    clock = systemClock,
  }: {
    readonly client: Redis;
    readonly prefix: string;
    readonly invalidValues: InvalidValues;
    readonly clock?: Clock | undefined;
  }) {
    this.#client = client;
    this.#key = `${prefix}:looked`;
    this.#invalidValues = invalidValues;
    this.#clock = clock;
    this.#reading = this.#readUntilDisposed();
  }

  get(): Scan | undefined {
    return this.#scan;
  }

  /** Records a scan by this process. */
  record(late: Scan['late']): void {
    this.#scan = { at: timestamp(this.#clock.now()), ...(late ? { late } : {}) };
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
    const [client, key, invalidValues] = [this.#client, this.#key, this.#invalidValues];
    const text = await ofType({ client, key, invalidValues }, async () => await client.get(key));
    const scan = text === null ? undefined : readScan(text);
    if (text !== null && !scan) invalidValues.add('scan', await client.del(key));
    this.#scan = scan;
  }
}
