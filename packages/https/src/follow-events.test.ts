import { type VirtualClock, virtualClock } from '@acmex/clock';
import { eventChange, type EventType } from '@acmex/orchestrator';
import { memoryStorage, type Storage } from '@acmex/storage';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { followEvents } from './follow-events.ts';

let clock: VirtualClock;
let storage: Storage;
let isFailing = false;
const changed: string[] = [];
const expiring: string[] = [];
const errors: unknown[] = [];
let following: AsyncDisposable;
beforeEach(() => {
  clock = virtualClock();
  storage = memoryStorage();
  isFailing = false;
  changed.length = 0;
  expiring.length = 0;
  errors.length = 0;
  following = followEvents(storage, {
    clock,
    onChanged: async (id) => {
      if (isFailing) throw new Error('the storage is away');
      changed.push(id);
    },
    onExpiring: async (id) => void expiring.push(id),
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
    await clock.advance({ minutes: 5 });
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
    await clock.advance({ minutes: 10 });
    expect([changed, errors.length]).toEqual([[], 1]);
    isFailing = false;
    await clock.advance({ seconds: 1 });
    expect(changed).toEqual(['crt_1']);
  });
});
