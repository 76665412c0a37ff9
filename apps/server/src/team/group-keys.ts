import type { Redis } from 'ioredis';
import { isValidJobHash } from './redis-values.ts';

/** The type of each key of a BullMQ queue, as far as a group of tasks uses it. */
const keyTypes: Readonly<Record<string, string>> = {
  wait: 'list',
  paused: 'list',
  active: 'list',
  prioritized: 'zset',
  delayed: 'zset',
  completed: 'zset',
  failed: 'zset',
  'waiting-children': 'zset',
  repeat: 'zset',
  marker: 'zset',
  meta: 'hash',
  events: 'stream',
  stalled: 'set',
  'stalled-check': 'string',
  limiter: 'string',
  id: 'string',
  pc: 'string',
};

/** The keys in Redis of one queue of BullMQ. */
export class GroupKeys {
  readonly #client: Redis;
  readonly #prefix: string;

  /** @param prefix what the keys begin with, up to the last colon */
  constructor(client: Redis, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  /**
   * Removes what no process of a team writes: keys of another type, jobs without a valid form, and
   * whatever prevents BullMQ from reading the queue.
   * @returns how many values it has removed
   */
  async removeInvalid(): Promise<number> {
    const mistyped = await this.#mistyped();
    // The jobs of a list that is gone would be in the way of those that are added for it.
    if (mistyped > 0) {
      await this.removeAll();
      return mistyped;
    }
    return await this.#removeInvalidJobs();
  }

  /** Removes the whole queue: what is due is in the storage, and is added again. */
  async removeAll(): Promise<void> {
    const pattern = `${this.#prefix.replaceAll(/[\\*?[\]]/g, String.raw`\$&`)}:*`;
    let cursor = '0';
    do {
      const [next, keys] = await this.#client.scanBuffer(cursor, 'MATCH', pattern, 'COUNT', 1000);
      if (keys.length > 0) await this.#client.del(...keys);
      cursor = next.toString();
    } while (cursor !== '0');
  }

  /**
   * Removes settings that nothing in a team sets: they would pause the queue, limit its rate, or
   * prevent lost tasks from being returned to it.
   * @returns how many it has removed
   */
  async removeForeignSettings(): Promise<number> {
    const check = this.#key('stalled-check');
    const [settings, remaining] = await Promise.all([
      this.#client.hdel(this.#key('meta'), 'paused', 'max', 'duration'),
      this.#client.pttl(check),
    ]);
    // BullMQ sets it with an expiry.
    return settings + (remaining === -1 ? await this.#client.del(check) : 0);
  }

  /** Removes a job that is in none of the lists, with all that would prevent its replacement. */
  async removeJob(jobId: string, taskId: string): Promise<void> {
    await this.#client.del(
      this.#key(jobId),
      this.#key(`${jobId}:lock`),
      this.#key(`de:${taskId}`),
      this.#key(`dn:${taskId}`),
    );
  }

  #key(name: string): string {
    return `${this.#prefix}:${name}`;
  }

  async #mistyped(): Promise<number> {
    const types = await Promise.all(
      Object.entries(keyTypes).map(async ([name, type]) => {
        const actual = await this.#client.type(this.#key(name));
        return actual === 'none' || actual === type;
      }),
    );
    return types.filter((isRight) => !isRight).length;
  }

  async #removeInvalidJobs(): Promise<number> {
    const [wait, active, prioritized, delayed] = await Promise.all([
      this.#client.lrangeBuffer(this.#key('wait'), '0', '-1'),
      this.#client.lrangeBuffer(this.#key('active'), '0', '-1'),
      this.#client.zrangeBuffer(this.#key('prioritized'), '0', '-1'),
      this.#client.zrangeBuffer(this.#key('delayed'), '0', '-1'),
    ]);
    let removed = 0;
    for (const id of [...wait, ...active, ...prioritized, ...delayed]) {
      if (await this.#isValidJob(id)) continue;
      await this.#dropJob(id);
      removed += 1;
    }
    return removed;
  }

  async #isValidJob(id: Buffer): Promise<boolean> {
    const key = this.#keyOf(id);
    if ((await this.#client.type(key)) !== 'hash') return false;
    return isValidJobHash(await this.#client.hgetall(key));
  }

  async #dropJob(id: Buffer): Promise<void> {
    const lists = ['wait', 'active'].map((name) => this.#client.lrem(this.#key(name), '0', id));
    const sets = ['prioritized', 'delayed'].map((name) => this.#client.zrem(this.#key(name), id));
    const key = this.#keyOf(id);
    await Promise.all([...lists, ...sets]);
    await this.#client.del(key, Buffer.concat([key, Buffer.from(':lock')]));
  }

  #keyOf(id: Buffer): Buffer {
    return Buffer.concat([Buffer.from(`${this.#prefix}:`), id]);
  }
}
