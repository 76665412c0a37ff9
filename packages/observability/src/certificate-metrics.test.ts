import { virtualClock } from '@acmex/clock';
import { CertificateStore } from '@acmex/orchestrator';
import { memoryStorage } from '@acmex/storage';
import { describe, expect, it } from '@jest/globals';
import {
  CertificateCensus,
  certificateMetrics,
  type CertificateMetricsOptions,
  dueMetrics,
  Metrics,
} from './index.ts';

const at = (day: string) => `2026-11-${day}T00:00:00Z`;

/** Opens a storage with certificates that expire on some days, with their metrics. */
async function watched(days: readonly string[], options: Partial<CertificateMetricsOptions> = {}) {
  const clock = virtualClock({ now: at('10') });
  const storage = memoryStorage();
  const certificates = new CertificateStore({ storage, clock });
  const ids: string[] = [];
  for (const day of days) {
    const name = `${day}.example`;
    const { id } = await certificates.add({ names: [name], issuer: 'ca', keyType: 'ec-p256' });
    await issue(certificates, id, day);
    ids.push(id);
  }
  const metrics = new Metrics({ includesProcess: false });
  const census = new CertificateCensus(() => ({ storage, certificates }), clock);
  certificateMetrics(metrics, { census, tenants: () => ['default'], ...options });
  dueMetrics(metrics, { certificates: () => [certificates], clock });
  return { metrics, certificates, clock, ids };
}

async function issue(certificates: CertificateStore, id: string, day: string): Promise<void> {
  await certificates.change(
    id,
    (summary) => ({
      ...summary,
      current: {
        generation: 1,
        serialNumber: '01',
        notBefore: at('01'),
        notAfter: at(day),
        issuedAt: at('01'),
      },
      renewal: { at: at('20') },
    }),
    { type: 'certificate_obtained' },
  );
}

const seriesOf = (text: string, name: string) =>
  [...text.matchAll(new RegExp(`^acmex_${name}\\{(.*)\\} (\\S+)$`, 'gm'))].map(
    ([, labels, value]) => [labels, Number(value)],
  );

describe('the metrics of certificates', () => {
  it('count certificates by state, which changes with the time alone', async () => {
    const { metrics, certificates, clock, ids } = await watched(['25', '28']);
    await certificates.pause(ids[0]!);
    const states = async () =>
      seriesOf(await metrics.text(), 'certificates').filter(([, count]) => count !== 0);
    await expect(states()).resolves.toEqual([
      ['tenant="default",state="valid"', 1],
      ['tenant="default",state="paused"', 1],
    ]);
    await clock.advance({ days: 11 });
    await expect(states()).resolves.toEqual([
      ['tenant="default",state="due"', 1],
      ['tenant="default",state="paused"', 1],
    ]);
    await clock.advance({ days: 5 });
    await expect(states()).resolves.toEqual([
      ['tenant="default",state="due"', 1],
      ['tenant="default",state="expired"', 1],
    ]);
  });

  it('have series of their own for those that expire first, by id and not by name', async () => {
    const { metrics, ids } = await watched(['28', '12', '25', '11'], { series: 2 });
    const text = await metrics.text();
    const labels = (index: number) => `tenant="default",certificate="${ids[index]}",issuer="ca"`;
    const ends = [
      [labels(3), Date.parse(at('11')) / 1000],
      [labels(1), Date.parse(at('12')) / 1000],
    ];
    expect(seriesOf(text, 'certificate_not_after_timestamp_seconds')).toEqual(ends);
    expect(seriesOf(text, 'certificate_renew_at_timestamp_seconds')).toHaveLength(2);
    expect(text).not.toContain('.example');
  });

  it('have the first name as a label where that is wanted', async () => {
    const { metrics } = await watched(['28'], { hasDomains: true });
    await expect(metrics.text()).resolves.toContain('domain="28.example"');
  });

  it('say which certificates can be used', async () => {
    const { metrics, clock } = await watched(['12', '28']);
    await clock.advance({ days: 3 });
    const ready = seriesOf(await metrics.text(), 'certificate_ready').map(([, value]) => value);
    expect(ready.sort()).toEqual([0, 1]);
  });

  it('say for how long the oldest task is due', async () => {
    const { metrics, clock } = await watched(['28']);
    await expect(metrics.text()).resolves.toMatch(/^acmex_oldest_due_seconds 0$/m);
    await clock.advance({ days: 10, hours: 1 });
    await expect(metrics.text()).resolves.toMatch(/^acmex_oldest_due_seconds 3600$/m);
  });

  it('are absent while the storage is away, and the scrape still succeeds', async () => {
    const metrics = new Metrics({ includesProcess: false });
    const census = new CertificateCensus(() => {
      throw new Error('the storage is away');
    });
    certificateMetrics(metrics, { census, tenants: () => ['default'] });
    dueMetrics(metrics, {
      certificates: () => [{ nextDue: async () => await Promise.reject(new Error('away')) }],
    });
    await metrics.text();
    const text = await metrics.text();
    expect(text).not.toMatch(/^acmex_certs_managed\{/m);
    expect(text).toMatch(/^acmex_oldest_due_seconds Nan$/m);
    expect(text).toContain('acmex_collect_failures_total{metric="certs_managed"} ');
  });
});
