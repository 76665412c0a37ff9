import { inspect } from 'node:util';
import { virtualClock } from '@acmex/clock';
import { dnsProviderContract, dnsZoneContract } from '@acmex/dns/contract';
import { describe, expect, it } from '@jest/globals';
import { cloudnsStandIn, type CloudnsStandInOptions } from './cloudns.testing.ts';
import { cloudns, type CloudnsUser } from './index.ts';

const password = 'a-password-that-stays-secret';
const record = { name: '_acme-challenge', value: 'mine' };

function subject(
  { user = { 'auth-id': '1234' }, ...more }: Partial<CloudnsStandInOptions> = {},
  providerUser: CloudnsUser = { authId: '1234' },
) {
  const host = cloudnsStandIn({ zone: 'a.test', user, password, ...more });
  const clock = virtualClock();
  return {
    host,
    clock,
    provider: cloudns({ user: providerUser, password, fetch: host.fetch, clock }),
  };
}

/** A host that answers so to everything. */
const saying = (body: string) =>
  cloudns({
    user: { authId: '1234' },
    password,
    clock: virtualClock(),
    fetch: async () => new Response(body),
  });

describe('cloudns', () => {
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
        secrets: [password],
      });
    },
  );
  it.each(dnsZoneContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      await check(
        (zones) =>
          subject({ more: Object.fromEntries(zones.map((zone) => [zone, 'master'])) }).provider,
      );
    },
  );

  it.each(['@', '_acme-challenge'])(
    'leaves the records of others at %s unchanged',
    async (name) => {
      const { host, provider } = subject();
      const at = name === '@' ? '' : name;
      const existingRecords = [
        { type: 'TXT', host: at, record: 'theirs', ttl: '3600' },
        { type: 'A', host: at, record: '192.0.2.1', ttl: '60' },
        { type: 'TXT', host: 'www', record: 'mine', ttl: '60' },
      ];
      existingRecords.forEach(host.put);
      await provider.append('a.test', [{ name, value: 'mine' }]);
      expect(host.rows()).toEqual([
        ...existingRecords,
        { type: 'TXT', host: at, record: 'mine', ttl: '60' },
      ]);
      await provider.remove('a.test', [{ name, value: 'mine' }]);
      expect(host.rows()).toEqual(existingRecords);
    },
  );
  it('makes one record of a value that is asked for twice at once', async () => {
    const { host, provider } = subject();
    await Promise.all([1, 2, 3].map(() => provider.append('a.test', [record])));
    expect(host.rows()).toHaveLength(1);
  });
  it('takes a record that someone else has removed, or whose removal was not answered, for removed', async () => {
    const { host, clock, provider } = subject();
    await provider.append('a.test', [record]);
    host.trouble('lost-answer');
    await expect(clock.run(provider.remove('a.test', [record]))).rejects.toMatchObject({
      code: 'ERR_DNS_API',
    });
    host.trouble(undefined);
    await provider.append('a.test', [record]);
    let removals = 0;
    const fetch: typeof globalThis.fetch = async (input, init) => {
      if (String(input).endsWith('/delete-record.json') && removals++ === 0)
        await host.fetch(input, init);
      return await host.fetch(input, init);
    };
    await cloudns({ user: { authId: '1234' }, password, fetch }).remove('a.test', [record]);
    expect(host.rows()).toEqual([]);
  });
  it.each([
    [undefined, '60'],
    [0, '60'],
    [61, '300'],
    [300, '300'],
    [4000, '21600'],
    [9_999_999, '2592000'],
  ])('writes a time to live of %s seconds as one that ClouDNS has: %s', async (ttl, writtenTtl) => {
    const { host, provider } = subject();
    await provider.append('a.test', [{ ...record, ...(ttl === undefined ? {} : { ttl }) }]);
    expect(host.rows()).toMatchObject([{ ttl: writtenTtl }]);
  });
  it('lists its zones over all pages, without those that are copied or parked', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 200 }, (_, at) => [
        `zone-${at}.test`,
        ['master', 'slave', 'parked', 'geodns'][at] ?? 'master',
      ]),
    );
    const { host, provider } = subject({ more: many });
    const zones = await provider.zones!();
    expect(zones).toHaveLength(199);
    expect(zones).toEqual(
      expect.arrayContaining(['zone-0.test', 'zone-3.test', 'zone-199.test', 'a.test']),
    );
    expect(host.requests).toEqual([
      'POST /get-pages-count.json',
      'POST /list-zones.json',
      'POST /list-zones.json',
      'POST /list-zones.json',
    ]);
    await expect(saying('0').zones!()).resolves.toEqual([]);
  });

  it.each([
    ['auth-id', { authId: '7' }],
    ['sub-auth-id', { subAuthId: '7' }],
    ['sub-auth-user', { subAuthUser: '7' }],
  ] as const)('signs in by %s', async (field, input) => {
    const { host, provider } = subject({ user: { [field]: '7' } }, input);
    await provider.append('a.test', [record]);
    expect(host.rows()).toHaveLength(1);
  });
  it('is refused by a wrong password, and sends nothing without one', async () => {
    const { host } = subject();
    const error: unknown = await cloudns({
      user: { authId: '1234' },
      password: 'wrong',
      fetch: host.fetch,
    })
      .append('a.test', [record])
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message:
        'cloudns: the credentials are refused for the zone a.test (200 Invalid authentication, incorrect auth-id or auth-password.): check them, and what they may do',
    });
    const before = host.requests.length;
    await expect(
      cloudns({ user: { authId: '1234' }, password: async () => ' ', fetch: host.fetch }).append(
        'a.test',
        [record],
      ),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: 'cloudns: the password is missing or empty: give it',
    });
    expect(host.requests).toHaveLength(before);
  });
  it('comes back by itself when it was too fast', async () => {
    const { host, clock, provider } = subject();
    host.trouble('rate-limited');
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const answer = await host.fetch(input, init);
      host.trouble(undefined);
      return new Response(await answer.text());
    };
    await clock.run(
      cloudns({ user: { authId: '1234' }, password, fetch, clock }).append('a.test', [record]),
    );
    await provider.remove('a.test', [{ ...record, value: 'never' }]);
    expect(host.rows()).toHaveLength(1);
  });
  it('says what ClouDNS says, and reveals no password that it repeats', async () => {
    const { provider } = subject();
    await expect(
      provider.append('a.test', [{ ...record, name: 'www.a.test' }]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message:
        'cloudns: POST /dns/add-record.json is refused for the zone a.test (200 Invalid host.): correct what the host names',
    });
    const error: unknown = await saying(
      JSON.stringify({ status: 'Failed', statusDescription: `no ${password}` }),
    )
      .append('a.test', [record])
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: expect.stringContaining('(200 no …)') });
    expect(inspect(error, { depth: 9 })).not.toContain(password);
  });
  it.each(['{"7":{"id":"7","type":"TXT","host":"_acme-challenge"}}', '{"7":null}', '[7]', '"x"'])(
    'takes no record that is none: %s',
    async (body) => {
      await expect(saying(body).append('a.test', [record])).rejects.toMatchObject({
        code: 'ERR_DNS_API',
      });
    },
  );
});
