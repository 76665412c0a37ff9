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
const accountOf = (name: string, written: Map<string, readonly string[]>): DnsProvider => {
  const placed = (zone: string, records: readonly TxtRecord[]) =>
    records.map((record) => recordName(zone, record));
  return {
    name,
    async append(zone, records) {
      written.set(name, [...(written.get(name) ?? []), ...placed(zone, records)]);
    },
    async remove(zone, records) {
      written.set(
        name,
        (written.get(name) ?? []).filter((record) => !placed(zone, records).includes(record)),
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
  it('is validated by both providers, each opened once, and a second process can remove the records', async () => {
    const [written, opened] = [new Map<string, readonly string[]>(), [] as string[]];
    const solver = () =>
      dnsByName({
        type: 'dns-01',
        choose: (name) => (name.endsWith('a.test') ? 'first' : 'second'),
        solverOf: openedOnce(async (name) => {
          opened.push(name);
          return dns01({
            provider: accountOf(name, written),
            propagation: { check: 'skip' },
            lookUp,
            clock: systemClock,
          });
        }),
      });
    const first = solver();
    const responses = await Promise.all(
      [challengeFor('a.test'), challengeFor('www.a.test'), challengeFor('b.test')].map(
        (challenge) => first.respond(challenge),
      ),
    );
    for (const response of responses) {
      await first.present(response);
      await first.visible(response);
    }
    expect(Object.fromEntries(written)).toEqual({
      first: ['_acme-challenge.a.test', '_acme-challenge.www.a.test'],
      second: ['_acme-challenge.b.test'],
    });
    expect(opened.sort()).toEqual(['first', 'second']);
    const saved = JSON.parse(JSON.stringify(responses)) as typeof responses;
    for (const response of saved) await solver().remove(response);
    expect(Object.fromEntries(written)).toEqual({ first: [], second: [] });
  });
  it('opens a provider again that could not be opened', async () => {
    const opened: string[] = [];
    const open = openedOnce(async (name) => {
      opened.push(name);
      if (opened.length === 1) throw new Error('the network is down');
      return name;
    });
    await expect(Promise.all([open('first'), open('first')])).rejects.toThrow('the network');
    await expect(open('first')).resolves.toBe('first');
    await expect(open('first')).resolves.toBe('first');
    expect(opened).toEqual(['first', 'first']);
  });
  it('lets a wildcard choose by its own name', async () => {
    const asked: string[] = [];
    const solver = dnsByName({
      type: 'dns-01',
      choose: (name) => {
        asked.push(name);
        return 'first';
      },
      solverOf: async (name) => dns01({ provider: accountOf(name, new Map()), lookUp }),
    });
    await solver.respond(challengeFor('a.test', true));
    await solver.respond(challengeFor('a.test'));
    expect(asked).toEqual(['*.a.test', 'a.test']);
  });
  it('passes the challenge with its record to providers that build the record themselves', async () => {
    const calls: (readonly TxtRecord[])[] = [];
    const provider: DnsProvider = {
      name: 'raw',
      wholeNames: true,
      append: async (_, records) => {
        calls.push(records);
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
    expect(calls).toEqual([
      [
        expect.objectContaining({
          challenge: { domain: 'a.test', token: 't', keyAuthorization: 't.k' },
        }),
      ],
    ]);
  });
  it('passes no challenge with a dns-account-01 record, because such a provider would use the wrong name', async () => {
    const calls: (readonly TxtRecord[])[] = [];
    const provider: DnsProvider = {
      name: 'raw',
      wholeNames: true,
      append: async (_, records) => {
        calls.push(records);
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
    expect(calls).toEqual([[{ name: '@', value: expect.any(String) }]]);
  });
});
