import { dns01 } from '@acmex/challenge/dns-01';
import { dnsAccount01 } from '@acmex/challenge/dns-account-01';
import { systemClock } from '@acmex/clock';
import { type DnsProvider, type LookUp, recordName, type TxtRecord } from '@acmex/dns';
import { describe, expect, it } from '@jest/globals';
import { dnsByName, openedOnce } from './dns-by-name.ts';

const lookUp: LookUp = {
  txt: async () => [],
  cname: async () => undefined,
  isZone: async (name) => /^[ab]\.test$/.test(name),
  nameServers: async () => [],
  addresses: async () => [],
};
const accountOf = (name: string, shown: Map<string, readonly string[]>): DnsProvider => {
  const placed = (zone: string, records: readonly TxtRecord[]) =>
    records.map((record) => recordName(zone, record));
  return {
    name,
    async append(zone, records) {
      shown.set(name, [...(shown.get(name) ?? []), ...placed(zone, records)]);
    },
    async remove(zone, records) {
      shown.set(
        name,
        (shown.get(name) ?? []).filter((one) => !placed(zone, records).includes(one)),
      );
    },
  };
};
const challengeFor = (value: string, wildcard = false) => ({
  type: 'dns-01',
  identifier: { type: 'dns' as const, value },
  wildcard,
  token: 't',
  keyAuthorization: 't.k',
  account: { url: 'https://ca.test/account/1', thumbprint: 'k' },
  members: {},
  meta: {},
});

describe('a certificate whose names are in zones of two accounts', () => {
  it('is proven by both, each opened once, and another process takes down what this one has shown', async () => {
    const [shown, opened] = [new Map<string, readonly string[]>(), [] as string[]];
    const solver = () =>
      dnsByName({
        type: 'dns-01',
        choose: (name) => (name.endsWith('a.test') ? 'one' : 'two'),
        solverOf: openedOnce(async (name) => {
          opened.push(name);
          return dns01({
            provider: accountOf(name, shown),
            propagation: { check: 'skip' },
            lookUp,
            clock: systemClock,
          });
        }),
      });
    const first = solver();
    const responses = await Promise.all(
      [challengeFor('a.test'), challengeFor('www.a.test'), challengeFor('b.test')].map((one) =>
        first.respond(one),
      ),
    );
    for (const response of responses) {
      await first.present(response);
      await first.visible(response);
    }
    expect(Object.fromEntries(shown)).toEqual({
      one: ['_acme-challenge.a.test', '_acme-challenge.www.a.test'],
      two: ['_acme-challenge.b.test'],
    });
    expect(opened.sort()).toEqual(['one', 'two']);
    const kept = JSON.parse(JSON.stringify(responses)) as typeof responses;
    for (const response of kept) await solver().remove(response);
    expect(Object.fromEntries(shown)).toEqual({ one: [], two: [] });
  });
  it('lets a wildcard choose by its own name', async () => {
    const asked: string[] = [];
    const solver = dnsByName({
      type: 'dns-01',
      choose: (name) => {
        asked.push(name);
        return 'one';
      },
      solverOf: async (name) => dns01({ provider: accountOf(name, new Map()), lookUp }),
    });
    await solver.respond(challengeFor('a.test', true));
    await solver.respond(challengeFor('a.test'));
    expect(asked).toEqual(['*.a.test', 'a.test']);
  });
  it('gives each provider the challenge with its record, for those that make the record by themselves', async () => {
    const told: (readonly TxtRecord[])[] = [];
    const provider: DnsProvider = {
      name: 'raw',
      wholeNames: true,
      append: async (_, records) => {
        told.push(records);
      },
      remove: async () => {
        /* not asked */
      },
    };
    const solver = dnsByName({
      type: 'dns-01',
      choose: () => 'raw',
      solverOf: async () => dns01({ provider, lookUp }),
    });
    await solver.present(await solver.respond(challengeFor('a.test')));
    expect(told).toEqual([
      [
        expect.objectContaining({
          challenge: { domain: 'a.test', token: 't', keyAuthorization: 't.k' },
        }),
      ],
    ]);
  });
  it('gives no challenge with a record of dns-account-01, from which such a provider would make one at another name', async () => {
    const told: (readonly TxtRecord[])[] = [];
    const provider: DnsProvider = {
      name: 'raw',
      wholeNames: true,
      append: async (_, records) => {
        told.push(records);
      },
      remove: async () => {
        /* not asked */
      },
    };
    const solver = dnsByName({
      type: 'dns-account-01',
      choose: () => 'raw',
      solverOf: async () =>
        dnsAccount01({ draft: 'draft-ietf-acme-dns-account-label-02', provider, lookUp }),
    });
    await solver.present(await solver.respond(challengeFor('a.test')));
    expect(told).toEqual([[{ name: '@', value: expect.any(String) }]]);
  });
});
