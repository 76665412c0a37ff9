import { virtualClock } from '@acmex/clock';
import { eventChange } from '@acmex/orchestrator';
import { seededRandom } from '@acmex/services';
import { type Entry, memoryStorage, type Storage, StorageUnavailableError } from '@acmex/storage';
import { describe, expect, it } from '@jest/globals';
import { hashOf } from './audit-record.ts';
import { signSeal } from './seal.ts';
import { chainsOf, collect, entriesBelow, flipped, tamperings } from './tampering.testing.ts';
import {
  auditedStorage,
  createCheckpoint,
  listAuditRecords,
  pruneAuditLog,
  verifyAuditLog,
} from '../audit.ts';

const seed = Number(process.env.ACMEX_SEED ?? Math.floor(Math.random() * 2 ** 31));
const olderThan = { hours: 24 * 30 };
const tenDays = { hours: 24 * 10 };
const perEpoch = 10;

interface Log {
  readonly storage: Storage;
  /** The writer that removes, which has a chain of its own. */
  readonly pruner: Storage;
  readonly clock: ReturnType<typeof virtualClock>;
  /** The checkpoint of each epoch. */
  readonly checkpoints: readonly string[];
}

/** Makes chains with records of three times, ten days apart. It ends 45 days after the first. */
async function logOf(writers: number): Promise<Log> {
  const clock = virtualClock({ now: '2026-06-01T00:00:00Z' });
  const storage = memoryStorage();
  const audited = Array.from({ length: writers }, () =>
    auditedStorage(storage, { origin: {}, clock }),
  );
  const checkpoints: string[] = [];
  for (let epoch = 0; epoch < 3; epoch += 1) {
    for (const writer of audited)
      for (let record = 0; record < perEpoch; record += 1)
        await writer.write([
          eventChange({ type: 'private_key_read', actor: 'key_1', message: `${record}` }, clock),
        ]);
    checkpoints.push((await createCheckpoint(storage, { clock }))?.jws ?? '');
    await clock.advance(tenDays);
  }
  await clock.advance({ hours: 24 * 15 });
  return { storage, pruner: auditedStorage(storage, { origin: {}, clock }), clock, checkpoints };
}

const copyOf = async (storage: Storage) => await entriesBelow(storage, '');
const restoredTo = (entries: readonly Entry[]) =>
  entries.map(({ key, value, secret }) => ({ set: key, value, secret }));

async function storageWith(entries: readonly Entry[]): Promise<Storage> {
  const storage = memoryStorage();
  for (let at = 0; at < entries.length; at += 100)
    await storage.write(restoredTo(entries.slice(at, at + 100)));
  return storage;
}

describe('pruneAuditLog', () => {
  it('removes what is old from the start of each chain, records that, and leaves a log without fault', async () => {
    const { storage, pruner, clock, checkpoints } = await logOf(12);
    const before = await copyOf(storage);
    const counted = await pruneAuditLog(pruner, { olderThan, clock, mode: 'count' });
    expect(await copyOf(storage)).toEqual(before);
    const pruned = await pruneAuditLog(pruner, { olderThan, clock });
    expect(pruned).toEqual(counted);
    expect(pruned).toEqual({
      ...{ records: 12 * 20, chains: 12, before: '2026-06-16T00:00:00Z' },
    });
    const left = await collect(listAuditRecords(storage));
    expect(left.every(({ time }) => time >= pruned.before)).toBe(true);
    expect(left.flatMap(({ actions }) => actions.map(({ type }) => type))).toContain(
      'audit_sealed',
    );
    expect(await verifyAuditLog(storage, { checkpoints })).toMatchObject({
      ...{ writers: 13, faultCount: 0 },
    });
    expect(await pruneAuditLog(pruner, { olderThan, clock })).toMatchObject({ records: 0 });
    await clock.advance({ hours: 24 * 60 });
    await pruneAuditLog(pruner, { olderThan, clock });
    expect(await verifyAuditLog(storage, { checkpoints })).toMatchObject({ faultCount: 0 });
  });

  it('removes nothing from a log that was changed', async () => {
    const { storage, pruner, clock } = await logOf(2);
    const [first] = await entriesBelow(storage, 'audit/record');
    await storage.write([{ set: first!.key, value: flipped(first!, seededRandom(seed)) }]);
    const before = await entriesBelow(storage, 'audit/record');
    await expect(pruneAuditLog(pruner, { olderThan, clock })).rejects.toMatchObject({
      code: 'ERR_AUDIT_DAMAGED',
    });
    expect(await entriesBelow(storage, 'audit/record')).toEqual(before);
  });

  it('leaves a log without fault at whichever write it fails, and removes the rest later', async () => {
    const { storage, clock } = await logOf(15);
    const original = await copyOf(storage);
    const sums: number[] = [];
    for (let failing = 0; ; failing += 1) {
      const copy = await storageWith(original);
      let writes = 0;
      const failingStorage: Storage = {
        ...copy,
        async write(changes, options) {
          if (writes++ === failing) throw new StorageUnavailableError('the disk is full');
          return await copy.write(changes, options);
        },
      };
      const broken = auditedStorage(failingStorage, { origin: {}, clock });
      const failure = await pruneAuditLog(broken, { olderThan, clock }).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(await verifyAuditLog(copy)).toMatchObject({ faults: [] });
      const left = (await entriesBelow(copy, 'audit/record')).length;
      sums.push(left);
      const whole = auditedStorage(copy, { origin: {}, clock });
      await pruneAuditLog(whole, { olderThan, clock });
      expect(await verifyAuditLog(copy)).toMatchObject({ faults: [] });
      const old = (await collect(listAuditRecords(copy))).filter(
        ({ time }) => time < '2026-06-16T00:00:00Z',
      );
      expect(old).toEqual([]);
      if (failure === undefined) break;
      expect(failure).toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' });
    }
    expect(new Set(sums).size).toBeGreaterThan(3);
  });

  it('removes each record once where two processes do it at the same time', async () => {
    const { storage, clock } = await logOf(15);
    const pruners = [1, 2].map(() => auditedStorage(storage, { origin: {}, clock }));
    const pruned = await Promise.all(
      pruners.map(async (pruner) => await pruneAuditLog(pruner, { olderThan, clock })),
    );
    expect(pruned.reduce((sum, { records }) => sum + records, 0)).toBe(15 * 20);
    expect(await verifyAuditLog(storage)).toMatchObject({ faults: [] });
  });

  it('raises no alarm in a verification that runs meanwhile', async () => {
    const { storage, clock } = await logOf(3);
    const original = await copyOf(storage);
    for (const moment of [0, 1, 2, 3, 5, 8, 20, 40, 70]) {
      const copy = await storageWith(original);
      const pruner = auditedStorage(copy, { origin: {}, clock });
      let reads = 0;
      const pruneAtMoment = async () => {
        if (reads++ === moment) await pruneAuditLog(pruner, { olderThan, clock });
      };
      const changing: Storage = {
        ...copy,
        async get(key, options) {
          await pruneAtMoment();
          return await copy.get(key, options);
        },
        async *list(prefix, options) {
          for await (const entry of copy.list(prefix, options)) {
            await pruneAtMoment();
            yield entry;
          }
        },
      };
      expect(await verifyAuditLog(changing)).toMatchObject({ faults: [] });
      expect(reads).toBeGreaterThan(moment);
    }
  });
});

describe('verifyAuditLog of a log whose start was removed', () => {
  it(`finds every chain that was changed in any way, and no other (seed ${seed})`, async () => {
    const { storage, pruner, clock } = await logOf(60);
    await pruneAuditLog(pruner, { olderThan, clock });
    await createCheckpoint(storage, { clock });
    const chains = (await chainsOf(storage, seededRandom(seed))).filter(
      ({ entries }) => entries.length === perEpoch,
    );
    expect(chains).toHaveLength(60);
    const ways = Object.entries(tamperings);
    const changed = chains.filter((_, at) => at % 2 === 0);
    const wayOf = new Map<string, string>();
    for (const [at, chain] of changed.entries()) {
      const [way, tamper] = ways[at % ways.length] as (typeof ways)[number];
      wayOf.set(chain.writer, way);
      await tamper(chain);
    }
    const { faults } = await verifyAuditLog(storage, { maxFaults: 100_000 });
    const subjects = new Set(faults.map(({ subject }) => subject));
    expect(
      changed.filter(({ writer }) => !subjects.has(writer)).map(({ writer }) => wayOf.get(writer)),
    ).toEqual([]);
    expect(chains.filter(({ writer }) => subjects.has(writer) && !wayOf.has(writer))).toEqual([]);
  });

  it('finds a seal that was removed, changed, exchanged, forged or moved back, and a record that came back', async () => {
    const { storage, pruner, clock } = await logOf(2);
    const all = await entriesBelow(storage, 'audit/record');
    await pruneAuditLog(pruner, { olderThan: { hours: 24 * 40 }, clock });
    const [earlier] = await entriesBelow(storage, 'audit/seal');
    await pruneAuditLog(pruner, { olderThan, clock });
    const [first, second] = await entriesBelow(storage, 'audit/seal');
    const writer = first!.key.slice('audit/seal/'.length);
    const { entries } = (await chainsOf(storage, seededRandom(seed))).find(
      (chain) => chain.writer === writer,
    )!;
    const hash = hashOf(entries[4]!.value);
    const seal = { writer, sequence: 25, hash, time: clock.now().toString() };
    const forged = Buffer.from(
      JSON.stringify({ v: 1, ...(await signSeal(memoryStorage(), seal)) }),
    );
    const whole = await copyOf(storage);
    const random = seededRandom(seed);
    const changes = [
      [{ remove: first!.key }],
      [{ set: first!.key, value: earlier!.value }],
      [{ set: first!.key, value: second!.value }],
      [
        { set: first!.key, value: forged },
        ...entries.slice(0, 5).map(({ key }) => ({ remove: key })),
      ],
      [{ set: all[0]!.key, value: all[0]!.value }],
      ...Array.from({ length: 40 }, () => [{ set: first!.key, value: flipped(first!, random) }]),
    ];
    for (const [at, change] of changes.entries()) {
      const copy = await storageWith(whole);
      expect((await verifyAuditLog(copy)).faultCount).toBe(0);
      await copy.write(change);
      expect([at, (await verifyAuditLog(copy)).faultCount]).not.toEqual([at, 0]);
    }
  });

  it('accepts an earlier seal only with all records that were removed since, and finds a whole storage that was set back by a later checkpoint', async () => {
    const { storage, pruner, clock } = await logOf(2);
    await pruneAuditLog(pruner, { olderThan: { hours: 24 * 40 }, clock });
    const before = await createCheckpoint(storage, { clock });
    const earlier = await copyOf(storage);
    await pruneAuditLog(pruner, { olderThan, clock });
    const after = await createCheckpoint(storage, { clock });
    const checkpoints = [before!.jws, after!.jws];
    const present = await copyOf(storage);
    const faultsWith = async (entries: readonly Entry[]) => {
      const copy = await storageWith(present);
      await copy.write(restoredTo(entries));
      return (await verifyAuditLog(copy, { checkpoints })).faultCount;
    };
    const presentKeys = new Set(present.map(({ key }) => key));
    const seals = earlier.filter(({ key }) => key.startsWith('audit/seal/'));
    const removed = earlier.filter(
      ({ key }) => key.startsWith('audit/record/') && !presentKeys.has(key),
    );
    expect(removed.length).toBeGreaterThan(1);
    await expect(faultsWith(seals)).resolves.toBeGreaterThan(0);
    await expect(faultsWith([...seals, ...removed.slice(1)])).resolves.toBeGreaterThan(0);
    await expect(faultsWith([...seals, ...removed])).resolves.toBe(0);

    const setBack = await storageWith(earlier);
    const faultsBy = async (...outside: readonly string[]) =>
      (await verifyAuditLog(setBack, { checkpoints: outside })).faultCount;
    await expect(faultsBy()).resolves.toBe(0);
    await expect(faultsBy(before!.jws)).resolves.toBe(0);
    await expect(faultsBy(after!.jws)).resolves.toBeGreaterThan(0);
  });

  it('finds a chain that was removed with its seal, also where all its records were removed by age', async () => {
    const { storage, pruner, clock } = await logOf(2);
    await clock.advance({ hours: 24 * 60 });
    await pruneAuditLog(pruner, { olderThan, clock });
    const [seal] = await entriesBelow(storage, 'audit/seal');
    const head = seal!.key.replace('seal', 'head');
    expect((await verifyAuditLog(storage)).faultCount).toBe(0);
    for (const change of [
      [{ remove: seal!.key }],
      [{ remove: head }],
      [{ remove: seal!.key }, { remove: head }],
    ]) {
      const copy = await storageWith(await copyOf(storage));
      await copy.write(change);
      expect((await verifyAuditLog(copy)).faultCount).toBeGreaterThan(0);
    }
  });

  it('accepts a checkpoint outside of the storage that names a removed record only if the storage has it', async () => {
    const { storage, clock, checkpoints } = await logOf(1);
    const replaced = await storageWith(await copyOf(storage));
    const diverging = auditedStorage(replaced, { origin: {}, clock });
    await diverging.write([eventChange({ type: 'private_key_read', message: 'other' }, clock)]);
    const foreign = await createCheckpoint(replaced, { clock });
    await auditedStorage(storage, { origin: {}, clock }).write([
      eventChange({ type: 'private_key_read', message: 'this' }, clock),
    ]);
    await clock.advance({ hours: 24 * 60 });
    await pruneAuditLog(auditedStorage(storage, { origin: {}, clock }), { olderThan, clock });
    expect((await verifyAuditLog(storage, { checkpoints })).faults).toEqual([]);
    const withForeign = await verifyAuditLog(storage, { checkpoints: [foreign!.jws] });
    expect(withForeign.faultCount).toBeGreaterThan(0);
    const stored = await entriesBelow(storage, 'audit/checkpoint');
    await storage.write([{ remove: stored[0]!.key }]);
    const { faults } = await verifyAuditLog(storage, { checkpoints });
    expect(faults.map(({ message }) => message).join()).toContain('is not one of this storage');
  });
});
