import { type Clock, milliseconds } from '@acmex/clock';
import { errorText } from '@acmex/errors';
import { BullModule, InjectQueue, OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import {
  type DynamicModule,
  Inject,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import { CLOCK } from '../clock.ts';
import type { Queue } from 'bullmq';
import { LOG, type Log } from '../log.ts';
import { maxStalledCount } from './bull-group.ts';
import { GroupKeys } from './group-keys.ts';
import { lockTimes } from './lock-times.ts';
import { isAboutValue } from './redis-values.ts';
import type { Team } from './team.ts';

const TEAM = Symbol('team');

/** How often what is due is read, whatever other notifications there are. */
const scanInterval = { seconds: 15 };
/** How often each process checks the schedule, and how late a scan may be. */
const checkInterval = { seconds: 5 };
/** How far ahead the schedule may be, with the difference of two clocks. */
const maxAhead = { minutes: 1 };
const [queueName, schedulerId] = ['looks', 'look'];

/**
 * Has what is due read by a schedule in Redis that all processes share; one scan at a time. A
 * watchdog in each process sets the schedule again where it is gone or has stopped: BullMQ's
 * schedules have been seen to stop after restarts and outages.
 */
class ScanScheduler extends WorkerHost implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #queue: Queue;
  readonly #team: Team;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  /** Whether values in Redis prevent the schedule from being read. */
  #isDamaged = false;

  constructor(
    @InjectQueue(queueName) queue: Queue,
    @Inject(TEAM) team: Team,
    @Inject(LOG) log: Log,
    @Inject(CLOCK) clock: Clock,
  ) {
    super();
    this.#clock = clock;
    this.#queue = queue;
    this.#team = team;
    this.#log = log;
    queue.on('error', () => {
      /* Redis is away: the team reports it */
    });
  }

  async process(): Promise<void> {
    this.#team.notifier.notifyDue();
  }

  @OnWorkerEvent('error')
  reportError(error: unknown): void {
    this.#isDamaged ||= isAboutValue(error);
    if (this.#team.isConnected() && !this.#ended.signal.aborted)
      this.#log({ level: 'warn', msg: `the schedule of scans: ${errorText(error)}` });
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
      schedulerId,
      { every: milliseconds(scanInterval) },
      { name: schedulerId, opts: { removeOnComplete: true, removeOnFail: true } },
    );
  }

  async #watch(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      await this.#clock.sleep(checkInterval, { signal }).catch(() => {
        /* the server stops */
      });
      if (!signal.aborted && this.#team.isConnected())
        await this.#restoreSchedule().catch((error: unknown) => this.reportError(error));
    }
  }

  async #restoreSchedule(): Promise<void> {
    if (this.#isDamaged) {
      const { blockingClient, prefix } = this.#team;
      await new GroupKeys(blockingClient, `${prefix}:${queueName}`).removeAll();
      this.#isDamaged = false;
    }
    const { next } = (await this.#queue.getJobScheduler(schedulerId)) ?? {};
    const now = this.#clock.now().epochMilliseconds;
    const [earliest, latest] = [now - milliseconds(checkInterval), now + milliseconds(maxAhead)];
    if (next !== undefined && next > earliest && next < latest) return;
    await this.#queue.removeJobScheduler(schedulerId);
    await this.#schedule();
    this.#team.notifier.notifyDue();
    this.#log({
      level: 'warn',
      msg: 'the schedule of scans had stopped or was gone, and was set again',
    });
  }
}

/** Returns what Nest needs for the schedule of scans, over the team's connection. */
export function scanScheduling(team: Team): {
  readonly imports: DynamicModule[];
  readonly providers: Provider[];
} {
  const { blockingClient: connection, prefix, lease } = team;
  // Nest reads the times of a worker from its class.
  @Processor(queueName, { ...lockTimes(lease), maxStalledCount })
  class TeamScanScheduler extends ScanScheduler {}
  return {
    imports: [
      BullModule.forRoot({ connection, prefix }),
      BullModule.registerQueue({ name: queueName }),
    ],
    providers: [{ provide: TEAM, useValue: team }, TeamScanScheduler],
  };
}
