import { memoryStorage, type Storage, StorageUnavailableError } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { readKeyText } from './api-key.ts';
import { KeyStore } from './key-store.ts';

async function keyIn(storage: Storage) {
  const keys = new KeyStore({ storage, tenant: 'default' });
  const { text } = await keys.create({ scopes: [], names: ['*'] }, 'test');
  const { id, secret } = readKeyText(text)!;
  return { keys, id, secret };
}

it('stores one use of several at the same moment, and accepts the key in each', async () => {
  const storage = memoryStorage();
  const { keys, id, secret } = await keyIn(storage);
  const uses = await Promise.all([1, 2, 3].map(async () => await keys.verified(id, secret)));
  expect(uses.map((key) => key?.id)).toEqual([id, id, id]);
  expect((await keys.get(id)).lastUsedAt).toBeDefined();
});

it('accepts no key whose use cannot be stored', async () => {
  const storage = memoryStorage();
  const { id, secret } = await keyIn(storage);
  const full = {
    ...storage,
    write: async () => {
      throw new StorageUnavailableError('the disk is full');
    },
  };
  const keys = new KeyStore({ storage: full, tenant: 'default' });
  await expect(keys.verified(id, secret)).rejects.toMatchObject({
    code: 'ERR_STORAGE_UNAVAILABLE',
  });
  await expect(new KeyStore({ storage, tenant: 'default' }).get(id)).resolves.not.toHaveProperty(
    'lastUsedAt',
  );
});
