import type { CertificateInfo } from '@acmex/certificate';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { base, issue, raw, type TestCa, testCa } from './ca.testing.ts';
import { noLimits, revokeIssued, tokenBuckets, tlsProfiles } from './index.ts';

const key = 'a key of the operator with 32 characters';
const authorization = `Bearer ${key}`;

interface Listed {
  readonly certificates: readonly Record<string, unknown>[];
  readonly next?: string;
}

describe('the list of issued certificates', () => {
  let ca: TestCa;
  let accounts: readonly string[];
  let issued: CertificateInfo;
  beforeAll(async () => {
    ca = await testCa({ admin: { key }, profiles: tlsProfiles });
    const [first, second] = [await ca.account(), await ca.account()];
    accounts = [first, second].map(({ url }) => url.split('/').at(-1)!);
    for (const name of ['a.test', 'c.test']) await issue(ca, first, [name]);
    issued = (await issue(ca, first, ['b.test'])).leaf;
    const { leaf } = await issue(ca, second, ['a.test', '*.d.test'], { profile: 'clientAuth' });
    await revokeIssued(ca.storage, leaf.serialNumber, { clock: ca.clock });
  });
  const list = async (query = '', headers: Record<string, string> = { authorization }) =>
    await raw(ca, `/admin/certificates${query}`, { headers });
  const namesIn = async (query: string) =>
    ((await list(query)).json as unknown as Listed).certificates
      .map(({ identifiers }) => (identifiers as { value: string }[])[0]?.value)
      .sort();

  it('has each certificate with its names, times and status, and no chain', async () => {
    const { status, json } = await list('?identifier=b.test');
    expect([status, json]).toEqual([
      200,
      {
        certificates: [
          {
            serialNumber: issued.serialNumber,
            account: accounts[0],
            order: expect.stringMatching(/^ord_/),
            identifiers: [{ type: 'dns', value: 'b.test' }],
            profile: 'serverAuth',
            issuedAt: expect.any(String),
            notBefore: issued.notBefore.toString(),
            notAfter: issued.notAfter.toString(),
            status: 'valid',
          },
        ],
      },
    ]);
  });

  it.each([
    ['', ['a.test', 'a.test', 'b.test', 'c.test']],
    ['?identifier=A.test', ['a.test', 'a.test']],
    ['?identifier=*.d.test', ['a.test']],
    ['?profile=clientAuth', ['a.test']],
    ['?status=revoked', ['a.test']],
    ['?status=valid&identifier=a.test', ['a.test']],
    ['?status=expired', []],
  ])('is filtered by its parameters: %s', async (query, names) => {
    expect(await namesIn(query)).toEqual(names);
  });

  it('is filtered by account', async () => {
    expect(await namesIn(`?account=${accounts[0]}`)).toEqual(['a.test', 'b.test', 'c.test']);
  });

  it('comes in pages, each certificate once', async () => {
    const serials: unknown[] = [];
    let query: string | undefined = '?limit=3';
    let pages = 0;
    while (query !== undefined) {
      const { certificates, next } = (await list(query)).json as unknown as Listed;
      serials.push(...certificates.map(({ serialNumber }) => serialNumber));
      query = next?.slice(`${base}/admin/certificates`.length);
      pages += 1;
    }
    expect([pages, serials.length, new Set(serials).size]).toEqual([2, 4, 4]);
  });

  it.each(['?limit=0', '?limit=501', '?limit=x', '?status=gone', '?after=..', '?name=a.test'])(
    'refuses a wrong parameter: %s',
    async (query) => {
      await expect(list(query)).resolves.toMatchObject({ status: 400, problem: 'malformed' });
    },
  );

  it('is for the key alone, and to be read alone', async () => {
    for (const wrong of ['', 'Bearer x', key]) {
      const answer = await list('', { authorization: wrong });
      expect(answer).toMatchObject({ status: 401, problem: 'unauthorized' });
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
    const init = { method: 'DELETE', headers: { authorization } };
    expect((await raw(ca, '/admin/certificates', init)).status).toBe(405);
    expect(
      (await raw(await testCa(), '/admin/certificates', { headers: init.headers })).status,
    ).toBe(404);
  });

  it('refuses an address that tries many keys, and a key that is short', async () => {
    const buckets = { 'refused-request': { tokens: 2, every: { minutes: 1 } } };
    const limited = await testCa({ admin: { key }, rateLimiter: tokenBuckets({ buckets }) });
    const statuses: number[] = [];
    for (let n = 0; n < 3; n++) statuses.push((await raw(limited, '/admin/certificates')).status);
    expect(statuses).toEqual([401, 401, 429]);
    await expect(
      testCa({ admin: { key: 'short' }, rateLimiter: noLimits() }),
    ).rejects.toMatchObject({
      code: 'ERR_CA_ADMIN_KEY',
    });
  });
});
