import { createDevelopmentAuthority, saveAuthority } from '@acmex/ca';
import { virtualClock } from '@acmex/clock';
import { firstId, memoryStorage, type Storage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import type { Caller } from '../access/caller.ts';
import type { Received } from '../http/endpoint.ts';
import { AuthorityCertificates } from './authority-certificates.ts';
import { CaLibrary } from './ca-library.ts';

const beginMs = Date.parse('2026-06-01T00:00:00Z');
/** A certificate every ten minutes. */
const everyMs = 600_000;

/** Writes what the CA writes for the list, as it does. */
async function issuedMany(storage: Storage, count: number): Promise<void> {
  for (let first = 0; first < count; first += 100)
    await storage.write(
      Array.from({ length: 100 }, (_, at) => {
        const number = first + at;
        const ms = beginMs + number * everyMs;
        const serialNumber = number.toString(16).padStart(32, 'a');
        const id = `${firstId('iss', ms)}${serialNumber.slice(-16)}`;
        const [, time = ''] = id.split('_');
        const issuedAt = new Date(ms).toISOString();
        const record = {
          ...{ v: 1, serialNumber, account: 'acc_1', order: 'ord_1', profile: 'default' },
          identifiers: [{ type: 'dns', value: `host${number}.test` }],
          ...{ issuedAt, notBefore: issuedAt, notAfter: '2099-01-01T00:00:00Z' },
        };
        return {
          set: `ca/issued/${time.slice(0, 5)}/${time.slice(5, 7)}/${id}`,
          value: Buffer.from(JSON.stringify(record)),
        };
      }),
    );
}

it('reads a page of what was issued, and not all that there is', async () => {
  const count = 20_000;
  const storage = memoryStorage();
  await saveAuthority(storage, await createDevelopmentAuthority());
  await issuedMany(storage, count);
  let read = 0;
  const counting: Storage = {
    ...storage,
    async *list(prefix, options) {
      for await (const entry of storage.list(prefix, options)) {
        read += 1;
        yield entry;
      }
    },
  };
  const clock = virtualClock({ now: new Date(beginMs + count * everyMs).toISOString() });
  const certificates = new AuthorityCertificates(counting, new CaLibrary(), clock);
  const caller = { tenant: { name: 'default' }, names: ['*'] } as unknown as Caller;
  const page = async (query: object) => {
    read = 0;
    const request = { caller, query: { limit: 100, ...query } };
    const { body } = await certificates.list(request as unknown as Received<never, never, never>);
    return body as { items: { names: string[] }[]; next?: string; scanned: number };
  };
  const first = await page({});
  expect(first.items.map(({ names }) => names[0]).slice(0, 2)).toEqual([
    `host${count - 1}.test`,
    `host${count - 2}.test`,
  ]);
  expect([first.items.length, read < 1000]).toEqual([100, true]);
  const second = await page({ cursor: first.next });
  expect([second.items[0]?.names, read < 1000]).toEqual([[`host${count - 101}.test`], true]);
  const none = await page({ contains: 'nothing' });
  expect([none.items, none.next !== undefined, read < 5000]).toEqual([[], true, true]);
});
