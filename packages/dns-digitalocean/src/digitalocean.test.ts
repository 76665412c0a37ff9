import { virtualClock } from '@acmex/clock';
import { dnsProviderContract, dnsZoneContract } from '@acmex/dns/contract';
import { describe, expect, it } from '@jest/globals';
import { digitaloceanStandIn } from './digitalocean.testing.ts';
import { digitalocean } from './index.ts';

describe('digitalocean', () => {
  const token = 'a-token-that-stays-secret';

  it.each(dnsProviderContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      const host = digitaloceanStandIn({ zone: 'a.test', token });
      const clock = virtualClock();
      await check({
        provider: digitalocean({ token, fetch: host.fetch, clock }),
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
        const host = digitaloceanStandIn({ zone: 'a.test', zones, token });
        return digitalocean({ token, fetch: host.fetch, clock: virtualClock() });
      });
    },
  );
  it('finds its value behind a page of others, which stay', async () => {
    const host = digitaloceanStandIn({ zone: 'a.test', token });
    const existingRecords = Array.from({ length: 201 }, (_, at) => ({
      type: 'TXT',
      name: '@',
      data: `other ${at}`,
      ttl: 30,
    }));
    existingRecords.forEach(host.put);
    const provider = digitalocean({ token, fetch: host.fetch });
    await provider.append('a.test', [{ name: '@', value: 'mine' }]);
    await provider.append('a.test', [{ name: '@', value: 'mine' }]);
    expect(host.rows()).toHaveLength(202);
    await provider.remove('a.test', [{ name: '@', value: 'mine' }]);
    expect(host.rows()).toMatchObject(existingRecords);
  });
  it('makes one record of a value that is asked for twice at once', async () => {
    const host = digitaloceanStandIn({ zone: 'a.test', token });
    const provider = digitalocean({ token, fetch: host.fetch });
    await Promise.all(
      [1, 2, 3].map(() => provider.append('a.test', [{ name: '@', value: 'mine' }])),
    );
    expect(host.rows()).toHaveLength(1);
  });
  it('lists its zones', async () => {
    const host = digitaloceanStandIn({ zone: 'a.test', token });
    await expect(digitalocean({ token, fetch: host.fetch }).zones!()).resolves.toEqual(['a.test']);
  });
  it('says what DigitalOcean says', async () => {
    const host = digitaloceanStandIn({ zone: 'a.test', token });
    await expect(
      digitalocean({ token, fetch: host.fetch }).append('a.test', [
        { name: '@', value: 'x', ttl: Number.NaN },
      ]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message:
        'digitalocean: POST /v2/domains/a.test/records is refused for the zone a.test (422 Ttl must be greater than or equal to 30.): correct what the host names',
    });
  });
});
