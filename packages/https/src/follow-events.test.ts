import { type VirtualClock, virtualClock } from '@acmex/clock';
import { eventChange } from '@acmex/orchestrator';
import { memoryStorage, type Storage } from '@acmex/storage';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { followEvents } from './follow-events.ts';

let clock: VirtualClock;
let storage: Storage;
let isFailing = false;
const changed: string[] = [];
const errors: unknown[] = [];
let following: AsyncDisposable;
beforeEach(() => {
  clock = virtualClock();
  storage = memoryStorage();
  isFailing = false;
  changed.length = 0;
  errors.length = 0;
  following = followEvents(storage, {
    clock,
    onChanged: async (id) => {
      if (isFailing) throw new Error('the storage is away');
      changed.push(id);
    },
    onError: (error) => errors.push(error),
  });
});
afterEach(async () => await following[Symbol.asyncDispose]());

const write = async (certificate: string, type: 'renewal_success' | 'order_created') =>
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
