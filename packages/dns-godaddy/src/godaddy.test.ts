import { inspect } from 'node:util';
import { virtualClock } from '@acmex/clock';
import { dnsProviderContract } from '@acmex/dns/contract';
import { describe, expect, it } from '@jest/globals';
import { godaddyStandIn } from './godaddy.testing.ts';
import { godaddy } from './index.ts';

const credentials = { key: 'the-key', secret: 'a-secret-that-stays-secret' };
const record = { name: '_acme-challenge', value: 'mine' };
const existingRecords = [
  { type: 'TXT', name: '_acme-challenge', data: 'theirs', ttl: 3600 },
  { type: 'TXT', name: '_acme-challenge', data: 'and "theirs"', ttl: 600 },
];

function subject({ small = false } = {}) {
  const host = godaddyStandIn({ zone: 'a.test', ...credentials, small });
  const clock = virtualClock();
  return { host, clock, provider: godaddy({ ...credentials, fetch: host.fetch, clock }) };
}

describe('godaddy', () => {
  it.each(dnsProviderContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      const { host, clock, provider } = subject();
      await check({
        provider,
        zone: 'a.test',
        lookUp: host.lookUp,
        trouble: host.trouble,
        clock,
        secrets: [credentials.secret],
      });
    },
  );

  it.each(['@', '_acme-challenge'])(
    'keeps the records of others at %s unchanged, each with its time to live',
    async (name) => {
      const { host, provider } = subject();
      const before = [
        ...existingRecords.map((row) => ({ ...row, name })),
        { type: 'A', name, data: '192.0.2.1', ttl: 600 },
        { type: 'TXT', name: 'www', data: 'mine', ttl: 600 },
      ];
      before.forEach(host.put);
      await provider.append('a.test', [{ ...record, name }]);
      expect(host.rows()).toEqual([...before, { type: 'TXT', name, data: 'mine', ttl: 600 }]);
      await provider.remove('a.test', [{ ...record, name }]);
      expect(host.rows()).toHaveLength(4);
      expect(host.rows()).toEqual(expect.arrayContaining(before));
    },
  );
  it('replaces nothing to add a value, deletes the name with its last one, and sends nothing where nothing is to be done', async () => {
    const { host, provider } = subject();
    await provider.append('a.test', [record, record, { ...record, value: 'two' }]);
    await provider.remove('a.test', [record, { ...record, value: 'two' }, record]);
    expect(host.requests.filter((request) => !request.startsWith('GET'))).toEqual([
      'PATCH /domains/a.test/records',
      'PATCH /domains/a.test/records',
      'PUT /domains/a.test/records/TXT/_acme-challenge',
      'DELETE /domains/a.test/records/TXT/_acme-challenge',
    ]);
  });
  it.each([503, 429])(
    'takes away nothing that others have added while it waits after status %i',
    async (status) => {
      const { host, clock } = subject();
      await godaddy({ ...credentials, fetch: host.fetch }).append('a.test', [record]);
      let refusals = 2;
      const fetch: typeof globalThis.fetch = async (input, init) => {
        if (!['PUT', 'DELETE'].includes(init?.method ?? '') || refusals === 0)
          return await host.fetch(input, init);
        refusals -= 1;
        host.put({ type: 'TXT', name: '_acme-challenge', data: `theirs ${refusals}`, ttl: 600 });
        return new Response('{}', { status });
      };
      await clock.run(godaddy({ ...credentials, fetch, clock }).remove('a.test', [record]));
      await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual([
        'theirs 1',
        'theirs 0',
      ]);
    },
  );
  it('makes one record though the answer to it was lost', async () => {
    const { host, clock, provider } = subject();
    host.trouble('lost-answer');
    await clock.run(provider.append('a.test', [record]));
    await clock.run(provider.remove('a.test', [{ ...record, value: 'never' }]));
    expect(host.rows()).toHaveLength(1);
    await clock.run(provider.remove('a.test', [record]));
    expect(host.rows()).toHaveLength(0);
  });
  it.each([
    [undefined, 600],
    [60, 600],
    [3600, 3600],
  ])('writes a time to live of %s seconds as %i', async (ttl, writtenTtl) => {
    const { host, provider } = subject();
    await provider.append('a.test', [{ ...record, ...(ttl === undefined ? {} : { ttl }) }]);
    expect(host.rows()).toMatchObject([{ ttl: writtenTtl }]);
  });

  it('says whom GoDaddy lets in', async () => {
    const { provider } = subject({ small: true });
    await expect(provider.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message:
        'godaddy: the credentials are refused for the zone a.test (403 Authenticated user is not allowed access; GoDaddy opens its DNS API to accounts with 10 domains or more, or a Discount Domain Club plan, see developer.godaddy.com/getstarted): check them, and what they may do',
    });
  });
  it('says what GoDaddy says, and of which field', async () => {
    const { provider } = subject();
    await expect(provider.append('a.test', [{ ...record, ttl: Number.NaN }])).rejects.toMatchObject(
      {
        code: 'ERR_DNS_API',
        message: expect.stringContaining(
          "(422 Request body doesn't fulfill schema, see details in `fields` (records[0].ttl: null is not between 600 and 604800))",
        ),
      },
    );
    await expect(provider.remove('elsewhere.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
      message: expect.stringContaining('elsewhere.test'),
    });
  });
  it.each([
    { ...credentials, secret: ' ' },
    { ...credentials, key: '' },
    { ...credentials, secret: async () => '' },
  ])('sends nothing without a key and its secret', async (half) => {
    const { host } = subject();
    await expect(
      godaddy({ ...half, fetch: host.fetch }).append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('missing or empty'),
    });
    expect(host.requests).toEqual([]);
  });
  it('reveals no secret that GoDaddy repeats', async () => {
    const fetch = async () =>
      new Response(JSON.stringify({ code: 'X', message: `no ${credentials.secret}` }), {
        status: 401,
      });
    const error: unknown = await godaddy({ ...credentials, fetch })
      .append('a.test', [record])
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('401 no …'),
    });
    expect(inspect(error, { depth: 9 })).not.toContain(credentials.secret);
  });
});
