import { type Config, readConfig } from '@acmex/config';
import type { ManagedCertificate } from '@acmex/orchestrator';
import { temporaryFolder } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { describe, expect, it } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ConfiguredManager,
  declaredDifference,
  fromConfig,
  reconcileDeclared,
} from './from-config.ts';

const acme =
  '[acme]\nca = "custom"\nca_custom_url = "https://ca.test/directory"\ntos_agreed = true\n';

/** Returns a manager of a configuration whose `certificates.d` has these lines of CSV. */
async function managerOf(storage: Storage, lines: readonly string[]): Promise<ConfiguredManager> {
  return fromConfig(await configOf(lines), { storage, environment: {} });
}

async function configOf(lines: readonly string[]): Promise<Config> {
  await using folder = await temporaryFolder('fleet');
  const file = join(folder.path, 'acmex.toml');
  await writeFile(file, acme, { mode: 0o600 });
  await mkdir(join(folder.path, 'certificates.d'), { mode: 0o700 });
  const text = ['names,key_type,labels.team', ...lines].join('\n');
  await writeFile(join(folder.path, 'certificates.d', 'fleet.csv'), text, { mode: 0o600 });
  const options = { cwd: folder.path, home: folder.path, environment: {}, file };
  return await readConfig(options);
}

const fleet = (count: number, rest = ',') =>
  Array.from({ length: count }, (_, index) => `n${index}.example.com,${rest}`);

/** A storage that counts what is looked up and written. */
function counted(storage: Storage) {
  const counts = { gets: 0, writes: 0 };
  const watched: Storage = {
    ...storage,
    get: async (...args) => {
      counts.gets += 1;
      return await storage.get(...args);
    },
    write: async (...args) => {
      counts.writes += 1;
      return await storage.write(...args);
    },
  };
  return { storage: watched, counts };
}

/** A storage that fails at a write and after it, as when the process is killed. */
function killed(storage: Storage, at: number, isDone: boolean): Storage {
  let writes = 0;
  return {
    ...storage,
    write: async (...args) => {
      writes += 1;
      if (writes === at && isDone) await storage.write(...args);
      if (writes >= at) throw new Error('killed');
      return await storage.write(...args);
    },
  };
}

async function certificatesIn({
  provisioner,
}: ConfiguredManager): Promise<readonly ManagedCertificate[]> {
  const list: ManagedCertificate[] = [];
  for await (const certificate of provisioner.certificates.list()) list.push(certificate);
  return list;
}

/** Each certificate with its key type, and the number of its orders. */
async function ordersIn(manager: ConfiguredManager): Promise<readonly string[]> {
  const counts = new Map<string, number>();
  for await (const { certificate } of manager.provisioner.orders())
    counts.set(certificate, (counts.get(certificate) ?? 0) + 1);
  return (await certificatesIn(manager))
    .map(({ id, names, keyType }) => `${names.join(' ')} ${keyType} ${counts.get(id)}`)
    .sort();
}

describe('a configuration with many certificates', () => {
  it('writes nothing when 5,000 lines are applied again, and looks none of them up', async () => {
    const { storage, counts } = counted(memoryStorage());
    const manager = await managerOf(storage, fleet(5000));
    expect(await reconcileDeclared(manager)).toHaveLength(5000);
    Object.assign(counts, { gets: 0, writes: 0 });
    expect(await reconcileDeclared(manager)).toEqual([]);
    expect(await declaredDifference(manager)).toEqual({ changes: [], undeclared: [] });
    expect(counts.writes).toBe(0);
    expect(counts.gets).toBeLessThan(10);
  });

  it('has one result after a kill at any write', async () => {
    const before = await configOf([...fleet(2, 'ec-p256,'), 'gone.example.com,,']);
    const after = await configOf([
      'n1.example.com,rsa-2048,',
      'n0.example.com,ec-p256,web',
      'n2.example.com,,',
    ]);
    const expected = [
      'gone.example.com ec-p256 1',
      'n0.example.com ec-p256 1',
      'n1.example.com rsa-2048 1',
      'n2.example.com ec-p256 1',
    ];
    const done: boolean[] = [];
    for (let write = 1; !done.includes(true); write++)
      for (const isDone of [false, true]) {
        const storage = memoryStorage();
        await reconcileDeclared(fromConfig(before, { storage, environment: {} }));
        const dying = { storage: killed(storage, write, isDone), environment: {} };
        const outcome = await reconcileDeclared(fromConfig(after, dying)).then(
          () => 'done',
          (error: unknown) => String(error),
        );
        done.push(outcome === 'done');
        const manager = fromConfig(after, { storage, environment: {} });
        await reconcileDeclared(manager);
        expect(await ordersIn(manager)).toEqual(expected);
        expect(await reconcileDeclared(manager)).toEqual([]);
      }
    expect(done.length).toBeGreaterThan(4);
  });

  it('retires after a kill at any write too', async () => {
    const config = await configOf(['a.example.com,,']);
    // A lock of the killed process is free after this time.
    const options = { environment: {}, lease: { milliseconds: 100 } };
    let outcome = '';
    for (let write = 1; outcome !== 'done'; write++)
      for (const isDone of [false, true]) {
        const storage = memoryStorage();
        const manager = fromConfig(config, { ...options, storage });
        await reconcileDeclared(manager);
        const [{ id } = { id: '' }] = await certificatesIn(manager);
        const dying = { ...options, storage: killed(storage, write, isDone) };
        outcome = await fromConfig(config, dying)
          .provisioner.retire(id)
          .then(
            () => 'done',
            (error: unknown) => String(error),
          );
        if (await manager.provisioner.certificates.find(id)) await manager.provisioner.retire(id);
        expect(await certificatesIn(manager)).toEqual([]);
      }
  });

  it('has one result when several processes declare it at once', async () => {
    const storage = memoryStorage();
    const managers = await Promise.all(
      [60, 60, 60].map(async (count) => await managerOf(storage, fleet(count))),
    );
    await Promise.all(managers.map(async (manager) => await reconcileDeclared(manager)));
    const orders = await ordersIn(managers[0]!);
    expect(orders).toEqual(
      fleet(60)
        .map((line) => `${line.split(',')[0]} ec-p256 1`)
        .sort(),
    );
  });

  it('is not held up by a damaged record of a certificate that it does not declare', async () => {
    const storage = memoryStorage();
    await reconcileDeclared(await managerOf(storage, ['damaged.example.com,,']));
    for await (const { key } of storage.list('certificate'))
      await storage.write([{ set: key, value: new TextEncoder().encode('{') }]);
    const manager = await managerOf(storage, fleet(60));
    expect(await reconcileDeclared(manager)).toHaveLength(60);
    expect(await reconcileDeclared(manager)).toEqual([]);
    const both = await managerOf(storage, [...fleet(60), 'damaged.example.com,,']);
    await expect(reconcileDeclared(both)).rejects.toMatchObject({ code: 'ERR_STORAGE_CORRUPT' });
  });

  it('lists what is not declared any more, and leaves what it never declared', async () => {
    const storage = memoryStorage();
    await reconcileDeclared(await managerOf(storage, fleet(3)));
    const manager = await managerOf(storage, fleet(1));
    const names = ['by-hand.example.com'];
    await manager.provisioner.declare({ names, issuer: 'custom', keyType: 'ec-p256' });
    const { changes, undeclared } = await declaredDifference(manager);
    expect(changes).toEqual([]);
    expect(undeclared.map((certificate) => certificate.names[0]).sort()).toEqual([
      'n1.example.com',
      'n2.example.com',
    ]);
  });
});
