import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { reportSoak } from '@acmex/services';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { base, nonce, post, raw, type TestCa, testCa, type TestClient } from './ca.testing.ts';

/**
 * Requests that an unknown client could send; each run of the tests another sample, whose seed a
 * failure prints.
 */
const runs = process.env.ACMEX_SOAK === 'ca' ? 50_000 : 2500;

let ca: TestCa;
let account: TestClient;
let paths: readonly string[];
beforeAll(async () => {
  ca = await testCa();
  account = await ca.account();
  const made = await post(
    ca,
    '/new-order',
    { identifiers: [{ type: 'dns', value: 'a.test' }] },
    { key: account.key, kid: account.url },
  );
  const order = made.headers.get('location') ?? '';
  const [authorization = ''] = made.json?.authorizations as string[];
  paths = [
    '/directory',
    '/new-nonce',
    '/new-account',
    '/new-order',
    '/new-authz',
    '/key-change',
    '/revoke-cert',
    '/crl',
    '/issuer',
    '/renewal-info/AAAA.AAAA',
    '/certificate/40',
    ...[
      account.url,
      `${account.url}/orders`,
      order,
      `${order}/finalize`,
      authorization,
      authorization.replace('authorization', 'challenge') + '/http-01',
    ].map((url) => url.slice(base.length)),
  ];
});

const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '__proto__',
    '',
    ' ',
    '\u0000',
    '../..',
    'deactivated',
    'a'.repeat(5000),
    1e308,
    -0,
    {},
    [],
  ),
);
const members = fc.constantFrom(
  'identifiers',
  'contact',
  'status',
  'onlyReturnExisting',
  'termsOfServiceAgreed',
  'externalAccountBinding',
  'csr',
  'certificate',
  'reason',
  'replaces',
  'profile',
  'notBefore',
  'notAfter',
  'identifier',
  'subdomainAuthAllowed',
  'protected',
  'payload',
  'signature',
  '__proto__',
  'constructor',
);
const payload = fc.oneof(
  fc.constant(undefined),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.dictionary(members, odd, { maxKeys: 4 }),
  fc.record({
    identifiers: fc.array(
      fc.record({
        type: fc.oneof(fc.constantFrom('dns', 'ip'), odd),
        value: fc.oneof(fc.domain(), fc.ipV6(), odd),
        ancestorDomain: fc.option(odd, { nil: undefined }),
      }),
      { maxLength: 3 },
    ),
  }),
);
const header = fc.dictionary(
  fc.constantFrom('alg', 'kid', 'jwk', 'url', 'crit', 'b64', 'typ', 'cty', 'zip', '__proto__'),
  fc.oneof(odd, fc.constantFrom('ES256', 'none', 'RS256', 'HS256')),
  { maxKeys: 2 },
);
const path = fc.nat().map((n) => paths[n % paths.length] ?? '/directory');
const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH');

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/**
 * Bytes by which the heap grows from the first fifth of the runs to the last, what is collectable
 * not counted.
 */
function growth() {
  const used: number[] = [];
  let run = 0;
  return {
    next() {
      run += 1;
      if (run !== Math.floor(runs / 5) && run !== runs) return;
      collectGarbage();
      used.push(process.memoryUsage().heapUsed);
    },
    bytes: () => (used.at(-1) ?? 0) - (used[0] ?? 0),
  };
}

/** What holds of every answer. */
async function check(answer: Awaited<ReturnType<typeof raw>>) {
  expect(answer.status).toBeLessThan(500);
  if (answer.status >= 400 && answer.text !== '') {
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.problem).toMatch(/^[A-Za-z]+$/);
    expect(answer.text).not.toMatch(/ {4}at |node_modules|TypeError|undefined/);
  }
  expect(answer.text).not.toContain(':null');
  expect(ca.failures).toEqual([]);
}

describe('a malformed request', () => {
  it(
    'that is rightly signed is refused or done, and never a fault of the server',
    async () => {
      const heap = growth();
      await fc.assert(
        fc.asyncProperty(
          path,
          payload,
          fc.boolean(),
          fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: header }),
          async (at, what, byAccount, head) => {
            heap.next();
            // A deactivated account would answer everything in the same way.
            if (typeof what === 'object' && what !== null && 'status' in what) return;
            await check(
              await post(ca, at, what, {
                key: account.key,
                kid: byAccount ? account.url : undefined,
                header: { ...head, nonce: await nonce(ca) },
              }),
            );
          },
        ),
        { numRuns: runs },
      );
      // A used nonce is kept while it could come again, here in memory.
      expect(heap.bytes()).toBeLessThan(16 * 2 ** 20 + runs * 2048);
    },
    runs * 40,
  );
  it(
    'that is anything at all is refused, and never a fault of the server',
    async () => {
      const body = fc.oneof(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.json(),
        fc
          .record({
            protected: fc.oneof(
              fc.base64String(),
              fc.json().map((json) => Buffer.from(json).toString('base64url')),
              odd,
            ),
            payload: fc.oneof(fc.base64String(), odd),
            signature: fc.oneof(fc.base64String(), odd),
          })
          .map((request) => JSON.stringify(request)),
      );
      const anyPath = fc.oneof(
        { weight: 3, arbitrary: path },
        { weight: 1, arbitrary: fc.webPath() },
        {
          weight: 1,
          arbitrary: fc.tuple(path, fc.webFragments()).map(([prefix, more]) => prefix + more),
        },
      );
      const heap = growth();
      await fc.assert(
        fc.asyncProperty(
          anyPath,
          method,
          body,
          fc.constantFrom('application/jose+json', 'application/json', 'text/plain', ''),
          async (at, how, what, type) => {
            heap.next();
            await check(
              await raw(ca, at, {
                method: how,
                headers: { 'content-type': type },
                ...(how === 'GET' || how === 'HEAD' ? {} : { body: what }),
              }),
            );
          },
        ),
        { numRuns: runs },
      );
      expect(heap.bytes()).toBeLessThan(16 * 2 ** 20);
      reportSoak(
        `${runs} malformed requests of each kind: the heap grew by ${(heap.bytes() / 2 ** 20).toFixed(1)} MiB`,
      );
    },
    runs * 40,
  );
});
