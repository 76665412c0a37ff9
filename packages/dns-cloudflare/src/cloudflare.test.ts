import { virtualClock } from '@acmex/clock';
import { dnsProviderContract, dnsZoneContract } from '@acmex/dns/contract';
import { describe, expect, it } from '@jest/globals';
import { cloudflareStandIn } from './cloudflare.testing.ts';
import { cloudflare } from './index.ts';

describe('cloudflare', () => {
  const token = 'a-token-that-stays-secret';

  it.each(dnsProviderContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      const host = cloudflareStandIn({ zone: 'a.test', token });
      const clock = virtualClock();
      await check({
        provider: cloudflare({ token, fetch: host.fetch, clock }),
        zone: 'a.test',
        lookUp: host.lookUp,
        trouble: host.trouble,
        clock,
        secrets: [token],
      });
    },
  );
  it.each(dnsZoneContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      await check((zones) => {
        const more = zones.filter((zone) => zone !== 'a.test');
        const host = cloudflareStandIn({ zone: 'a.test', more, token });
        return cloudflare({ token, fetch: host.fetch, clock: virtualClock() });
      });
    },
  );

  it.each(['a global key', 'split tokens', 'the id of the zone', 'split tokens and the id'])(
    'writes and removes a record with %s',
    async (way) => {
      const globalKey = { email: 'me@a.test', key: 'a-key-that-stays-secret' };
      const zoneToken = 'another-token-that-stays-secret';
      const credentials = {
        ...(way === 'a global key' ? { globalKey } : { token }),
        ...(way.startsWith('split tokens') ? { zoneToken } : {}),
      };
      const host = cloudflareStandIn({ zone: 'a.test', token: 'none', ...credentials });
      const provider = cloudflare({
        ...credentials,
        ...(way.includes('id') ? { zoneId: host.zoneId } : {}),
        fetch: host.fetch,
      });
      const record = { name: '_acme-challenge', value: 'x' };
      await expect(provider.zoneOf!('_acme-challenge.a.test')).resolves.toBe('a.test');
      await provider.append('a.test', [record]);
      expect(host.rows()).toMatchObject([{ name: '_acme-challenge.a.test' }]);
      await provider.remove('a.test', [record]);
      expect(host.rows()).toEqual([]);
      const lists = host.requests.filter((request) => /^GET \S*\/zones\?/.test(request));
      expect(lists.length > 0).toBe(!way.includes('id'));
    },
  );
  it('writes only the zone of its id', async () => {
    const host = cloudflareStandIn({ zone: 'a.test', token });
    const provider = cloudflare({ token, zoneId: host.zoneId, fetch: host.fetch });
    await expect(provider.zones!()).resolves.toEqual(['a.test']);
    await expect(provider.append('b.test', [{ name: '@', value: 'x' }])).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
    });
  });
  it('puts no global key into a message', async () => {
    const globalKey = { email: 'me@a.test', key: 'a-key-that-stays-secret' };
    const fetch = async () =>
      Response.json(
        { success: false, errors: [{ code: 9103, message: `Unknown key ${globalKey.key}` }] },
        { status: 403 },
      );
    await expect(
      cloudflare({ globalKey, fetch }).append('a.test', [{ name: '@', value: 'x' }]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.not.stringContaining(globalKey.key),
    });
  });
  it('needs either a token or a global key', () => {
    expect(() => cloudflare({})).toThrow(RangeError);
    expect(() => cloudflare({ token, globalKey: { email: 'me@a.test', key: 'k' } })).toThrow(
      RangeError,
    );
  });
  it('finds its value behind a page of others, which stay, and takes one without quotes for the same', async () => {
    const host = cloudflareStandIn({ zone: 'a.test', token });
    const existingRecords = ['"x"', '"y"', '"z"'].map((content) => ({
      type: 'TXT',
      name: '_acme-challenge.a.test',
      content,
    }));
    existingRecords.forEach(host.put);
    host.put({ type: 'TXT', name: '_acme-challenge.a.test', content: 'mine' });
    const provider = cloudflare({ token, fetch: host.fetch });
    await provider.append('a.test', [{ name: '_acme-challenge', value: 'mine' }]);
    expect(host.rows()).toHaveLength(4);
    await provider.remove('a.test', [{ name: '_acme-challenge', value: 'mine' }]);
    expect(host.rows()).toMatchObject(existingRecords);
  });
  it('takes it for a success when someone else was faster', async () => {
    const host = cloudflareStandIn({ zone: 'a.test', token });
    const late: typeof fetch = async (input, init) => {
      if (init?.method === 'POST') host.put({ type: 'TXT', name: 'a.test', content: '"mine"' });
      return await host.fetch(input, init);
    };
    await cloudflare({ token, fetch: late }).append('a.test', [{ name: '@', value: 'mine' }]);
    expect(host.rows()).toHaveLength(1);
  });
  it('lists its zones over all pages', async () => {
    const host = cloudflareStandIn({ zone: 'a.test', token });
    await expect(cloudflare({ token, fetch: host.fetch }).zones!()).resolves.toEqual([
      'one.test',
      'two.test',
      'a.test',
    ]);
    expect(host.requests).toHaveLength(2);
  });
  it("says what is wrong with a time to live, in Cloudflare's words", async () => {
    const host = cloudflareStandIn({ zone: 'a.test', token });
    await expect(
      cloudflare({ token, fetch: host.fetch }).append('a.test', [
        { name: '@', value: 'x', ttl: Number.NaN },
      ]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining(
        'Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic. (9021)',
      ),
    });
  });
  it('takes the 400 of what cannot be a token for wrong credentials', async () => {
    const fetch = async () =>
      new Response(
        '{"success":false,"errors":[{"code":6003,"message":"Invalid request headers"}]}',
        { status: 400 },
      );
    await expect(
      cloudflare({ token, fetch }).append('a.test', [{ name: '@', value: 'x' }]),
    ).rejects.toMatchObject({ code: 'ERR_DNS_CREDENTIALS' });
  });
  it.each([
    '<html>',
    'null',
    '"text"',
    '{}',
    '{"result":[]}',
    '{"result":[{"id":1,"name":"a.test"}],"result_info":{"total_pages":1}}',
  ])(
    'takes nothing for gone, and nothing for done, by an answer that is none: %s',
    async (body) => {
      const fetch = async () =>
        new Response(body, { headers: { 'content-type': 'application/json' } });
      const provider = cloudflare({ token, fetch });
      await expect(provider.remove('a.test', [{ name: '@', value: 'x' }])).rejects.toMatchObject({
        code: 'ERR_DNS_API',
        message: expect.stringContaining('the answer to zones.list is not what is expected'),
      });
      await expect(provider.append('a.test', [{ name: '@', value: 'x' }])).rejects.toMatchObject({
        code: 'ERR_DNS_API',
      });
    },
  );
  it('sends a new record once, though its answer is lost, and asks for the token again', async () => {
    const host = cloudflareStandIn({ zone: 'a.test', token });
    const clock = virtualClock();
    let asked = 0;
    const provider = cloudflare({
      token: async () => {
        asked += 1;
        return `${token}\n`;
      },
      fetch: host.fetch,
      clock,
    });
    host.trouble('lost-answer');
    await clock.run(provider.append('a.test', [{ name: '@', value: 'x' }]));
    expect(host.requests.filter((request) => request.startsWith('POST'))).toHaveLength(1);
    expect(asked).toBe(host.requests.length);
  });
  it('goes nowhere else and sends nothing more, whatever the environment has for the SDK', async () => {
    const host = cloudflareStandIn({ zone: 'a.test', token });
    const names: string[] = [];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      names.push(...new Headers(init?.headers).keys());
      return await host.fetch(input, init);
    };
    const before = { ...process.env };
    Object.assign(process.env, {
      CLOUDFLARE_BASE_URL: 'https://elsewhere.test',
      CLOUDFLARE_API_TOKEN: 'other',
      CLOUDFLARE_API_KEY: 'key',
      CLOUDFLARE_EMAIL: 'a@a.test',
      CLOUDFLARE_API_USER_SERVICE_KEY: 'key',
      CLOUDFLARE_CUSTOM_HEADERS: 'authorization: Bearer other\nx-more: 1',
      CLOUDFLARE_LOG: 'debug',
    });
    try {
      await cloudflare({ token, fetch }).append('a.test', [{ name: '@', value: 'x' }]);
    } finally {
      process.env = before;
    }
    expect([...new Set(names)].sort()).toEqual([
      'accept',
      'authorization',
      'content-type',
      'user-agent',
    ]);
    expect(host.rows()).toHaveLength(1);
  });
  it('follows no redirect', async () => {
    const fetch = async () =>
      new Response(null, { status: 302, headers: { location: 'https://elsewhere.test' } });
    await expect(
      cloudflare({ token, fetch }).append('a.test', [{ name: '@', value: 'x' }]),
    ).rejects.toMatchObject({ code: 'ERR_DNS_API', message: expect.stringContaining('302') });
  });
});
