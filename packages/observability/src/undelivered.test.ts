import { virtualClock } from '@acmex/clock';
import { eventChange } from '@acmex/orchestrator';
import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { auditedStorage, createCheckpoint } from './audit.ts';
import { auditMetrics, Metrics, notificationAttemptMetrics, notificationMetrics } from './index.ts';

const newClock = () => virtualClock({ now: '2026-11-01T00:00:00Z' });
const newMetrics = () => new Metrics({ includesProcess: false });

it('counts attempts to notify by channel and outcome, and what was not delivered by tenant', async () => {
  const [metrics, clock] = [newMetrics(), newClock()];
  const count = notificationAttemptMetrics(metrics);
  count({ channel: 'webhook', outcome: 'failed' });
  count({ channel: 'email', outcome: 'delivered' });
  const blue = {
    async *deliveries() {
      yield { state: 'waiting', createdAt: '2026-11-01T00:00:30Z' } as const;
      yield { state: 'waiting', createdAt: '2026-11-01T00:00:00Z' } as const;
      yield { state: 'dead', createdAt: '2026-10-01T00:00:00Z' } as const;
    },
  };
  notificationMetrics(metrics, {
    notifiers: () => [
      ['blue', blue],
      ['green', { async *deliveries() {} }],
    ],
    clock,
  });
  await clock.advance({ minutes: 1 });
  const text = await metrics.text();
  for (const line of [
    'acmex_notification_attempts_total{channel="webhook",outcome="failed"} 1',
    'acmex_notification_attempts_total{channel="email",outcome="delivered"} 1',
    'acmex_notifications{tenant="blue",state="waiting"} 2',
    'acmex_notifications{tenant="blue",state="dead"} 1',
    'acmex_notifications{tenant="green",state="dead"} 0',
    'acmex_notification_oldest_waiting_seconds{tenant="blue"} 60',
    'acmex_notification_oldest_waiting_seconds{tenant="green"} 0',
  ])
    expect(text).toContain(`${line}\n`);
});

it('says how much is in the audit log, and for how long its end is unsigned', async () => {
  const [metrics, clock, inner] = [newMetrics(), newClock(), memoryStorage()];
  const storages = ['first', 'second'].map((program) =>
    auditedStorage(inner, { origin: { program }, clock }),
  );
  const record = async (index: number) =>
    await storages[index]?.write([eventChange({ type: 'private_key_read' }, clock)]);
  auditMetrics(metrics, { storage: () => inner, clock });
  const values = async () =>
    Object.fromEntries(
      [...(await metrics.text()).matchAll(/^acmex_audit_(\w+) (\S+)$/gm)].map(([, name, value]) => [
        name,
        Number(value),
      ]),
    );
  const begun = clock.now().epochMilliseconds / 1000;
  await expect(values()).resolves.toEqual({
    records: 0,
    last_record_timestamp_seconds: 0,
    last_checkpoint_timestamp_seconds: 0,
    oldest_unsigned_seconds: 0,
  });
  await record(0);
  await clock.advance({ minutes: 10 });
  await record(1);
  await clock.advance({ minutes: 10 });
  await expect(values()).resolves.toEqual({
    records: 2,
    last_record_timestamp_seconds: begun + 600,
    last_checkpoint_timestamp_seconds: 0,
    oldest_unsigned_seconds: 1200,
  });
  await createCheckpoint(inner, { clock });
  await clock.advance({ hours: 30 });
  const signed = { records: 2, last_checkpoint_timestamp_seconds: begun + 1200 };
  await expect(values()).resolves.toMatchObject({ ...signed, oldest_unsigned_seconds: 0 });
  await record(0);
  await clock.advance({ minutes: 20 });
  await record(1);
  await expect(values()).resolves.toEqual({
    ...signed,
    records: 4,
    last_record_timestamp_seconds: begun + 1200 + 30 * 3600 + 1200,
    oldest_unsigned_seconds: 1200,
  });
  // A process that has begun now, a month later, finds the same.
  await clock.advance({ hours: 720 });
  const later = newMetrics();
  auditMetrics(later, { storage: () => inner, clock });
  await expect(later.text()).resolves.toContain(
    `acmex_audit_last_record_timestamp_seconds ${begun + 1200 + 30 * 3600 + 1200}\n`,
  );
});
