import { virtualClock } from '@acmex/clock';
import { CertificateCensus } from '@acmex/observability';
import { CertificateStore, type CertificateSummary } from '@acmex/orchestrator';
import { memoryStorage } from '@acmex/storage';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Caller } from '../access/caller.ts';
import { namePart, timeZone } from '../http/fields.ts';
import { type CertificateFilter, filteredPage } from './filter.ts';
import { Summary } from './summary.ts';

const clock = virtualClock({ now: '2026-03-28T12:00:00Z' });
const storage = memoryStorage();
const certificates = new CertificateStore({ storage, clock });
const census = new CertificateCensus(() => ({ storage, certificates }), clock);
const summary = new Summary(census, clock);
const caller = (names: readonly string[] = ['*']) =>
  ({
    ...{ id: 'key_a', names, scopes: new Set() },
    tenant: { name: 'default', manager: { provisioner: { certificates } } },
  }) as unknown as Caller;

const failure = {
  ...{ code: 'ERR_ACME_UNAUTHORIZED', message: 'refused', failures: 1 },
  ...{ at: '2026-03-28T11:00:00Z', retryAt: '2026-03-28T13:00:00Z' },
};
const add = async (names: readonly string[], change: Partial<CertificateSummary> = {}) => {
  const { id } = await certificates.add({ names, issuer: 'ca', keyType: 'ec-p256' });
  await certificates.change(id, (before) => ({ ...before, ...change }));
  // Ids of one millisecond have no order.
  await clock.advance({ milliseconds: 1 });
};
const issued = (notAfter: string, renewalAt?: string): Partial<CertificateSummary> => ({
  current: {
    ...{ generation: 1, serialNumber: '01', notBefore: '2026-01-01T00:00:00Z', notAfter },
    issuedAt: '2026-01-01T00:00:00Z',
  },
  ...(renewalAt === undefined ? {} : { renewal: { at: renewalAt } }),
});
const orders = [
  'ord_01kax2b0000000000000000001',
  'ord_01kax2b0000000000000000002',
  'ord_01kax2b0000000000000000000',
] as const;
const awaits = { since: '2026-03-28T11:00:00Z', lookAt: '2026-03-28T12:30:00Z' };

beforeAll(async () => {
  await add(['a.web.test', 'b.web.test'], issued('2026-03-28T22:59:59Z', '2026-03-28T13:00:00Z'));
  await add(['c.web.test'], issued('2026-03-28T23:00:00Z'));
  // Clocks in Berlin go forward at 1:00 UTC on this day.
  await add(['d.mail.test'], issued('2026-03-29T21:59:59Z', '2026-03-29T22:00:00Z'));
  await add(['e.mail.test', 'e.web.test'], { order: orders[0] });
  await add(['xn--bcher-kva.test'], { failure, order: orders[1] });
  await add(['g.test'], {
    ...issued('2026-06-01T00:00:00Z', '2026-04-01T00:00:00Z'),
    paused: true,
    labels: { team: 'web' },
  });
  await add(['h.test'], { awaits, order: orders[2] });
});

const summaryOf = async (query: object = {}, by = caller()) => {
  const received = { caller: by, query: { days: 90, timeZone: 'UTC', ...query } };
  return (await summary.show(received as never)).body as Record<string, unknown>;
};

describe('the summary of certificates', () => {
  it('counts certificates by state, and names the orders that are under way', async () => {
    const { states, underWay, awaiting, orders: newest } = await summaryOf();
    expect(states).toEqual({
      ...{
        valid: 3,
        due: 0,
        failing: 1,
        waiting: 0,
        unissued: 2,
        paused: 1,
        revoked: 0,
        expired: 0,
      },
    });
    // What waits for a person comes first, and what has failed last.
    expect([underWay, newest]).toEqual([3, [orders[2], orders[0], orders[1]]]);
    expect(awaiting).toBe(1);
  });

  it('counts expiries and renewals by the day of a time zone', async () => {
    expect((await summaryOf()).days).toEqual([
      { date: '2026-03-28', expiring: 2, renewing: 1 },
      { date: '2026-03-29', expiring: 1, renewing: 1 },
      { date: '2026-06-01', expiring: 1, renewing: 0 },
    ]);
    const berlin = { timeZone: 'Europe/Berlin', days: 3 };
    expect((await summaryOf(berlin)).days).toEqual([
      { date: '2026-03-28', expiring: 1, renewing: 1 },
      { date: '2026-03-29', expiring: 2, renewing: 0 },
      { date: '2026-03-30', expiring: 0, renewing: 1 },
    ]);
    expect((await summaryOf({ ...berlin, from: '2026-03-29', days: 1 })).days).toEqual([
      { date: '2026-03-29', expiring: 2, renewing: 0 },
    ]);
    // There was no 30 December 2011 in Samoa.
    const samoa = { timeZone: 'Pacific/Apia', from: '2011-12-29', days: 3 };
    await expect(summaryOf(samoa)).resolves.toMatchObject({ days: [] });
  });

  it('counts only what is for names of the key', async () => {
    const { states, days, underWay } = await summaryOf({}, caller(['*.web.test']));
    expect(states).toMatchObject({ valid: 2, unissued: 0, failing: 0, paused: 0 });
    expect(days).toEqual([{ date: '2026-03-28', expiring: 2, renewing: 1 }]);
    expect(underWay).toBe(0);
    // The key may use the first name of what is ordered, and not the second.
    const mail = await summaryOf({}, caller(['*.mail.test']));
    expect([mail.states, mail.underWay]).toMatchObject([{ valid: 1, unissued: 0 }, 0]);
  });

  it('knows the time zones that there are', () => {
    for (const name of ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5'])
      expect(timeZone.safeParse(name).success).toBe(true);
    for (const name of ['Europe/Nowhere', '', '+02:00', '../../etc/passwd'])
      expect(timeZone.safeParse(name).success).toBe(false);
  });
});

describe('the filter of certificates', () => {
  const namesOf = async (filter: CertificateFilter, by = caller()) => {
    const options = { caller: by, clock, limit: 10 };
    const { certificates: all, scanned } = await filteredPage(filter, { ...options, census });
    const oneByOne = await filteredPage(filter, options);
    expect(all).toEqual(oneByOne.certificates);
    expect(scanned).toBe(all.length);
    return all.map(({ names }) => names[0]);
  };
  const part = (text: string) => ({ contains: namePart.parse(text) });

  it('finds a part of any name, in any case, as people read it', async () => {
    await expect(namesOf(part('WEB'))).resolves.toEqual([
      ...['a.web.test', 'c.web.test', 'e.mail.test'],
    ]);
    await expect(namesOf(part('b.w'))).resolves.toEqual(['a.web.test']);
    await expect(namesOf(part('BÜCH'))).resolves.toEqual(['xn--bcher-kva.test']);
    await expect(namesOf(part('xn--b'))).resolves.toEqual(['xn--bcher-kva.test']);
    await expect(namesOf(part('nowhere'))).resolves.toEqual([]);
    await expect(namesOf({ ...part('web'), state: 'unissued' })).resolves.toEqual(['e.mail.test']);
    await expect(namesOf(part('test'), caller(['*.mail.test']))).resolves.toEqual(['d.mail.test']);
    for (const text of ['a', 'a b', 'x'.repeat(65), 'a/b', 'a\n'])
      expect([text, namePart.safeParse(text).success]).toEqual([text, false]);
  });

  it('finds what is to be renewed between two times', async () => {
    const renewalAfter = '2026-03-28T13:00:00Z';
    await expect(namesOf({ renewalAfter })).resolves.toEqual(['d.mail.test', 'g.test']);
    await expect(namesOf({ renewalAfter, renewalBefore: '2026-03-30T00:00:00Z' })).resolves.toEqual(
      ['d.mail.test'],
    );
    await expect(namesOf({ renewalBefore: '2026-03-28T13:00:01Z' })).resolves.toEqual([
      'a.web.test',
    ]);
  });

  it('finds those whose order waits for records that a person sets', async () => {
    await expect(namesOf({ awaits: 'records' })).resolves.toEqual(['h.test']);
  });

  it('finds a state, an issuer and labels', async () => {
    await expect(namesOf({ state: 'failing' })).resolves.toEqual(['xn--bcher-kva.test']);
    await expect(namesOf({ issuer: 'another' })).resolves.toEqual([]);
    await expect(namesOf({ label: 'team' })).resolves.toEqual(['g.test']);
    await expect(namesOf({ label: 'team=web' })).resolves.toEqual(['g.test']);
    await expect(namesOf({ label: 'team=mail' })).resolves.toEqual([]);
    await expect(namesOf({ state: 'valid', below: 'web.test' })).resolves.toEqual([
      ...['a.web.test', 'c.web.test'],
    ]);
    const expiresAfter = '2026-03-29T00:00:00Z';
    await expect(namesOf({ state: 'valid', expiresAfter })).resolves.toEqual(['d.mail.test']);
  });
});
