import { createPrivateKey, X509Certificate } from 'node:crypto';
import { virtualClock } from '@acmex/clock';
import { type Change, memoryStorage, type Storage } from '@acmex/storage';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import {
  type AcmexEvent,
  type CertificatePage,
  type CertificateSpec,
  eventChange,
  outbox,
  type PageQuery,
  Provisioner,
  CertificateMaintenance,
} from './index.ts';
import { type TestIssuer, testIssuer } from './issuer.testing.ts';

const spec: CertificateSpec = {
  names: ['a.test', '*.a.test'],
  issuer: 'test',
  keyType: 'ec-p256',
  labels: { team: 'web' },
};
let clock: ReturnType<typeof virtualClock>;
let storage: Storage;
let issuer: TestIssuer;
let provisioner: Provisioner;
let maintenance: CertificateMaintenance;
const deployed: string[] = [];
let deployFailure: Error | undefined;

beforeEach(async () => {
  clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
  storage = watched(memoryStorage());
  misplaced.length = 0;
  issuer = await testIssuer(clock);
  provisioner = new Provisioner({ storage, issuers: [issuer], clock });
  deployed.length = 0;
  deployFailure = undefined;
  maintenance = new CertificateMaintenance({
    storage,
    provisioner,
    clock,
    deployer: {
      deploy: async (_, { order }) => {
        if (deployFailure) throw deployFailure;
        deployed.push(order);
      },
    },
  });
});

/** What was written behind a record that names it. */
const misplaced: string[] = [];

/** Files show the keys of a write one after the other: a record comes behind what it names. */
function watched(memory: Storage): Storage {
  return {
    ...memory,
    async write(changes, options) {
      const at = changes.findIndex((change) => 'set' in change && isOf('certificate', change.set));
      for (const change of at < 0 ? [] : changes.slice(at))
        if ('set' in change && (isOf('generation', change.set) || isNewOrder(change)))
          misplaced.push(change.set);
      return await memory.write(changes, options);
    },
  };
}
const isOf = (kind: string, key: string) => key.startsWith(`${kind}/`);
const isNewOrder = ({ set, ifVersion }: Extract<Change, { readonly set: string }>) =>
  isOf('order', set) && ifVersion === null;
afterEach(() => {
  expect(misplaced).toEqual([]);
});

const allEvents = async () => {
  const all: AcmexEvent[] = [];
  for await (const event of outbox(storage).list()) all.push(event);
  return all;
};
const keys = async (prefix: string) => {
  const all: string[] = [];
  for await (const { key } of storage.list(prefix)) all.push(key);
  return all;
};
const dueNow = async () => {
  const all: string[] = [];
  for await (const { id } of provisioner.certificates.due(clock.now())) all.push(id);
  return all;
};
const obtained = async (changes: Partial<CertificateSpec> = {}) => {
  const order = await provisioner.submit({ certificate: { ...spec, ...changes } });
  await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'succeeded' });
  return (await provisioner.status(order)).certificate;
};
/** Waits until something is due, and does it. */
const next = async () => {
  const at = await provisioner.certificates.nextDue();
  if (at === undefined) throw new Error('nothing will be due');
  await clock.advance({
    milliseconds: Math.max(0, Date.parse(at) - clock.now().epochMilliseconds),
  });
  const [id = ''] = await dueNow();
  return await maintenance.maintain(id);
};

/** An event about a certificate can be filtered by its labels, whatever happened. */
afterEach(async () => {
  for (const { type, certificate, labels } of await allEvents())
    if (certificate) expect({ type, labels }).toEqual({ type, labels: spec.labels });
});

describe('an order', () => {
  it('ends with a certificate whose key matches, its indexes and its events, and removes the key of the order', async () => {
    const id = await obtained();
    const { current, renewal, order } = await provisioner.certificates.get(id);
    const { chain, privateKey } = (await provisioner.certificates.generation(id, 1))!;
    const leaf = new X509Certificate(chain);
    expect(leaf.checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
    expect(leaf.subjectAltName).toBe('DNS:a.test, DNS:*.a.test');
    expect(current).toMatchObject({ generation: 1, serialNumber: leaf.serialNumber.toLowerCase() });
    expect(order).toBeUndefined();
    expect(Date.parse(renewal!.at)).toBeGreaterThan(Date.parse('2026-12-28'));
    expect(await keys('by-name')).toEqual([`by-name/test/a/${id}`, `by-name/test/a/~/${id}`]);
    expect(await keys('by-expiry')).toHaveLength(1);
    expect(await keys('order-key')).toEqual([]);
    expect((await allEvents()).map(({ type }) => type)).toEqual([
      'certificate_added',
      'renewal_started',
      'order_created',
      'challenge_validated',
      'certificate_obtained',
    ]);
  });
  it('is cancelled when its certificate is removed, and leaves nothing behind', async () => {
    const order = await provisioner.submit({ certificate: spec });
    const { certificate } = await provisioner.status(order);
    await clock.run(provisioner.remove(certificate));
    await expect(provisioner.status(order)).resolves.toMatchObject({ state: 'cancelled' });
    for (const prefix of ['certificate', 'by-name', 'due', 'order-key', 'generation'])
      expect(await keys(prefix)).toEqual([]);
    const issued = await obtained();
    const renewal = await provisioner.submit({ certificate: issued });
    await clock.run(provisioner.remove(issued));
    await expect(provisioner.status(renewal)).resolves.toMatchObject({ state: 'cancelled' });
    for (const prefix of ['certificate', 'by-name', 'by-expiry', 'due', 'order-key', 'generation'])
      expect(await keys(prefix)).toEqual([]);
  });
  it('is returned to each caller that submits while it is under way', async () => {
    const order = await provisioner.submit({ certificate: spec });
    const { certificate, traceparent } = await provisioner.status(order);
    await expect(provisioner.submit({ certificate })).resolves.toBe(order);
    const outcomes = await Promise.all([
      provisioner.execute(order),
      clock.run(provisioner.execute(order)),
    ]);
    expect(outcomes).toEqual([
      { state: 'succeeded', generation: 1, traceparent },
      { state: 'succeeded', generation: 1, elsewhere: true, traceparent },
    ]);
    expect(issuer.orders).toHaveLength(1);
  });
  it('has no key in its record, in lists and in events', async () => {
    const secrets: string[] = [];
    issuer.onWait = async () => {
      for await (const { key, value, secret } of storage.list(''))
        if (new TextDecoder().decode(value).includes('PRIVATE KEY'))
          secrets.push(`${key.split('/')[0]} ${secret}`);
    };
    await obtained();
    for await (const { key, value, secret } of storage.list(''))
      if (new TextDecoder().decode(value).includes('PRIVATE KEY'))
        secrets.push(`${key.split('/')[0]} ${secret}`);
    expect(secrets).toEqual(['order-key true', 'order-key true', 'generation true']);
  });
  it('continues with the same key and the same order at the CA after it was stopped', async () => {
    const order = await provisioner.submit({ certificate: spec });
    const stop = new AbortController();
    issuer.onWait = async () => {
      stop.abort(new Error('SIGTERM'));
    };
    await expect(provisioner.execute(order, { signal: stop.signal })).rejects.toThrow('SIGTERM');
    const { csr } = await provisioner.status(order);
    expect(await dueNow()).toHaveLength(1);
    issuer.onWait = async () => undefined;
    await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'succeeded' });
    expect(issuer.orders).toHaveLength(1);
    expect(Buffer.from(issuer.requests[1]!.csr).toString('base64')).toBe(csr);
  });
  it('can be cancelled by another process, which removes the challenge responses', async () => {
    const order = await provisioner.submit({ certificate: spec });
    const { traceparent } = await provisioner.status(order);
    const elsewhere = new Provisioner({ storage, issuers: [issuer], clock });
    let waiting = () => {
      /* set below */
    };
    issuer.onWait = (at) =>
      at === 'presented'
        ? new Promise<void>((resolve) => {
            waiting = resolve;
            void elsewhere.cancel(order);
          })
        : Promise.resolve();
    const execution = provisioner.execute(order);
    while ((await elsewhere.status(order)).cancelRequested !== true)
      await new Promise(setImmediate);
    await clock.advance({ seconds: 5 });
    waiting();
    await expect(execution).resolves.toEqual({ state: 'cancelled', traceparent });
    expect(issuer.abandoned).toEqual([{ order: 'https://ca.test/order/1', presented: true }]);
    expect(await keys('certificate')).toEqual([]);
    expect(await keys('due')).toEqual([]);
    await expect(provisioner.execute(order)).resolves.toEqual({
      state: 'cancelled',
      elsewhere: true,
      traceparent,
    });
  });
  it('holds all orders at a CA after a rate limit, tries the next one after five minutes, and does not count that as a failure', async () => {
    const limited = () =>
      Object.assign(new Error('slow down'), {
        code: 'ERR_ACME_RATE_LIMITED',
        retryAfter: Temporal.Instant.from('2026-11-01T01:00:00Z'),
      });
    const [first, second, third] = await Promise.all(
      ['a.test', 'b.test', 'c.test'].map(
        async (name) => await provisioner.submit({ certificate: { ...spec, names: [name] } }),
      ),
    );
    issuer.failures.push(limited());
    await expect(provisioner.execute(first!)).resolves.toMatchObject({
      state: 'failed',
      retryAt: '2026-11-01T01:00:00Z',
    });
    for (const order of [second!, third!])
      await expect(provisioner.execute(order)).resolves.toMatchObject({
        state: 'failed',
        error: { code: 'ERR_ORCHESTRATOR_HELD' },
      });
    expect(issuer.requests).toHaveLength(1);
    const { certificate } = await provisioner.status(second!);
    expect((await provisioner.certificates.get(certificate)).failure).toMatchObject({
      code: 'ERR_ORCHESTRATOR_HELD',
      failures: 1,
    });
    const { retryAt = '' } = (await provisioner.certificates.get(certificate)).failure ?? {};
    expect(Date.parse(retryAt)).toBeGreaterThanOrEqual(Date.parse('2026-11-01T00:05:00Z'));
    await clock.advance({ minutes: 6 });
    await expect(provisioner.execute(second!)).resolves.toMatchObject({ state: 'succeeded' });
    await expect(provisioner.execute(third!)).resolves.toMatchObject({ state: 'succeeded' });
    expect(issuer.requests).toHaveLength(3);
  });
  it("is retried after a failure, later each time, and not before the CA's Retry-After", async () => {
    const order = await provisioner.submit({ certificate: spec });
    issuer.failures.push(
      new Error('once'),
      Object.assign(new Error('slow down'), {
        code: 'ERR_ACME_RATE_LIMITED',
        retryAfter: Temporal.Instant.from('2026-11-01T05:00:00Z'),
      }),
    );
    const first = await provisioner.execute(order);
    expect(first).toMatchObject({ state: 'failed', error: { message: 'once' } });
    await expect(next()).resolves.toMatchObject({ outcome: { state: 'failed' } });
    expect(await provisioner.certificates.nextDue()).toBe('2026-11-01T05:00:00Z');
    await expect(next()).resolves.toMatchObject({ outcome: { state: 'succeeded' } });
    expect(
      (await allEvents()).filter(({ type }) => type === 'renewal_failed').map(({ code }) => code),
    ).toEqual(['ERR_UNKNOWN', 'ERR_ACME_RATE_LIMITED']);
  });
  it('ends with its first failure if someone waits for it, and removes a certificate that was never issued', async () => {
    const order = await provisioner.submit({ certificate: spec, onFailure: 'end' });
    issuer.failures.push(new Error('no'));
    await expect(provisioner.execute(order)).resolves.toMatchObject({
      state: 'failed',
      error: { message: 'no' },
    });
    expect(await keys('certificate')).toEqual([]);
    expect(await keys('by-name')).toEqual([]);
    await expect(provisioner.status(order)).resolves.toMatchObject({ state: 'failed' });
  });
  it('refuses a certificate that would be due at once, and creates a new order for the next try', async () => {
    issuer.lifetime = { hours: 0 };
    const order = await provisioner.submit({ certificate: spec });
    await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'failed' });
    issuer.lifetime = { hours: 24 };
    await clock.advance({ hours: 48 });
    await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'succeeded' });
    expect(issuer.orders).toHaveLength(2);
  });
  it('keeps three generations, and the private key if that is wanted', async () => {
    const id = await obtained({ reuseKey: true });
    for (let n = 0; n < 4; n += 1) await maintenance.maintain(id, { force: 'renewal' });
    const stored = await keys('generation');
    expect(stored.map((key) => key.slice(-8))).toEqual(['00000003', '00000004', '00000005']);
    expect((await provisioner.certificates.generation(id, 5))!.privateKey).toBe(
      (await provisioner.certificates.generation(id, 3))!.privateKey,
    );
    expect(issuer.requests.at(-1)!.replaces).toBe(
      (await provisioner.certificates.generation(id, 4))!.chain,
    );
  });
  it('is found by each of a hundred names', async () => {
    const names = Array.from({ length: 100 }, (_, n) => `n${n}.many.test`);
    const id = await obtained({ names });
    for (const name of ['n0.many.test', 'n99.many.test'])
      for await (const certificate of provisioner.certificates.byName(name))
        expect(certificate.id).toBe(id);
    await provisioner.certificates.remove(id);
    expect(await keys('by-name')).toEqual([]);
    expect(await keys('generation')).toEqual([]);
  });
});

describe('maintenance', () => {
  it('renews when a third of the lifetime is left, by the due index alone', async () => {
    const id = await obtained();
    issuer.renewalInfo = undefined as never;
    const seen: string[] = [];
    for (
      let n = 0;
      n < 40 && (await provisioner.certificates.get(id)).current!.generation < 4;
      n += 1
    ) {
      await next();
      seen.push(clock.now().toString().slice(0, 10));
    }
    expect((await provisioner.certificates.get(id)).current).toMatchObject({ generation: 4 });
    expect(issuer.orders).toHaveLength(4);
    expect(seen.at(-1)!.slice(0, 7)).toBe('2027-04');
  });
  it('renews once when another process has finished the renewal before this one could write its order', async () => {
    const id = await obtained();
    await clock.advance({ hours: 61 * 24 });
    let elsewhere: Promise<unknown> | undefined;
    const late: Storage = {
      ...storage,
      write: async (changes, options) => {
        if (changes.some((change) => 'set' in change && change.set.includes('ord_')))
          await (elsewhere ??= maintenance.maintain(id));
        return await storage.write(changes, options);
      },
    };
    await new CertificateMaintenance({
      storage: late,
      provisioner: new Provisioner({ storage: late, issuers: [issuer], clock }),
      clock,
    }).maintain(id);
    await expect(elsewhere).resolves.toMatchObject({
      outcome: { state: 'succeeded', generation: 2 },
    });
    await expect(provisioner.certificates.get(id)).resolves.toMatchObject({
      current: { generation: 2 },
    });
    expect(issuer.orders).toHaveLength(2);
  });
  it('renews at once when the CA moves its window, and reports why', async () => {
    const id = await obtained();
    const past = clock.now().subtract({ hours: 1 });
    await clock.advance({ hours: 5 * 24 });
    issuer.window = {
      window: { start: past, end: past.add({ minutes: 1 }) },
      explanationUrl: 'https://ca.test/incident',
      askAgainAt: clock.now().add({ hours: 6 }),
    };
    await expect(maintenance.maintain(id)).resolves.toMatchObject({
      outcome: { state: 'succeeded', generation: 2 },
    });
    expect((await allEvents()).findLast(({ type }) => type === 'renewal_started')).toMatchObject({
      explanationUrl: 'https://ca.test/incident',
    });
    await expect(
      provisioner.status(
        (await allEvents()).findLast(({ type }) => type === 'renewal_started')!.order!,
      ),
    ).resolves.toMatchObject({ cause: 'suggested' });
  });
  it('ignores the window of a certificate that another process renewed while the CA was asked', async () => {
    const id = await obtained();
    const past = clock.now().subtract({ hours: 1 });
    await clock.advance({ hours: 5 * 24 });
    issuer.window = {
      window: { start: past, end: past.add({ minutes: 1 }) },
      askAgainAt: clock.now().add({ hours: 6 }),
    };
    const slow = {
      ...issuer,
      renewalInfo: async () => {
        const { window } = issuer;
        await maintenance.maintain(id);
        return window;
      },
    };
    await new CertificateMaintenance({
      storage,
      provisioner: new Provisioner({ storage, issuers: [slow], clock }),
      clock,
    }).maintain(id);
    const { current, renewal } = await provisioner.certificates.get(id);
    expect([current?.generation, renewal?.window, issuer.orders.length]).toEqual([2, undefined, 2]);
  });
  it('does not renew endlessly when each new window is already over', async () => {
    const id = await obtained();
    const past = clock.now().subtract({ hours: 1 });
    issuer.window = { window: { start: past, end: past }, askAgainAt: past };
    await clock.advance({ hours: 24 });
    for (let n = 0; n < 20; n += 1) await next();
    expect(issuer.orders.length).toBeLessThanOrEqual(8);
    expect((await provisioner.certificates.get(id)).current).toBeDefined();
  });
  it('runs what is due after a run once for all certificates, and then confirms each of them', async () => {
    const did: string[] = [];
    maintenance = new CertificateMaintenance({
      storage,
      provisioner,
      clock,
      deployer: {
        deploy: async ({ names }) => {
          did.push(`deploy ${names[0]}`);
        },
        after: () => [
          {
            key: 'reload',
            run: async (all) => {
              did.push(`reload for ${all.length}`);
            },
          },
        ],
        confirm: async ({ names }) => {
          did.push(`confirm ${names[0]}`);
          if (deployFailure) throw deployFailure;
        },
      },
    });
    const ids = [
      await obtained({ names: ['a.test'], deploy: [{}] }),
      await obtained({ names: ['b.test'], deploy: [{}] }),
    ];
    for (const id of ids)
      await expect(maintenance.maintain(id)).resolves.toMatchObject({ deployed: 'placed' });
    // Another call leaves the certificate to the process that has placed it.
    await expect(maintenance.maintain(ids[0]!)).resolves.not.toHaveProperty('deployed');
    expect(await dueNow()).toEqual([]);
    await expect(maintenance.finish()).resolves.toEqual(
      ids.map((certificate) => ({ certificate, deployed: 'done' })),
    );
    expect(did).toEqual([
      'deploy a.test',
      'deploy b.test',
      'reload for 2',
      'confirm a.test',
      'confirm b.test',
    ]);
    expect([await maintenance.finish(), maintenance.placed]).toEqual([[], 0]);
    deployFailure = Object.assign(new Error('it shows the old one'), { code: 'ERR_DEPLOY_PROBE' });
    const third = await obtained({ names: ['c.test'], deploy: [{}] });
    await maintenance.maintain(third);
    await expect(maintenance.finish()).resolves.toEqual([
      { certificate: third, deployed: 'failed', deployError: deployFailure },
    ]);
    expect(issuer.orders).toHaveLength(3);
  });

  it('places a certificate again when the process that placed it ended before it finished', async () => {
    let reloads = 0;
    const deployer = {
      deploy: async () => undefined,
      after: () => [
        {
          key: 'reload',
          run: async () => {
            reloads += 1;
          },
        },
      ],
    };
    const id = await obtained({ deploy: [{}] });
    await new CertificateMaintenance({ storage, provisioner, clock, deployer }).maintain(id);
    maintenance = new CertificateMaintenance({ storage, provisioner, clock, deployer });
    await expect(next()).resolves.toMatchObject({ deployed: 'placed' });
    await expect(maintenance.finish()).resolves.toEqual([{ certificate: id, deployed: 'done' }]);
    expect([reloads, clock.now().toString()]).toEqual([1, '2026-11-01T00:10:00Z']);
  });

  it('renews no later than the general limit, even if that is set later', async () => {
    const [id, limited] = [
      await obtained(),
      await obtained({ names: ['own.test'], renewBefore: 'P10D' }),
    ];
    const at = async (certificate: string) =>
      (await provisioner.certificates.get(certificate)).renewal?.at;
    const before = [await at(id), await at(limited)];
    const earlier = new CertificateMaintenance({
      storage,
      provisioner: new Provisioner({ storage, issuers: [issuer], clock, renewBefore: 'P40D' }),
      clock,
    });
    await earlier.replan();
    expect([await at(id), await at(limited)]).toEqual(['2026-12-21T00:00:00Z', before[1]]);
    await maintenance.replan();
    expect([await at(id), await at(limited)]).toEqual(before);
  });

  it('reports that a renewal is later when the CA moves its window into the future', async () => {
    const id = await obtained();
    await provisioner.certificates.change(id, (summary) => ({
      ...summary,
      renewal: { at: clock.now().toString(), askAt: clock.now().toString() },
    }));
    issuer.window = {
      window: {
        start: Temporal.Instant.from('2026-12-01T00:00:00Z'),
        end: Temporal.Instant.from('2026-12-01T00:00:00Z'),
      },
      askAgainAt: clock.now(),
    };
    await maintenance.maintain(id);
    expect((await allEvents()).at(-1)).toMatchObject({ type: 'renewal_skipped', certificate: id });
    expect(issuer.orders).toHaveLength(1);
  });

  it('retries a deployment without a new order', async () => {
    const id = await obtained({ deploy: [{ directory: '/etc/tls' }] });
    deployFailure = Object.assign(new Error('the disk is full'), { code: 'ERR_DEPLOY_DISK' });
    await expect(maintenance.maintain(id)).resolves.toMatchObject({ deployed: 'failed' });
    await expect(maintenance.maintain(id)).resolves.not.toHaveProperty('deployed');
    deployFailure = undefined;
    await expect(next()).resolves.toMatchObject({ deployed: 'done' });
    expect(issuer.orders).toHaveLength(1);
    expect((await allEvents()).slice(-2).map(({ type, code }) => [type, code])).toEqual([
      ['deployment_failed', 'ERR_DEPLOY_DISK'],
      ['certificate_deployed', undefined],
    ]);
    await expect(maintenance.maintain(id)).resolves.not.toHaveProperty('deployed');
    expect(deployed).toHaveLength(1);
  });
  it('does nothing for a paused certificate, and reports once that one has expired', async () => {
    const id = await obtained();
    await provisioner.certificates.pause(id);
    expect(await provisioner.certificates.nextDue()).toBeUndefined();
    await clock.advance({ hours: 100 * 24 });
    await maintenance.maintain(id);
    expect(issuer.orders).toHaveLength(1);
    await provisioner.certificates.resume(id);
    issuer.failures.push(new Error('still not'));
    await maintenance.maintain(id);
    await next();
    expect((await allEvents()).filter(({ type }) => type === 'certificate_expired')).toHaveLength(
      1,
    );
    expect((await provisioner.certificates.get(id)).current).toMatchObject({ generation: 2 });
  });
  it('reports once that a certificate has expired when two processes notice it at once', async () => {
    const id = await obtained();
    await provisioner.certificates.change(id, (summary) => ({ ...summary, renewal: undefined }));
    await clock.advance({ hours: 91 * 24 });
    let elsewhere: Promise<unknown> | undefined;
    const late: Storage = {
      ...storage,
      write: async (...args) => {
        await (elsewhere ??= maintenance.maintain(id));
        return await storage.write(...args);
      },
    };
    await new CertificateMaintenance({
      storage: late,
      provisioner: new Provisioner({ storage: late, issuers: [issuer], clock }),
      clock,
    }).maintain(id);
    expect((await allEvents()).filter(({ type }) => type === 'certificate_expired')).toHaveLength(
      1,
    );
  });
  it('orders a certificate that was added without an order', async () => {
    const { id } = await provisioner.certificates.add(spec);
    await clock.advance({ seconds: 1 });
    expect(await dueNow()).toEqual([id]);
    await expect(maintenance.maintain(id)).resolves.toMatchObject({
      outcome: { state: 'succeeded' },
    });
  });
  it('does not order when the clock jumps by two days', async () => {
    const id = await obtained();
    for (const jump of [48, 0, 48]) {
      await clock.advance({ hours: jump });
      await maintenance.maintain(id);
    }
    expect(issuer.orders).toHaveLength(1);
  });
});

describe('the outbox', () => {
  it('delivers each event once to each subscriber, and again what a crash interrupted', async () => {
    await obtained();
    const box = outbox(storage, { clock });
    const had: string[] = [];
    await expect(
      box.deliver('audit', async ({ type }) => {
        if (type === 'certificate_obtained') throw new Error('crash');
        had.push(type);
      }),
    ).rejects.toThrow('crash');
    await expect(
      box.deliver('audit', async ({ type }) => {
        had.push(type);
      }),
    ).resolves.toBe(1);
    await expect(
      box.deliver('audit', async ({ type }) => {
        had.push(type);
      }),
    ).resolves.toBe(0);
    expect(had).toEqual([
      'certificate_added',
      'renewal_started',
      'order_created',
      'challenge_validated',
      'certificate_obtained',
    ]);
    await clock.advance({ hours: 1 });
    await expect(
      box.deliver('audit', async ({ type }) => {
        had.push(type);
      }),
    ).resolves.toBe(0);
    await expect(box.deliver('metrics', async () => undefined)).resolves.toBe(5);
    await expect(box.prune({ minutes: 30 })).resolves.toBe(5);
  });
  it('removes old events in steps, the oldest first, also several processes together', async () => {
    const box = outbox(storage, { clock });
    const write = async (message: string) =>
      await storage.write([eventChange({ type: 'audit_sealed', message }, clock)]);
    for (let index = 0; index < 250; index += 1) await write(`old ${index}`);
    await clock.advance({ hours: 2 });
    await write('young');
    const options = { limit: 120 };
    await expect(box.prune({ hours: 1 }, options)).resolves.toBe(120);
    expect((await allEvents())[0]?.message).toBe('old 120');
    await Promise.all([1, 2].map(async () => await box.prune({ hours: 1 }, options)));
    await expect(box.prune({ hours: 1 }, options)).resolves.toBe(10);
    await expect(box.prune({ hours: 1 }, options)).resolves.toBe(0);
    expect((await allEvents()).map(({ message }) => message)).toEqual(['young']);
  });
  it('removes no event that a subscriber has not received, unless the subscriber is retired', async () => {
    await obtained();
    const box = outbox(storage, { clock });
    const types = async () => (await allEvents()).map(({ type }) => type);
    const all = await types();
    await box.deliver('metrics', async () => undefined);
    const receiveTwo = box.deliver('audit', async ({ type }) => {
      if (type === all[2]) throw new Error('crash');
    });
    await expect(receiveTwo).rejects.toThrow('crash');
    await clock.advance({ hours: 2 });
    await expect(box.prune({ hours: 1 })).resolves.toBe(2);
    await expect(types()).resolves.toEqual(all.slice(2));
    await expect(box.prune({ hours: 1 }, { retired: ['metrics'] })).resolves.toBe(0);
    await expect(box.prune({ hours: 1 }, { retired: ['audit'] })).resolves.toBe(3);
  });
  it('removes an old event that is damaged', async () => {
    const box = outbox(storage, { clock });
    await storage.write([eventChange({ type: 'audit_sealed' }, clock)]);
    for await (const { key } of storage.list('events'))
      await storage.write([{ set: key, value: new TextEncoder().encode('{') }]);
    await clock.advance({ hours: 2 });
    await expect(box.prune({ hours: 1 })).resolves.toBe(1);
  });
});

describe('forwarding of events', () => {
  const effectOf = (name: string) => async (events: readonly AcmexEvent[]) =>
    events.map(({ id }) => ({ set: `effect/${id}/${name}`, value: new Uint8Array() }));
  const effects = async () => {
    const keys: string[] = [];
    for await (const { key } of storage.list('effect')) keys.push(key);
    return keys;
  };

  it('writes the effect of each event exactly once, also with several processes', async () => {
    await obtained();
    const box = outbox(storage, { clock });
    const options = { limit: 2 };
    const all = async (name: string) => {
      while ((await box.forward('notifications', effectOf(name), options)) > 0);
    };
    await Promise.all(['a', 'b', 'c'].map(all));
    await clock.advance({ hours: 1 });
    await all('d');
    const written = await effects();
    expect(written).toHaveLength(5);
    expect(new Set(written.map((key) => key.split('/')[1])).size).toBe(5);
  });
  it('begins a new subscriber where it wants to begin, and writes nothing when the effect fails', async () => {
    await obtained();
    await clock.advance({ minutes: 1 });
    const box = outbox(storage, { clock });
    const since = clock.now();
    await expect(box.forward('new', effectOf('a'), { since })).resolves.toBe(0);
    await clock.advance({ minutes: 1 });
    await storage.write([eventChange({ type: 'certificate_added' }, clock)]);
    const broken = box.forward('new', async () => {
      throw new Error('broken');
    });
    await expect(broken).rejects.toThrow('broken');
    await expect(box.forward('new', effectOf('a'), { since: clock.now() })).resolves.toBe(1);
    await expect(box.forward('new', effectOf('a'))).resolves.toBe(0);
    await expect(effects()).resolves.toHaveLength(1);
  });
});

describe('a page of certificates', () => {
  const all = async (query: Omit<PageQuery, 'limit'>) => {
    const known = (await provisioner.certificates.page({ limit: 100 })).certificates.toReversed();
    const names: string[] = [];
    let cursor: string | undefined;
    do {
      const range = { ...query, cursor, limit: 3 };
      const page: CertificatePage = await provisioner.certificates.page(range);
      // What is known already, in any order, gives the same page.
      const { scanned, ...same } = await provisioner.certificates.page({ ...range, among: known });
      expect(page).toMatchObject(same);
      expect(scanned).toBeLessThanOrEqual(3);
      expect(page.certificates.length).toBeLessThanOrEqual(3);
      names.push(...page.certificates.map(({ names: [name = ''] }) => name));
      cursor = page.next;
    } while (cursor !== undefined);
    return names;
  };
  const add = async (...names: readonly string[]) => {
    await clock.advance({ milliseconds: 1 });
    return await provisioner.certificates.add({ ...spec, names });
  };

  it('has each certificate once, however many of its names match, in the requested order', async () => {
    for (const names of [
      ['z.test', 'a.test'],
      ['b.example'],
      ['*.b.example', 'w.b.example', 'b.example'],
      ['c.b.example'],
      ['10.0.0.1'],
    ])
      await add(...names);
    await expect(all({})).resolves.toEqual([
      'z.test',
      'b.example',
      '*.b.example',
      'c.b.example',
      '10.0.0.1',
    ]);
    await expect(all({ sort: 'name' })).resolves.toEqual([
      'c.b.example',
      'b.example',
      '*.b.example',
      'z.test',
      '10.0.0.1',
    ]);
    await expect(all({ name: 'B.example' })).resolves.toEqual(['b.example', '*.b.example']);
    await expect(all({ name: '*.b.example' })).resolves.toEqual(['*.b.example']);
    await expect(all({ below: 'b.example' })).resolves.toEqual(['c.b.example', '*.b.example']);
    await expect(all({ below: 'test' })).resolves.toEqual(['z.test']);
    await expect(all({ name: 'nothing.test' })).resolves.toEqual([]);
  });
  it('can be sorted by expiry', async () => {
    const id = await obtained();
    await add('other.test');
    const { current } = await provisioner.certificates.get(id);
    await expect(all({ sort: 'expiry' })).resolves.toEqual(['a.test']);
    await expect(all({ sort: 'expiry', expiresBefore: current!.notAfter })).resolves.toEqual([]);
    await expect(all({ sort: 'expiry', expiresFrom: current!.notAfter })).resolves.toEqual([
      'a.test',
    ]);
  });
  it('reads a limited number of certificates, and returns how many', async () => {
    for (const name of ['one.test', 'two.test', 'three.test']) await add(name);
    const first = await provisioner.certificates.page({
      limit: 10,
      scan: 2,
      where: ({ names }) => names.includes('three.test'),
    });
    expect(first).toMatchObject({ certificates: [], scanned: 2, next: expect.any(String) });
    await expect(
      provisioner.certificates.page({ limit: 10, scan: 2, where: () => true, cursor: first.next }),
    ).resolves.toMatchObject({ certificates: [{ names: ['three.test'] }], scanned: 1 });
  });
  it('reads those alone that are known to match, and leaves out what has changed', async () => {
    const ids: string[] = [];
    for (const name of ['one.test', 'two.test', 'three.test']) ids.push((await add(name)).id);
    const known = [
      { id: ids[2]!, names: ['three.test'] },
      { id: ids[0]!, names: ['earlier.test'] },
      { id: ids[1]!, names: ['two.test'] },
      { id: 'crt_00000000000000000000000000', names: ['gone.test'] },
    ];
    const where = ({ names }: { readonly names: readonly string[] }) => !names.includes('two.test');
    const page = await provisioner.certificates.page({ limit: 10, among: known, where });
    expect(page).toMatchObject({ certificates: [{ id: ids[0] }, { id: ids[2] }], scanned: 4 });
    // Its name is another one now, by which it is listed elsewhere.
    const byName = await provisioner.certificates.page({
      sort: 'name',
      limit: 10,
      among: known,
      where,
    });
    expect(byName.certificates.map(({ id }) => id)).toEqual([ids[2]]);
  });
  it('refuses a cursor of a different query', async () => {
    for (const name of ['one.test', 'two.test']) await add(name);
    const { next } = await provisioner.certificates.page({ limit: 1 });
    for (const cursor of [
      next,
      '',
      '../..',
      Buffer.from('by-name/../certificate').toString('base64url'),
    ])
      await expect(
        provisioner.certificates.page({ sort: 'name', limit: 1, cursor }),
      ).rejects.toMatchObject({ code: 'ERR_ORCHESTRATOR_INPUT' });
  });
});
