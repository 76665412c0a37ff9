import { type Clock, timestamp, virtualClock } from '@acmex/clock';
import { eventChange } from '@acmex/orchestrator';
import { firstId, memoryStorage } from '@acmex/storage';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Serving, serving, startCa, type TestCa } from '../serving.testing.ts';
import { newestEvents } from './timeline.ts';

let ca: TestCa;
let server: Serving;
let id = '';
beforeAll(async () => {
  ca = await startCa();
  server = await serving({ ca, toml: '[audit]\nenabled = true\n' });
  id = await issued('a.test');
  await issued('b.test');
  await server.call('GET', `/api/certificates/${id}/private-key`);
  for (const paused of [true, false])
    await server.call('PATCH', `/api/certificates/${id}`, { body: { paused } });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await ca[Symbol.asyncDispose]();
});

interface Entry {
  readonly id: string;
  readonly type: string;
  readonly certificate: string;
  readonly message?: string;
  readonly origin?: object;
}

const issued = async (name: string): Promise<string> => {
  const { body } = await server.call('POST', '/api/orders', { body: { names: [name] } });
  await (await server.fetch(`/api/orders/${body.id}/events`, withKey())).text();
  return String(body.certificate);
};
const withKey = () => ({ headers: { 'x-api-key': server.key } });
const endOf = (clock: Pick<Clock, 'now'>) => firstId('evt', clock.now().epochMilliseconds);
const page = async (query = '', key = server.key) =>
  (await server.call('GET', `/api/certificates/${id}/timeline${query}`, { key })).body as {
    readonly items: readonly Entry[];
    readonly next?: string;
    readonly scanned: number;
  };
const allPages = async (size: number): Promise<Entry[]> => {
  const items: Entry[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined;) {
    const read = await page(`?limit=${size}${cursor && `&cursor=${cursor}`}`);
    items.push(...read.items);
    cursor = read.next;
  }
  return items;
};

describe('the timeline of a certificate', () => {
  it('has what happened to it and to no other, the newest first', async () => {
    const { items, next } = await page();
    expect(next).toBeUndefined();
    expect(new Set(items.map(({ certificate }) => certificate))).toEqual(new Set([id]));
    expect(items.map((event) => event.id)).toEqual(
      items
        .map((event) => event.id)
        .sort()
        .reverse(),
    );
    expect(items.slice(0, 2).map(({ message }) => message)).toEqual([
      'it is resumed',
      'it is paused',
    ]);
    const types = items.map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['certificate_obtained', 'private_key_read']));
    expect(items.at(-1)).toMatchObject({ type: 'certificate_added' });
  });

  it('says who caused each event, only to a key that may read the audit log', async () => {
    const reading = ({ items }: { readonly items: readonly Entry[] }) =>
      items.find(({ type }) => type === 'private_key_read');
    expect(reading(await page())?.origin).toMatchObject({
      program: 'acmex serve',
      address: '127.0.0.1',
    });
    const { items } = await page('', await server.makeKey({ scopes: ['events:read'] }));
    expect(items.length).toBeGreaterThan(3);
    expect(items.filter(({ origin }) => origin !== undefined)).toEqual([]);
  });

  it('is hidden from a key that may not see the certificate', async () => {
    const key = await server.makeKey({ scopes: ['events:read'], names: ['b.test'] });
    await expect(
      server.call('GET', `/api/certificates/${id}/timeline`, { key }),
    ).resolves.toMatchObject({ status: 404 });
  });

  it('comes whole in pages of every size', async () => {
    const { items } = await page();
    expect(await allPages(1)).toEqual(items);
    expect(await allPages(4)).toEqual(items);
  });

  it('is found among thousands of events, a part for each page', async () => {
    await using storage = memoryStorage();
    const event = { type: 'renewal_success', certificate: 'crt_a', labels: {} } as const;
    const written: string[] = [];
    const clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
    const createdAt = clock.now().toString();
    for (const events of [700, 10, 3000, 0, 400]) {
      await storage.write([eventChange(event, clock)]);
      written.push(timestamp(clock.now()));
      for (let count = 0; count < events; count += 50) {
        await storage.write(
          Array.from({ length: 50 }, () => eventChange({ type: 'account_updated' }, clock)),
        );
        await clock.advance({ milliseconds: 20 });
      }
      await clock.advance({ hours: 50 });
    }
    const times: string[] = [];
    const scans: number[] = [];
    for (let before: string | undefined = endOf(clock); before;) {
      const { items, next, scanned } = await newestEvents(storage, {
        ...{ certificate: { createdAt }, before, limit: 2 },
        where: ({ certificate }) => certificate === 'crt_a',
      });
      times.push(...items.map(({ time }) => time));
      scans.push(scanned);
      before = next;
    }
    expect(times).toEqual(written.reverse());
    expect(scans.length).toBeGreaterThan(2);
    expect(Math.max(...scans)).toBeLessThanOrEqual(2250);
  });
});
