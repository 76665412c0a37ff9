import { virtualClock } from '@acmex/clock';
import { dnsProviderContract, dnsZoneContract } from '@acmex/dns/contract';
import { describe, expect, it } from '@jest/globals';
import { acs3 } from './acs3.ts';
import { expectedSignature } from './acs3.testing.ts';
import { alibabaStandIn, type AlibabaStandInOptions } from './alibaba.testing.ts';
import { alibaba, type AlibabaOptions } from './index.ts';

const accessKeyId = 'LTAI5tExampleKey';
const accessKeySecret = 'a-secret-that-stays-secret';
const securityToken = 'a-token-that-stays-secret';
const record = { name: '_acme-challenge', value: 'mine' };

function subject(options: Partial<AlibabaOptions> = {}, more: Partial<AlibabaStandInOptions> = {}) {
  const clock = virtualClock();
  const host = alibabaStandIn({
    clock,
    zones: ['a.test', 'b.test'],
    key: { id: accessKeyId, secret: accessKeySecret },
    ...more,
  });
  return {
    host,
    clock,
    provider: alibaba({ accessKeyId, accessKeySecret, fetch: host.fetch, clock, ...options }),
  };
}

describe('alibaba', () => {
  it.each(dnsProviderContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      const { provider, host, clock } = subject(
        { securityToken },
        { key: { id: accessKeyId, secret: accessKeySecret, token: securityToken } },
      );
      await check({
        provider,
        zone: 'a.test',
        lookUp: host.lookUp,
        trouble: host.trouble,
        clock,
        secrets: [accessKeySecret, securityToken],
      });
    },
  );
  it.each(dnsZoneContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      await check((zones) => subject({}, { zones }).provider);
    },
  );

  it('writes into an internationalized zone by the name that Alibaba Cloud lists', async () => {
    const { provider, host } = subject({}, { zones: ['a.test', 'bücher.test'] });
    await provider.append('xn--bcher-kva.test', [record]);
    expect(host.rows()).toMatchObject([{ DomainName: 'bücher.test', RR: '_acme-challenge' }]);
    await provider.remove('xn--bcher-kva.test', [record]);
    expect(host.rows()).toEqual([]);
  });
  it('finds its value behind a page of others, which stay', async () => {
    const { provider, host } = subject();
    host.put({ DomainName: 'a.test', RR: '_acme-challenge', Type: 'TXT', Value: 'old', TTL: 600 });
    const existingRecords = Array.from({ length: 500 }, (_, at) => ({
      DomainName: 'a.test',
      RR: at % 2 === 0 ? '_acme-challenge' : '_acme-challenge.www',
      Type: 'TXT',
      Value: at === 1 ? 'mine' : `other ${at}`,
      TTL: 600,
    }));
    await provider.append('a.test', [record]);
    existingRecords.forEach(host.put);
    await provider.append('a.test', [record]);
    expect(host.rows()).toHaveLength(502);
    await provider.remove('a.test', [record]);
    expect(host.rows()).toHaveLength(501);
    await expect(host.lookUp('_acme-challenge.www.a.test')).resolves.toContain('mine');
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.not.toContain('mine');
    expect(host.done.filter((action) => action.startsWith('Describe'))).toEqual([
      'DescribeDomainRecords 1',
      'DescribeDomainRecords 1',
      'DescribeDomainRecords 2',
      'DescribeDomainRecords 1',
      'DescribeDomainRecords 2',
    ]);
  });
  it('leaves records of other types, and those of names that have its name in them', async () => {
    const { provider, host } = subject();
    const existingRecords = [
      { RR: 'x_acme-challenge', Type: 'TXT' },
      { RR: '_acme-challenge', Type: 'CNAME' },
    ].map((values) => ({ DomainName: 'a.test', Value: 'mine', TTL: 600, ...values }));
    existingRecords.forEach(host.put);
    await provider.append('a.test', [record]);
    expect(host.rows()).toHaveLength(3);
    await provider.remove('a.test', [record]);
    expect(host.rows()).toMatchObject([...existingRecords].reverse());
  });
  it('makes one record of a value that is asked for twice at once', async () => {
    const { provider, host } = subject();
    await Promise.all([1, 2, 3].map(() => provider.append('a.test', [record])));
    expect(host.done.filter((action) => action === 'AddDomainRecord')).toHaveLength(1);
  });
  it('takes it for a success when another process was quicker: to add, and to delete', async () => {
    const { provider, host, clock } = subject();
    const fetch: typeof globalThis.fetch = async (input, init) => {
      if (init?.method === 'POST') await theirs.shift()?.();
      return await host.fetch(input, init);
    };
    const theirs = [
      () => provider.append('a.test', [record]),
      () => provider.remove('a.test', [record]),
    ];
    const slow = alibaba({ accessKeyId, accessKeySecret, fetch, clock });
    await slow.append('a.test', [record]);
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['mine']);
    await slow.remove('a.test', [record]);
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual([]);
    expect(host.done.filter((action) => !action.startsWith('Describe'))).toEqual([
      'AddDomainRecord',
      'AddDomainRecord',
      'DeleteDomainRecord',
      'DeleteDomainRecord',
    ]);
  });
  it('says why a record cannot be deleted that stays', async () => {
    const { provider, host, clock } = subject();
    await provider.append('a.test', [record]);
    const fetch: typeof globalThis.fetch = async (input, init) =>
      init?.method === 'POST'
        ? Response.json(
            { Code: 'DomainRecordLocked', Message: 'The DNS record is locked.' },
            { status: 400 },
          )
        : await host.fetch(input, init);
    await expect(
      alibaba({ accessKeyId, accessKeySecret, fetch, clock }).remove('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining('400 DomainRecordLocked: The DNS record is locked.'),
    });
  });
  it.each(['quotes " and \\', 'x'.repeat(300), 'a;b&c=d+e%20f', "it's (a) star* ~!", 'ü 漢'])(
    'writes any value, and finds it again: %j',
    async (value) => {
      const { provider, host } = subject();
      await provider.append('a.test', [{ ...record, value }]);
      await provider.append('a.test', [{ ...record, value }]);
      await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual([value]);
      await provider.remove('a.test', [{ ...record, value }]);
      await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual([]);
    },
  );
  it('writes the name of the zone itself, and the time to live that a record has', async () => {
    const { provider, host } = subject();
    await provider.append('a.test', [{ name: '@', value: 'one', ttl: 1200 }]);
    expect(host.rows()).toMatchObject([{ RR: '@', Value: 'one', TTL: 1200 }]);
  });
  it('lists its zones over all pages, in A-labels', async () => {
    const names = Array.from({ length: 100 }, (_, at) => `zone-${at}.test`);
    const { provider } = subject({}, { zones: [...names, 'bücher.test'] });
    await expect(provider.zones!()).resolves.toEqual([...names, 'xn--bcher-kva.test']);
  });
  it('asks the endpoint of a region, and refuses what is none', async () => {
    const { provider, host } = subject(
      { region: 'ap-southeast-1' },
      { host: 'alidns.ap-southeast-1.aliyuncs.com' },
    );
    await provider.append('a.test', [record]);
    expect(host.rows()).toHaveLength(1);
    await expect(
      subject({ region: 'evil.test/' }).provider.append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: 'alibaba: "evil.test/" is not a region: give it as ap-southeast-1, or leave it out',
    });
  });
  it('says what Alibaba Cloud says', async () => {
    await expect(
      subject().provider.append('a.test', [{ ...record, ttl: Number.NaN }]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message:
        'alibaba: POST / is refused for the zone a.test (400 QuotaExceeded.TTL: The specified TTL is invalid. A valid TTL must be in the range of 600 to 86400.): correct what the host names',
    });
  });
});

describe("alibaba's credentials", () => {
  const key = { id: accessKeyId, secret: accessKeySecret, token: securityToken };

  it.each([
    ['another secret', { accessKeySecret: 'not-it' }, 'SignatureDoesNotMatch'],
    ['another key', { accessKeyId: 'LTAInone' }, '404 InvalidAccessKeyId.NotFound'],
    ['no token of STS', {}, 'InvalidSecurityToken.MismatchWithAccessKey'],
  ])('are refused: %s', async (_, input, words) => {
    const { provider, host } = subject(
      { ...(words.startsWith('Invalid') ? {} : { securityToken }), ...input },
      { key },
    );
    const error: unknown = await provider
      .append('a.test', [record])
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining(words),
    });
    // Alibaba Cloud quotes the token in what it was given to sign.
    expect(String(error)).not.toContain(securityToken);
    expect(host.rows()).toEqual([]);
  });
  it('are asked for again with every request, and named when one is missing', async () => {
    let asked = 0;
    const { provider, host } = subject({
      accessKeySecret: async () => {
        asked += 1;
        return accessKeySecret;
      },
    });
    await provider.append('a.test', [record]);
    expect(asked).toBe(host.requests.length);
    await expect(
      subject({ accessKeyId: '' }).provider.append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: 'alibaba: the AccessKey ID is missing or empty: give it',
    });
  });
  it('do not help if the clock is wrong', async () => {
    const { host } = subject();
    await expect(
      alibaba({
        accessKeyId,
        accessKeySecret,
        fetch: host.fetch,
        clock: virtualClock({ now: '2001-01-01T00:00:00Z' }),
      }).append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('InvalidTimeStamp.Expired'),
    });
  });
});

describe('acs3', () => {
  // The fixed parameters and the result of Alibaba Cloud's documentation of the signature method
  // V3.
  const url = new URL(
    'https://ecs.cn-shanghai.aliyuncs.com/?ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai',
  );
  const headers = {
    accept: 'application/json',
    'x-acs-action': 'RunInstances',
    'x-acs-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'x-acs-date': '2023-10-26T10:22:32Z',
    'x-acs-signature-nonce': '3156853299f313e23d1673dc12e1703d',
    'x-acs-version': '2014-05-26',
  };
  const signature = '06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0';

  it("signs as the vendor's example", () => {
    expect(
      acs3(
        { method: 'POST', url, headers, body: '' },
        { id: 'YourAccessKeyId', secret: 'YourAccessKeySecret' },
      ),
    ).toBe(
      `ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=${signature}`,
    );
  });
  it('is checked by a stand-in that knows the same example', () => {
    const names = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-acs-'))];
    expect(
      expectedSignature(
        { method: 'POST', url, headers: new Headers(headers), text: '' },
        { names, secret: 'YourAccessKeySecret' },
      ),
    ).toBe(signature);
  });
});

describe('the RAM role of a machine', () => {
  const role = 'acme-role';
  /** A machine that has the role; its credentials end after an hour. */
  function machine({ hasTokens = true }: { readonly hasTokens?: boolean } = {}) {
    const clock = virtualClock();
    const key = { id: 'STS.example', secret: accessKeySecret, token: securityToken };
    const host = alibabaStandIn({ clock, zones: ['a.test'], key });
    const asked: string[] = [];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const { url, method, headers } = new Request(input, init);
      if (!url.startsWith('http://100.100.100.200/')) return await host.fetch(input, init);
      asked.push(`${method} ${new URL(url).pathname}`);
      if (url.endsWith('/latest/api/token')) {
        const seconds = Number(headers.get('x-aliyun-ecs-metadata-token-ttl-seconds'));
        const isRight = hasTokens && method === 'PUT' && seconds >= 1 && seconds <= 21_600;
        return new Response(isRight ? 'metadata-token' : '', { status: isRight ? 200 : 405 });
      }
      const token = headers.get('x-aliyun-ecs-metadata-token');
      if (token !== (hasTokens ? 'metadata-token' : null)) return new Response('', { status: 403 });
      if (!url.endsWith(`/latest/meta-data/ram/security-credentials/${role}`))
        return new Response('<html>404</html>', { status: 404 });
      return Response.json({
        AccessKeyId: key.id,
        AccessKeySecret: key.secret,
        SecurityToken: key.token,
        Expiration: clock.now().add({ hours: 1 }).toString({ smallestUnit: 'second' }),
        LastUpdated: clock.now().toString(),
        Code: 'Success',
      });
    };
    return { clock, host, asked, fetch };
  }

  it.each([true, false])('gives temporary credentials, with a token: %s', async (hasTokens) => {
    const { clock, host, asked, fetch } = machine({ hasTokens });
    const provider = alibaba({ ramRole: role, fetch, clock });
    await provider.append('a.test', [record]);
    await clock.advance('PT54M');
    await provider.remove('a.test', [record]);
    expect(host.rows()).toEqual([]);
    expect(asked).toEqual([
      'PUT /latest/api/token',
      `GET /latest/meta-data/ram/security-credentials/${role}`,
    ]);
    await clock.advance('PT2M');
    await provider.append('a.test', [record]);
    expect(asked).toHaveLength(4);
  });
  it('is asked again after Alibaba Cloud has refused its credentials', async () => {
    const { clock, host, asked, fetch } = machine();
    const provider = alibaba({ ramRole: role, fetch, clock });
    host.trouble('credentials');
    await expect(provider.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
    });
    host.trouble(undefined);
    await provider.append('a.test', [record]);
    expect(asked).toHaveLength(4);
  });
  it.each([
    ['none', 'this machine does not have the RAM role none: check its name, and attach it'],
    ['../../instance-id', 'does not have the RAM role ../../instance-id'],
  ])('is named where the machine does not have it: %s', async (ramRole, words) => {
    const { clock, fetch } = machine();
    await expect(
      clock.run(alibaba({ ramRole, fetch, clock }).append('a.test', [record])),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining(words),
    });
  });
  it.each<readonly [string, typeof fetch]>([
    [
      'where there is no metadata service',
      async () => {
        throw new TypeError('fetch failed');
      },
    ],
    ['where something else answers', async () => new Response('<html>hello</html>')],
    ['where nothing answers', async (_, init) => await silence(init?.signal)],
  ])('is refused %s, within seconds', async (_, fetch) => {
    const { clock } = machine();
    const provider = alibaba({ ramRole: role, fetch, clock });
    await expect(clock.run(provider.append('a.test', [record]))).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('a role works only on a machine in Alibaba Cloud'),
    });
    expect(clock.monotonic()).toBeLessThanOrEqual(10_000);
  });
  it.each<AlibabaOptions>([{}, { accessKeyId }, { ramRole: role, accessKeyId, accessKeySecret }])(
    'or an access key is needed, and not both: %j',
    (options) => {
      expect(() => alibaba(options)).toThrow(
        new RangeError('alibaba needs either an access key with its secret or a RAM role'),
      );
    },
  );
});

async function silence(signal: AbortSignal | null | undefined): Promise<never> {
  return await new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason));
  });
}
