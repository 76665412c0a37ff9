import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { certificateManager } from '@acmex/manager';
import { freePort, temporaryFolder } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import { countingStorage } from './counting-storage.testing.ts';
import type { Costs, Counts } from './limits.testing.ts';
import { clientClock, directory, type ServedCa, servedCa } from './served-ca.testing.ts';

/** Counts what a manager does in its storage, and what a certificate takes on the disk. */
export async function managedCosts(): Promise<Costs> {
  await using ca = await servedCa();
  await using folder = await temporaryFolder('costs');
  return { ...(await storageCosts(ca)), ...(await diskCosts(ca, folder.path)) };
}

async function storageCosts(ca: ServedCa): Promise<Costs> {
  const storage = countingStorage(memoryStorage());
  const { add, maintain } = await managing(ca, storage);
  await maintain(await add('account.test')); // the first one also registers the account
  const id = await add('counted.test');
  storage.take();
  await maintain(id);
  const order = storage.take();
  await maintain(id);
  return {
    'storage of a manager, an order': order,
    'storage of a manager, a renewal': storage.take(),
  };
}

/** What a certificate takes when the storage is closed: until then, a journal repeats its writes. */
async function diskCosts(ca: ServedCa, path: string): Promise<Costs> {
  let id = '';
  const usageAfter = async (work: (manager: Managing) => Promise<void>) => {
    {
      await using storage = fileStorage({ path });
      await work(await managing(ca, storage));
    }
    return await usageOf(path);
  };
  const before = await usageAfter(async ({ add, maintain }) => maintain(await add('account.test')));
  const first = await usageAfter(async ({ add, maintain }) => {
    id = await add('counted.test');
    await maintain(id);
  });
  const third = await usageAfter(async ({ maintain }) => {
    await maintain(id);
    await maintain(id);
  });
  return {
    'files of a certificate after its issuance': difference(first, before),
    'files of a certificate after two renewals': difference(third, before),
  };
}

type Managing = Awaited<ReturnType<typeof managing>>;

/** A manager of certificates of the CA, by http-01. */
async function managing(ca: ServedCa, storage: Storage) {
  const manager = certificateManager({
    storage,
    issuers: [{ name: 'ca', title: 'the CA', directory, agreed: true }],
    challenge: { challenge: 'http-01', httpPort: await freePort(), httpHost: '127.0.0.1' },
    fetch: () => ca.fetch,
    clock: clientClock,
  });
  return {
    async add(name: string): Promise<string> {
      const { certificates } = manager.provisioner;
      return (await certificates.add({ names: [name], issuer: 'ca', keyType: 'ec-p256' })).id;
    },
    async maintain(id: string): Promise<void> {
      const { outcome } = await manager.maintain(id, { force: 'renewal' });
      if (outcome?.state !== 'succeeded')
        throw new Error(`${id} was not issued`, { cause: outcome });
    },
  };
}

/** The files below a folder: how many, and the bytes in them. */
async function usageOf(path: string): Promise<{ readonly files: number; readonly bytes: number }> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async (file) => (await stat(join(file.parentPath, file.name))).size),
  );
  return { files: files.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

function difference(after: Counts, before: Counts): Counts {
  return Object.fromEntries(
    Object.entries(after).map(([kind, count]) => [kind, count - (before[kind] ?? 0)]),
  );
}
