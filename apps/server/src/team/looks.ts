import { type Clock, milliseconds, systemClock } from '@acmex/clock';
import { BullModule, InjectQueue, OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import {
  type DynamicModule,
  Inject,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import type { Queue } from 'bullmq';
import { LOG, type Log } from '../http/problems.ts';
import type { Team } from './team.ts';

export const TEAM = Symbol('team');

/** How often somebody looks for what is due, whatever else rings. */
const period = { seconds: 15 };
/** How often each process looks after the schedule, and how late that may be. */
const watch = { seconds: 5 };
const [name, scheduler] = ['looks', 'look'];

/** The queue of the looks, by the team's connection. */
export function looksModules({
  patient: connection,
  prefix,
}: Pick<Team, 'patient' | 'prefix'>): DynamicModule[] {
  return [BullModule.forRoot({ connection, prefix }), BullModule.registerQueue({ name })];
}

/**
 * Has what is due looked for, over and over, by a schedule in Redis that all processes share; one look at a time. A watchdog in each
 * of them sets the schedule anew where it is gone or has stopped: BullMQ's have been seen to stop after restarts and outages.
 */
@Processor(name, { lockDuration: 10_000, stalledInterval: 5000, maxStalledCount: 10 })
export class Looks extends WorkerHost implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #queue: Queue;
  readonly #team: Team;
  readonly #log: Log;
  readonly #clock: Clock = systemClock;
  readonly #ended = new AbortController();

  constructor(@InjectQueue(name) queue: Queue, @Inject(TEAM) team: Team, @Inject(LOG) log: Log) {
    super();
    this.#queue = queue;
    this.#team = team;
    this.#log = log;
    queue.on('error', () => {
      /* Redis is away: the team tells of that */
    });
  }

  async process(): Promise<void> {
    this.#team.bell.due();
  }

  @OnWorkerEvent('error')
  failed(error: Error): void {
    if (this.#team.isHere())
      this.#log({ level: 'warn', msg: `the schedule of looks: ${error.message}` });
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#schedule();
    void this.#watch();
  }

  async onApplicationShutdown(): Promise<void> {
    this.#ended.abort();
  }

  async #schedule(): Promise<void> {
    await this.#queue.upsertJobScheduler(
      scheduler,
      { every: milliseconds(period) },
      { name: scheduler, opts: { removeOnComplete: true, removeOnFail: true } },
    );
  }

  async #watch(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      await this.#clock.sleep(watch, { signal: this.#ended.signal }).catch(() => {
        /* it ends */
      });
      if (this.#ended.signal.aborted || !this.#team.isHere()) continue;
      try {
        const { next } = (await this.#queue.getJobScheduler(scheduler)) ?? {};
        if (next !== undefined && next > this.#clock.now().epochMilliseconds - milliseconds(watch))
          continue;
        await this.#queue.removeJobScheduler(scheduler);
        await this.#schedule();
        this.#team.bell.due();
        this.#log({
          level: 'warn',
          msg: 'the schedule of looks had stopped or was gone, and is set anew',
        });
      } catch (error) {
        if (this.#team.isHere() && !this.#ended.signal.aborted)
          this.#log({
            level: 'warn',
            msg: `the schedule of looks cannot be set: ${String(error)}`,
          });
      }
    }
  }
}
