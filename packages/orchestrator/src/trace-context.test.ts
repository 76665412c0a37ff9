import { virtualClock } from '@acmex/clock';
import { memoryStorage, scopedStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  type AcmexEvent,
  CertificateMaintenance,
  continuedTrace,
  eventChange,
  outbox,
  parseTraceparent,
  Provisioner,
  tracedEvents,
} from './index.ts';
import { testIssuer } from './issuer.testing.ts';
import { orders } from './order-record.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const traceparent = `00-${traceId}-${spanId}-01`;
const malformed = [
  '',
  'nonsense',
  `00-${traceId}-${spanId}`,
  `00-${traceId}-${spanId}-01-more`,
  `ff-${traceId}-${spanId}-01`,
  `00-${'0'.repeat(32)}-${spanId}-01`,
  `00-${traceId}-${'0'.repeat(16)}-01`,
  `00-${traceId.toUpperCase()}-${spanId}-01`,
  ` ${traceparent}`,
  `${traceparent}\n`,
  `01-${traceId}-${spanId}-01-${'x'.repeat(600)}`,
  7,
  null,
  ['00'],
];

describe('a traceparent', () => {
  it('is read as the specification says, in a later version too', () => {
    expect(parseTraceparent(traceparent)).toEqual({ traceId, spanId, flags: 1 });
    expect(parseTraceparent(`cc-${traceId}-${spanId}-00-later`)).toMatchObject({ flags: 0 });
    expect(continuedTrace(`cc-${traceId}-${spanId}-03-later`)).toBe(`00-${traceId}-${spanId}-03`);
  });
  it.each(malformed)('that is not well-formed counts as none: %j', (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });
  it('is made for a new trace, each time another', () => {
    const made = new Set(Array.from({ length: 100 }, () => continuedTrace('nonsense')));
    expect(made.size).toBe(100);
    for (const text of made) expect(parseTraceparent(text)).toMatchObject({ flags: 1 });
  });
});

describe('the trace of an order', () => {
  const clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
  const spec = { names: ['a.test'], issuer: 'test', keyType: 'ec-p256', deploy: [{}] } as const;
  let storage = memoryStorage();
  let isBroken = false;
  let issuer: Awaited<ReturnType<typeof testIssuer>>;
  const provision = () => new Provisioner({ storage, issuers: [issuer], clock });
  const maintain = async (id: string) => {
    const deployer = {
      async deploy() {
        if (isBroken) throw new Error('the disk is full');
      },
    };
    const provisioner = provision();
    return await new CertificateMaintenance({ storage, provisioner, clock, deployer }).maintain(id);
  };
  const events = async () => {
    const all: AcmexEvent[] = [];
    for await (const event of outbox(storage, { clock }).list()) all.push(event);
    return all;
  };
  const order = async (trace?: string) =>
    (await provision().declare(spec, { traceparent: trace })).certificate;

  beforeEach(async () => {
    storage = memoryStorage();
    issuer = await testIssuer(clock);
    isBroken = false;
  });

  it('is in each of its events, and in those of the deployment that another process does', async () => {
    isBroken = true;
    const { id } = await order(traceparent);
    await maintain(id);
    isBroken = false;
    await clock.advance({ hours: 1 });
    await maintain(id);
    const all = await events();
    expect(all.map(({ type }) => type)).toEqual(
      expect.arrayContaining([
        ...['certificate_added', 'renewal_started', 'certificate_obtained'],
        ...['deployment_failed', 'certificate_deployed'],
      ]),
    );
    for (const event of all) expect(event).toMatchObject({ traceId });
  });
  it('is that of a change which orders the certificate again, or of what is done at present', async () => {
    const { id } = await order();
    await maintain(id);
    const earlier = (await events()).length;
    const names = ['a.test', 'b.test'];
    const { change } = await provision().change(id, () => ({ names }), { traceparent });
    await maintain(id);
    const changed = (await events()).slice(earlier);
    expect([change, changed.map(({ type }) => type)]).toEqual([
      'ordered',
      expect.arrayContaining(['certificate_changed', 'renewal_success']),
    ]);
    for (const event of changed) expect(event).toMatchObject({ traceId });
    const present = new Provisioner({
      ...{ storage, issuers: [issuer], clock },
      currentTrace: () => traceparent,
    });
    await present.change(id, () => ({ keyType: 'ec-p384' }));
    expect((await events()).at(-1)).toMatchObject({ traceId });
  });
  it('is a new one where no one asked for it, also in a failed renewal', async () => {
    issuer.failures.push(new Error('the CA is broken'));
    const { id } = await order();
    const { outcome } = await maintain(id);
    expect(outcome).toMatchObject({ state: 'failed' });
    const ids = new Set((await events()).map((event) => event.traceId));
    expect([...ids]).toEqual([parseTraceparent(outcome?.traceparent)?.traceId]);
  });
  it('is not replaced by that of what is done at present, which every other event has', async () => {
    const present = '0af7651916cd43dd8448eb211c80319c';
    let current: string | undefined = present;
    const traced = tracedEvents(storage, () => current);
    const write = async (part: Storage, id?: string) =>
      await part.write([
        eventChange({ type: 'account_updated', message: part === traced ? '' : 'part' }, clock),
        eventChange({ type: 'renewal_failed', traceId: id }, clock),
        { set: 'other', value: new Uint8Array([1]) },
      ]);
    await write(traced, traceId);
    await write(scopedStorage(traced, 'tenant/web'));
    current = undefined;
    await write(traced);
    const ids = async (part: Storage) => {
      const all: (string | undefined)[] = [];
      for await (const event of outbox(part, { clock }).list()) all.push(event.traceId);
      return all;
    };
    await expect(ids(storage)).resolves.toEqual([present, traceId, undefined, undefined]);
    await expect(ids(scopedStorage(storage, 'tenant/web'))).resolves.toEqual([present, present]);
    await expect(storage.get('other')).resolves.toMatchObject({ value: new Uint8Array([1]) });
  });
  it('that is damaged in the storage is left out, and the order is executed', async () => {
    const { id, order: orderId = '' } = await order(traceparent);
    const stored = await orders.read(storage, orderId);
    await storage.write([orders.changed(stored!, { ...stored!.record, traceparent: 'nonsense' })]);
    expect(await maintain(id)).toMatchObject({ outcome: { state: 'succeeded' } });
    const last = (await events()).find(({ type }) => type === 'certificate_obtained');
    expect(last).toMatchObject({ certificate: id });
    expect(last?.traceId).toBeUndefined();
  });
  it('that is damaged in an event is left out, and the event is delivered', async () => {
    const change = eventChange({ type: 'renewal_failed', traceId: '\u001b[31m' }, clock);
    await storage.write([change]);
    expect(await events()).toEqual([expect.objectContaining({ traceId: undefined })]);
  });
});
