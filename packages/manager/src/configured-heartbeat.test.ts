import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type VirtualClock, virtualClock } from '@acmex/clock';
import { readConfig } from '@acmex/config';
import { inProcessQueue } from '@acmex/scheduler';
import { startWebhookReceiver, temporaryFolder, type WebhookReceiver } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { fromConfig } from './from-config.ts';
import { worker } from './index.ts';

let clock: VirtualClock;
let status: number;
let receiver: WebhookReceiver;
const warnings: string[] = [];
const outcomes: string[] = [];
const { signal } = new AbortController();
const beats = () => receiver.received.length;

beforeEach(async () => {
  clock = virtualClock({ now: '2026-11-28T00:00:00Z' });
  status = 200;
  for (const list of [warnings, outcomes]) list.length = 0;
  receiver = await startWebhookReceiver();
  receiver.answer = (response) => void response.writeHead(status).end();
});
afterEach(async () => await receiver[Symbol.asyncDispose]());

/** A manager whose heartbeat goes to the receiver, at most once a minute. */
async function manager(storage: Storage) {
  await using folder = await temporaryFolder('heartbeat');
  const file = join(folder.path, 'acmex.toml');
  await writeFile(
    file,
    `[renewal]\ncheck_interval = 60\n[notifications]\nallow = ["127.0.0.0/8"]\nheartbeat_url = { env = "BEAT" }\nheartbeat_allow_http = true\n`,
    { mode: 0o600 },
  );
  const environment = { BEAT: `${receiver.url}\n` };
  const config = await readConfig({ cwd: folder.path, home: folder.path, environment, file });
  return fromConfig(config, {
    storage,
    environment: {},
    clock,
    onWarning: (message) => warnings.push(message),
    onHeartbeat: (outcome) => outcomes.push(outcome),
  });
}

it('goes out after each complete scan, once in an interval for all processes of a storage', async () => {
  const storage = memoryStorage();
  const processes = await Promise.all([1, 2, 3].map(async () => await manager(storage)));
  const scanned = async (isComplete = true) => {
    await Promise.all(
      processes.map(
        async ({ heartbeat }) => await heartbeat?.afterScan({ isComplete }, { signal }),
      ),
    );
    return beats();
  };
  await expect(scanned()).resolves.toBe(1);
  await clock.advance({ seconds: 59 });
  await expect(scanned()).resolves.toBe(1);
  await clock.advance({ seconds: 1 });
  await expect(scanned()).resolves.toBe(2);
  await clock.advance({ seconds: 60 });
  await expect(scanned(false)).resolves.toBe(2);
  await expect(scanned()).resolves.toBe(3);
  expect(outcomes).toEqual(['succeeded', 'succeeded', 'succeeded']);
});

it('goes out while a worker scans, and not while its storage is broken', async () => {
  const storage = memoryStorage();
  let isBroken = false;
  const disk: Storage = {
    ...storage,
    list: (...call) => {
      if (isBroken) throw new Error('the disk is away');
      return storage.list(...call);
    },
  };
  const opened = await manager(disk);
  const scans: boolean[] = [];
  await using running = worker({
    managers: () => new Map([['', opened]]),
    queue: inProcessQueue({ clock }),
    concurrency: 1,
    clock,
    interval: { minutes: 1 },
    async onWatched(watched, options) {
      await opened.heartbeat?.afterScan(watched, options);
      scans.push(watched.isComplete);
    },
  });
  await receiver.until(1);
  isBroken = true;
  while (scans.length < 4) await clock.advance({ seconds: 61 });
  expect(scans.slice(0, 4)).toEqual([true, false, false, false]);
  expect(beats()).toBe(1);
  isBroken = false;
  while (scans.length < 5) await clock.advance({ seconds: 61 });
  await receiver.until(2);
  expect(beats()).toBe(2);
  await running.stop({ within: { seconds: 0 } });
});

it('does not go out where the storage can be read, and not be written', async () => {
  const storage = memoryStorage();
  const full: Storage = {
    ...storage,
    write: async () => await Promise.reject(new Error('no space is left')),
  };
  await (await manager(full)).heartbeat?.afterScan({ isComplete: true }, { signal });
  expect(beats()).toBe(0);
  expect(warnings).toEqual(['the heartbeat was not sent: no space is left']);
  expect(outcomes).toEqual(['failed']);
});

it('that fails is a warning without its URL, is counted, and ends nothing', async () => {
  status = 503;
  const { heartbeat } = await manager(memoryStorage());
  await heartbeat?.send({ signal });
  expect(warnings).toEqual([
    'the heartbeat was not sent: 127.0.0.1 has answered 503 [ERR_NOTIFICATIONS_ANSWER]',
  ]);
  status = 204;
  await heartbeat?.send({ signal });
  expect(outcomes).toEqual(['failed', 'succeeded']);
});
