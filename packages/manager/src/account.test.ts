import {
  acmeServer,
  createDevelopmentAuthority,
  loadAuthority,
  noLimits,
  saveAuthority,
} from '@acmex/ca';
import type { ChallengeSolver } from '@acmex/client';
import { virtualClock } from '@acmex/clock';
import { outbox, Provisioner } from '@acmex/orchestrator';
import { acmeSession, type Fetch, importAccountKey, newAccount } from '@acmex/protocol';
import { memoryStorage, type Storage, StorageUnavailableError } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { acmeIssuer } from './acme-issuer.ts';
import {
  type AccountOptions,
  accountOf,
  accountSession,
  registerAccount,
  rotateAccountKey,
} from './index.ts';

const clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
const description = {
  directory: 'https://ca.test/acme/directory',
  title: 'the test CA',
  agreed: true,
};

const authority = await createDevelopmentAuthority({ clock });
const place = memoryStorage();
await saveAuthority(place, authority);
const { issuer } = await loadAuthority(place, { kind: 'development', clock });

/** A CA at one URL, which can be reset: then it has the same certificates and no accounts. */
async function resettableCa() {
  const start = async () => {
    const storage = memoryStorage();
    await saveAuthority(storage, authority);
    return acmeServer({
      url: 'https://ca.test/acme',
      storage,
      issuer,
      clock,
      rateLimiter: noLimits(),
      termsOfService: 'https://ca.test/terms',
      validate: async () => ({ valid: true }),
      onError: ({ error }) => {
        throw error;
      },
    });
  };
  let server = await start();
  let requests = 0;
  const fetch: Fetch = async (url, { method, headers, body }) => {
    requests += 1;
    const request = new Request(url, { method, headers, ...(body === undefined ? {} : { body }) });
    return await server.handler(request, { address: '192.0.2.1' });
  };
  return {
    fetch,
    get requests() {
      return requests;
    },
    async reset() {
      server = await start();
    },
  };
}

const solver: ChallengeSolver = {
  type: 'http-01',
  supports: () => true,
  visible: async () => undefined,
  respond: async ({ token }) => ({ token }),
  present: async () => undefined,
  remove: async () => undefined,
};

let ca: Awaited<ReturnType<typeof resettableCa>>;
let storage: Storage;
let options: AccountOptions;
beforeEach(async () => {
  ca = await resettableCa();
  storage = memoryStorage();
  options = { storage, fetch: ca.fetch, clock };
});
const registrations = async () => {
  const messages: string[] = [];
  for await (const { type, message } of outbox(storage).list())
    if (type === 'account_registered') messages.push(message ?? '');
  return messages;
};

describe('an account that the CA has lost', () => {
  it('is created again with its key by a registration, which asks the CA each time', async () => {
    const first = await registerAccount(description, options);
    await expect(registerAccount(description, options)).resolves.toEqual(first);
    const { jwk } = (await accountSession(description, options)).key;
    await ca.reset();
    await expect(accountOf(description, options)).rejects.toMatchObject({
      code: 'ERR_ACME_ACCOUNT_DOES_NOT_EXIST',
    });
    const again = await registerAccount(description, options);
    expect(again.status).toBe('valid');
    const session = await accountSession(description, options);
    expect([session.account, session.key.jwk]).toEqual([again.url, jwk]);
    expect(await registrations()).toEqual([first.url, `${again.url}: the CA had lost the account`]);
  });

  it('is created again by a registration only if the CA answers', async () => {
    await registerAccount(description, options);
    const away: Fetch = async () => {
      throw new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } });
    };
    await expect(
      clock.run(registerAccount(description, { ...options, fetch: away })),
    ).rejects.toMatchObject({ code: 'ERR_ACME_UNREACHABLE' });
  });

  it('does not stop an order, a continued one neither, and no renewal', async () => {
    // A renewal has no configuration that agrees to the terms.
    const unagreed = { ...description, agreed: false };
    await registerAccount(description, options);
    const issuer = acmeIssuer({
      name: 'ca',
      session: async (sessionOptions) =>
        await accountSession(unagreed, { ...options, ...sessionOptions }),
      solvers: async () => [solver],
    });
    const provisioner = new Provisioner({ storage, issuers: [issuer], clock });
    const certificate = { names: ['a.test'], issuer: 'ca', keyType: 'ec-p256' } as const;
    const order = await provisioner.submit({ certificate });
    await expect(clock.run(provisioner.execute(order))).resolves.toMatchObject({ generation: 1 });
    const { certificate: id } = await provisioner.status(order);
    await ca.reset();
    const renewal = await provisioner.submit({ certificate: id });
    await expect(clock.run(provisioner.execute(renewal))).resolves.toMatchObject({ generation: 2 });

    const interrupted = await provisioner.submit({ certificate: id });
    const present = solver.present;
    Object.assign(solver, {
      present: async () => {
        await ca.reset();
        throw new Error('the process ends');
      },
    });
    await expect(clock.run(provisioner.execute(interrupted))).resolves.toMatchObject({
      state: 'failed',
    });
    Object.assign(solver, { present });
    await expect(clock.run(provisioner.execute(interrupted))).resolves.toMatchObject({
      generation: 3,
    });
    expect(await registrations()).toHaveLength(3);
  });

  it('is created once by several orders that notice it together', async () => {
    await registerAccount(description, options);
    let opened = 0;
    const issuer = acmeIssuer({
      name: 'ca',
      session: async (sessionOptions) => {
        opened += 1;
        return await accountSession(description, { ...options, ...sessionOptions });
      },
      solvers: async () => [solver],
    });
    await issuer.openSession();
    await ca.reset();
    const provisioner = new Provisioner({ storage, issuers: [issuer], clock });
    const outcomes = await clock.run(
      Promise.all(
        ['a.test', 'b.test', 'c.test'].map(async (name) => {
          const certificate = { names: [name], issuer: 'ca', keyType: 'ec-p256' } as const;
          return await provisioner.execute(await provisioner.submit({ certificate }));
        }),
      ),
    );
    expect(outcomes.map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect([opened, (await registrations()).length]).toEqual([2, 2]);
  });
});

describe('a change of the key of an account', () => {
  it('has succeeded when the CA has accepted it, though the CA finds the account only later', async () => {
    await clock.run(registerAccount(description, options));
    let isChanged = false;
    const late: Fetch = async (url, request) => {
      if (isChanged && url.includes('/account/'))
        return new Response('{"type":"urn:ietf:params:acme:error:accountDoesNotExist"}', {
          status: 400,
          headers: { 'content-type': 'application/problem+json' },
        });
      const answer = await ca.fetch(url, request);
      isChanged ||= url.endsWith('/key-change') && answer.status === 200;
      return answer;
    };
    const account = await clock.run(rotateAccountKey(description, { ...options, fetch: late }));
    expect(account).toMatchObject({ status: 'valid' });
    expect(isChanged).toBe(true);
    await expect(clock.run(accountOf(description, options))).resolves.toEqual(account);
  });
});

/**
 * A process that ends right after one of its writes and requests, whose result it does not see. What
 * comes later does not reach the storage or the CA.
 */
function endingAfter(step: number) {
  let steps = 0;
  const ended = new Error('the process has ended');
  const wrapped =
    <A extends readonly unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A) => {
      steps += 1;
      if (steps > step) throw ended;
      const result = await work(...args);
      if (steps >= step) throw ended;
      return result;
    };
  return {
    options: {
      ...options,
      fetch: wrapped(ca.fetch),
      storage: { ...storage, write: wrapped(storage.write) },
    },
    hasEnded: () => steps >= step,
  };
}

/** The keys that were ever stored, and the account of each at the CA. */
async function accountsOfKeys(keys: ReadonlySet<string>) {
  const known: string[] = [];
  for (const pem of keys) {
    const { directory } = description;
    const key = await importAccountKey(pem);
    const session = acmeSession({ directory, key, fetch: ca.fetch, clock });
    const account = await newAccount(session, { onlyReturnExisting: true }).catch(() => undefined);
    if (account) known.push(pem);
  }
  return known;
}

describe('a change of the key of an account that is interrupted', () => {
  interface Stored {
    readonly key: string;
    readonly next?: string;
  }
  let keys: Set<string>;
  const storedAccount = async () => {
    const entries: Stored[] = [];
    for await (const { value } of storage.list('account'))
      entries.push(JSON.parse(Buffer.from(value).toString()) as Stored);
    expect(entries).toHaveLength(1);
    return entries[0]!;
  };
  const begin = async () => {
    ca = await resettableCa();
    keys = new Set();
    const memory = memoryStorage();
    storage = {
      ...memory,
      write: async (changes, writeOptions) => {
        const versions = await memory.write(changes, writeOptions);
        const { key, next } = await storedAccount().catch((): Partial<Stored> => ({}));
        for (const pem of [key, next]) if (pem !== undefined) keys.add(pem);
        return versions;
      },
    };
    options = { storage, fetch: ca.fetch, clock };
    await clock.run(registerAccount(description, options));
  };

  it.each([
    ['the account is used', async () => await accountOf(description, options)],
    ['the change is repeated', async () => await rotateAccountKey(description, options)],
  ])('at any step leaves one key, which the CA accepts, when %s', async (_, again) => {
    const changed: number[] = [];
    for (let step = 1; ; step += 1) {
      await begin();
      const before = await storedAccount();
      const process = endingAfter(step);
      const end = await clock.run(
        rotateAccountKey(description, process.options).then(
          () => 'done',
          () => 'interrupted',
        ),
      );
      if (!process.hasEnded()) {
        expect(end).toBe('done');
        expect(step).toBeGreaterThan(7);
        break;
      }
      await expect(clock.run(again())).resolves.toMatchObject({ status: 'valid' });
      const after = await storedAccount();
      expect(after.next).toBeUndefined();
      expect(await accountsOfKeys(keys)).toEqual([after.key]);
      const events: string[] = [];
      for await (const { type } of outbox(storage).list())
        if (type === 'account_key_changed') events.push(type);
      const isChanged = after.key !== before.key;
      expect(events.length > 0).toBe(isChanged);
      if (isChanged) changed.push(step);
    }
    // Some steps come before the CA has the new key, and some after.
    expect(changed.length).toBeGreaterThan(2);
  });

  it('loses no key while the CA knows neither, and registers again when a person asks for it', async () => {
    await begin();
    // The answer to the change is lost.
    const lost: Fetch = async (url, request) => {
      const answer = await ca.fetch(url, request);
      if (url.endsWith('/key-change')) throw new TypeError('fetch failed');
      return answer;
    };
    const changing = rotateAccountKey(description, { ...options, fetch: lost });
    await expect(clock.run(changing)).rejects.toHaveProperty('code');
    const { next } = await storedAccount();
    const blind: Fetch = async (url, request) =>
      url.endsWith('/new-account')
        ? new Response('{"type":"urn:ietf:params:acme:error:accountDoesNotExist"}', {
            status: 400,
            headers: { 'content-type': 'application/problem+json' },
          })
        : await ca.fetch(url, request);
    await expect(
      clock.run(accountOf(description, { ...options, fetch: blind })),
    ).rejects.toMatchObject({
      code: 'ERR_MANAGER_ISSUER',
      message: expect.stringContaining('acmex account register'),
    });
    await expect(storedAccount()).resolves.toMatchObject({ next });
    await expect(clock.run(accountOf(description, options))).resolves.toMatchObject({
      status: 'valid',
    });
    await expect(storedAccount()).resolves.toMatchObject({ key: next });
  });

  it('is given up when the CA has lost the account, and a person registers it again', async () => {
    await begin();
    const away: Fetch = async (url, request) => {
      if (url.endsWith('/key-change')) throw new TypeError('fetch failed');
      return await ca.fetch(url, request);
    };
    const changing = rotateAccountKey(description, { ...options, fetch: away });
    await expect(clock.run(changing)).rejects.toHaveProperty('code');
    const { key, next } = await storedAccount();
    expect(next).toBeDefined();
    await ca.reset();
    await expect(clock.run(accountOf(description, options))).rejects.toMatchObject({
      code: 'ERR_MANAGER_ISSUER',
    });
    await expect(clock.run(registerAccount(description, options))).resolves.toMatchObject({
      status: 'valid',
    });
    const after = await storedAccount();
    expect([after.key, after.next]).toEqual([key, undefined]);
  });
});

describe('the directory of a CA', () => {
  const countingFetch = () => {
    let count = 0;
    const fetch: Fetch = async (url, request) => {
      if (url === description.directory) count += 1;
      return await ca.fetch(url, request);
    };
    return { fetch, count: () => count };
  };

  it('is read once by all processes that share a storage', async () => {
    const { fetch, count } = countingFetch();
    await registerAccount(description, { ...options, fetch });
    expect(count()).toBe(1);
    for (let n = 0; n < 3; n++)
      await (await accountSession(description, { ...options, fetch })).directory();
    await accountOf(description, { ...options, fetch });
    expect(count()).toBe(1);
  });

  it('is read again for a new account, which needs the terms that the CA has now', async () => {
    await registerAccount(description, options);
    const changed: Fetch = async (url, request) => {
      const answer = (await ca.fetch(url, request)) as Response;
      return url === description.directory
        ? new Response((await answer.text()).replace('/terms', '/terms-of-today'), answer)
        : answer;
    };
    const unread = { ...description, accountName: 'second', agreed: false };
    await expect(registerAccount(unread, { ...options, fetch: changed })).rejects.toMatchObject({
      code: 'ERR_MANAGER_TERMS',
      message: expect.stringContaining('https://ca.test/terms-of-today'),
    });
  });

  it('is not needed from a storage that is full', async () => {
    const write: Storage['write'] = async (changes, writeOptions) => {
      if (changes.some((change) => 'set' in change && change.set.startsWith('directory/')))
        throw new StorageUnavailableError('the disk is full');
      return await storage.write(changes, writeOptions);
    };
    const warnings: string[] = [];
    const full = { ...options, storage: { ...storage, write } };
    await registerAccount(description, {
      ...full,
      onWarning: (message) => warnings.push(message),
    });
    expect(warnings).toEqual([expect.stringContaining('the disk is full')]);
  });
});
