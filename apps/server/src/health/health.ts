import type { Clock } from '@acmex/clock';
import type { Storage } from '@acmex/storage';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { CLOCK } from '../clock.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { SCHEDULING, type Scheduling } from '../scheduling.ts';

export const STORAGE = Symbol('storage');

const alive = endpoint({
  method: 'GET',
  path: '/health',
  scope: 'none',
  isConstant: true,
  summary: 'Whether the server runs',
  answers: { 200: { description: 'It does.', schema: z.object({ status: z.enum(['healthy']) }) } },
});
const readiness = z.object({
  status: z
    .enum(['healthy', 'degraded', 'unhealthy'])
    .describe('`degraded`, which only callers with a key see: work is late, or nothing works.'),
  components: z
    .object({
      storage: z.enum(['healthy', 'unhealthy']),
      queue: z
        .enum(['healthy', 'unhealthy'])
        .optional()
        .describe('Redis, where several processes share the work.'),
      scheduler: z.enum(['healthy', 'degraded']),
    })
    .optional()
    .describe('Only for callers with a key, as all that follows.'),
  workers: z.number().int().optional().describe('How many processes work.'),
  redis: z
    .array(z.string())
    .optional()
    .describe('What Redis could lose of what it has acknowledged, and what to do about it.'),
});
const ready = endpoint({
  method: 'GET',
  path: '/health/ready',
  scope: 'none',
  identifies: true,
  summary: 'Whether it can do its work',
  answers: {
    200: {
      description: 'It can; `degraded`: what is due is late, or there is no worker.',
      schema: readiness,
    },
    503: { description: 'Its storage or Redis does not answer.', schema: readiness },
  },
});

/** How long the storage and Redis may take. */
const limit = { milliseconds: 800 };
/** Milliseconds without a look for what is due that are too many. */
const seldom = 90_000;

@Injectable()
export class Health {
  readonly #storage: Storage;
  readonly #scheduling: Scheduling;
  readonly #clock: Clock;

  constructor(
    @Inject(STORAGE) storage: Storage,
    @Inject(SCHEDULING) scheduling: Scheduling,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.#clock = clock;
    this.#storage = storage;
    this.#scheduling = scheduling;
  }

  @Handles(alive)
  async alive(): Promise<Answer> {
    return answer(200, { status: 'healthy' });
  }

  @Handles(ready)
  async ready({ caller }: Partial<RequestOf<typeof ready>>): Promise<Answer> {
    const { team } = this.#scheduling;
    const [stored, workers, notices] = await Promise.all([
      this.#within(
        async (signal) => await this.#storage.get('health/probe', { signal }).then(() => true),
      ),
      team && this.#within(async () => await team.workers()),
      team && this.#within(async () => await team.notices()),
    ]);
    const storage = stored ? 'healthy' : 'unhealthy';
    const queue = team && (workers ? 'healthy' : 'unhealthy');
    const scheduler =
      this.#scheduling.late() === undefined &&
      this.#isLookedFor() &&
      (!team || workers?.length !== 0)
        ? 'healthy'
        : 'degraded';
    const status = storage === 'unhealthy' || queue === 'unhealthy' ? 'unhealthy' : scheduler;
    const isReady = status !== 'unhealthy';
    if (!caller) return answer(isReady ? 200 : 503, { status: isReady ? 'healthy' : 'unhealthy' });
    return answer(isReady ? 200 : 503, {
      status,
      components: { storage, queue, scheduler },
      workers: workers?.length,
      redis: notices,
    });
  }

  /** Returns whether a process of the team has scanned for what is due lately. */
  #isLookedFor(): boolean {
    const { team } = this.#scheduling;
    if (!team) return true;
    const at = team.lastScan()?.at;
    return at !== undefined && this.#clock.now().epochMilliseconds - Date.parse(at) < seldom;
  }

  /** What comes in time; undefined for what does not. */
  async #within<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const stop = new AbortController();
    const late = this.#clock.sleep(limit, { signal: stop.signal }).then(
      () => undefined,
      () => undefined,
    );
    try {
      return await Promise.race([ask(stop.signal).catch(() => undefined), late]);
    } finally {
      stop.abort();
    }
  }
}
