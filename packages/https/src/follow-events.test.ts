import { type VirtualClock, virtualClock } from '@acmex/clock';
import { eventChange, type EventType } from '@acmex/orchestrator';
import { memoryStorage, type Storage } from '@acmex/storage';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { followEvents } from './follow-events.ts';

let clock: VirtualClock;
let storage: Storage;
let isFailing = false;
let rechecks = 0;
let brokenId: string | undefined;
const changed: string[] = [];
const expiring: string[] = [];
const errors: unknown[] = [];
let following: AsyncDisposable;
beforeEach(() => {
  clock = virtualClock();
  storage = memoryStorage();
  isFailing = false;
  rechecks = 0;
  changed.length = 0;
  expiring.length = 0;
  errors.length = 0;
  following = followEvents(storage, {
    clock,
    onChanged: async (id) => {
      if (isFailing || id === brokenId) throw new Error('the storage is away');
      changed.push(id);
    },
    onExpiring: async (id) => void expiring.push(id),
    async onRecheck() {
      rechecks += 1;
    },
    onError: (error) => errors.push(error),
  });
});
afterEach(async () => await following[Symbol.asyncDispose]());

const write = async (certificate: string, type: EventType) =>
  await storage.write([eventChange({ type, certificate, names: ['a.test'], labels: {} }, clock)]);

describe('what follows the events of a storage', () => {
  it('sees each certificate that is issued within a second, once', async () => {
    await write('crt_1', 'renewal_success');
    await write('crt_2', 'order_created');
    await clock.advance({ seconds: 1 });
    expect(changed).toEqual(['crt_1']);
    await clock.advance({ seconds: 30 });
    expect(changed).toEqual(['crt_1']);
  });

  it('sees each certificate that is not renewed in time', async () => {
    await write('crt_1', 'certificate_expiring');
    await write('crt_2', 'certificate_expired');
    await clock.advance({ seconds: 1 });
    expect([changed, expiring]).toEqual([[], ['crt_1', 'crt_2']]);
  });

  it('misses nothing while a certificate cannot be read, and says so once', async () => {
    isFailing = true;
    await write('crt_1', 'renewal_success');
    await clock.advance({ seconds: 30 });
    expect([changed, errors.length]).toEqual([[], 1]);
    isFailing = false;
    await clock.advance({ seconds: 1 });
    expect(changed).toEqual(['crt_1']);
  });

  it('sees a certificate also while another cannot be read', async () => {
    brokenId = 'crt_1';
    await write('crt_1', 'renewal_success');
    await write('crt_2', 'renewal_success');
    await clock.advance({ seconds: 30 });
    expect([changed, errors.length]).toEqual([['crt_2'], 1]);
    brokenId = undefined;
    await clock.advance({ seconds: 1 });
    expect(changed).toEqual(['crt_2', 'crt_1']);
  });

  it('sees what comes after a damaged event, which it reports once', async () => {
    await write('crt_0', 'order_created');
    for await (const { key } of storage.list('events'))
      await storage.write([{ set: key, value: Buffer.from('{') }]);
    await write('crt_1', 'renewal_success');
    await clock.advance({ seconds: 30 });
    expect(changed).toEqual(['crt_1']);
    expect(errors).toMatchObject([{ code: 'ERR_STORAGE_CORRUPT' }]);
  });

  it('compares all certificates every five minutes, for changes by a process whose clock is late', async () => {
    await clock.advance({ minutes: 4 });
    expect(rechecks).toBe(0);
    await clock.advance({ minutes: 2 });
    expect(rechecks).toBe(1);
  });
});
