import { type VirtualClock, virtualClock, weekdays } from '@acmex/clock';
import { CertificateStore, type ManagedCertificate } from '@acmex/orchestrator';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Channel, type Filter, Notifier, webhookFormats } from './index.ts';
import { mailFor } from './mail.ts';
import { type Notification, textOf } from './notification.ts';
import { lastMoment, type WeeklyTime } from './weekly.ts';

let storage: Storage;
let clock: VirtualClock;
/** A Saturday. */
beforeEach(() => {
  storage = memoryStorage();
  clock = virtualClock({ now: '2026-11-28T00:00:00Z' });
});

/** Monday. */
const summary: WeeklyTime = { day: 'monday', hour: 7 };

/** A process whose receivers have these filters; each keeps what it gets. */
function processWith(...filters: readonly Filter[]) {
  const sent: Notification[][] = filters.map(() => []);
  const receivers = filters.map((filter, index) => {
    const channel: Channel = {
      kind: 'webhook',
      async send(notification) {
        await Promise.resolve();
        sent[index]?.push(notification);
        return { status: 204, answer: '' };
      },
    };
    return { name: `r${index}`, channel, ...filter };
  });
  return { sent, notifier: new Notifier({ storage, receivers, clock, summary, tenant: 'web' }) };
}
const onlySummary = { events: ['weekly_summary'] } as const;

async function add(name: string, change: Partial<ManagedCertificate> = {}) {
  const store = new CertificateStore({ storage, clock });
  const spec = { names: [name], issuer: 'ca', keyType: 'ec-p256' } as const;
  const { id } = await store.add({ ...spec, labels: change.labels });
  await store.change(id, (certificate) => ({ ...certificate, ...change }));
}

/** A certificate that expires after some days, and is renewed 30 days before. */
function lasting(days: number): Partial<ManagedCertificate> {
  const end = clock.now().epochMilliseconds + days * 86_400_000;
  const at = (milliseconds: number) => new Date(milliseconds).toISOString();
  return {
    current: {
      generation: 1,
      serialNumber: '01',
      notBefore: at(end - 90 * 86_400_000),
      notAfter: at(end),
      issuedAt: at(end - 90 * 86_400_000),
    },
    renewal: { at: at(end - 30 * 86_400_000) },
  };
}
const failure = {
  ...{ code: 'ERR_CA', message: 'no', failures: 3 },
  ...{ at: '2026-11-27T00:00:00Z', retryAt: '2026-12-05T00:00:00Z' },
};

describe('the weekly summary', () => {
  it('is sent once a week, at its hour, also with two processes and after a restart', async () => {
    await add('a.example', lasting(80));
    const processes = [processWith(onlySummary)];
    const counts: number[] = [];
    const [first, second] = [2 * 24 + 7, 9 * 24 + 7];
    let now = 0;
    for (const hour of [1, 30, first - 1, first, first + 1, 150, second - 1, second, 300, 359]) {
      await clock.advance({ hours: hour - now });
      now = hour;
      processes.push(processWith(onlySummary));
      // One has run before, and one begins.
      const present = processes.slice(-2).map(async ({ notifier }) => await notifier.notify());
      await clock.run(Promise.all(present));
      if (processes.flatMap(({ sent }) => sent.flat()).length > counts.length) counts.push(hour);
    }
    const times = processes.flatMap(({ sent }) => sent.flat()).map(({ time }) => time);
    expect(times).toHaveLength(2);
    expect(counts).toEqual([first, second]);
    expect(times.map((time) => time.slice(0, 13))).toEqual(['2026-11-30T07', '2026-12-07T07']);
  });

  it('is sent once after an outage of three weeks', async () => {
    await add('a.example', lasting(80));
    await processWith(onlySummary).notifier.notify();
    await clock.advance({ hours: 22 * 24 });
    const { sent, notifier } = processWith(onlySummary);
    await notifier.notify();
    await notifier.notify();
    expect(sent.flat()).toHaveLength(1);
    await clock.advance({ hours: 7 * 24 });
    await notifier.notify();
    expect(sent.flat()).toHaveLength(2);
  });

  it('comes again where the process ended before it was written, and not where it was queued', async () => {
    await add('a.example', lasting(80));
    await processWith(onlySummary).notifier.notify();
    await clock.advance({ hours: 60 });
    const { write } = storage;
    storage.write = async () => await Promise.reject(new Error('the process ended'));
    await expect(processWith(onlySummary).notifier.notify()).rejects.toThrow('the process ended');
    storage.write = write;
    const { sent, notifier } = processWith(onlySummary);
    await notifier.notify();
    expect(sent.flat()).toMatchObject([{ type: 'weekly_summary' }]);
  });

  it('names what fails, is late or paused, what expires next, and counts the rest', async () => {
    await add('late.example', { ...lasting(20), failure });
    await add('gone.example', lasting(-1));
    await add('paused.example', { ...lasting(9), paused: true });
    for (let index = 0; index < 12; index += 1) await add(`w${index}.example`, lasting(60 + index));
    const { sent, notifier } = processWith(onlySummary);
    await notifier.notify();
    await clock.advance({ hours: 60 });
    await notifier.notify();
    const [notification] = sent.flat();
    expect(notification).toMatchObject({
      severity: 'warning',
      tenant: 'web',
      title: 'weekly summary: 15 certificates, 2 need attention, 1 paused',
      summary: { totals: { certificates: 15, attention: 2, planned: 12, paused: 1 } },
    });
    expect(notification && textOf(notification).split('\n').slice(1)).toEqual([
      'expired, late: gone.example – expires 2026-11-27 00:00 UTC – renewal 2026-10-28 00:00 UTC',
      'late, failing: late.example – expires 2026-12-18 00:00 UTC – renewal 2026-11-18 00:00 UTC – no – [ERR_CA]',
      ...Array.from({ length: 10 }, (_, index) => {
        const date = new Date(Date.UTC(2027, 0, 27 + index)).toISOString().slice(0, 10);
        const renewal = new Date(Date.UTC(2026, 11, 28 + index)).toISOString().slice(0, 10);
        return `planned: w${index}.example – expires ${date} 00:00 UTC – renewal ${renewal} 00:00 UTC`;
      }),
      'planned: and 2 more',
      'paused: paused.example – expires 2026-12-07 00:00 UTC',
    ]);
  });

  it('has only what the filters of a receiver let through, and is not sent about nothing', async () => {
    await add('web.example.com', { ...lasting(60), labels: { team: 'web' } });
    await add('mail.example.com', { ...lasting(61), labels: { team: 'mail' } });
    const { sent, notifier } = processWith(
      onlySummary,
      { ...onlySummary, labels: { team: 'web' } },
      { ...onlySummary, names: ['mail.*'] },
      { ...onlySummary, names: ['*.example.org'] },
      { events: ['renewal_failed'] },
    );
    await notifier.notify();
    await clock.advance({ hours: 60 });
    await notifier.notify();
    const names = sent.map((all) =>
      all.map((each) => each.summary?.planned.flatMap((entry) => entry.names)),
    );
    const [web, mail] = ['web.example.com', 'mail.example.com'];
    expect(names).toEqual([[[web, mail]], [[web]], [[mail]], [], []]);
  });

  it('has the text of a CA without effect in every format', async () => {
    const message = '@everyone \u001b[31m\u202e <b>https://evil.example</b> **x**';
    await add('a.example', { ...lasting(60), failure: { ...failure, message } });
    const { sent, notifier } = processWith(onlySummary);
    await notifier.notify();
    await clock.advance({ hours: 60 });
    await notifier.notify();
    const [notification] = sent.flat();
    if (!notification) throw new Error('nothing was sent');
    for (const [name, format] of Object.entries(webhookFormats)) {
      const body = format({ chatId: '1' }).body(notification);
      expect(body).toContain('evil');
      expect(body).not.toMatch(/\u001b|\u202e/);
      if (name !== 'json' && name !== 'custom') expect(body).not.toContain('@everyone');
    }
    const { html, text } = mailFor(notification, { from: 'a@b.example', to: ['c@d.example'] });
    expect(html).not.toContain('<b>');
    expect(text).toContain('\\u{1b}');
    const template = { template: '{"t": "{{title}}: {{details}}"}' };
    expect(JSON.parse(webhookFormats.custom(template).body(notification)).t).toContain('a.example');
  });
});

it('has a moment on each day of the week', () => {
  const sunday = Date.parse('2026-11-29T23:59:59Z');
  const moments = weekdays.map((day) =>
    new Date(lastMoment({ day, hour: 23 }, sunday)).toISOString(),
  );
  expect(moments).toEqual(
    [23, 24, 25, 26, 27, 28, 29].map((day) => `2026-11-${day}T23:00:00.000Z`),
  );
});
