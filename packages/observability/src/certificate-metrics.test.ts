import { virtualClock } from '@acmex/clock';
import { CertificateStore, type ServedState } from '@acmex/orchestrator';
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

  it('count the alarms that are open, and say whether each server serves the certificate', async () => {
    const { metrics, certificates, ids } = await watched(['25', '26', '27', '28']);
    const [same, differs, unknown, failed] = ids as [string, string, string, string];
    const set = async (id: string, change: object) =>
      await certificates.change(id, (summary) => ({ ...summary, ...change }), {
        type: 'served_certificate_differs',
      });
    const serving = (...states: readonly ServedState[]) => ({
      served: states.map((state, port) => ({ place: `host:${port}`, state, since: at('10') })),
    });
    const figures = async () => {
      const text = await metrics.text();
      return {
        alarms: Object.fromEntries(
          seriesOf(text, 'certificate_alarms')
            .filter(([, count]) => count !== 0)
            .map(([labels, count]) => [/alarm="(.*)"/.exec(String(labels))?.[1], count]),
        ),
        served: seriesOf(text, 'certificate_served').map(([labels, value]) => [
          ids.findIndex((id) => String(labels).includes(id)),
          value,
        ]),
      };
    };
    await expect(figures()).resolves.toEqual({ alarms: {}, served: [] });
    await set(same, serving('same', 'same'));
    await set(differs, serving('same', 'differs', 'unreachable'));
    await set(unknown, serving('same', 'unknown'));
    const failure = {
      code: 'ERR_DEPLOY_DISK',
      message: 'full',
      failures: 1,
      at: at('10'),
      retryAt: at('11'),
    };
    await set(failed, {
      deployFailure: failure,
      alarms: { generation: 1, expiring: 2, late: at('09') },
    });
    await expect(figures()).resolves.toEqual({
      alarms: {
        certificate_expiring: 1,
        renewal_late: 1,
        deployment_failed: 1,
        served_certificate_differs: 1,
        served_certificate_unreachable: 1,
      },
      served: [
        [0, 1],
        [1, 0],
      ],
    });
    await set(differs, serving('same'));
    await set(failed, {
      deployFailure: undefined,
      alarms: { generation: 0, expiring: 4, late: at('09') },
    });
    await expect(figures()).resolves.toEqual({
      alarms: {},
      served: [
        [0, 1],
        [1, 1],
      ],
    });
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
