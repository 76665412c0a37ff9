import { virtualClock } from '@acmex/clock';
import { eventChange } from '@acmex/orchestrator';
import { seededRandom } from '@acmex/services';
import { memoryStorage, scopedStorage, type Storage } from '@acmex/storage';
import { describe, expect, it } from '@jest/globals';
import { withAuditOrigin } from './audit-origin.ts';
import { chainsOf, collect, entriesBelow, flipped, tamperings } from './tampering.testing.ts';
import { auditedStorage, createCheckpoint, listAuditRecords, verifyAuditLog } from '../audit.ts';

const clock = virtualClock({ now: '2026-06-01T00:00:00Z' });
const origin = { program: 'acmex serve', host: 'web-1', user: 'acmex' };

const happened = (message: string) =>
  eventChange(
    {
      type: 'private_key_read',
      certificate: 'crt_1',
      labels: undefined,
      actor: 'key_1',
      message,
    },
    clock,
  );

describe('auditedStorage', () => {
  it('records who did what from where, in the write in which it happens', async () => {
    const inner = memoryStorage();
    const storage = auditedStorage(inner, { origin, clock });
    await withAuditOrigin(
      { actor: 'key_1', address: '192.0.2.1', traceId: 'a'.repeat(32) },
      async () =>
        await storage.write([{ set: 'certificate/1', value: Buffer.from('x') }, happened('first')]),
    );
    await scopedStorage(storage, 'tenant/blue').write([happened('second')]);
    await storage.write([{ set: 'certificate/2', value: Buffer.from('x') }]);
    const [first, second, ...more] = await collect(listAuditRecords(inner));
    expect(more).toEqual([]);
    expect(first).toMatchObject({
      sequence: 1,
      previous: '',
      origin: { ...origin, actor: 'key_1', address: '192.0.2.1', traceId: 'a'.repeat(32) },
      actions: [{ type: 'private_key_read', certificate: 'crt_1', message: 'first' }],
    });
    expect(second).toMatchObject({
      ...{ sequence: 2, writer: first?.writer, previous: expect.stringMatching(/^[0-9a-f]{64}$/) },
      actions: [{ type: 'private_key_read', tenant: 'blue', message: 'second' }],
    });
    expect(second?.origin).toEqual(origin);
  });

  it('returns the versions of the changes that the caller has written', async () => {
    const storage = auditedStorage(memoryStorage(), { origin, clock });
    const [version] = await storage.write([
      { set: 'certificate/1', value: Buffer.from('x') },
      happened('first'),
    ]);
    expect((await storage.get('certificate/1'))?.version).toBe(version);
  });

  it('does nothing that cannot be recorded', async () => {
    const inner = memoryStorage();
    let isFull = true;
    const full: Storage = {
      ...inner,
      write: async (changes, options) => {
        if (isFull && changes.some((change) => 'set' in change && change.set.startsWith('audit/')))
          throw Object.assign(new Error('no space'), { code: 'ERR_STORAGE_UNAVAILABLE' });
        return await inner.write(changes, options);
      },
    };
    const storage = auditedStorage(full, { origin, clock });
    const write = async () =>
      await storage.write([{ set: 'certificate/1', value: Buffer.from('x') }, happened('first')]);
    await expect(write()).rejects.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' });
    expect(await inner.get('certificate/1')).toBeUndefined();
    isFull = false;
    await write();
    expect(await verifyAuditLog(inner)).toMatchObject({ records: 1, faultCount: 0 });
  });

  it('continues its chain after a write that was done although it failed', async () => {
    const inner = memoryStorage();
    let isCut = false;
    const cut: Storage = {
      ...inner,
      write: async (changes, options) => {
        const versions = await inner.write(changes, options);
        if (isCut) throw Object.assign(new Error('cut'), { code: 'ERR_STORAGE_UNAVAILABLE' });
        return versions;
      },
    };
    const storage = auditedStorage(cut, { origin, clock });
    await storage.write([happened('first')]);
    isCut = true;
    await expect(storage.write([happened('second')])).rejects.toThrow('cut');
    isCut = false;
    await storage.write([happened('third')]);
    expect((await collect(listAuditRecords(inner))).map(({ sequence }) => sequence)).toEqual([
      1, 2, 3,
    ]);
    expect(await verifyAuditLog(inner)).toMatchObject({ records: 3, faultCount: 0 });
  });

  it('records the writes of several processes at once, each in a chain of its own', async () => {
    const inner = memoryStorage();
    const storages = [1, 2, 3].map(() => auditedStorage(inner, { origin, clock }));
    await Promise.all(
      storages.flatMap((storage) =>
        Array.from({ length: 50 }, async (_, at) => await storage.write([happened(`${at}`)])),
      ),
    );
    expect(await verifyAuditLog(inner)).toMatchObject({ records: 150, writers: 3, faultCount: 0 });
  });
});

describe('createCheckpoint', () => {
  it('signs the ends of the chains that have grown, and nothing where none has', async () => {
    const inner = memoryStorage();
    expect(await createCheckpoint(inner, { clock })).toBeUndefined();
    await auditedStorage(inner, { origin, clock }).write([happened('first')]);
    expect(await createCheckpoint(inner, { clock })).toMatchObject({ jws: expect.any(String) });
    expect(await createCheckpoint(inner, { clock })).toBeUndefined();
    expect(await verifyAuditLog(inner)).toMatchObject({ checkpoints: 1, faultCount: 0 });
  });
});

describe('verifyAuditLog', () => {
  const writers = 100;
  const recordsPerWriter = 100;
  const seed = Number(process.env.ACMEX_SEED ?? Math.floor(Math.random() * 2 ** 31));

  async function auditLog(): Promise<Storage> {
    const storage = memoryStorage();
    for (let writer = 0; writer < writers; writer += 1) {
      const audited = auditedStorage(storage, { origin, clock });
      for (let record = 0; record < recordsPerWriter; record += 1)
        await audited.write([happened(`${writer}/${record}`)]);
    }
    await createCheckpoint(storage, { clock });
    return storage;
  }

  it(`finds every chain of 10,000 records that was changed in any way, and no other (seed ${seed})`, async () => {
    const storage = await auditLog();
    expect(await verifyAuditLog(storage)).toMatchObject({
      ...{ records: 10_000, writers, checkpoints: 1, faultCount: 0 },
    });
    const chains = await chainsOf(storage, seededRandom(seed));
    const ways = Object.entries(tamperings);
    const changed = chains.filter((_, at) => at % 2 === 0);
    const wayOf = new Map<string, string>();
    for (const [at, chain] of changed.entries()) {
      const [way, tamper] = ways[at % ways.length] as (typeof ways)[number];
      wayOf.set(chain.writer, way);
      await tamper(chain);
    }
    const { faults, faultCount } = await verifyAuditLog(storage, { maxFaults: 100_000 });
    const subjects = new Set(faults.map(({ subject }) => subject));
    expect(
      changed.filter(({ writer }) => !subjects.has(writer)).map(({ writer }) => wayOf.get(writer)),
    ).toEqual([]);
    expect(chains.filter(({ writer }) => subjects.has(writer) && !wayOf.has(writer))).toEqual([]);
    expect(faultCount).toBe(faults.length);
  });

  it('finds a checkpoint that was removed, changed, exchanged, or signed by someone else', async () => {
    const storage = memoryStorage();
    const audited = auditedStorage(storage, { origin, clock });
    for (const name of ['first', 'second', 'third']) {
      await audited.write([happened(name)]);
      await createCheckpoint(storage, { clock });
    }
    const entries = await entriesBelow(storage, '');
    const [first, second, third] = await entriesBelow(storage, 'audit/checkpoint');
    const restored = async () =>
      await storage.write(entries.map(({ key, value, secret }) => ({ set: key, value, secret })));
    const foreignStorage = memoryStorage();
    await auditedStorage(foreignStorage, { origin, clock }).write([happened('other')]);
    const foreign = await createCheckpoint(foreignStorage, { clock });
    const changes = [
      [{ remove: first!.key }],
      [{ remove: second!.key }],
      [{ remove: third!.key }],
      [{ set: second!.key, value: flipped(second!, seededRandom(seed)) }],
      [
        { set: first!.key, value: second!.value },
        { set: second!.key, value: first!.value },
      ],
      [{ set: first!.key, value: Buffer.from(JSON.stringify({ v: 1, ...foreign })) }],
      [{ remove: 'audit-key/checkpoints' }],
    ];
    for (const change of changes) {
      await storage.write(change);
      expect((await verifyAuditLog(storage)).faultCount).toBeGreaterThan(0);
      await restored();
      expect((await verifyAuditLog(storage)).faultCount).toBe(0);
    }
  });

  it('finds a storage that was replaced by an earlier copy, or written again, by a checkpoint outside of it', async () => {
    const storage = memoryStorage();
    const audited = auditedStorage(storage, { origin, clock });
    await audited.write([happened('first')]);
    await createCheckpoint(storage, { clock });
    const copy = await entriesBelow(storage, '');
    await audited.write([happened('second')]);
    const { jws } = (await createCheckpoint(storage, { clock }))!;
    expect(await verifyAuditLog(storage, { checkpoints: [jws] })).toMatchObject({ faultCount: 0 });
    const earlier = memoryStorage();
    await earlier.write(copy.map(({ key, value, secret }) => ({ set: key, value, secret })));
    expect(await verifyAuditLog(earlier)).toMatchObject({ faultCount: 0 });
    expect(await verifyAuditLog(earlier, { checkpoints: [jws] })).toMatchObject({ faultCount: 1 });
    await auditedStorage(earlier, { origin, clock }).write([happened('another second')]);
    expect(await verifyAuditLog(earlier, { checkpoints: [jws] })).toMatchObject({ faultCount: 1 });
    const again = memoryStorage();
    await auditedStorage(again, { origin, clock }).write([happened('first')]);
    await createCheckpoint(again, { clock });
    expect((await verifyAuditLog(again, { checkpoints: [jws] })).faultCount).toBeGreaterThan(0);
  });

  it('refuses a checkpoint that is none', async () => {
    await expect(verifyAuditLog(memoryStorage(), { checkpoints: ['x.y.z'] })).rejects.toMatchObject(
      { code: 'ERR_AUDIT_CHECKPOINT' },
    );
  });

  it('raises no alarm while others write', async () => {
    const storage = memoryStorage();
    const audited = auditedStorage(storage, { origin, clock });
    let written = 0;
    const write = async () => {
      await audited.write([happened(`${(written += 1)}`)]);
      if (written % 10 === 0) await createCheckpoint(storage, { clock });
    };
    /** Others write before each read of a verification, twenty times at most. */
    const changing = (limit: number): typeof storage => ({
      ...storage,
      async get(key, options) {
        if (written < limit) await write();
        return await storage.get(key, options);
      },
      async *list(prefix, options) {
        for await (const entry of storage.list(prefix, options)) {
          if (written < limit) await write();
          yield entry;
        }
      },
    });
    await write();
    for (let round = 0; round < 20; round += 1) {
      const before = written;
      expect(await verifyAuditLog(changing(before + 20))).toMatchObject({ faults: [] });
      expect(written).toBeGreaterThan(before);
    }
  });
});
