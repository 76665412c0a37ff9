import { virtualClock } from '@acmex/clock';
import { dnsProviderContract, dnsZoneContract } from '@acmex/dns/contract';
import { describe, expect, it } from '@jest/globals';
import { linode } from './index.ts';
import { linodeStandIn } from './linode.testing.ts';

describe('linode', () => {
  const token = 'a-token-that-stays-secret';
  const record = { name: '_acme-challenge', value: 'mine' };
  const subject = (more: readonly string[] = []) => {
    const host = linodeStandIn({ zone: 'a.test', token, more });
    return { host, provider: linode({ token, fetch: host.fetch }) };
  };

  it.each(dnsProviderContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      const host = linodeStandIn({ zone: 'a.test', token });
      const clock = virtualClock();
      await check({
        provider: linode({ token, fetch: host.fetch, clock }),
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
      await check((zones) => subject(zones.filter((zone) => zone !== 'a.test')).provider);
    },
  );

  it.each(['@', '_acme-challenge'])(
    'finds its value behind a page of others at %s, which stay',
    async (name) => {
      const { host, provider } = subject();
      const existingRecords = Array.from({ length: 501 }, (_, at) => ({
        type: 'TXT',
        name: name === '@' ? '' : name,
        target: `other ${at}`,
        ttl_sec: 300,
      }));
      [
        ...existingRecords,
        { type: 'A', name: 'www', target: 'mine', ttl_sec: 300 },
        { type: 'TXT', name: 'www', target: 'mine', ttl_sec: 300 },
      ].forEach(host.put);
      await provider.append('a.test', [{ name, value: 'mine' }]);
      await provider.append('a.test', [{ name, value: 'mine' }]);
      expect(host.rows()).toHaveLength(504);
      await provider.remove('a.test', [{ name, value: 'mine' }]);
      expect(host.rows()).toHaveLength(503);
      expect(host.rows()).toMatchObject([
        ...existingRecords,
        { type: 'A' },
        { name: 'www', target: 'mine' },
      ]);
    },
  );
  it('makes one record of a value that is asked for twice at once', async () => {
    const { host, provider } = subject();
    await Promise.all([1, 2, 3].map(() => provider.append('a.test', [record])));
    expect(host.rows()).toHaveLength(1);
  });
  it.each([
    [undefined, 30],
    [0, 30],
    [60, 120],
    [300, 300],
    [301, 3600],
  ])(
    'writes a time to live of %s seconds as the next that Linode has: %i',
    async (ttl, writtenTtl) => {
      const { host, provider } = subject();
      await provider.append('a.test', [{ ...record, ...(ttl === undefined ? {} : { ttl }) }]);
      expect(host.rows()).toMatchObject([{ ttl_sec: writtenTtl }]);
    },
  );
  it('lists its zones over all pages, without those that are copied from another server', async () => {
    const many = Array.from({ length: 500 }, (_, at) => `zone-${at}.test`);
    const { host, provider } = subject(many);
    await expect(provider.zones!()).resolves.toEqual([...many, 'a.test']);
    expect(host.requests).toHaveLength(2);
    await expect(provider.append('copied.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
      message:
        'linode: no primary domain copied.test with this token: check the name, and which domains its user can write',
    });
  });
  it('says what Linode says', async () => {
    const { provider } = subject();
    await expect(
      provider.append('a.test', [{ ...record, name: 'x'.repeat(101) }]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message:
        'linode: POST /v4/domains/1234/records is refused for the zone a.test (400 Hostname invalid): correct what the host names',
    });
  });
});
