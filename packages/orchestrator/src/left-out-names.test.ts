import { virtualClock } from '@acmex/clock';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import {
  type AcmexEvent,
  type CertificateSpec,
  CertificateMaintenance,
  outbox,
  Provisioner,
} from './index.ts';
import { type TestIssuer, testIssuer } from './issuer.testing.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const names = ['a.test', 'b.test', '*.c.test'];
const spec: CertificateSpec = {
  ...{ names, issuer: 'test', keyType: 'ec-p256', allowSubsetOfNames: true },
};
let clock: ReturnType<typeof virtualClock>;
let storage: Storage;
let issuer: TestIssuer;
let provisioner: Provisioner;
let maintenance: CertificateMaintenance;
/** The names that the CA cannot validate. */
let dead: Set<string>;

beforeEach(async () => {
  clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
  storage = memoryStorage();
  dead = new Set();
  const signing = await testIssuer(clock);
  issuer = {
    ...signing,
    renewalInfo: undefined,
    issue: async (request, options) => {
      const failed = request.names.filter((name) => dead.has(name));
      if (failed.length === 0) return await signing.issue(request, options);
      await new Promise(setImmediate);
      throw Object.assign(new Error(`${failed.join(' and ')} failed`), {
        code: 'ERR_CLIENT_VALIDATION_FAILED',
        failures: failed.map(failureOf),
      });
    },
  } as TestIssuer;
  provisioner = new Provisioner({ storage, issuers: [issuer], clock });
  maintenance = new CertificateMaintenance({ storage, provisioner, clock });
});

const failureOf = (name: string) => ({
  identifier: { type: 'dns', value: name.replace('*.', '') },
  wildcard: name.startsWith('*.'),
  problem: { type: 'urn:ietf:params:acme:error:dns', detail: `no address of ${name}` },
});
const managed = async (id: string) => await provisioner.certificates.get(id);
const issuedNames = async (id: string) => (await managed(id)).current?.issuedFor?.names;
const obtained = async (changes: Partial<CertificateSpec> = {}) => {
  const { certificate } = await provisioner.declare({ ...spec, ...changes });
  await maintenance.maintain(certificate.id);
  return certificate.id;
};
/** Lets time pass, and does what becomes due. */
const pass = async (durationMs: number) => {
  const end = clock.now().epochMilliseconds + durationMs;
  for (;;) {
    const at = Date.parse((await provisioner.certificates.nextDue()) ?? '9999-01-01');
    if (at > end) break;
    await clock.advance({ milliseconds: Math.max(0, at - clock.now().epochMilliseconds) });
    for await (const { id } of provisioner.certificates.due(clock.now()))
      await maintenance.maintain(id);
  }
  await clock.advance({ milliseconds: Math.max(0, end - clock.now().epochMilliseconds) });
};
/** Lets time pass until the renewal is due. */
const passToRenewal = async (id: string) => {
  const { at } = (await managed(id)).renewal!;
  await pass(Date.parse(at) - clock.now().epochMilliseconds - 1);
};
const events = async (...types: readonly AcmexEvent['type'][]) => {
  const all: AcmexEvent[] = [];
  for await (const event of outbox(storage).list()) all.push(event);
  return all.filter(({ type }) => types.includes(type));
};

describe('a name that is not validated again and again', () => {
  it('is left out of the renewal after a day, and named by the record and an event', async () => {
    const id = await obtained();
    await passToRenewal(id);
    const dueAt = clock.now();
    dead.add('b.test');
    await pass(20 * hourMs);
    await expect(managed(id)).resolves.toMatchObject({ current: { generation: 1 }, names });
    await pass(2 * dayMs);
    const certificate = await managed(id);
    expect(certificate).toMatchObject({
      names,
      leftOut: [{ name: 'b.test', reason: 'dns: no address of b.test' }],
      current: { generation: 2, leftOut: ['b.test'] },
    });
    expect(certificate.failure).toBeUndefined();
    expect(Date.parse(certificate.current!.issuedAt) - dueAt.epochMilliseconds).toBeGreaterThan(
      dayMs,
    );
    await expect(issuedNames(id)).resolves.toEqual(['a.test', '*.c.test']);
    expect(await events('name_left_out', 'name_taken_back')).toMatchObject([
      {
        ...{ type: 'name_left_out', names: ['b.test'], certificate: id },
        message: 'the certificate is issued without b.test (dns: no address of b.test)',
      },
    ]);
  });

  it('is not left out for a DNS outage of half a day', async () => {
    const id = await obtained();
    await passToRenewal(id);
    dead.add('b.test').add('a.test');
    await pass(dayMs / 2);
    dead.clear();
    await pass(2 * dayMs);
    await expect(managed(id)).resolves.toMatchObject({ current: { generation: 2 } });
    await expect(issuedNames(id)).resolves.toEqual(names);
  });

  it('is not left out unless the certificate permits it', async () => {
    const id = await obtained({ allowSubsetOfNames: false });
    await passToRenewal(id);
    dead.add('b.test');
    await pass(20 * dayMs);
    await expect(managed(id)).resolves.toMatchObject({
      current: { generation: 1 },
      failure: { code: 'ERR_CLIENT_VALIDATION_FAILED' },
    });
  });

  it('is left out at the second failure where half of the time after the renewal has passed', async () => {
    const id = await obtained();
    const { renewal, current } = await managed(id);
    const half = Math.round((Date.parse(renewal!.at) + Date.parse(current!.notAfter)) / 2);
    await clock.advance({ milliseconds: half + hourMs - clock.now().epochMilliseconds });
    dead.add('b.test');
    await pass(hourMs);
    await expect(issuedNames(id)).resolves.toEqual(['a.test', '*.c.test']);
  });

  it('may be the first one, and a wildcard', async () => {
    const id = await obtained();
    await passToRenewal(id);
    dead.add('a.test').add('*.c.test');
    await pass(3 * dayMs);
    await expect(issuedNames(id)).resolves.toEqual(['b.test']);
    await expect(managed(id)).resolves.toMatchObject({ id, names });
  });

  it('is ordered all the same where no name would remain', async () => {
    const id = await obtained();
    await passToRenewal(id);
    for (const name of names) dead.add(name);
    await pass(10 * dayMs);
    const certificate = await managed(id);
    expect(certificate).toMatchObject({ current: { generation: 1 }, failure: {} });
    expect(certificate.leftOut ?? []).toEqual([]);
    dead.delete('b.test');
    await pass(2 * dayMs);
    await expect(issuedNames(id)).resolves.toEqual(['b.test']);
  });

  it('is left out of a first certificate at once where someone waits for it', async () => {
    dead.add('b.test');
    const order = await provisioner.submit({ certificate: spec, onFailure: 'end' });
    await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'succeeded' });
    const { certificate: id, steps } = await provisioner.status(order);
    await expect(managed(id)).resolves.toMatchObject({ names, current: { leftOut: ['b.test'] } });
    expect(steps).toContainEqual(expect.objectContaining({ type: 'names-left-out' }));
    await expect(provisioner.declare(spec)).resolves.toMatchObject({ change: 'unchanged' });
  });

  it('ends the order of someone who waits where no name would remain', async () => {
    for (const name of names) dead.add(name);
    const order = await provisioner.submit({ certificate: spec, onFailure: 'end' });
    await expect(provisioner.execute(order)).resolves.toMatchObject({
      error: { code: 'ERR_CLIENT_VALIDATION_FAILED' },
    });
  });
});

describe('a name that is left out', () => {
  /** Returns a certificate that lacks these names. */
  const withoutNames = async (...missing: readonly string[]) => {
    const id = await obtained();
    await passToRenewal(id);
    for (const name of missing) dead.add(name);
    await pass(3 * dayMs);
    await expect(managed(id)).resolves.toMatchObject({ current: { leftOut: missing } });
    return id;
  };

  it('is taken back when it works again, with an event', async () => {
    const id = await withoutNames('b.test');
    dead.clear();
    await pass(7 * dayMs);
    const certificate = await managed(id);
    await expect(issuedNames(id)).resolves.toEqual(names);
    expect(certificate.leftOut).toBeUndefined();
    expect(certificate.current?.leftOut).toBeUndefined();
    expect(await events('name_taken_back')).toMatchObject([
      { names: ['b.test'], message: 'the certificate has b.test again' },
    ]);
    const { generation } = certificate.current!;
    await pass(20 * dayMs);
    await expect(managed(id)).resolves.toMatchObject({ current: { generation } });
  });

  it('is ordered after a day, later each week, and the certificate does not fail meanwhile', async () => {
    const id = await withoutNames('b.test');
    const { generation, issuedAt } = (await managed(id)).current!;
    await pass(30 * dayMs);
    const certificate = await managed(id);
    expect(certificate).toMatchObject({ current: { generation } });
    expect(certificate.failure).toBeUndefined();
    const attempts = (await events('challenge_failed'))
      .map(({ time }) => (Date.parse(time) - Date.parse(issuedAt)) / dayMs)
      .filter((days) => days > 0)
      .map((days) => Math.round(days));
    expect(attempts).toEqual([1, 3, 7, 14, 21, 28]);
  });

  it('is left out of the next renewal too, which is in time', async () => {
    const id = await withoutNames('b.test');
    const { generation, notAfter } = (await managed(id)).current!;
    await pass(Date.parse(notAfter) - clock.now().epochMilliseconds);
    await expect(managed(id)).resolves.toMatchObject({
      current: { generation: generation + 1, leftOut: ['b.test'] },
    });
    expect(await events('certificate_expired', 'renewal_late')).toEqual([]);
    expect(await events('name_left_out')).toHaveLength(1);
  });

  it('is taken back without another one that still fails', async () => {
    const id = await withoutNames('b.test', '*.c.test');
    dead.delete('*.c.test');
    await pass(7 * dayMs);
    await expect(issuedNames(id)).resolves.toEqual(['a.test', '*.c.test']);
    await expect(managed(id)).resolves.toMatchObject({ current: { leftOut: ['b.test'] } });
    expect(await events('name_taken_back')).toMatchObject([{ names: ['*.c.test'] }]);
  });

  it('is ordered at once when the policy ends, or is forgotten with its name', async () => {
    const id = await withoutNames('b.test');
    const shorter = ['a.test', '*.c.test'];
    await provisioner.change(id, () => ({ names: shorter }));
    const changed = await managed(id);
    expect(changed.leftOut).toBeUndefined();
    expect(changed.order).toBeUndefined();
    await provisioner.change(id, () => ({ names, allowSubsetOfNames: false }));
    dead.clear();
    await pass(hourMs);
    await expect(issuedNames(id)).resolves.toEqual(names);
  });

  it.each(['rejectedIdentifier', 'caa'])('may be one that the CA refuses: %s', async (type) => {
    const id = await obtained();
    await passToRenewal(id);
    const { issue } = issuer;
    Object.assign(issuer, {
      issue: async (...[request, options]: Parameters<typeof issue>) => {
        if (!request.names.includes('b.test')) return await issue(request, options);
        throw Object.assign(new Error('refused'), {
          code: 'ERR_ACME_COMPOUND',
          problem: {
            type: 'urn:ietf:params:acme:error:compound',
            subproblems: [
              {
                ...{ type: `urn:ietf:params:acme:error:${type}`, detail: 'no' },
                identifier: { type: 'dns', value: 'b.test' },
              },
            ],
          },
        });
      },
    });
    await pass(3 * dayMs);
    await expect(issuedNames(id)).resolves.toEqual(['a.test', '*.c.test']);
  });
});

it.each(['rejectedIdentifier', 'caa'])(
  'leaves out a name that the CA refuses only in words: %s',
  async (word) => {
    const { issue } = issuer;
    Object.assign(issuer, {
      issue: async (...[request, options]: Parameters<typeof issue>) => {
        if (!request.names.includes('*.c.test')) return await issue(request, options);
        throw Object.assign(new Error('refused'), {
          code: 'ERR_ACME_REJECTED_IDENTIFIER',
          problem: {
            type: `urn:ietf:params:acme:error:${word}`,
            detail: 'Cannot issue for "*.c.test": it is forbidden by policy',
          },
        });
      },
    });
    const order = await provisioner.submit({ certificate: spec, onFailure: 'end' });
    await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'succeeded' });
    const { certificate: id } = await provisioner.status(order);
    await expect(issuedNames(id)).resolves.toEqual(['a.test', 'b.test']);
  },
);

it('counts no limit of the CA, and no fault of it, as a failure of a name', async () => {
  const id = await obtained();
  await passToRenewal(id);
  Object.assign(issuer, {
    issue: async () => {
      const identifier = { type: 'dns', value: 'b.test' };
      throw Object.assign(new Error('limited'), {
        code: 'ERR_ACME_COMPOUND',
        problem: {
          subproblems: ['rateLimited', 'serverInternal'].map((word) => ({
            ...{ type: `urn:ietf:params:acme:error:${word}`, identifier },
          })),
        },
      });
    },
  });
  await pass(3 * dayMs);
  const { failure, failingNames = [], leftOut = [] } = await managed(id);
  expect([failure?.code, failingNames, leftOut]).toEqual(['ERR_ACME_COMPOUND', [], []]);
  expect(Temporal.Instant.compare(clock.now(), failure!.at)).toBe(1);
});
