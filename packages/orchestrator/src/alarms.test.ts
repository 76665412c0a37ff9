import { type VirtualClock, virtualClock } from '@acmex/clock';
import { memoryStorage, type Storage } from '@acmex/storage';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type AcmexEvent,
  CertificateMaintenance,
  type CertificateSpec,
  outbox,
  Provisioner,
  recordServed,
  scanAlarms,
} from './index.ts';
import { type TestIssuer, testIssuer } from './issuer.testing.ts';

const spec: CertificateSpec = {
  names: ['a.test'],
  issuer: 'test',
  keyType: 'ec-p256',
  labels: { team: 'web' },
};
const alarmTypes = [
  'certificate_expiring',
  'renewal_late',
  'certificate_expired',
  'alarm_resolved',
];
let clock: VirtualClock;
let storage: Storage;
let issuer: TestIssuer;
let provisioner: Provisioner;

beforeEach(async () => {
  clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
  storage = memoryStorage();
  issuer = await testIssuer(clock);
  provisioner = new Provisioner({ storage, issuers: [issuer], clock });
});

const scan = async () => await scanAlarms({ storage, clock });
const obtained = async (changes: Partial<CertificateSpec> = {}) => {
  const order = await provisioner.submit({ certificate: { ...spec, ...changes } });
  await provisioner.execute(order);
  return (await provisioner.status(order)).certificate;
};
const alarms = async () => {
  const all: AcmexEvent[] = [];
  for await (const event of outbox(storage).list())
    if (alarmTypes.includes(event.type)) all.push(event);
  return all;
};
/** Certificates that are due in the same second come in any order. */
const typesOf = async (id: string) =>
  (await alarms()).filter(({ certificate }) => certificate === id).map(({ type }) => type);
const types = async () => (await alarms()).map(({ type }) => type);
/** Scans at every moment that a scan names, and returns when each event was written. */
const untilExpiry = async (id: string) => {
  const { current } = await provisioner.certificates.get(id);
  const end = Date.parse(current!.notAfter);
  for (let next = (await scan()).next; next; next = (await scan()).next)
    await clock.advance({
      milliseconds: Math.max(0, next.epochMilliseconds - clock.now().epochMilliseconds),
    });
  return (await alarms()).map(
    ({ type, time }) => [type, Math.round((end - Date.parse(time)) / 36e5) / 24] as const,
  );
};
const withLifetime = async (id: string, days: number) =>
  await provisioner.certificates.change(id, (summary) => {
    const start = Date.parse(summary.current!.notBefore);
    const at = (share: number) => new Date(start + days * 864e5 * share).toISOString();
    const current = { ...summary.current!, notAfter: at(1) };
    return { ...summary, current, renewal: { at: at(days < 10 ? 1 / 2 : 2 / 3) } };
  });

afterEach(async () => {
  for (const { type, labels } of await alarms())
    expect({ type, labels }).toEqual({ type, labels: spec.labels });
});

describe('alarms', () => {
  it('report a late renewal, 14, 7, 3 and 1 days, and the expiry, once each, though nothing renews', async () => {
    const id = await obtained();
    await withLifetime(id, 90);
    const reported = await untilExpiry(id);
    expect(reported).toEqual([
      ['renewal_late', 27],
      ['certificate_expiring', 14],
      ['certificate_expiring', 7],
      ['certificate_expiring', 3],
      ['certificate_expiring', 1],
      ['certificate_expired', 0],
    ]);
    expect((await alarms())[1]).toMatchObject({
      certificate: id,
      names: ['a.test'],
      message: expect.stringMatching(/^expires in 14 days, at .+; its renewal has been due since /),
    });
  });
  it('of a six-day certificate come in its last third, not at its issuance', async () => {
    const id = await obtained();
    await withLifetime(id, 6);
    const reported = await untilExpiry(id);
    expect(reported.map(([type]) => type)).toEqual([
      'renewal_late',
      ...Array<string>(4).fill('certificate_expiring'),
      'certificate_expired',
    ]);
    expect(reported.map(([, days]) => days)).toEqual([
      expect.closeTo(2.8, 1),
      expect.closeTo(2, 1),
      expect.closeTo(1, 1),
      expect.closeTo(0.43, 1),
      expect.closeTo(0.14, 1),
      0,
    ]);
  });
  it('come once when several processes scan at the same time', async () => {
    await obtained();
    await clock.advance({ hours: 80 * 24 });
    await Promise.all([scan(), scan(), scan()]);
    expect(await types()).toEqual(['certificate_expiring', 'renewal_late']);
  });
  it('name the failure of the renewal, and are resolved when it succeeds', async () => {
    const id = await obtained();
    const maintenance = new CertificateMaintenance({ storage, provisioner, clock });
    await clock.advance({ hours: 79 * 24 });
    issuer.failures.push(Object.assign(new Error('the CA is away'), { code: 'ERR_CA_AWAY' }));
    await maintenance.maintain(id);
    await scan();
    expect((await alarms())[0]).toMatchObject({
      type: 'certificate_expiring',
      message: expect.stringContaining('the last attempt failed: the CA is away'),
      code: 'ERR_CA_AWAY',
    });
    await clock.advance({ hours: 24 });
    await maintenance.maintain(id);
    await scan();
    expect(await types()).toEqual(['certificate_expiring', 'renewal_late', 'alarm_resolved']);
    expect((await alarms())[2]?.message).toMatch(/^generation 2 is in use and expires at /);
    await scan();
    expect(await types()).toHaveLength(3);
  });
  it('of a late renewal are resolved when it is planned for later, or the certificate is removed', async () => {
    const [moved, removed] = [await obtained(), await obtained({ names: ['b.test'] })];
    await clock.advance({ hours: 65 * 24 });
    await scan();
    const at = clock.now().add({ hours: 48 }).toString();
    await provisioner.certificates.change(moved, (summary) => ({ ...summary, renewal: { at } }));
    await scan();
    await provisioner.certificates.remove(removed);
    await scan();
    for (const id of [moved, removed])
      expect(await typesOf(id)).toEqual(['renewal_late', 'alarm_resolved']);
  });
  it('do not come before a renewal that is planned for the last days, and come if it is late', async () => {
    const id = await obtained();
    await withLifetime(id, 90);
    await provisioner.certificates.change(id, (summary) => {
      const at = new Date(Date.parse(summary.current!.notAfter) - 5 * 864e5).toISOString();
      return { ...summary, renewal: { at } };
    });
    const reported = await untilExpiry(id);
    expect(reported).toEqual([
      ['certificate_expiring', 2.5],
      ['renewal_late', 2.5],
      ['certificate_expiring', 1],
      ['certificate_expired', 0],
    ]);
  });
  it('come for a paused certificate, and for one that is never issued', async () => {
    const paused = await obtained();
    await provisioner.certificates.pause(paused);
    const { id: unissued } = await provisioner.certificates.add({ ...spec, names: ['b.test'] });
    await clock.advance({ hours: 80 * 24 });
    await scan();
    expect(await typesOf(unissued)).toEqual(['renewal_late']);
    expect(await typesOf(paused)).toEqual(['certificate_expiring']);
  });
  it('do not come for a certificate that no configuration declares any more', async () => {
    const retired = await obtained();
    await provisioner.certificates.retire(retired);
    await clock.advance({ hours: 80 * 24 });
    await scan();
    expect(await typesOf(retired)).toEqual([]);
  });
  it('come for certificates that an older version has stored without an entry in the index', async () => {
    const id = await obtained();
    for await (const { key } of storage.list('alarm')) await storage.write([{ remove: key }]);
    await clock.advance({ hours: 80 * 24 });
    await scan();
    expect((await alarms()).map(({ certificate }) => certificate)).toEqual([id, id]);
  });
  it('come for the others when a certificate cannot be read', async () => {
    const damaged = await obtained();
    const id = await obtained({ names: ['b.test'] });
    await scan();
    for await (const { key } of storage.list('certificate'))
      if (key.endsWith(damaged))
        await storage.write([{ set: key, value: new TextEncoder().encode('{"v":') }]);
    await clock.advance({ hours: 80 * 24 });
    const failed: string[] = [];
    await scanAlarms({ storage, clock, onError: (certificate) => failed.push(certificate) });
    expect(failed).toContain(damaged);
    expect((await alarms()).map(({ certificate }) => certificate)).toEqual([id, id]);
  });
  it('read nothing but the index while nothing is due', async () => {
    for (const name of ['a.test', 'b.test', 'c.test']) await obtained({ names: [name] });
    await scan();
    const read: string[] = [];
    const watched: Storage = {
      ...storage,
      get: async (key, ...rest) => {
        read.push(key);
        return await storage.get(key, ...rest);
      },
    };
    await scanAlarms({ storage: watched, clock });
    expect(read).toEqual(['policy/alarms']);
  });
  it('are resolved each by itself: that of the renewal, and that of the servers', async () => {
    const id = await obtained();
    await withLifetime(id, 90);
    await clock.advance({ hours: 24 * 64 });
    await scan();
    for (const state of ['differs', 'differs', 'same', 'differs'] as const) {
      const place = { place: 'www.test:443', state, detail: 'serves another' };
      await recordServed(id, { generation: 1, places: [place] }, { storage, clock });
    }
    await provisioner.certificates.remove(id);
    const all: string[] = [];
    for await (const { type, alarm } of outbox(storage).list())
      if (alarm !== undefined) all.push(`${type} ${alarm}`);
    expect(all).toEqual([
      'renewal_late renewal',
      'served_certificate_differs served',
      'alarm_resolved served',
      'served_certificate_differs served',
      'alarm_resolved renewal',
      'alarm_resolved served',
    ]);
  });
});
