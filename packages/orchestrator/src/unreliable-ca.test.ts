import { virtualClock } from '@acmex/clock';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import { type CertificateSpec, CertificateMaintenance, outbox, Provisioner } from './index.ts';
import { type TestIssuer, testIssuer } from './issuer.testing.ts';

const spec: CertificateSpec = { names: ['a.test'], issuer: 'test', keyType: 'ec-p256' };
let clock: ReturnType<typeof virtualClock>;
let storage: Storage;
let issuer: TestIssuer;
let provisioner: Provisioner;
let maintenance: CertificateMaintenance;

beforeEach(async () => {
  clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
  storage = memoryStorage();
  issuer = await testIssuer(clock);
  provisioner = new Provisioner({ storage, issuers: [issuer], clock });
  maintenance = new CertificateMaintenance({ storage, provisioner, clock });
});

const refusal = (
  code: string,
  {
    detail = 'no',
    ...members
  }: { readonly detail?: string; readonly status?: number; readonly retryAfter?: Temporal.Instant },
) => Object.assign(new Error(detail), { code, problem: { detail }, ...members });
const limited = (detail: string, hours = 1) =>
  refusal('ERR_ACME_RATE_LIMITED', {
    detail,
    status: 429,
    retryAfter: clock.now().add({ hours }),
  });
const obtained = async (changes: Partial<CertificateSpec> = {}) => {
  const order = await provisioner.submit({ certificate: { ...spec, ...changes } });
  await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'succeeded' });
  return (await provisioner.status(order)).certificate;
};
const ordered = async (...names: readonly string[]) => {
  const order = await provisioner.submit({ certificate: { ...spec, names } });
  const outcome = await provisioner.execute(order);
  return outcome.state === 'failed' ? (outcome.error as { readonly code: string }).code : 'issued';
};
const eventTypes = async () => {
  const types: string[] = [];
  for await (const { type } of outbox(storage).list()) types.push(type);
  return types;
};
/** Waits until something is due, and does it. */
const next = async () => {
  const at = await provisioner.certificates.nextDue();
  await clock.advance({
    milliseconds: Math.max(0, Date.parse(at!) - clock.now().epochMilliseconds),
  });
  for await (const { id } of provisioner.certificates.due(clock.now()))
    return await maintenance.maintain(id);
  throw new Error('nothing is due');
};

describe('a renewal that the CA wants to be asked for later', () => {
  it('is tried again within a day and before the certificate expires, however long the CA wants', async () => {
    issuer.lifetime = { hours: 24 };
    const id = await obtained();
    issuer.renewalInfo = undefined as never;
    issuer.failures.push(
      ...Array.from({ length: 6 }, () =>
        refusal('ERR_ACME_RATE_LIMITED', {
          status: 429,
          retryAfter: clock.now().add({ seconds: 999_999_999 }),
        }),
      ),
    );
    for (let tries = 0; tries < 8; tries += 1) await next();
    const { current } = await provisioner.certificates.get(id);
    expect(current).toMatchObject({ generation: 2 });
    expect(await eventTypes()).not.toContain('certificate_expired');
  });

  it('is tried again a day later when the certificate is new, and no sooner', async () => {
    const order = await provisioner.submit({ certificate: spec });
    issuer.failures.push(limited('come back', 1e6));
    await expect(provisioner.execute(order)).resolves.toMatchObject({
      retryAt: '2026-11-02T00:00:00Z',
    });
  });
});

describe('a limit of a CA', () => {
  it.each([
    ['too many certificates (50) already issued for "example.test" in the last 168h0m0s'],
    ['Error creating new order :: too many certificates already issued for: example.test.'],
    [
      'too many failed authorizations (5) for "example.test" in the last 1h0m0s, see https://ca.test/',
    ],
  ])('holds a domain and what is below it, and nothing else: %s', async (detail) => {
    issuer.failures.push(limited(detail));
    await expect(ordered('www.example.test')).resolves.toBe('ERR_ACME_RATE_LIMITED');
    await expect(ordered('mail.example.test')).resolves.toBe('ERR_ORCHESTRATOR_HELD');
    await expect(ordered('*.example.test', 'b.test')).resolves.toBe('ERR_ORCHESTRATOR_HELD');
    await expect(ordered('ca.test')).resolves.toBe('issued');
    await expect(ordered('notexample.test')).resolves.toBe('issued');
    await clock.advance({ hours: 1 });
    await expect(ordered('mail.example.test')).resolves.toBe('issued');
  });

  it('is stored again when the CA repeats it', async () => {
    for (let round = 0; round < 3; round += 1) {
      issuer.failures.push(limited('too many certificates (50) already issued for "b.test"'));
      await expect(ordered('b.test')).resolves.toBe('ERR_ACME_RATE_LIMITED');
      await expect(ordered('www.b.test')).resolves.toBe('ERR_ORCHESTRATOR_HELD');
      await clock.advance({ hours: 1 });
    }
  });

  it('holds the names of its subproblems', async () => {
    issuer.failures.push(
      Object.assign(limited('too many requests'), {
        problem: {
          detail: 'too many requests',
          subproblems: [{ identifier: { type: 'dns', value: 'b.test' } }],
        },
      }),
    );
    await expect(ordered('a.test', 'b.test')).resolves.toBe('ERR_ACME_RATE_LIMITED');
    await expect(ordered('b.test')).resolves.toBe('ERR_ORCHESTRATOR_HELD');
    await expect(ordered('a.test')).resolves.toBe('issued');
  });

  it('holds an exact set of names, in any order', async () => {
    issuer.failures.push(
      limited('too many certificates (5) already issued for this exact set of identifiers'),
    );
    await expect(ordered('a.test', 'b.test')).resolves.toBe('ERR_ACME_RATE_LIMITED');
    await expect(ordered('b.test', 'a.test')).resolves.toBe('ERR_ORCHESTRATOR_HELD');
    await expect(ordered('a.test')).resolves.toBe('issued');
  });

  it.each([
    ['too many new orders (300) from this account in the last 3h0m0s', 429],
    ['Service busy; retry later.', 503],
  ])('holds everything at the CA for the whole time: %s', async (detail, status) => {
    issuer.failures.push(
      refusal(status === 503 ? 'ERR_ACME_SERVER_INTERNAL' : 'ERR_ACME_RATE_LIMITED', {
        detail,
        status,
        retryAfter: clock.now().add({ hours: 1 }),
      }),
    );
    await ordered('a.test');
    await clock.advance({ minutes: 59 });
    await expect(ordered('b.test')).resolves.toBe('ERR_ORCHESTRATOR_HELD');
    await clock.advance({ minutes: 1 });
    await expect(ordered('c.test')).resolves.toBe('issued');
  });

  it('does not hold a certificate until it has expired', async () => {
    issuer.lifetime = { hours: 4 };
    const id = await obtained();
    await clock.advance({ hours: 3 });
    issuer.failures.push(limited('too many new orders from this account', 20));
    await expect(ordered('b.test')).resolves.toBe('ERR_ACME_RATE_LIMITED');
    await expect(ordered('c.test')).resolves.toBe('ERR_ORCHESTRATOR_HELD');
    await expect(maintenance.maintain(id)).resolves.toMatchObject({
      outcome: { error: { code: 'ERR_ORCHESTRATOR_HELD' } },
    });
    await clock.advance({ minutes: 31 });
    await expect(maintenance.maintain(id)).resolves.toMatchObject({
      outcome: { state: 'succeeded' },
    });
  });

  it('that an earlier version stored is obeyed', async () => {
    const value = Buffer.from(JSON.stringify({ v: 1, until: '2026-11-01T00:04:00Z' }));
    await storage.write([{ set: 'hold/test', value }]);
    await expect(ordered('a.test')).resolves.toBe('ERR_ORCHESTRATOR_HELD');
    await clock.advance({ minutes: 5 });
    await expect(ordered('b.test')).resolves.toBe('issued');
  });
});

describe('the reference to the replaced certificate', () => {
  it.each([
    ['ERR_ACME_ALREADY_REPLACED', 409],
    ['ERR_ACME_MALFORMED', 400],
    ['ERR_ACME_UNAUTHORIZED', 403],
    ['ERR_ACME_SERVER_INTERNAL', 500],
    ['ERR_ACME_PROBLEM', 404],
    ['ERR_ACME_STATUS', 500],
  ])('is left out when the CA refuses it with %s', async (code, status) => {
    const id = await obtained();
    issuer.failures.push(refusal(code, { status }));
    await expect(maintenance.maintain(id, { force: 'renewal' })).resolves.toMatchObject({
      outcome: { state: 'succeeded' },
    });
    expect(issuer.requests.slice(1).map(({ replaces }) => replaces !== undefined)).toEqual([
      true,
      false,
    ]);
  });

  it('is left out at the next try when the CA wants to be asked later, or does not answer', async () => {
    for (const refused of [
      refusal('ERR_ACME_SERVER_INTERNAL', { status: 500, retryAfter: clock.now() }),
      refusal('ERR_ACME_ANSWER_LOST', {}),
    ]) {
      const id = await obtained();
      issuer.failures.push(refused);
      await maintenance.maintain(id, { force: 'renewal' });
      await maintenance.maintain(id, { force: 'renewal' });
      expect(issuer.requests.slice(-2).map(({ replaces }) => replaces !== undefined)).toEqual([
        true,
        false,
      ]);
    }
  });

  it('stays when the refusal has a cause of its own, so that the CA is not asked twice', async () => {
    for (const refused of [limited('slow down'), refusal('ERR_ACME_CAA', { status: 403 })]) {
      const id = await obtained();
      issuer.failures.push(refused);
      const before = issuer.requests.length;
      await maintenance.maintain(id, { force: 'renewal' });
      expect(issuer.requests).toHaveLength(before + 1);
      await clock.advance({ hours: 2 });
      await maintenance.maintain(id, { force: 'renewal' });
      expect(issuer.requests.at(-1)!.replaces).toBeDefined();
    }
  });
});

describe('the renewal window of a CA', () => {
  const suggest = (start: string, end: string, askAgainAfter: object = { hours: 6 }) => {
    issuer.window = {
      window: { start: Temporal.Instant.from(start), end: Temporal.Instant.from(end) },
      askAgainAt: clock.now().add(askAgainAfter),
    };
  };

  it('is ignored if it begins after the certificate has expired, which is reported once', async () => {
    const id = await obtained();
    const { renewal } = await provisioner.certificates.get(id);
    suggest('2027-02-01T00:00:00Z', '2027-02-02T00:00:00Z');
    for (let asked = 0; asked < 3; asked += 1) await next();
    const { at } = (await provisioner.certificates.get(id)).renewal!;
    expect(Math.abs(Date.parse(at) - Date.parse(renewal!.at))).toBeLessThan(1000);
    const ignored = (await eventTypes()).filter((type) => type === 'renewal_window_ignored');
    expect(ignored).toHaveLength(1);
  });

  it('leads to a renewal with time to try again if it ends after the certificate has expired', async () => {
    const id = await obtained();
    suggest('2027-01-29T00:00:00Z', '2027-03-01T00:00:00Z');
    await next();
    const { at } = (await provisioner.certificates.get(id)).renewal!;
    expect(at.slice(0, 10)).toBe('2027-01-25');
  });

  it('is asked for not before the CA says, a day at most and a minute at least', async () => {
    const id = await obtained();
    const askAt = async () => (await provisioner.certificates.get(id)).renewal!.askAt;
    for (const [after, expected] of [
      [{ hours: 6 }, { hours: 6 }],
      [{ hours: 23 }, { hours: 23 }],
      [{ hours: 1e6 }, { hours: 24 }],
      [{ seconds: 0 }, { minutes: 1 }],
    ] as const) {
      suggest('2026-12-31T00:00:00Z', '2027-01-01T00:00:00Z', after);
      await maintenance.maintain(id, { ask: 'now' });
      expect(Date.parse((await askAt())!)).toBe(clock.now().add(expected).epochMilliseconds);
    }
  });

  it('is not asked for before the time of a refusal', async () => {
    const id = await obtained();
    const retryAfter = clock.now().add({ hours: 12 });
    issuer.renewalInfo = async () => {
      throw refusal('ERR_ACME_RATE_LIMITED', { retryAfter, status: 429 });
    };
    await maintenance.maintain(id, { ask: 'now' });
    expect(Date.parse((await provisioner.certificates.get(id)).renewal!.askAt!)).toBe(
      retryAfter.epochMilliseconds,
    );
  });

  it('is asked for at once when a person asks', async () => {
    const id = await obtained();
    let questions = 0;
    issuer.renewalInfo = async () => {
      questions += 1;
      return issuer.window;
    };
    suggest('2026-12-31T00:00:00Z', '2027-01-01T00:00:00Z');
    await maintenance.maintain(id);
    expect(questions).toBe(0);
    await maintenance.maintain(id, { ask: 'now' });
    expect(questions).toBe(1);
    await provisioner.refreshRenewalInfo(id);
    await maintenance.maintain(id);
    expect(questions).toBe(2);
  });
});

describe('a certificate', () => {
  it('is used and renewed soon if half of its life had passed before it was issued', async () => {
    issuer.lifetime = { hours: 6 };
    const skewed = { ...clock, now: () => clock.now().add({ hours: 4 }) };
    provisioner = new Provisioner({ storage, issuers: [issuer], clock: skewed });
    const id = await obtained();
    const { renewal } = await provisioner.certificates.get(id);
    expect(renewal!.at).toBe('2026-11-01T05:00:00Z');
  });

  it.each([94, 100, 250])(
    'for %s names that the CA refuses leaves nothing behind but the reason',
    async (count) => {
      const names = Array.from({ length: count }, (_, n) => `n${n}.test`);
      const { issue } = issuer;
      issuer.issue = async (request, options) => {
        for (const name of names) options.onStep?.({ type: 'presented', name });
        issuer.onWait = async () => {
          throw refusal('ERR_ACME_REJECTED_IDENTIFIER', { detail: 'n7.test is forbidden' });
        };
        return await issue(request, options);
      };
      const order = await provisioner.submit({ certificate: { ...spec, names }, onFailure: 'end' });
      await expect(provisioner.execute(order)).resolves.toMatchObject({
        state: 'failed',
        error: { message: 'n7.test is forbidden' },
      });
      await expect(provisioner.status(order)).resolves.toMatchObject({
        state: 'failed',
        failure: { message: 'n7.test is forbidden' },
      });
      for (const prefix of ['certificate', 'by-name', 'due', 'failing', 'order-key', 'identity'])
        for await (const { key } of storage.list(prefix)) throw new Error(`${key} is left`);
      const presented = (await eventTypes()).filter((type) => type === 'challenge_created');
      expect(presented).toHaveLength(count);
    },
  );

  it('never gets a key again that was revoked as compromised', async () => {
    const id = await obtained({ reuseKey: true });
    const keyOf = async (generation: number) =>
      (await provisioner.certificates.generation(id, generation))?.privateKey;
    issuer.revoke = async () => undefined;
    await provisioner.revoke(id, { reason: 'superseded' });
    await maintenance.maintain(id, { force: 'renewal' });
    expect(await keyOf(2)).toBe(await keyOf(1));
    const earlier = { reason: 'keyCompromise', generation: 1 };
    await expect(provisioner.revoke(id, earlier)).rejects.toMatchObject({
      code: 'ERR_ORCHESTRATOR_INPUT',
      message: expect.stringContaining('the key that is in use'),
    });
    const revoked: string[] = [];
    issuer.revoke = async (chain) => void revoked.push(chain);
    await provisioner.revoke(id, { generation: 1 });
    expect(revoked).toEqual([(await provisioner.certificates.generation(id, 1))?.chain]);
    expect((await provisioner.certificates.get(id)).current?.revokedAt).toBeUndefined();
    const revocations = (await eventTypes()).filter((type) => type === 'certificate_revoked');
    expect(revocations).toHaveLength(2);
    await provisioner.revoke(id, { reason: 'keyCompromise' });
    await maintenance.maintain(id, { force: 'renewal' });
    expect(await keyOf(3)).not.toBe(await keyOf(1));
  });

  it('never gets a key again that is revoked as compromised while it is ordered', async () => {
    const id = await obtained({ reuseKey: true });
    const before = (await provisioner.certificates.generation(id, 1))!.privateKey;
    issuer.revoke = async () => undefined;
    issuer.onWait = async (at) => {
      if (at === 'ordered') await provisioner.revoke(id, { reason: 'keyCompromise' });
    };
    await expect(maintenance.maintain(id, { force: 'renewal' })).resolves.toMatchObject({
      outcome: { error: { code: 'ERR_ORCHESTRATOR_KEY_COMPROMISED' } },
    });
    issuer.onWait = async () => undefined;
    await expect(next()).resolves.toMatchObject({ outcome: { state: 'succeeded' } });
    expect((await provisioner.certificates.generation(id, 2))!.privateKey).not.toBe(before);
  });

  it('gets a new key when the CA refuses the one that was to be reused', async () => {
    const id = await obtained({ reuseKey: true });
    issuer.failures.push(refusal('ERR_ACME_BAD_PUBLIC_KEY', { status: 400 }));
    await maintenance.maintain(id, { force: 'renewal' });
    await maintenance.maintain(id, { force: 'renewal' });
    expect((await provisioner.certificates.generation(id, 2))!.privateKey).not.toBe(
      (await provisioner.certificates.generation(id, 1))!.privateKey,
    );
  });
});

describe('an order that has moved to the next issuer', () => {
  it('is not made again for a day when it is cancelled, although the first issuer is tried again sooner', async () => {
    const second = await testIssuer(clock, 'second');
    provisioner = new Provisioner({ storage, issuers: [issuer, second], clock });
    const id = await obtained({ fallbackIssuers: ['second'] });
    const away = refusal('ERR_ACME_UNREACHABLE', {});
    issuer.failures.push(away, away, away);
    await ordered('b.test');
    await clock.advance({ minutes: 2 });
    await ordered('c.test');
    second.onWait = async () => void (await provisioner.cancel(order));
    const order = await provisioner.submit({ certificate: id, cause: 'request' });
    await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'cancelled' });
    const { failure } = await provisioner.certificates.get(id);
    const dayLater = clock.now().add({ hours: 24 });
    expect(Date.parse(failure!.retryAt)).toBeGreaterThanOrEqual(dayLater.epochMilliseconds);
  });
});
