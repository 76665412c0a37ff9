import { virtualClock } from '@acmex/clock';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Serving, serving, startCa, type TestCa } from '../serving.testing.ts';
import { requestedWait, LongPoll } from './long-poll.ts';

/** Each request has one of its own. */
const aSignal = () => new AbortController().signal;

describe('waiting for another certificate', () => {
  it('ends when there is a new generation, when the time is over, or when the client is gone', async () => {
    const clock = virtualClock();
    const waiting = new LongPoll({ clock });
    let version: string | undefined = 'one';
    const wait = (waitSignal = aSignal()) =>
      waiting.until({
        tenant: 't',
        id: 'c',
        read: async () => version,
        isKnown: (version) => version === 'one',
        seconds: 20,
        signal: waitSignal,
      });
    const over = wait();
    await clock.run(over);
    expect(clock.monotonic()).toBe(20_000);
    const changed = wait();
    await clock.advance({ seconds: 3 });
    version = undefined;
    await clock.run(changed);
    expect(clock.monotonic()).toBeLessThanOrEqual(23_500);
    version = 'one';
    const gone = new AbortController();
    const left = wait(gone.signal);
    await clock.advance({ seconds: 1 });
    gone.abort();
    await left;
    expect(clock.sleepers).toBe(0);
  });
  it('looks once for all who wait for the same, and rarer the more is waited for', async () => {
    const clock = virtualClock();
    const waiting = new LongPoll({ clock });
    let reads = 0;
    const all = (count: number, idOf: (at: number) => string) =>
      Promise.all(
        Array.from({ length: count }, (_, at) =>
          waiting.until({
            tenant: 't',
            id: idOf(at),
            read: async () => {
              reads += 1;
              return 'one';
            },
            isKnown: () => true,
            seconds: 2,
            signal: aSignal(),
          }),
        ),
      );
    await clock.run(all(20, () => 'same'));
    expect(reads).toBeLessThanOrEqual(4);
    reads = 0;
    await clock.run(all(200, (at) => `c${at}`));
    expect(reads).toBeLessThanOrEqual(400);
  });
  it('is for so many of one tenant at once, and those of others do not count', async () => {
    const clock = virtualClock();
    const waiting = new LongPoll({ clock, maxWaiting: 3 });
    const wait = async (tenant: string) =>
      await waiting.until({
        tenant,
        id: 'c',
        read: async () => 'one',
        isKnown: () => true,
        seconds: 1,
        signal: aSignal(),
      });
    const all = [wait('one'), wait('one'), wait('one')];
    await expect(wait('one')).rejects.toMatchObject({ code: 'ERR_SERVER_BUSY', retryAfter: 10 });
    await clock.run(Promise.all([...all, wait('two')]));
    await clock.run(wait('one'));
  });
  it('takes its time from the query, else from Prefer, which may ask for more than it gets', () => {
    expect([
      requestedWait(5, 'wait=7'),
      requestedWait(undefined, 'wait=7'),
      requestedWait(undefined, 'respond-async, wait=100'),
      requestedWait(undefined, 'wait=soon'),
      requestedWait(undefined, undefined),
    ]).toEqual([5, 7, 60, 0, 0]);
  });
});

describe('a server', () => {
  let ca: TestCa;
  let server: Serving;
  beforeAll(async () => {
    ca = await startCa();
    server = await serving({ ca });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await ca[Symbol.asyncDispose]();
  });
  const ended = async (id: string) => await server.call('GET', `/api/orders/${id}/events`);

  it('answers who waits when there is a certificate by another process, in chain and bundle', async () => {
    const {
      body: { id: order, certificate: id },
    } = await server.call('POST', '/api/orders', { body: { names: ['a.test'] } });
    await ended(order);
    const chain = await server.call('GET', `/api/certificates/${id}/chain`);
    const headers = { 'if-none-match': chain.headers.get('etag')! };
    const waiting = [
      server.call('GET', `/api/certificates/${id}/chain?wait=30`, { headers }),
      server.call('GET', `/api/certificates/${id}/bundle`, {
        headers: { ...headers, prefer: 'wait=30' },
      }),
    ];
    await using secondServer = await serving({ ca, folder: server.folder });
    const { body: renewal } = await secondServer.call('POST', `/api/certificates/${id}/renew`, {
      key: server.key,
    });
    await secondServer.call('GET', `/api/orders/${renewal.id}/events`, { key: server.key });
    const [first, second] = await Promise.all(waiting);
    expect([first!.status, second!.status]).toEqual([200, 200]);
    expect(first!.headers.get('etag')).not.toBe(chain.headers.get('etag'));
    expect(second!.text).toContain('PRIVATE KEY');
    await expect(
      server.call('GET', `/api/certificates/${id}/bundle?wait=61`, { headers }),
    ).resolves.toMatchObject({ status: 400 });
  });
  it('gives out no key and no chain for names that the certificate still has and the caller may not use', async () => {
    const {
      body: { id: order, certificate: id },
    } = await server.call('POST', '/api/orders', { body: { names: ['b.test', 'secret.test'] } });
    await ended(order);
    ca.refused.add('b.test');
    await server.call('PUT', '/api/certificates/b.test', { body: { names: ['b.test'] } });
    const key = await server.makeKey({
      scopes: ['certificates:read', 'private-keys:read'],
      names: ['b.test'],
    });
    await server.call('PATCH', `/api/certificates/${id}`, { body: { paused: true } });
    for (const part of ['chain', 'private-key', 'bundle'])
      expect([
        part,
        (await server.call('GET', `/api/certificates/${id}/${part}`, { key })).status,
      ]).toEqual([part, 404]);
  });
});
