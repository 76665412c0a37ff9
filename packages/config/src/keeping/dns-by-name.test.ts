import { systemClock } from '@acmex/clock';
import { type DnsProvider, type LookUp, recordName, type TxtRecord } from '@acmex/dns';
import { describe, expect, it } from '@jest/globals';
import { dnsByName } from './dns-by-name.ts';

const lookUp: LookUp = { txt: async () => [], cname: async () => undefined, isZone: async (name) => /^[ab]\.test$/.test(name), nameServers: async () => [], addresses: async () => [] };
const accountOf = (name: string, shown: Map<string, readonly string[]>): DnsProvider => {
  const placed = (zone: string, records: readonly TxtRecord[]) => records.map((record) => recordName(zone, record));
  return {
    name,
    async append(zone, records) { shown.set(name, [...shown.get(name) ?? [], ...placed(zone, records)]); },
    async remove(zone, records) { shown.set(name, (shown.get(name) ?? []).filter((one) => !placed(zone, records).includes(one))); },
  };
};
const challengeFor = (value: string, wildcard = false) => ({ type: 'dns-01', identifier: { type: 'dns' as const, value }, wildcard, token: 't', keyAuthorization: 't.k' });

describe('a certificate whose names are in zones of two accounts', () => {
  it('is proven by both, each opened once, and another process takes down what this one has shown', async () => {
    const [shown, opened] = [new Map<string, readonly string[]>(), [] as string[]];
    const solver = () => dnsByName({
      choose: (name) => (name.endsWith('a.test') ? 'one' : 'two'), propagation: { check: 'skip' }, lookUp, clock: systemClock,
      open: async (name) => { opened.push(name); return accountOf(name, shown); },
    });
    const first = solver();
    const responses = await Promise.all([challengeFor('a.test'), challengeFor('www.a.test'), challengeFor('b.test')].map((one) => first.respond(one)));
    for (const response of responses) {
      await first.present(response);
      await first.visible(response);
    }
    expect(Object.fromEntries(shown)).toEqual({ one: ['_acme-challenge.a.test', '_acme-challenge.www.a.test'], two: ['_acme-challenge.b.test'] });
    expect(opened.sort()).toEqual(['one', 'two']);
    const kept = JSON.parse(JSON.stringify(responses)) as typeof responses;
    for (const response of kept) await solver().remove(response);
    expect(Object.fromEntries(shown)).toEqual({ one: [], two: [] });
  });
  it('lets a wildcard choose by its own name', async () => {
    const asked: string[] = [];
    const solver = dnsByName({ choose: (name) => { asked.push(name); return 'one'; }, open: async (name) => accountOf(name, new Map()), lookUp });
    await solver.respond(challengeFor('a.test', true));
    await solver.respond(challengeFor('a.test'));
    expect(asked).toEqual(['*.a.test', 'a.test']);
  });
  it('gives each provider the challenge with its record, for those that make the record by themselves', async () => {
    const told: (readonly TxtRecord[])[] = [];
    const provider: DnsProvider = { name: 'raw', wholeNames: true, append: async (_, records) => { told.push(records); }, remove: async () => { /* not asked */ } };
    const solver = dnsByName({ choose: () => 'raw', open: async () => provider, lookUp });
    await solver.present(await solver.respond(challengeFor('a.test')));
    expect(told).toEqual([[expect.objectContaining({ challenge: { domain: 'a.test', token: 't', keyAuthorization: 't.k' } })]]);
  });
});
