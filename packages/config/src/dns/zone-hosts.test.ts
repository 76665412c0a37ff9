import { domainToASCII } from 'node:url';
import { findZone, type LookUp } from '@acmex/dns';
import { describe, expect, it } from '@jest/globals';
import { dnsKinds } from './kinds.ts';
import { moreZoneHosts, openZoneHost, zoneHosts } from './zone-hosts.testing.ts';

const thousand = [
  ...Array.from({ length: 999 }, (_, at) => `z${String(at).padStart(3, '0')}.example`),
  'm.example',
];
const names = (count: number, zone: string) =>
  Array.from({ length: count }, (_, at) => `_acme-challenge.www${at}.${zone}`);
/** A name with so many labels below a zone, beside the label of the challenge. */
const nameAt = (depth: number, zone: string) =>
  ['_acme-challenge', ...Array.from({ length: depth }, (_, at) => `l${at}`), zone].join('.');
const depths = [1, 3, 6, 10, 40];
/** DNS that answers nothing. */
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
/** DNS that shows these zones. */
const showing = (zones: readonly string[]): LookUp => ({
  ...lookUp,
  isZone: async (name) => zones.includes(name),
});
const kinds = Object.keys(zoneHosts);
const hosts = [...kinds, ...Object.keys(moreZoneHosts)];

it('covers every kind of host that lists its zones', () => {
  const withoutList = ['acmedns', 'godaddy', 'rfc2136'];
  const ofHooks = dnsKinds.filter((kind) => kind.package === '@acmex/dns-hooks');
  expect([...kinds, ...withoutList, ...ofHooks.map(({ type }) => type)].sort()).toEqual(
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
  it.each(depths)('are asked for at most 4 times for a name %i labels deep', async (depth) => {
    for (const dns of [lookUp, showing(thousand)]) {
      const { provider, questions } = openZoneHost(type, thousand);
      const search = findZone(nameAt(depth, 'm.example'), { lookUp: dns, provider });
      await expect(search).resolves.toBe('m.example');
      expect(questions.length).toBeLessThanOrEqual(4);
    }
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
  it.each(['one after another', 'at once'])(
    'are asked for at most 60 times for 50 deep names, %s',
    async (order) => {
      const { provider, questions } = openZoneHost(type, thousand);
      const dns = showing(thousand);
      const find = (name: string) => findZone(name, { lookUp: dns, provider });
      const all = names(50, 'm.example').map((name, at) => name.replace('www', `a${at}.b.c.d`));
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

describe.each(hosts)('a zone of %s among a thousand below the same name', (type) => {
  const siblings = [
    ...Array.from({ length: 999 }, (_, at) => `z${String(at).padStart(3, '0')}.example.com`),
    'm.example.com',
    'example.com',
  ];
  it.each(
    ['m.example.com', 'z500.example.com', 'example.com'].flatMap((zone) =>
      depths.map((depth) => [zone, depth] as const),
    ),
  )('is %s for a name %i labels below it', async (zone, depth) => {
    for (const dns of [lookUp, showing(siblings)]) {
      const { provider, questions } = openZoneHost(type, siblings);
      const search = findZone(nameAt(depth, zone), { lookUp: dns, provider });
      await expect(search).resolves.toBe(zone);
      expect(questions.length).toBeLessThanOrEqual(4);
    }
  });
});

describe.each(hosts)('of the zones of %s inside each other', (type) => {
  const nested = ['example.com', 'a.example.com', 'b.a.example.com', 'xa.example.com'];
  it.each(nested.flatMap((zone) => depths.map((depth) => [zone, depth] as const)))(
    'the longest, %s, holds a name %i labels below it',
    async (zone, depth) => {
      for (const dns of [lookUp, showing(nested)]) {
        const { provider, questions } = openZoneHost(type, nested);
        await expect(findZone(nameAt(depth, zone), { lookUp: dns, provider })).resolves.toBe(zone);
        expect(questions.length).toBeLessThanOrEqual(4);
      }
    },
  );
  it('the whole name can be the longest', async () => {
    const zones = ['example.com', '_acme-challenge.c.d.e.example.com'];
    for (const dns of [lookUp, showing(zones)]) {
      const { provider, questions } = openZoneHost(type, zones);
      const [, zone = ''] = zones;
      await expect(findZone(zone, { lookUp: dns, provider })).resolves.toBe(zone);
      expect(questions.length).toBeLessThanOrEqual(4);
    }
  });
});

describe.each(hosts)('an internationalized zone of %s', (type) => {
  const zone = domainToASCII('bücher.example');

  it.each([zone, 'bücher.example'])('is zones for a name below %s', async (name) => {
    const { provider } = openZoneHost(type, ['a.example', zone]);
    await expect(findZone(`_acme-challenge.${name}`, { lookUp, provider })).resolves.toBe(zone);
  });
  it.each(depths)('is asked for at most 4 times for a name %i labels deep', async (depth) => {
    const zones = [...thousand, zone, `xn--4ca.${zone}`];
    for (const longest of zones.slice(-2)) {
      const { provider, questions } = openZoneHost(type, zones);
      const search = findZone(nameAt(depth, longest), { lookUp: showing(zones), provider });
      await expect(search).resolves.toBe(longest);
      expect(questions.length).toBeLessThanOrEqual(4);
    }
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
