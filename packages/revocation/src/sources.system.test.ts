import { once } from 'node:events';
import { createServer } from 'node:http';
import { systemClock, virtualClock } from '@acmex/clock';
import { readCertificateFields } from '@acmex/certificate/structure';
import { addressPolicy, egressFetch } from '@acmex/egress';
import { memoryStorage, type Storage } from '@acmex/storage';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkRevocation, type RevocationOptions } from './check-revocation.ts';
import { type OpensslCa, opensslCa } from './openssl-ca.testing.ts';
import { proofCache, removeOldProofs } from './proof-cache.ts';

let ca: OpensslCa;
let leaf: Uint8Array;
let listed: Uint8Array;
let issuer: Uint8Array;
let fetch: RevocationOptions['fetch'] & object;
let response: Uint8Array;
let list: Uint8Array;
beforeAll(async () => {
  ca = await opensslCa();
  [leaf, listed, issuer] = await Promise.all([ca.der('leaf'), ca.der('listed'), ca.der('ca')]);
  const policy = addressPolicy({ allow: ['127.0.0.1'] });
  fetch = egressFetch({ policy, ports: [ca.port], maxBody: 64 * 1024 * 1024 });
  response = await ca.response('leaf', { flags: ['-no_nonce', '-ndays', '5'] });
  list = await ca.list();
}, 60_000);
afterAll(async () => await ca[Symbol.asyncDispose]());

interface Answer {
  readonly status?: number;
  readonly body?: Uint8Array;
}

/** Serves answers at the URLs that the certificates name, and records the requests. */
async function serving(answer: (method: string, path: string) => Answer) {
  const requests: string[] = [];
  const server = createServer((request, reply) => {
    const { method = '', url = '' } = request;
    requests.push(`${method} ${url}`);
    const { status = 200, body = new Uint8Array() } = answer(method, url);
    request.resume().on('end', () => reply.writeHead(status).end(body));
  });
  await once(server.listen(ca.port, '127.0.0.1'), 'listening');
  return {
    requests,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const unknown = (reason: string) => ({
  status: 'unknown',
  reasons: [expect.stringContaining(reason)],
});
const offline = { isOnline: false };
/** OCSPResponse { responseStatus tryLater }. RFC 6960 §4.2.1 */
const tryLater = Uint8Array.of(0x30, 3, 0x0a, 1, 3);

describe('checkRevocation by OCSP', () => {
  it('refuses answers that prove nothing, and says why', async () => {
    const [ofOther, byExpired, byStranger] = [
      await ca.response('second'),
      await ca.response('leaf', { signer: 'expired' }),
      await ca.response('leaf', { signer: 'other' }),
    ];
    const unsigned = Uint8Array.from(response);
    unsigned.fill(0, unsigned.length - 20);
    const later = systemClock.now().add({ hours: 24 * 6 });
    const cases: readonly [Uint8Array, string, RevocationOptions?][] = [
      [ofOther, 'about another certificate'],
      [byExpired, 'the certificate of its signer is not valid now'],
      [byStranger, 'no certificate of the issuer'],
      [response, 'it was valid until', { at: later }],
      [tryLater, 'tryLater'],
      [response.subarray(0, 90), 'the value'],
      [new Uint8Array(), 'cut off'],
    ];
    for (const [stapled, reason, options] of cases)
      await expect(
        checkRevocation(leaf, issuer, { stapled, ...offline, ...options }),
      ).resolves.toMatchObject(unknown(reason));
    await expect(
      checkRevocation(leaf, issuer, { stapled: unsigned, ...offline }),
    ).resolves.toMatchObject({ status: 'unknown' });
    await expect(
      checkRevocation(leaf, issuer, { stapled: response, ...offline }),
    ).resolves.toMatchObject({ status: 'good' });
  });

  it('sends a nonce by POST, and refuses a response with another nonce', async () => {
    const replayed = await ca.response('leaf');
    await using server = await serving(() => ({ body: replayed }));
    await expect(checkRevocation(leaf, issuer, { fetch })).resolves.toMatchObject(
      unknown('the nonce of another request'),
    );
    expect(server.requests).toEqual(['POST /']);
  });

  it('requires a nonce where the caller does', async () => {
    await using server = await serving(() => ({ body: response }));
    await expect(checkRevocation(leaf, issuer, { fetch })).resolves.toMatchObject({
      status: 'good',
    });
    await expect(checkRevocation(leaf, issuer, { fetch, nonce: 'require' })).resolves.toMatchObject(
      unknown('it has no nonce'),
    );
    expect(server.requests).toHaveLength(2);
  });

  it('asks by GET without a nonce', async () => {
    await using server = await serving(() => ({ body: response }));
    await expect(checkRevocation(leaf, issuer, { fetch, nonce: 'none' })).resolves.toMatchObject({
      status: 'good',
    });
    expect(server.requests).toEqual([expect.stringMatching(/^GET \/M[\w%]+$/)]);
  });

  it('refuses a response that is too large, and an answer with an error', async () => {
    let answer: Answer = { body: Buffer.concat([response, new Uint8Array(70_000)]) };
    await using server = await serving(() => answer);
    await expect(checkRevocation(leaf, issuer, { fetch })).resolves.toMatchObject(
      unknown('larger than 64 KiB'),
    );
    answer = { status: 503 };
    await expect(checkRevocation(leaf, issuer, { fetch })).resolves.toMatchObject(
      unknown('status 503'),
    );
    expect(server.requests).toHaveLength(2);
  });

  it('trusts a delegate with id-pkix-ocsp-nocheck, and checks one that names a list', async () => {
    const [trusted, checked] = [
      await ca.response('leaf', { signer: 'trusted' }),
      await ca.response('leaf', { signer: 'checked' }),
    ];
    let answer: Answer = { body: list };
    await using server = await serving(() => answer);
    const status = async (stapled: Uint8Array) => {
      const result = await checkRevocation(leaf, issuer, { stapled, fetch });
      return result.status === 'unknown' ? (result.reasons[0] ?? '') : result.status;
    };
    await expect(status(trusted)).resolves.toBe('good');
    expect(server.requests).toEqual([]);
    await expect(status(checked)).resolves.toBe('good');
    expect(server.requests).toEqual(['GET /list.crl']);
    answer = { status: 404 };
    await expect(status(checked)).resolves.toContain('the certificate of its signer');
    await ca.revoke('checked', 'keyCompromise');
    answer = { body: await ca.list() };
    await expect(status(checked)).resolves.toContain('is revoked');
  });
});

describe('checkRevocation by the lists that a certificate names', () => {
  it('reads a list of its distribution point in pieces', async () => {
    await using server = await serving(() => ({ body: list }));
    await expect(checkRevocation(listed, issuer, { fetch })).resolves.toMatchObject({
      status: 'good',
      source: 'crl',
    });
    expect(server.requests).toEqual(['GET /list.crl']);
  });

  it('refuses a list that is cut off, or has bytes behind its end', async () => {
    let body = list.subarray(0, list.length - 3);
    await using server = await serving(() => ({ body }));
    await expect(checkRevocation(listed, issuer, { fetch })).resolves.toMatchObject(
      unknown('list.crl: the value'),
    );
    body = Buffer.concat([list, list]);
    await expect(checkRevocation(listed, issuer, { fetch })).resolves.toMatchObject(
      unknown('does not end where it says'),
    );
    expect(server.requests).toHaveLength(2);
  });

  it('ends when its time is over, and when the caller ends it', async () => {
    const clock = virtualClock({ now: systemClock.now() });
    const waiting: string[] = [];
    const stuck: typeof fetch = (url, { signal } = {}) =>
      new Promise((_, reject) => {
        waiting.push(url);
        signal?.addEventListener('abort', () => reject(signal.reason as Error));
      });
    const result = checkRevocation(listed, issuer, { fetch: stuck, clock, limit: 'PT10S' });
    while (waiting.length === 0) await new Promise(setImmediate);
    await clock.advance('PT11S');
    await expect(result).resolves.toMatchObject(unknown('time limit'));
    const reason = new Error('the caller has ended it');
    await expect(
      checkRevocation(listed, issuer, { fetch: stuck, signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
  });
});

describe('proofCache', () => {
  const cached = async (storage: Storage, options: RevocationOptions = {}) => {
    const { clock = systemClock } = options;
    const cache = proofCache({ storage, clock });
    const [certificate, nonce] = [options.lists ? listed : leaf, 'none' as const];
    const { status } = await checkRevocation(certificate, issuer, {
      ...{ fetch, cache, nonce },
      ...options,
      lists: [],
    });
    return status;
  };
  const byList = { lists: [] };

  it('stores no more than its limits, and removes the oldest', async () => {
    const storage = memoryStorage();
    const clock = virtualClock({ now: systemClock.now() });
    const cache = proofCache({ storage, clock, limits: { responses: 20, pieces: 1 } });
    const nextUpdate = clock.now().add({ hours: 24 }).epochMilliseconds;
    const pair = {
      certificate: readCertificateFields(leaf),
      issuer: readCertificateFields(issuer),
    };
    const numbered = (number: number) => ({
      ...pair,
      certificate: { ...pair.certificate, serialNumber: Uint8Array.of(1, number) },
    });
    for (let number = 0; number < 60; number += 1) {
      await cache.storeResponse(numbered(number), response, { nextUpdate });
      await clock.advance({ seconds: 1 });
    }
    const stored = (await keysOf(storage)).length;
    expect([stored >= 20, stored <= 22]).toEqual([true, true]);
    await expect(cache.response(numbered(59))).resolves.toBeDefined();
    await expect(cache.response(numbered(0))).resolves.toBeUndefined();
    for (const url of ['http://a.test/', 'http://b.test/']) {
      const storing = cache.storing(pair.issuer, url, list);
      let length = 0;
      for await (const piece of storing.list as AsyncIterable<Uint8Array>) length += piece.length;
      expect(length).toBe(list.length);
      await storing.stored({ nextUpdate, number: '01' });
      await clock.advance({ seconds: 1 });
    }
    const listKeys = (await keysOf(storage)).filter((key) => key.includes('/list'));
    expect(listKeys.map((key) => key.split('/')[1]).sort()).toEqual(['list', 'list-piece']);
    await expect(cache.list(pair.issuer, 'http://b.test/')).resolves.toMatchObject({
      number: '01',
    });
    await expect(cache.list(pair.issuer, 'http://a.test/')).resolves.toBeUndefined();
  });

  it('answers without a request while a proof is fresh, and asks again after it', async () => {
    const storage = memoryStorage();
    const clock = virtualClock({ now: systemClock.now() });
    await using server = await serving((_, path) => ({
      body: path === '/list.crl' ? list : response,
    }));
    for (let count = 0; count < 3; count += 1) {
      await expect(cached(storage, { clock })).resolves.toBe('good');
      await expect(cached(storage, { clock, ...byList })).resolves.toBe('good');
    }
    expect(server.requests).toHaveLength(2);
    await clock.advance({ hours: 13 });
    await expect(cached(storage, { clock })).resolves.toBe('good');
    await expect(cached(storage, { clock, ...byList })).resolves.toBe('good');
    expect(server.requests).toHaveLength(4);
    await clock.advance({ hours: 24 * 6 });
    await expect(cached(storage, { clock })).resolves.toBe('unknown');
    await expect(removeOldProofs(storage, { clock })).resolves.toBe(2);
    expect(await keysOf(storage)).toEqual([]);
  });

  it('ignores records that are damaged or forged', async () => {
    const storage = memoryStorage();
    await using server = await serving((_, path) => ({
      body: path === '/list.crl' ? list : response,
    }));
    const both = async () => [await cached(storage), await cached(storage, byList)];
    await expect(both()).resolves.toEqual(['good', 'good']);
    const keys = await keysOf(storage);
    expect(keys).toHaveLength(3);
    const text = new TextEncoder();
    for (const forged of ['{"v":1}', 'x', '{"v":9}', '']) {
      for (const set of keys) await storage.write([{ set, value: text.encode(forged) }]);
      await expect(both()).resolves.toEqual(['good', 'good']);
    }
    expect(server.requests).toHaveLength(10);
    await expect(both()).resolves.toEqual(['good', 'good']);
    expect(server.requests).toHaveLength(10);
  });

  it('stores nothing of a list that proves nothing', async () => {
    const storage = memoryStorage();
    const changed = Uint8Array.from(list).fill(0, list.length - 4);
    await using server = await serving(() => ({ body: changed }));
    await expect(cached(storage, byList)).resolves.toBe('unknown');
    expect(server.requests).toHaveLength(1);
    expect(await keysOf(storage)).toEqual([]);
  });

  it('refuses a list with a lower number than one that it has seen', async () => {
    const storage = memoryStorage();
    const clock = virtualClock({ now: systemClock.now() });
    let body = await ca.list();
    await using server = await serving(() => ({ body }));
    await expect(cached(storage, { clock, ...byList })).resolves.toBe('good');
    body = list;
    await clock.advance({ hours: 13 });
    await expect(cached(storage, { clock, ...byList })).resolves.toBe('unknown');
    expect(server.requests).toHaveLength(2);
  });

  it('asks the source when the storage fails', async () => {
    const errors: unknown[] = [];
    const failing: Storage = {
      ...memoryStorage(),
      get: () => Promise.reject(new Error('the storage is away')),
      write: () => Promise.reject(new Error('the storage is away')),
    };
    const cache = proofCache({ storage: failing, onError: (error) => errors.push(error) });
    await using server = await serving(() => ({ body: list }));
    await expect(checkRevocation(listed, issuer, { fetch, cache })).resolves.toMatchObject({
      status: 'good',
    });
    expect(server.requests).toHaveLength(1);
    expect(errors.length).toBeGreaterThan(0);
  });
});

async function keysOf(storage: Storage): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list('')) keys.push(key);
  return keys;
}
