import { systemClock, virtualClock } from '@acmex/clock';
import { lookUp } from '@acmex/dns';
import { dnsProviderContract, type StandInSubject } from '@acmex/dns/contract';
import { troubled } from '@acmex/dns/stand-in';
import { describeWith, type PowerDns, startPowerDns } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { powerdns } from './index.ts';
import { powerdnsStandIn, powerdnsWords } from './powerdns.testing.ts';

const apiKey = 'a-key-that-stays-secret';
const record = { name: '_acme-challenge', value: 'one' };

describeWith(['pdns_server'], 'powerdns with PowerDNS', () => {
  let server: PowerDns;
  beforeAll(async () => {
    server = await startPowerDns({ zones: ['a.test', 'b.a.test'], apiKey });
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  const readTxt = (name: string) =>
    lookUp({ clock: systemClock, servers: [server.address] }).txt(name);

  // What takes all of the provider's patience is left to the stand-in, which has a clock of its
  // own.
  const clauses = dnsProviderContract.filter(
    ({ title }) => !/nothing but errors|never comes|loses no other/.test(title),
  );
  it.each(clauses.map((clause) => [clause.title, clause] as const))('%s', async (_, { check }) => {
    const front = troubled({ baseUrl: server.url, words: powerdnsWords, fetch });
    const clock = {
      ...virtualClock(),
      now: systemClock.now,
      run: <T>(work: Promise<T>) => work,
    } satisfies StandInSubject['clock'];
    await check({
      provider: powerdns({ url: server.url, apiKey, fetch: front.fetch }),
      zone: 'a.test',
      lookUp: readTxt,
      trouble: front.trouble,
      clock,
      secrets: [apiKey],
    });
  });
  it('writes values of any characters and any length, and lists its zones', async () => {
    const provider = powerdns({ url: `${server.url}/`, apiKey });
    const values = ['a "b" \\ ;c', 'x'.repeat(300)];
    await provider.append(
      'b.a.test',
      values.map((value) => ({ name: '@', value })),
    );
    expect([...(await readTxt('b.a.test'))].sort()).toEqual(values);
    await provider.remove(
      'b.a.test',
      values.map((value) => ({ name: '@', value })),
    );
    expect(await readTxt('b.a.test')).toEqual([]);
    expect([...(await provider.zones!())].sort()).toEqual(['a.test', 'b.a.test']);
  });
  it('reports a wrong key in the words of a real server', async () => {
    await expect(
      powerdns({ url: server.url, apiKey: 'wrong' }).append('a.test', [record]),
    ).rejects.toMatchObject({ code: 'ERR_DNS_CREDENTIALS' });
  });
});

describe('powerdns with a stand-in', () => {
  it.each(dnsProviderContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      const host = powerdnsStandIn({ zone: 'a.test', apiKey });
      const clock = virtualClock();
      await check({
        provider: powerdns({ url: 'http://127.0.0.1:8081', apiKey, fetch: host.fetch, clock }),
        zone: 'a.test',
        lookUp: host.lookUp,
        trouble: host.trouble,
        clock,
        secrets: [apiKey],
      });
    },
  );
  it('keeps what others wrote unchanged: its time to live, and what is switched off', async () => {
    const existingSet = {
      name: '_acme-challenge.a.test.',
      type: 'TXT',
      ttl: 7,
      records: [
        { content: '"theirs"', disabled: false },
        { content: '"off"', disabled: true },
      ],
    };
    const host = powerdnsStandIn({ zone: 'a.test', apiKey, sets: [existingSet] });
    const provider = powerdns({ url: 'http://127.0.0.1:8081', apiKey, fetch: host.fetch });
    await provider.append('a.test', [record]);
    expect(host.sets()).toContainEqual({
      ...existingSet,
      records: [...existingSet.records, { content: '"one"', disabled: false }],
    });
    await provider.remove('a.test', [record]);
    expect(host.sets()).toContainEqual(existingSet);
  });
  it.each([
    ['Native', 0],
    ['Slave', 0],
    ['Master', 2],
    ['Primary', 2],
  ])('notifies the secondaries of a zone of kind %s after each change', async (kind, count) => {
    const host = powerdnsStandIn({ zone: 'a.test', apiKey, kind });
    const provider = powerdns({ url: 'http://127.0.0.1:8081', apiKey, fetch: host.fetch });
    await provider.append('a.test', [record]);
    await provider.append('a.test', [record]);
    await provider.remove('a.test', [record]);
    expect(
      host.requests.filter(
        (request) => request === 'PUT /api/v1/servers/localhost/zones/a.test./notify',
      ),
    ).toHaveLength(count);
  });
  it('takes a change for made though its secondaries could not be notified', async () => {
    const host = powerdnsStandIn({ zone: 'a.test', apiKey, kind: 'Master' });
    const fetch: typeof globalThis.fetch = async (input, init) =>
      String(input).endsWith('/notify')
        ? new Response('no', { status: 500 })
        : await host.fetch(input, init);
    await powerdns({ url: 'http://127.0.0.1:8081', apiKey, fetch }).append('a.test', [record]);
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['one']);
  });
  it('steps out of no zone', async () => {
    const host = powerdnsStandIn({ zone: 'a.test', apiKey });
    for (const zone of ['..', '../../..', 'a.test./../b'])
      await expect(
        powerdns({ url: 'http://127.0.0.1:8081', apiKey, fetch: host.fetch }).append(zone, [
          record,
        ]),
      ).rejects.toMatchObject({ code: 'ERR_DNS_ZONE_NOT_FOUND' });
    expect(
      host.requests.every((request) =>
        /^GET \/api\/v1\/servers\/localhost\/zones\/[^/]+$/.test(request),
      ),
    ).toBe(true);
  });
});
