import { virtualClock } from '@acmex/clock';
import { dnsProviderContract, dnsZoneContract } from '@acmex/dns/contract';
import { describe, expect, it } from '@jest/globals';
import { tencent, type TencentOptions } from './index.ts';
import { signatureOf } from './signature.testing.ts';
import { tc3 } from './tc3.ts';
import { tencentStandIn, type TencentStandInOptions } from './tencent.testing.ts';

const key = { secretId: 'AKIDexample', secretKey: 'a-key-that-stays-secret' };
const record = { name: '_acme-challenge', value: 'mine' };

function subject(options: Partial<TencentOptions> = {}, more: Partial<TencentStandInOptions> = {}) {
  const clock = virtualClock({ now: '2026-03-01T12:00:00Z' });
  const host = tencentStandIn({ ...key, clock, zones: ['one.test', 'a.test'], ...more });
  return { host, clock, provider: tencent({ ...key, fetch: host.fetch, clock, ...options }) };
}

describe('tencent', () => {
  it.each(dnsProviderContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      const { provider, host, clock } = subject(
        { sessionToken: 'a-token-that-stays-secret' },
        { sessionToken: 'a-token-that-stays-secret' },
      );
      await check({
        provider,
        zone: 'a.test',
        lookUp: host.lookUp,
        trouble: host.trouble,
        clock,
        secrets: [key.secretKey, 'a-token-that-stays-secret'],
      });
    },
  );
  it.each(dnsZoneContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      await check((zones) => subject({}, { zones }).provider);
    },
  );

  it('finds its value behind a page of others, which stay', async () => {
    const { provider, host } = subject();
    const existingRecords = Array.from({ length: 1000 }, (_, at) => ({
      Name: record.name,
      Value: `other ${at}`,
    }));
    for (const record of existingRecords) host.put('a.test', record);
    await provider.append('a.test', [record]);
    const before = host.requests.length;
    await provider.append('a.test', [record]);
    expect(host.requests.slice(before)).toEqual(['POST /', 'POST /']);
    expect(host.rows('a.test')).toHaveLength(1001);
    await provider.remove('a.test', [record]);
    expect(host.rows('a.test')).toMatchObject(existingRecords);
  });
  it('takes a last page that is full for the last', async () => {
    const { provider, host } = subject();
    for (let at = 0; at < 1000; at++)
      host.put('a.test', { Name: record.name, Value: `other ${at}` });
    await provider.remove('a.test', [record]);
    expect(host.requests).toEqual(['POST /']);
  });
  it('leaves the same value alone on other lines, at other names, in other zones and in records of other types', async () => {
    const { provider, host } = subject();
    host.put('a.test', { Name: record.name, Value: 'mine', Line: '电信', LineId: '10=0' });
    host.put('a.test', { Name: 'www', Value: 'mine' });
    host.put('a.test', { Name: record.name, Value: 'mine', Type: 'SPF' });
    host.put('one.test', { Name: record.name, Value: 'mine' });
    const before = [...host.rows('a.test'), ...host.rows('one.test')];
    await provider.append('a.test', [record]);
    expect(host.rows('a.test')).toHaveLength(4);
    expect(host.rows('a.test').at(-1)).toMatchObject({
      Name: record.name,
      Value: 'mine',
      LineId: '0',
      TTL: 600,
    });
    await provider.remove('a.test', [record]);
    expect([...host.rows('a.test'), ...host.rows('one.test')]).toEqual(before);
  });
  it('makes one record of a value that is asked for by several at once', async () => {
    const { provider, host, clock } = subject();
    const second = tencent({ ...key, fetch: host.fetch, clock });
    await Promise.all(
      [provider, second, provider].map((instance) => instance.append('a.test', [record])),
    );
    expect(host.rows('a.test')).toHaveLength(1);
    await Promise.all([provider, second].map((instance) => instance.remove('a.test', [record])));
    expect(host.rows('a.test')).toEqual([]);
  });
  it('makes one record when the answer that it was made is lost, and takes a removal for done whose answer was', async () => {
    const { host, clock } = subject();
    const lost = new Set(['CreateRecord', 'DeleteRecord']);
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const response = await host.fetch(input, init);
      if (lost.delete(new Headers(init?.headers).get('x-tc-action') ?? ''))
        throw new TypeError('fetch failed');
      return response;
    };
    const provider = tencent({ ...key, fetch, clock });
    await clock.run(provider.append('a.test', [record]));
    expect(host.rows('a.test')).toHaveLength(1);
    await clock.run(provider.remove('a.test', [record]));
    expect(host.rows('a.test')).toEqual([]);
    expect(lost.size).toBe(0);
  });
  it('tries again where DNSPod has trouble in the middle', async () => {
    const { host, clock } = subject();
    let count = 0;
    const fetch: typeof globalThis.fetch = async (input, init) => {
      host.trouble(++count % 2 === 1 ? 'server-error' : undefined);
      return await host.fetch(input, init);
    };
    await clock.run(tencent({ ...key, fetch, clock }).append('a.test', [record]));
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['mine']);
    expect(host.requests).toHaveLength(4);
  });
  it('writes and removes a record that its list does not show yet', async () => {
    const { host, clock } = subject();
    let isListed = false;
    const fetch: typeof globalThis.fetch = async (input, init) =>
      !isListed && new Headers(init?.headers).get('x-tc-action') === 'DescribeRecordList'
        ? Response.json({
            Response: { Error: { Code: 'ResourceNotFound.NoDataOfRecord', Message: 'none' } },
          })
        : await host.fetch(input, init);
    const provider = tencent({ ...key, fetch, clock });
    await provider.append('a.test', [record]);
    await provider.append('a.test', [record]);
    expect(host.rows('a.test')).toHaveLength(1);
    // Its id came with the first answer, and not with the second: the list shows it later.
    const removed = provider.remove('a.test', [record]);
    await clock.advance('PT10S');
    isListed = true;
    await clock.run(removed);
    expect(host.rows('a.test')).toEqual([]);
    isListed = false;
    await provider.append('a.test', [record]);
    await provider.remove('a.test', [record]);
    expect(host.rows('a.test')).toEqual([]);
  });
  it('takes no record for shown that is paused, and removes it', async () => {
    const { provider, host } = subject();
    host.put('a.test', { Name: record.name, Value: 'mine', Status: 'DISABLE' });
    await expect(provider.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining('InvalidParameter.DomainRecordExist'),
    });
    await provider.remove('a.test', [record]);
    expect(host.rows('a.test')).toEqual([]);
  });
  it('lists its zones over all pages, and none where there is none', async () => {
    const zones = Array.from({ length: 1001 }, (_, at) => `zone${at}.test`);
    await expect(subject({}, { zones }).provider.zones!()).resolves.toEqual(zones);
    await expect(subject({}, { zones: [] }).provider.zones!()).resolves.toEqual([]);
  });
  it.each(['quotes " and \\', 'x'.repeat(255), 'a;b', ' ', 'ü'])(
    'writes any value at any name, and finds it again: %j',
    async (value) => {
      const { provider, host } = subject();
      for (const name of ['@', '*', 'a.b']) {
        await provider.append('a.test', [{ name, value, ttl: 700 }]);
        await provider.append('a.test', [{ name, value }]);
      }
      expect(host.rows('a.test').map(({ Name, Value, TTL }) => [Name, Value, TTL])).toEqual([
        ['@', value, 700],
        ['*', value, 700],
        ['a.b', value, 700],
      ]);
    },
  );

  it('says what DNSPod says', async () => {
    const { provider } = subject();
    await expect(provider.append('a.test', [{ ...record, ttl: Number.NaN }])).rejects.toMatchObject(
      {
        code: 'ERR_DNS_API',
        message:
          'tencent: POST / is refused for the zone a.test (200 LimitExceeded.RecordTtlLimit: The TTL of the record exceeds the limit.): correct what the host names',
      },
    );
  });
  it.each([
    ['AuthFailure.SecretIdNotFound', 'ERR_DNS_CREDENTIALS'],
    ['AuthFailure.TokenFailure', 'ERR_DNS_CREDENTIALS'],
    ['UnauthorizedOperation', 'ERR_DNS_CREDENTIALS'],
    ['RequestLimitExceeded.UinLimitExceeded', 'ERR_DNS_RATE_LIMITED'],
    ['OperationDenied.NoPermissionToOperateDomain', 'ERR_DNS_ZONE_NOT_FOUND'],
    ['FailedOperation.DomainIsLocked', 'ERR_DNS_API'],
    ['FailedOperation.UnknowError', 'ERR_DNS_API'],
  ])('reports what %s means', async (code, expected) => {
    const { provider, clock } = subject({
      fetch: async () =>
        Response.json({
          Response: { Error: { Code: code, Message: 'words\u001b[2J' }, RequestId: 'x' },
        }),
    });
    await expect(clock.run(provider.append('a.test', [record]))).rejects.toMatchObject({
      code: expected,
      message: expect.stringContaining(`200 ${code}: words [2J`),
    });
  });
  it.each([
    null,
    [],
    'x',
    { Response: null },
    { Response: { RecordList: {} } },
    { Response: { Error: 'x' } },
  ])('says ERR_DNS_API when the answer is %j', async (body) => {
    const { provider, clock } = subject({ fetch: async () => Response.json(body) });
    await expect(clock.run(provider.append('a.test', [record]))).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining('is not what is expected'),
    });
  });

  it('asks for the secret key again with every request', async () => {
    let asked = 0;
    const { provider, host } = subject({
      secretKey: async () => {
        asked += 1;
        return key.secretKey;
      },
    });
    await provider.append('a.test', [record]);
    expect(asked).toBe(host.requests.length);
    await expect(
      subject({ secretKey: '' }).provider.append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: 'tencent: the secret key is missing or empty: give it',
    });
  });
  it.each([
    ['another id', { secretId: 'AKIDother' }],
    ['another key', { secretKey: 'another' }],
    ['a token that is none', { sessionToken: 'x' }],
    ['a clock that is wrong', { clock: virtualClock({ now: '2026-03-01T12:06:00Z' }) }],
  ])('says ERR_DNS_CREDENTIALS for %s', async (_, options) => {
    const { provider, host } = subject(options);
    await expect(provider.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
    });
    expect(host.rows('a.test')).toEqual([]);
  });
});

describe('tc3', () => {
  // The example of Tencent Cloud's documentation.
  const body = String.raw`{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}`;
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    host: 'cvm.tencentcloudapi.com',
  };
  const published = '72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168';
  const example = {
    secretId: 'AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE',
    secretKey: 'Gu5t9xGARNpq86cd98joQYCN3EXAMPLE',
  };

  it("signs as Tencent Cloud's published example", () => {
    expect(tc3({ headers, body, service: 'cvm', timestamp: 1_551_113_065 }, example)).toBe(
      `TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host, Signature=${published}`,
    );
  });
  it('is checked by a stand-in that finds the same', () => {
    expect(
      signatureOf(
        {
          method: 'POST',
          path: '/',
          query: '',
          headers,
          body,
          timestamp: '1551113065',
          date: '2019-02-25',
          service: 'cvm',
        },
        example.secretKey,
      ),
    ).toBe(published);
  });
});
