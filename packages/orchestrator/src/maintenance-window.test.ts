import { isInWindow, parseWeeklyWindow, virtualClock } from '@acmex/clock';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import { CertificateMaintenance, outbox, Provisioner, renewalTime } from './index.ts';
import { type TestIssuer, testIssuer } from './issuer.testing.ts';

const ms = (at: string) => Temporal.Instant.from(at).epochMilliseconds;

describe('the time of a renewal with maintenance windows', () => {
  const maintenanceWindows = ['Sat 02:00-06:00 Europe/Berlin'];
  // A Sunday; the renewal would be due from 2026-12-29 to 12-31.
  const notBefore = Temporal.Instant.from('2026-11-01T00:00:00Z');
  const validity = (days: number) => ({ notBefore, notAfter: notBefore.add({ hours: days * 24 }) });
  const at = (options: Partial<Parameters<typeof renewalTime>[1]>, days = 90) =>
    renewalTime(validity(days), { maintenanceWindows, random: 0, ...options }).toString();
  const hours = (from: number, to: number) => ({
    start: notBefore.add({ hours: from }),
    end: notBefore.add({ hours: to }),
  });

  it('is spread over the last window before it is due', () => {
    const times = [0, 0.25, 0.5, 0.99].map((random) => at({ random }));
    expect(times[0]).toBe('2026-12-26T01:00:00Z');
    expect(new Set(times).size).toBe(4);
    for (const time of times) expect(time).toMatch(/^2026-12-26T0[1-4]:/);
  });

  it("is in the last window before the end of the CA's window", () => {
    // From Thursday, 17 December, to Sunday.
    expect(at({ window: hours(46 * 24, 49 * 24) })).toBe('2026-12-19T01:00:00Z');
    // From Sunday to Tuesday.
    expect(at({ window: hours(49 * 24, 51 * 24) })).toBe('2026-12-19T01:00:00Z');
  });

  it('is outside of them for a window of the CA that is over, or ends before the next one', () => {
    const now = notBefore.add({ hours: 30 * 24 });
    const over = hours(29 * 24, 29.5 * 24);
    expect(at({ now, window: over })).toBe(over.start.toString());
    const soon = hours(31 * 24, 32 * 24);
    expect(at({ now, window: soon })).toBe(soon.start.toString());
  });

  it('is in a later window before an emergency, and outside of them where there is none', () => {
    // Due on Tuesday, 3 November, and an emergency on Saturday 16:48.
    expect(at({}, 6)).toBe('2026-11-04T00:00:00Z');
    expect(at({}, 7)).toBe('2026-11-07T01:00:00Z');
    expect(at({ renewBefore: { hours: 60 } }, 7)).toBe('2026-11-04T12:00:00Z');
  });
});

describe('a certificate with a maintenance window', () => {
  const maintenanceWindows = ['Sat 02:00-06:00 Europe/Berlin'];
  let clock: ReturnType<typeof virtualClock>;
  let storage: Storage;
  let issuer: TestIssuer;
  let provisioner: Provisioner;
  let maintenance: CertificateMaintenance;
  let deployed: string[];

  const start = (policy: readonly string[] | undefined) => {
    provisioner = new Provisioner({
      ...{ storage, issuers: [issuer], clock },
      maintenanceWindows: policy,
    });
    maintenance = new CertificateMaintenance({
      ...{ storage, provisioner, clock },
      deployer: {
        deploy: async () => {
          deployed.push(clock.now().toString());
        },
      },
    });
  };
  beforeEach(async () => {
    clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
    storage = memoryStorage();
    issuer = await testIssuer(clock);
    deployed = [];
    start(maintenanceWindows);
  });

  const obtained = async (windows?: readonly string[]) => {
    const order = await provisioner.submit({
      certificate: {
        ...{ names: ['a.test'], issuer: 'test', keyType: 'ec-p256' },
        ...{ maintenanceWindows: windows, deploy: [{}] },
      },
    });
    await expect(provisioner.execute(order)).resolves.toMatchObject({ state: 'succeeded' });
    return (await provisioner.status(order)).certificate;
  };
  const managed = async (id: string) => await provisioner.certificates.get(id);
  const goTo = async (at: string) =>
    await clock.advance(clock.now().until(Temporal.Instant.from(at)));
  const isInside = (at: string) => isInWindow([parseWeeklyWindow(maintenanceWindows[0]!)!], ms(at));
  const events = async (type: string) => {
    const messages: (string | undefined)[] = [];
    for await (const event of outbox(storage).list())
      if (event.type === type) messages.push(event.message);
    return messages;
  };
  const outside = expect.objectContaining({ type: 'outside-windows' });

  it('is renewed and deployed in it', async () => {
    const id = await obtained();
    const { renewal } = await managed(id);
    expect(isInside(renewal!.at)).toBe(true);
    await goTo(renewal!.at);
    await maintenance.maintain(id);
    await expect(managed(id)).resolves.toMatchObject({ current: { generation: 2 } });
    expect(deployed).toEqual([renewal!.at]);
  });

  it('waits for the next one where nothing ran in it, with an event', async () => {
    const id = await obtained();
    await maintenance.maintain(id);
    const { at } = (await managed(id)).renewal!;
    await goTo(at);
    await clock.advance({ hours: 48 });
    await maintenance.maintain(id);
    const after = await managed(id);
    expect(after).toMatchObject({ current: { generation: 1 } });
    expect(after.order).toBeUndefined();
    expect(ms(after.renewal!.at) - ms(at)).toBeGreaterThan(6 * 86_400_000);
    expect(isInside(after.renewal!.at)).toBe(true);
    expect(await events('renewal_skipped')).toEqual([
      expect.stringContaining(`now due at ${after.renewal!.at}`),
    ]);
  });

  it('is tried again in it after a failure', async () => {
    const id = await obtained();
    const { at } = (await managed(id)).renewal!;
    await goTo(at);
    const retries: string[] = [];
    while (ms(retries.at(-1) ?? at) - ms(at) < 6 * 86_400_000) {
      issuer.failures.push(new Error('no'));
      await maintenance.maintain(id);
      const { retryAt } = (await managed(id)).failure!;
      retries.push(retryAt);
      await goTo(retryAt);
    }
    expect(retries.filter((retry) => !isInside(retry))).toEqual([]);
    expect(retries.length).toBeGreaterThan(1);
  });

  it('is renewed outside of it when it is an emergency, which its order says', async () => {
    const id = await obtained();
    const { current } = await managed(id);
    await goTo(Temporal.Instant.from(current!.notAfter).subtract({ hours: 24 }).toString());
    const { order, outcome } = await maintenance.maintain(id);
    expect(outcome).toMatchObject({ state: 'succeeded' });
    expect((await provisioner.status(order!)).steps).toContainEqual(outside);
  });

  it('is renewed at any time when a person wants it, which no step reports', async () => {
    const id = await obtained();
    const { order, outcome } = await maintenance.maintain(id, { force: 'renewal' });
    expect(outcome).toMatchObject({ state: 'succeeded' });
    expect((await provisioner.status(order!)).steps).not.toContainEqual(outside);
  });

  it('has the windows of all certificates, or its own', async () => {
    start(undefined);
    await maintenance.replan();
    const general = await obtained();
    const special = await obtained(['Wed 10:00-11:00']);
    const anyTime = await managed(general);
    expect(new Date((await managed(special)).renewal!.at).getUTCDay()).toBe(3);
    start(maintenanceWindows);
    await maintenance.replan();
    expect(isInside((await managed(general)).renewal!.at)).toBe(true);
    expect(new Date((await managed(special)).renewal!.at).getUTCDay()).toBe(3);
    start(undefined);
    await maintenance.replan();
    await expect(managed(general)).resolves.toEqual(anyTime);
    await provisioner.change(special, () => ({ maintenanceWindows: ['Sun 10:00-11:00'] }));
    expect(new Date((await managed(special)).renewal!.at).getUTCDay()).toBe(0);
  });
});
