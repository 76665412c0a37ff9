import { type Clock, systemClock } from '@acmex/clock';
import type { Storage } from '@acmex/storage';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { answer, type Answer, endpoint, Handles } from '../http/endpoint.ts';
import { SCHEDULING, type Scheduling } from '../scheduling.ts';

export const STORAGE = Symbol('storage');

const alive = endpoint({ method: 'GET', path: '/health', scope: 'nobody', summary: 'Whether the server runs', answers: { 200: { description: 'It does.', schema: z.object({ status: z.enum(['healthy']) }) } } });
const readiness = z.object({ status: z.enum(['healthy', 'degraded', 'unhealthy']), components: z.object({ storage: z.enum(['healthy', 'unhealthy']), scheduler: z.enum(['healthy', 'degraded']) }) });
const ready = endpoint({
  method: 'GET', path: '/health/ready', scope: 'nobody', summary: 'Whether it can do its work',
  answers: { 200: { description: 'It can; `degraded`: what is due is late.', schema: readiness }, 503: { description: 'Its storage does not answer.', schema: readiness } },
});

/** How long the storage may take. */
const limit = { milliseconds: 1000 };

@Controller()
export class Health {
  readonly #storage: Storage;
  readonly #scheduling: Scheduling;
  readonly #clock: Clock = systemClock;

  constructor(@Inject(STORAGE) storage: Storage, @Inject(SCHEDULING) scheduling: Scheduling) {
    this.#storage = storage;
    this.#scheduling = scheduling;
  }

  @Handles(alive)
  async alive(): Promise<Answer> {
    return answer(200, { status: 'healthy' });
  }

  @Handles(ready)
  async ready(): Promise<Answer> {
    const storage = await this.#answers() ? 'healthy' : 'unhealthy';
    const scheduler = this.#scheduling.late() === undefined ? 'healthy' : 'degraded';
    const status = storage === 'unhealthy' ? 'unhealthy' : scheduler;
    return answer(status === 'unhealthy' ? 503 : 200, { status, components: { storage, scheduler } });
  }

  async #answers(): Promise<boolean> {
    const stop = new AbortController();
    const late = this.#clock.sleep(limit, { signal: stop.signal }).then(() => false, () => false);
    try {
      return await Promise.race([this.#storage.get('health/probe', { signal: stop.signal }).then(() => true, () => false), late]);
    } finally {
      stop.abort();
    }
  }
}
