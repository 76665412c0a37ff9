import {
  acmeServer,
  createDevelopmentAuthority,
  loadAuthority,
  noLimits,
  saveAuthority,
} from '@acmex/ca';
import { type CryptoBackend, webcrypto } from '@acmex/certificate';
import { virtualClock } from '@acmex/clock';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  type AccountOptions,
  accountOf,
  accountSession,
  registerAccount,
  rotateAccountKey,
  storedAccounts,
} from './index.ts';

const clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
const authority = await createDevelopmentAuthority({ clock });
const description = { directory: 'https://ca.test/acme/directory', title: 'the test CA' };
const inDevice = { ...description, keyReference: 'device:first' };

/** A device whose keys sign, and never leave. */
async function device(): Promise<CryptoBackend> {
  const memory = webcrypto();
  const keys = new Map([
    ['device:first', await memory.generate('ec-p256')],
    ['device:second', await memory.generate('ec-p384')],
  ]);
  return {
    ...memory,
    async import(text) {
      const reference = Buffer.from(text).toString();
      const key = keys.get(reference);
      if (!key) throw new Error(`the device has no key ${reference}`);
      const { type, publicKey } = key;
      return { type, publicKey, reference, sign: async (data) => await key.sign(data) };
    },
  };
}

async function all<T>(list: AsyncIterable<T>): Promise<readonly T[]> {
  const entries: T[] = [];
  for await (const entry of list) entries.push(entry);
  return entries;
}

async function testCa(): Promise<AccountOptions['fetch']> {
  const storage = memoryStorage();
  await saveAuthority(storage, authority);
  const { issuer } = await loadAuthority(storage, { kind: 'development', clock });
  const { handler } = acmeServer({
    url: 'https://ca.test/acme',
    storage,
    issuer,
    clock,
    rateLimiter: noLimits(),
    validate: async () => ({ valid: true }),
    onError: ({ error }) => {
      throw error;
    },
  });
  return async (url, { method, headers, body }) =>
    await handler(new Request(url, { method, headers, ...(body === undefined ? {} : { body }) }), {
      address: '192.0.2.1',
    });
}

describe('an account whose key is in a device', () => {
  let storage: Storage;
  let options: AccountOptions;
  beforeEach(async () => {
    storage = memoryStorage();
    options = { storage, fetch: await testCa(), clock, crypto: await device() };
  });
  const stored = async () => {
    const [entry] = await all(storage.list('account'));
    return Buffer.from(entry?.value ?? []).toString();
  };

  it('is registered, used again and listed; the storage has the reference of its key', async () => {
    const account = await registerAccount(inDevice, options);
    await expect(accountOf(inDevice, options)).resolves.toEqual(account);
    await expect(registerAccount(inDevice, options)).resolves.toEqual(account);
    expect(await all(storedAccounts(storage))).toMatchObject([{ account: account.url }]);
    expect(await stored()).toContain('"device:first"');
    expect(await stored()).not.toContain('PRIVATE KEY');
  });
  it('keeps its URL when its key moves into the device, and to a new key there', async () => {
    const { url } = await registerAccount(description, options);
    await expect(accountSession(inDevice, options)).rejects.toMatchObject({
      code: 'ERR_MANAGER_ISSUER',
      message: expect.stringMatching(/has a key in the storage.*acmex account rotate-key/),
    });
    await rotateAccountKey(inDevice, options);
    await expect(accountOf(inDevice, options)).resolves.toMatchObject({ url });
    expect(await stored()).not.toContain('PRIVATE KEY');
    await expect(rotateAccountKey(inDevice, options)).rejects.toMatchObject({
      message: expect.stringMatching(/has the key device:first already/),
    });
    const second = { ...inDevice, keyReference: 'device:second' };
    await rotateAccountKey(second, options);
    await expect(accountOf(second, options)).resolves.toMatchObject({ url });
    expect((await accountSession(second, options)).key.algorithm).toBe('ES384');
  });
});
