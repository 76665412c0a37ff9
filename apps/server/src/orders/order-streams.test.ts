import { type Clock, virtualClock } from '@acmex/clock';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Caller } from '../access/caller.ts';
import type { IncomingRequest } from '../access/credentials.ts';
import { serverPaths } from '../http/server-paths.ts';
import type { Quotas } from '../quotas.ts';
import type { Scheduling } from '../scheduling.ts';
import { Orders } from './orders.ts';

/** Orders whose storage counts how often each is read. */
function countedOrders(clock = virtualClock()) {
  let reads = 0;
  const state = { order: 'pending', failure: undefined as { readonly at: string } | undefined };
  const caller = (tenant: string) =>
    ({
      names: ['*'],
      tenant: {
        name: tenant,
        manager: {
          provisioner: {
            status: async (id: string) => {
              reads += 1;
              const { order, failure } = state;
              return { id, names: ['a.test'], state: order, failure, steps: [] };
            },
          },
        },
      },
    }) as unknown as Caller;
  let jumpMs = 0;
  const jumping: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic() + jumpMs,
    sleep: async (duration, options) => await clock.sleep(duration, options),
  };
  const orders = new Orders({} as Scheduling, {} as Quotas, jumping, serverPaths());
  /** Moves far ahead without each read on the way. */
  const jump = async (minutes: number) => {
    jumpMs += minutes * 60_000;
    await clock.advance({ seconds: 1 });
  };
  const watch = async (id: string, tenant = 'one') => {
    const request = new AbortController();
    const { body } = await orders.events({
      caller: caller(tenant),
      params: { id },
      query: undefined,
      body: undefined,
      headers: {},
      request: {} as IncomingRequest,
      signal: request.signal,
      reauthenticate: async () => undefined,
    });
    const stream = { text: '', hasEnded: false, close: () => request.abort() };
    (body as NodeJS.ReadableStream)
      .on('data', (chunk) => {
        stream.text += String(chunk);
      })
      .on('end', () => {
        stream.hasEnded = true;
      });
    // The stream begins to read.
    await clock.advance({ milliseconds: 1 });
    return stream;
  };
  return { clock, watch, state, jump, reads: () => reads };
}

describe('streams of the events of orders', () => {
  let orders: ReturnType<typeof countedOrders>;
  beforeEach(() => {
    orders = countedOrders();
  });

  it('share each read of the order that they watch', async () => {
    const { clock, watch, reads } = orders;
    for (let stream = 0; stream < 60; stream += 1) await watch('ord_1');
    await clock.advance({ milliseconds: 900 });
    // One read every 300 milliseconds, however many watch.
    expect(reads()).toBeLessThanOrEqual(4);
  });

  it('read the storage 200 times a second at most, however many orders they watch', async () => {
    const { clock, watch, reads } = orders;
    for (let stream = 0; stream < 120; stream += 1) await watch(`ord_${stream}`);
    await clock.advance({ milliseconds: 600 });
    const before = reads();
    await clock.advance({ milliseconds: 600 });
    expect(reads() - before).toBeLessThanOrEqual(120);
  });

  it('are 200 of one tenant at most, and those of other tenants do not count', async () => {
    const { watch } = orders;
    const streams = [];
    for (let stream = 0; stream < 200; stream += 1) streams.push(await watch('ord_1'));
    await expect(watch('ord_1')).rejects.toMatchObject({
      code: 'ERR_SERVER_BUSY',
      retryAfter: expect.any(Number),
    });
    await watch('ord_1', 'two');
    streams[0]!.close();
    await watch('ord_1');
  });

  it('have each further failure, also where the order is in the same state again', async () => {
    const { clock, watch, state } = orders;
    const stream = await watch('ord_1');
    for (const at of ['first', 'second']) {
      state.failure = { at };
      await clock.advance({ seconds: 2 });
    }
    expect(stream.text.match(/event: state/g)).toHaveLength(3);
    expect(stream.text).toContain('"at":"second"');
  });

  it('end after an hour, and when the order has ended', async () => {
    const { clock, jump, watch, state } = orders;
    const long = await watch('ord_1');
    await jump(59);
    expect(long.hasEnded).toBe(false);
    await jump(2);
    expect([long.hasEnded, long.text.includes('event: end')]).toEqual([true, false]);
    const short = await watch('ord_1');
    state.order = 'succeeded';
    await clock.advance({ seconds: 1 });
    expect([short.hasEnded, short.text.includes('event: end')]).toEqual([true, true]);
  });
});
