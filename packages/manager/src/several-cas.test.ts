import { createExternalAccount } from '@acmex/ca';
import {
  changedTerms,
  longProcessing,
  paused,
  rateLimited,
  refusedConnections,
  unavailable,
} from '@acmex/ca/faults';
import { unavailableIssuers } from '@acmex/orchestrator';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type TestCa, type TestFleet, testFleet } from './several-cas.testing.ts';

let fleet: TestFleet;
let first: TestCa;
let second: TestCa;
const cas: TestCa[] = [];
const addCa: TestFleet['addCa'] = async (name, options) => {
  const ca = await fleet.addCa(name, options);
  cas.push(ca);
  return ca;
};
const profiles = { default: { validity: { hours: 48 } } };
beforeEach(async () => {
  fleet = testFleet();
  first = await addCa('first', { profiles });
  second = await addCa('second', { profiles });
});
afterEach(async () => {
  for (const ca of cas.splice(0)) await ca[Symbol.asyncDispose]();
});

const both = { issuer: 'first', fallbackIssuers: ['second'] };
const managed = async (id: string) => await fleet.provisioner.certificates.get(id);
const issuerOf = async (id: string) => (await managed(id)).current?.issuedFor?.issuer;
const eventsOf = async (type: string) =>
  (await fleet.events()).filter((event) => event.type === type);
const ordersAt = ({ requests }: TestCa) =>
  requests.filter((request) => request === 'POST newOrder').length;
const renew = async (id: string) =>
  await fleet.clock.run(fleet.maintenance.maintain(id, { force: 'renewal' }));
const accountLimit = 'too many new orders (300) from this account in the last 3h0m0s';

describe('a CA that answers 429 for an hour', () => {
  it('is sent no request before the hour is over, and delays no certificate of another CA', async () => {
    await fleet.obtain({ issuer: 'first' });
    first.fault = rateLimited({ retryAfter: 3600, detail: accountLimit });
    const held = await fleet.obtain({ issuer: 'first' });
    first.requests.length = 0;
    const later = await fleet.obtain({ issuer: 'first' });
    await fleet.pass({ minutes: 30 });
    await expect(fleet.obtain({ issuer: 'second' }).then(issuerOf)).resolves.toBe('second');
    await expect(fleet.obtain(both).then(issuerOf)).resolves.toBe('second');
    await fleet.pass({ minutes: 29 });
    expect(first.requests).toEqual([]);
    first.fault = undefined;
    await fleet.pass({ minutes: 5 });
    for (const id of [held, later]) await expect(issuerOf(id)).resolves.toBe('first');
  });

  it.each([
    ['is waited for by a renewal that has time', 3, 'first'],
    ['is left by a renewal that would be late', 12, 'second'],
  ] as const)('%s: also where it names a domain', async (_, hours, issuer) => {
    const id = await fleet.obtain(both);
    await fleet.pass({ hours: 8 });
    const { names, renewal } = await managed(id);
    const due = Date.parse(renewal!.at);
    await fleet.pass({ milliseconds: due - fleet.clock.now().epochMilliseconds - 1000 });
    const detail = `too many certificates (50) already issued for "${names[0]}" in the last 168h`;
    first.fault = rateLimited({ retryAfter: hours * 3600, detail });
    await fleet.pass({ minutes: 30 });
    first.fault = undefined;
    await fleet.pass({ hours: 4 });
    await expect(managed(id)).resolves.toMatchObject({
      current: { generation: 2, issuedFor: { issuer } },
    });
  });

  it('is not left for a limit that ends within ten minutes', async () => {
    first.fault = rateLimited({ retryAfter: 300, detail: accountLimit });
    const id = await fleet.obtain(both);
    first.fault = undefined;
    await fleet.pass({ minutes: 6 });
    await expect(issuerOf(id)).resolves.toBe('first');
    await expect(second.issued()).resolves.toBe(0);
  });
});

describe('a CA that is away for a day', () => {
  it('has all that is due issued by the next one, and gets the lineage back', async () => {
    const ids = [await fleet.obtain(both), await fleet.obtain(both)];
    await fleet.pass({ hours: 8 });
    const due = (await Promise.all(ids.map(managed))).map(({ renewal }) => renewal!.at).sort();
    await fleet.pass({
      milliseconds: Date.parse(due[0]!) - fleet.clock.now().epochMilliseconds - 1,
    });
    first.fault = refusedConnections();
    await fleet.pass({ hours: 24 });
    await expect(Promise.all(ids.map(issuerOf))).resolves.toEqual(['second', 'second']);
    expect(await eventsOf('issuer_unavailable')).toMatchObject([
      { issuer: 'first', code: 'ERR_ACME_ANSWER_LOST' },
    ]);
    expect(await eventsOf('issuer_changed')).toMatchObject([
      { issuer: 'second', message: expect.stringContaining('because first has not issued') },
      { issuer: 'second' },
    ]);
    first.fault = undefined;
    await fleet.pass({ hours: 48 });
    await expect(Promise.all(ids.map(issuerOf))).resolves.toEqual(['first', 'first']);
    expect(await eventsOf('issuer_available')).toMatchObject([{ issuer: 'first' }]);
    await expect(unavailableIssuers(fleet.storage)).resolves.toEqual([]);
  });

  it('is tried by one order at a time, about once an hour, while the others wait', async () => {
    first.fault = unavailable();
    const ids = [];
    for (let count = 0; count < 5; count += 1) ids.push(await fleet.obtain({ issuer: 'first' }));
    await fleet.pass({ hours: 6 });
    const tried = (await eventsOf('renewal_failed')).filter(
      ({ code }) => code === 'ERR_ACME_SERVER_INTERNAL',
    );
    // At first each of them, a minute later the one that opens the breaker, then after 1, 2, 4, …
    expect(tried.length).toBeLessThanOrEqual(5 + 5 + 10);
    await expect(unavailableIssuers(fleet.storage)).resolves.toMatchObject([
      { issuer: 'first', cause: 'outage', code: 'ERR_ACME_SERVER_INTERNAL' },
    ]);
    first.fault = undefined;
    await fleet.pass({ hours: 2 });
    await expect(Promise.all(ids.map(issuerOf))).resolves.toEqual(ids.map(() => 'first'));
  });
});

describe('a CA whose terms of service have changed', () => {
  it('is sent one order each hour, with one event that has the page, until a person has acted', async () => {
    first.fault = changedTerms({ instance: 'https://ca.test/agree' });
    const ids = [await fleet.obtain({ issuer: 'first' }), await fleet.obtain({ issuer: 'first' })];
    await fleet.pass({ hours: 5 });
    expect(ordersAt(first)).toBeLessThanOrEqual(6);
    expect(await eventsOf('user_action_required')).toMatchObject([
      {
        issuer: 'first',
        code: 'ERR_ACME_USER_ACTION_REQUIRED',
        message: expect.stringContaining(
          'visit https://ca.test/agree; the terms of service are https://ca.example/terms-2',
        ),
      },
    ]);
    // Which of the two finds out each hour is left to chance.
    const failures = await Promise.all(ids.map(async (id) => (await managed(id)).failure));
    expect(failures).toContainEqual(
      expect.objectContaining({
        code: 'ERR_ORCHESTRATOR_ACTION_REQUIRED',
        message: expect.stringContaining('visit https://ca.test/agree'),
      }),
    );
    first.fault = undefined;
    await fleet.pass({ hours: 2 });
    await expect(Promise.all(ids.map(issuerOf))).resolves.toEqual(['first', 'first']);
    expect(await eventsOf('issuer_available')).toMatchObject([{ issuer: 'first' }]);
  });

  it('has what waits ordered at once when a person has agreed', async () => {
    const issued = await fleet.obtain({ issuer: 'first' });
    first.fault = changedTerms();
    const ids = [await fleet.obtain({ issuer: 'first' }), await fleet.obtain({ issuer: 'first' })];
    first.fault = undefined;
    await expect(fleet.acceptTerms(first)).resolves.toMatchObject({
      certificates: [...ids].sort(),
    });
    expect(await eventsOf('terms_accepted')).toMatchObject([{ issuer: 'first' }]);
    await fleet.pass({ minutes: 2 });
    await expect(Promise.all(ids.map(issuerOf))).resolves.toEqual(['first', 'first']);
    await expect(managed(issued)).resolves.toMatchObject({ current: { generation: 1 } });
  });

  it('is left for the next issuer of a certificate', async () => {
    first.fault = changedTerms();
    await expect(fleet.obtain(both).then(issuerOf)).resolves.toBe('second');
    first.requests.length = 0;
    await expect(fleet.obtain(both).then(issuerOf)).resolves.toBe('second');
    expect(first.requests).toEqual([]);
  });
});

describe('a certificate with several issuers', () => {
  it('names the certificate that it replaces only to the CA that issued it', async () => {
    const id = await fleet.obtain(both);
    const named: boolean[] = [];
    for (const ca of [first, second])
      ca.fault = async ({ request, resource }, next) => {
        const { payload = '' } =
          resource === 'newOrder' ? ((await request.clone().json()) as { payload: string }) : {};
        if (payload !== '')
          named.push('replaces' in JSON.parse(Buffer.from(payload, 'base64url').toString()));
        return await next();
      };
    await renew(id);
    first.fault = paused({ unpause: 'https://ca.example/unpause?jwt=abc' });
    await renew(id);
    await expect(issuerOf(id)).resolves.toBe('second');
    await renew(id);
    expect(named).toEqual([true, false, true]);
  });

  it('moves to the next one for good where the first refuses its names', async () => {
    const strict = await addCa('strict', {
      policy: async () => 'this CA does not issue for .test',
    });
    const id = await fleet.obtain({ issuer: 'strict', fallbackIssuers: ['second'] });
    await expect(managed(id)).resolves.toMatchObject({
      issuer: 'strict',
      lineage: 'second',
      current: { issuedFor: { issuer: 'second' } },
    });
    strict.requests.length = 0;
    await renew(id);
    await expect(managed(id)).resolves.toMatchObject({ current: { generation: 2 } });
    expect(strict.requests).toEqual([]);
    // Another preference is tried again.
    await fleet.provisioner.change(id, () => ({ issuer: 'first', fallbackIssuers: ['second'] }));
    await renew(id);
    await expect(issuerOf(id)).resolves.toBe('first');
  });

  it('does not move on where a name cannot be validated', async () => {
    await addCa('doubting', {
      validate: async () => ({ type: 'connection', detail: 'no one listens' }),
    });
    const id = await fleet.obtain({ issuer: 'doubting', fallbackIssuers: ['second'] });
    await expect(managed(id)).resolves.toMatchObject({
      failure: { code: 'ERR_CLIENT_VALIDATION_FAILED' },
    });
    expect(second.requests).toEqual([]);
    await expect(unavailableIssuers(fleet.storage)).resolves.toEqual([]);
  });

  it('uses the external account of each CA', async () => {
    const external = await addCa('external', {
      externalAccountRequired: true,
      externalAccount: async (storage) => await createExternalAccount(storage),
    });
    first.fault = rateLimited({ retryAfter: 3600, detail: accountLimit });
    const id = await fleet.obtain({ issuer: 'first', fallbackIssuers: ['external'] });
    await expect(issuerOf(id)).resolves.toBe('external');
    await expect(external.issued()).resolves.toBe(1);
  });

  it('is issued at the next one where somebody waits and the first does not answer', async () => {
    first.fault = refusedConnections();
    const order = await fleet.provisioner.submit({
      certificate: { ...both, names: ['a.test'], keyType: 'ec-p256' },
      onFailure: 'end',
    });
    await expect(fleet.clock.run(fleet.provisioner.execute(order))).resolves.toMatchObject({
      state: 'succeeded',
    });
    await expect(fleet.provisioner.status(order)).resolves.toMatchObject({ issuer: 'second' });
  });
});

describe('a CA whose limits are used up', () => {
  const hour = 3_600_000;
  /** A CA that allows one order in each period. */
  const limited = async (name: string, periodMs: number) =>
    await addCa(name, {
      profiles,
      limits: { limits: { 'new-orders': { capacity: 1, periodMs } }, renewalShare: 0 },
    });
  const at = (issuer: string) => ({ issuer, fallbackIssuers: ['second'] });
  /** Waits until just before a certificate is renewed, and uses the limit up. */
  const useUpBefore = async (id: string, issuer: string) => {
    await fleet.pass({ hours: 8 });
    const due = Date.parse((await managed(id)).renewal!.at);
    await fleet.pass({ milliseconds: due - fleet.clock.now().epochMilliseconds - 1000 });
    await fleet.provisioner.remove(await fleet.obtain({ issuer }));
  };

  it('is sent no request, and the next one issues at once', async () => {
    const small = await limited('small', 2 * hour);
    await fleet.obtain(at('small'));
    small.requests.length = 0;
    const id = await fleet.obtain(at('small'));
    await expect(issuerOf(id)).resolves.toBe('second');
    expect(small.requests).toEqual([]);
    const reason = expect.stringContaining(
      'because small has not issued: the issuer small allows 1 orders of an account in 2 hours',
    );
    expect(await eventsOf('issuer_changed')).toMatchObject([{ issuer: 'second', message: reason }]);
    const steps: unknown[] = [];
    for await (const order of fleet.provisioner.orders()) steps.push(...order.steps);
    expect(steps).toContainEqual(
      expect.objectContaining({ type: 'issuer-changed', message: reason }),
    );
    // The certificate that has moved keeps no time of those that wait.
    const waiting = await fleet.obtain({ issuer: 'small' });
    await fleet.pass({ hours: 2 });
    await expect(issuerOf(waiting)).resolves.toBe('small');
  });

  it('is waited for up to ten minutes, unless someone waits for the order', async () => {
    const small = await limited('small', hour / 12);
    await fleet.obtain(at('small'));
    const waiting = await fleet.obtain(at('small'));
    const order = await fleet.provisioner.submit({
      certificate: { ...at('small'), names: ['a.test'], keyType: 'ec-p256' },
      onFailure: 'end',
    });
    await fleet.clock.run(fleet.provisioner.execute(order));
    await expect(fleet.provisioner.status(order)).resolves.toMatchObject({ issuer: 'second' });
    await fleet.pass({ minutes: 6 });
    await expect(issuerOf(waiting)).resolves.toBe('small');
    expect(ordersAt(small)).toBe(2);
  });

  it('is waited for by a renewal that has time', async () => {
    // About sixteen hours before the expiry: it may be late by four.
    await limited('small', 3 * hour);
    const id = await fleet.obtain(at('small'));
    await useUpBefore(id, 'small');
    await fleet.pass({ hours: 4 });
    await expect(managed(id)).resolves.toMatchObject({
      current: { generation: 2, issuedFor: { issuer: 'small' } },
    });
    await expect(second.issued()).resolves.toBe(0);
  });

  it('is left by a renewal that would be late, which comes back the next time', async () => {
    await limited('small', 8 * hour);
    const id = await fleet.obtain(at('small'));
    await useUpBefore(id, 'small');
    await fleet.pass({ hours: 1 });
    await expect(issuerOf(id)).resolves.toBe('second');
    await expect(managed(id)).resolves.not.toHaveProperty('lineage');
    await fleet.pass({ hours: 36 });
    await expect(managed(id)).resolves.toMatchObject({
      current: { generation: 3, issuedFor: { issuer: 'small' } },
    });
  });

  it('is waited for where the limits of all are used up, each order until a time of its own', async () => {
    await limited('small', 4 * hour);
    await limited('smaller', 3 * hour);
    const ids: string[] = [];
    for (let count = 0; count < 4; count += 1)
      ids.push(await fleet.obtain({ issuer: 'small', fallbackIssuers: ['smaller'] }));
    await expect(Promise.all(ids.map(issuerOf))).resolves.toEqual([
      ...['small', 'smaller', undefined, undefined],
    ]);
    const times = (await Promise.all(ids.map(managed))).map(({ failure }) => failure?.retryAt);
    const begun = fleet.clock.now().epochMilliseconds;
    expect(times.slice(2).map((time) => Math.round((Date.parse(time!) - begun) / hour))).toEqual([
      3, 4,
    ]);
    await fleet.pass({ hours: 5 });
    await expect(Promise.all(ids.map(issuerOf))).resolves.toEqual([
      ...['small', 'smaller', 'smaller', 'small'],
    ]);
  });
});

describe('a CA that does not end its work', () => {
  it('is left after three attempts, with an event', async () => {
    first.fault = longProcessing({ polls: Infinity });
    const id = await fleet.obtain(both);
    await fleet.pass({ hours: 4 });
    await expect(issuerOf(id)).resolves.toBe('second');
    expect([ordersAt(first), ordersAt(second)]).toEqual([1, 1]);
    expect(await eventsOf('issuer_changed')).toMatchObject([
      { issuer: 'second', certificate: id, message: expect.stringContaining('first has not') },
    ]);
  });

  it('gets a new order after five attempts where there is no other', async () => {
    const slow = longProcessing({ polls: Infinity });
    first.fault = async (exchange, next) =>
      ordersAt(first) === 1 ? await slow(exchange, next) : await next();
    const id = await fleet.obtain({ issuer: 'first' });
    await fleet.pass({ hours: 24 });
    await expect(issuerOf(id)).resolves.toBe('first');
    expect(ordersAt(first)).toBe(2);
    expect(await eventsOf('order_given_up')).toMatchObject([
      { issuer: 'first', certificate: id, message: expect.stringContaining('in 5 attempts') },
    ]);
  });
});

it('shows the link of a CA that has paused the account, and uses the next issuer', async () => {
  first.fault = paused({ unpause: 'https://ca.example/unpause?jwt=abc' });
  const alone = await fleet.obtain({ issuer: 'first' });
  const { failure } = await managed(alone);
  expect(failure?.message).toContain('https://ca.example/unpause?jwt=abc');
  await expect(fleet.obtain(both).then(issuerOf)).resolves.toBe('second');
  expect(await eventsOf('issuer_changed')).toMatchObject([
    { message: expect.stringContaining('https://ca.example/unpause?jwt=abc') },
  ]);
});

it('makes a new order where the order expires while the CA does not finish it', async () => {
  first.fault = unavailable({ on: ['finalize'] });
  const id = await fleet.obtain({ issuer: 'first' });
  expect(ordersAt(first)).toBe(1);
  await fleet.pass({ hours: 25 });
  first.fault = undefined;
  await fleet.pass({ hours: 2 });
  await expect(issuerOf(id)).resolves.toBe('first');
  expect(ordersAt(first)).toBe(2);
});
