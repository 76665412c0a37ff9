import { type VirtualClock, virtualClock } from '@acmex/clock';
import { Notifier } from '@acmex/notifications';
import { type AcmexEvent, CertificateStore, outbox } from '@acmex/orchestrator';
import type { TaskQueue } from '@acmex/scheduler';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { certificateManager, type Watched, worker } from './index.ts';

let clock: VirtualClock;
let storage: Storage;
const sent: string[] = [];
const errors: string[] = [];
const watched: Watched[] = [];

beforeEach(() => {
  clock = virtualClock({ now: '2026-11-28T00:00:00Z' });
  storage = memoryStorage();
  for (const list of [sent, errors, watched]) list.length = 0;
});

/** A queue that takes tasks and never does them. */
const lostQueue = (): TaskQueue =>
  ({
    add: async () => undefined,
    process: () => () => undefined,
    counts: async () => ({ waiting: {}, delayed: 0, running: 0 }) as never,
    close: async () => [],
  }) as never;

const notifier = () =>
  new Notifier({
    storage,
    clock,
    receivers: [
      {
        name: 'pager',
        events: ['certificate_expiring', 'renewal_late', 'alarm_resolved'],
        channel: {
          kind: 'webhook',
          async send({ title }) {
            await Promise.resolve();
            sent.push(title);
            return { status: 204, answer: '' };
          },
        },
      },
    ],
  });

const start = (managers: Readonly<Record<string, Storage>> = { '': storage }) => {
  const opened = new Map(
    Object.entries(managers).map(([scope, of]) => [
      scope,
      certificateManager({ storage: of, clock, notifier: notifier() }),
    ]),
  );
  return worker({
    managers: () => opened,
    queue: lostQueue(),
    concurrency: 1,
    clock,
    interval: { hours: 1 },
    onError: (what) => errors.push(what),
    onWatched: async (scan) => {
      await Promise.resolve();
      watched.push(scan);
    },
  });
};

async function add(name: string, into = storage): Promise<string> {
  const store = new CertificateStore({ storage: into, clock });
  return (await store.add({ names: [name], issuer: 'ca', keyType: 'ec-p256' })).id;
}

const eventsIn = async (of: Storage) => {
  const types: AcmexEvent['type'][] = [];
  for await (const { type } of outbox(of).list()) types.push(type);
  return types;
};

describe('a worker', () => {
  it('reports and sends late renewals though its queue loses every task', async () => {
    await add('www.example.com');
    await clock.advance({ hours: 23, minutes: 59 });
    await using running = start();
    await clock.advance({ seconds: 30 });
    expect(sent).toEqual([]);
    await clock.advance({ seconds: 60 });
    expect(sent).toEqual(['renewal late: www.example.com']);
    expect(watched.at(-1)).toMatchObject({ isComplete: true });
    await clock.advance({ seconds: 60 });
    expect(sent).toHaveLength(1);
    await running.stop({ within: { seconds: 0 } });
  });
  it('sends a thousand alarms at once as one notification', async () => {
    for (let count = 0; count < 1000; count += 1) await add(`host${count}.example.com`);
    await clock.advance({ hours: 25 });
    const { write } = storage;
    let writes = 0;
    // The scan takes longer than the time between two looks at what is to be sent.
    storage = {
      ...storage,
      write: async (...written) => {
        writes += 1;
        if (writes % 50 === 0) await clock.sleep({ milliseconds: 750 });
        return await write(...written);
      },
    };
    await using running = start();
    await clock.advance({ seconds: 30 });
    expect(sent).toEqual(['1000 events, 1000 of them failures']);
    await running.stop({ within: { seconds: 0 } });
  });
  it('reports for each tenant, and says that a scan was not complete where a storage fails', async () => {
    const away: Storage = {
      ...storage,
      list: async function* () {
        throw new Error('the disk is away');
      },
    };
    const teams = { web: memoryStorage(), away, mail: memoryStorage() };
    await add('www.example.com', teams.web);
    await add('mail.example.com', teams.mail);
    await clock.advance({ hours: 25 });
    await using running = start(teams);
    await clock.advance({ seconds: 30 });
    expect(await eventsIn(teams.web)).toContain('renewal_late');
    expect(await eventsIn(teams.mail)).toContain('renewal_late');
    expect(errors).toContain('away: the scan for alarms has failed');
    expect(watched.every(({ isComplete }) => !isComplete)).toBe(true);
    await running.stop({ within: { seconds: 0 } });
  });
});
