import { systemClock } from '@acmex/clock';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { CertificateStore } from './certificate-store.ts';

let storage: Storage;
let store: CertificateStore;
/** Called before each write. */
let beforeWrite: () => Promise<void>;
let writes: number;

beforeEach(async () => {
  const memory = memoryStorage();
  beforeWrite = async () => undefined;
  storage = {
    ...memory,
    write: async (changes, options) => {
      writes += 1;
      await beforeWrite();
      return await memory.write(changes, options);
    },
  };
  store = new CertificateStore({ storage });
  for (let at = 0; at < 100; at += 1)
    await store.add({ names: [`www${at}.example.test`], issuer: 'test', keyType: 'ec-p256' });
  writes = 0;
});

const [now, renewAt, notAfter] = [0, 24, 48].map((hours) =>
  systemClock.now().round('second').add({ hours }).toString(),
) as [string, string, string];
const current = {
  generation: 1,
  serialNumber: '01',
  notBefore: now,
  notAfter,
  issuedAt: now,
};
const planAll = async () =>
  await store.changeAll((summary) =>
    summary.renewal?.at === renewAt ? summary : { ...summary, current, renewal: { at: renewAt } },
  );

describe('CertificateStore.changeAll', () => {
  it('changes 100 certificates with their indexes in five writes, and none the second time', async () => {
    await planAll();
    expect(writes).toBeLessThanOrEqual(5);
    const due = [];
    for await (const { id, at } of store.due(systemClock.now().add({ hours: 25 })))
      due.push([id, at]);
    const all = [];
    for await (const { id } of store.list()) all.push([id, renewAt]);
    expect(due.toSorted()).toEqual(all);
    expect(all).toHaveLength(100);
    writes = 0;
    await planAll();
    expect(writes).toBe(0);
  });

  it('keeps what others change in between, and passes over a certificate that is removed', async () => {
    const [first, second] = (await store.page({ limit: 2 })).certificates;
    beforeWrite = async () => {
      beforeWrite = async () => undefined;
      await store.pause(first!.id);
      await store.remove(second!.id);
    };
    await planAll();
    await expect(store.get(first!.id)).resolves.toMatchObject({
      paused: true,
      renewal: { at: renewAt },
    });
    await expect(store.find(second!.id)).resolves.toBeUndefined();
    let planned = 0;
    for await (const { renewal } of store.list()) planned += renewal?.at === renewAt ? 1 : 0;
    expect(planned).toBe(99);
  });
});
