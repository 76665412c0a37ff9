import { memoryStorage, type Storage, StorageUnavailableError } from '@acmex/storage';
import { describe, expect, it } from '@jest/globals';
import { postAs, raw, testCa } from './ca.testing.ts';

/** A storage that fails when asked to. */
function failing(): Storage & { fail: Error | undefined } {
  const storage = memoryStorage();
  const state: { fail: Error | undefined } = { fail: undefined };
  return Object.assign(state, {
    get: async (...all: Parameters<Storage['get']>) => {
      if (state.fail) throw state.fail;
      return await storage.get(...all);
    },
    write: async (...all: Parameters<Storage['write']>) => {
      if (state.fail) throw state.fail;
      return await storage.write(...all);
    },
    list: storage.list,
    snapshot: storage.snapshot,
    [Symbol.asyncDispose]: storage[Symbol.asyncDispose],
  });
}

describe('a fault of the server', () => {
  it('is reported to the client by a correlation id alone, and to the operator in full', async () => {
    const storage = failing();
    const ca = await testCa({ storage });
    const account = await ca.account();
    const header = { nonce: (await raw(ca, '/new-nonce')).headers.get('replay-nonce') };
    storage.fail = new Error('password=hunter2 at /var/lib/acmex');
    const answer = await postAs(ca, account, account.url, undefined, header);
    expect(answer).toMatchObject({ status: 500, problem: 'serverInternal' });
    expect(answer.text).not.toMatch(/hunter2|var|stack|at /);
    expect(ca.failures).toMatchObject([
      {
        during: `POST ${new URL(account.url).pathname}`,
        error: { message: 'password=hunter2 at /var/lib/acmex' },
      },
    ]);
    expect(answer.text).toContain(ca.failures[0]!.correlationId);
  });
  it('that is a storage which is away says when to come back', async () => {
    const storage = failing();
    const ca = await testCa({ storage });
    const account = await ca.account();
    const header = { nonce: (await raw(ca, '/new-nonce')).headers.get('replay-nonce') };
    storage.fail = new StorageUnavailableError('the disk is full');
    const answer = await postAs(ca, account, account.url, undefined, header);
    expect(answer).toMatchObject({ status: 503, problem: 'serverInternal' });
    expect(answer.headers.get('retry-after')).toBe('10');
    storage.fail = undefined;
    await expect(postAs(ca, account, account.url)).resolves.toMatchObject({ status: 200 });
  });
  it('before the first nonce is answered too, and over once its reason is', async () => {
    const storage = failing();
    const ca = await testCa({ storage });
    storage.fail = new StorageUnavailableError('the disk is full');
    await expect(raw(ca, '/new-nonce')).resolves.toMatchObject({ status: 503 });
    storage.fail = undefined;
    await expect(raw(ca, '/new-nonce')).resolves.toMatchObject({ status: 204 });
  });
});
