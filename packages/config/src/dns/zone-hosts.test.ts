import { domainToASCII } from 'node:url';
import { findZone, type LookUp } from '@acmex/dns';
import { describe, expect, it } from '@jest/globals';
import { dnsKinds } from './kinds.ts';
import { openZoneHost, zoneHosts } from './zone-hosts.testing.ts';

const thousand = [
  ...Array.from({ length: 999 }, (_, at) => `z${String(at).padStart(3, '0')}.example`),
  'm.example',
];
const names = (count: number, zone: string) =>
  Array.from({ length: count }, (_, at) => `_acme-challenge.www${at}.${zone}`);
/** DNS is not asked where a host knows its zones. */
const refuse = async () => {
  throw new Error('DNS is not asked');
};
const lookUp: LookUp = {
  txt: refuse,
  cname: refuse,
  isZone: refuse,
  nameServers: refuse,
  addresses: refuse,
};
const hosts = Object.keys(zoneHosts);

it('covers every kind of host that lists its zones', () => {
  const withoutList = ['acmedns', 'godaddy', 'rfc2136'];
  const ofHooks = dnsKinds.filter((kind) => kind.package === '@acmex/dns-hooks');
  expect([...hosts, ...withoutList, ...ofHooks.map(({ type }) => type)].sort()).toEqual(
    dnsKinds.map(({ type }) => type).sort(),
  );
});

describe.each(hosts)('the zones of %s in an account with 1,000', (type) => {
  it('are asked for at most 4 times for a name', async () => {
    const { provider, questions } = openZoneHost(type, thousand);
    const [name = ''] = names(1, 'm.example');
    await expect(findZone(name, { lookUp, provider })).resolves.toBe('m.example');
    expect(questions.length).toBeLessThanOrEqual(4);
  });
  it.each(['one after another', 'at once'])(
    'are asked for at most 60 times for 50 names, %s',
    async (order) => {
      const { provider, questions } = openZoneHost(type, thousand);
      const find = (name: string) => findZone(name, { lookUp, provider });
      const all = names(50, 'm.example');
      const zones: string[] = [];
      if (order === 'at once') zones.push(...(await Promise.all(all.map(find))));
      else for (const name of all) zones.push(await find(name));
      expect([...new Set(zones)]).toEqual(['m.example']);
      expect(questions.length).toBeLessThanOrEqual(60);
    },
  );
  it('are asked for again after a minute', async () => {
    const { provider, questions, clock } = openZoneHost(type, thousand);
    const [name = ''] = names(1, 'm.example');
    await findZone('m.example', { lookUp, provider });
    const before = questions.length;
    await findZone('m.example', { lookUp, provider });
    expect(questions).toHaveLength(before);
    await clock.advance('PT61S');
    await findZone(name, { lookUp, provider });
    expect(questions.length).toBeGreaterThan(before);
  });
});

describe.each(hosts)('an internationalized zone of %s', (type) => {
  const zone = domainToASCII('bücher.example');

  it.each([zone, 'bücher.example'])('is zones for a name below %s', async (name) => {
    const { provider } = openZoneHost(type, ['a.example', zone]);
    await expect(findZone(`_acme-challenge.${name}`, { lookUp, provider })).resolves.toBe(zone);
  });
  it('is listed in A-labels', async () => {
    const { provider } = openZoneHost(type, ['a.example', zone]);
    await expect(provider.zones?.()).resolves.toEqual(['a.example', zone]);
  });
  it('is zones again to write its records', async () => {
    const { provider, urls, clock } = openZoneHost(type, ['a.example', zone]);
    // The host answers questions about zones alone.
    const written = provider.append(zone, [{ name: '_acme-challenge', value: 'x' }]);
    await expect(clock.run(written)).rejects.not.toMatchObject({ code: 'ERR_DNS_ZONE_NOT_FOUND' });
    expect(urls.length).toBeGreaterThan(0);
  });
});
