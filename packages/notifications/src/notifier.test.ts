import { type VirtualClock, virtualClock } from '@acmex/clock';
import {
  type AcmexEvent,
  CertificateStore,
  eventChange,
  eventTypes,
  type NewEvent,
} from '@acmex/orchestrator';
import { startWebhookReceiver } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Temporal } from 'temporal-polyfill';
import {
  type Channel,
  type Delivery,
  type Filter,
  Notifier,
  NotificationsError,
  type Receiver,
  webhook,
} from './index.ts';
import type { Notification } from './notification.ts';

let storage: Storage;
let clock: VirtualClock;
let warnings: string[];
let attempts: string[];
beforeEach(() => {
  storage = memoryStorage();
  clock = virtualClock({ now: '2026-11-28T00:00:00Z' });
  warnings = [];
  attempts = [];
});

/** A channel that keeps what it was sent, and fails while `failure` is set. */
function recording() {
  const sent: Notification[] = [];
  const state: { failure: Error | undefined; readonly sent: Notification[]; channel: Channel } = {
    failure: undefined,
    sent,
    channel: {
      kind: 'webhook',
      async send(notification) {
        await Promise.resolve();
        if (state.failure) throw state.failure;
        sent.push(notification);
        return { status: 204, answer: '' };
      },
    },
  };
  return state;
}

function notifierFor(...receivers: readonly Receiver[]) {
  return new Notifier({
    storage,
    receivers,
    clock,
    onAttempt: ({ channel, outcome }) => attempts.push(`${channel} ${outcome}`),
    random: () => 0.5,
    onWarning: (message) => warnings.push(message),
  });
}

async function occur(event: Partial<AcmexEvent> = {}): Promise<void> {
  const all = { type: 'renewal_success', names: ['example.com'], ...event };
  await storage.write([eventChange(all as NewEvent, clock)]);
}

const namesOf = (sent: readonly Notification[]) =>
  sent.flatMap(({ events }) => events.map(({ names }: AcmexEvent) => names?.[0]));
async function deliveriesOf(notifier: Notifier): Promise<readonly Delivery[]> {
  const deliveries: Delivery[] = [];
  for await (const delivery of notifier.deliveries()) deliveries.push(delivery);
  return deliveries;
}
const ids = (sent: readonly Notification[]) => sent.map(({ id }) => id);

describe('a notifier', () => {
  it('sends each event once, in order, also with a different process at the same time', async () => {
    const to = recording();
    const receiver = { name: 'chat', channel: to.channel };
    const [first, second] = [notifierFor(receiver), notifierFor(receiver)];
    for (const name of ['a.example', 'b.example', 'c.example']) await occur({ names: [name] });
    await clock.run(Promise.all([first.notify(), second.notify()]));
    await occur({ names: ['d.example'] });
    await clock.run(Promise.all([first.notify(), second.notify()]));
    expect(namesOf(to.sent)).toEqual(['a.example', 'b.example', 'c.example', 'd.example']);
    await expect(deliveriesOf(first)).resolves.toEqual([]);
  });

  it('begins with what happens after it was created, and continues there after a restart', async () => {
    await occur({ names: ['old.example'] });
    await clock.advance({ minutes: 1 });
    const to = recording();
    await notifierFor({ name: 'chat', channel: to.channel }).notify();
    await occur({ names: ['new.example'] });
    await clock.advance({ hours: 5 });
    await notifierFor({ name: 'chat', channel: to.channel }).notify();
    expect(namesOf(to.sent)).toEqual(['new.example']);
  });

  it('sends again, with the same id, what was sent when the process ended', async () => {
    const to = recording();
    const crashing: Channel = {
      kind: 'webhook',
      async send(notification) {
        await to.channel.send(notification);
        throw new Error('the process ended');
      },
    };
    const before = notifierFor({ name: 'chat', channel: crashing });
    await occur();
    await before.notify();
    await clock.advance({ minutes: 1 });
    await notifierFor({ name: 'chat', channel: to.channel }).notify();
    expect(new Set(ids(to.sent)).size).toBe(1);
    expect(to.sent).toHaveLength(2);
  });

  it('tries a receiver that is down for a day again, which then gets all, once, in order', async () => {
    await using to = await startWebhookReceiver();
    to.answer = (response) => response.writeHead(503).end();
    const receivers = [
      {
        name: 'chat',
        channel: webhook({
          url: async () => to.url,
          allow: ['127.0.0.0/8'],
          schemes: 'http-and-https',
          clock,
        }),
      },
    ];
    const end = clock.now().add({ hours: 24 });
    await notifierFor(...receivers).notify();
    const names: string[] = [];
    let next: Temporal.Instant | undefined;
    while (clock.now().epochMilliseconds < end.epochMilliseconds) {
      if (names.length < 24) {
        names.push(`${names.length}.example`);
        await occur({ names: names.slice(-1) });
      }
      // Each attempt is by another process.
      next = await notifierFor(...receivers).notify();
      await clock.advance({
        milliseconds: next!.epochMilliseconds - clock.now().epochMilliseconds,
      });
    }
    expect(warnings).toEqual([
      expect.stringMatching(/^chat is not notified yet \(.*answered 503; the next attempt is at /),
    ]);
    expect(new Set(to.received.map(({ id }) => id)).size).toBe(1);
    expect(to.received.length).toBeGreaterThan(24);
    expect(to.received.length).toBeLessThan(40);
    to.received.length = 0;
    to.answer = (response) => response.writeHead(204).end();
    await expect(notifierFor(...receivers).notify()).resolves.toBeUndefined();
    const got = to.received.map(({ body }) => JSON.parse(body).data.names[0]);
    expect(got).toEqual(names);
    expect(new Set(to.received.map(({ id }) => id)).size).toBe(24);
  });

  it('makes a dead letter after a day, which can be replayed', async () => {
    const to = recording();
    to.failure = new Error('down');
    const notifier = notifierFor({ name: 'chat', channel: to.channel });
    await occur();
    for (let hours = 0; hours <= 25; hours += 1) {
      await notifier.notify();
      await clock.advance({ hours: 1, minutes: 5 });
    }
    expect(attempts.length).toBeGreaterThan(20);
    expect([new Set(attempts.slice(0, -1)), attempts.at(-1)]).toEqual([
      new Set(['webhook failed']),
      'webhook dead',
    ]);
    const [letter] = await deliveriesOf(notifier);
    expect(letter).toMatchObject({
      state: 'dead',
      receiver: 'chat',
      failure: { code: 'unknown', message: 'down' },
    });
    expect(warnings).toEqual([
      expect.stringContaining('chat is not notified yet'),
      expect.stringContaining(`acmex notify replay ${letter?.id}`),
    ]);
    to.failure = undefined;
    await notifier.notify();
    expect(to.sent).toEqual([]);
    await expect(notifier.replay(letter?.id)).resolves.toBe(1);
    await notifier.notify();
    expect(ids(to.sent)).toEqual([letter?.id]);
    expect(attempts.at(-1)).toBe('webhook delivered');
    await expect(notifier.replay('msg_none')).rejects.toMatchObject({
      code: 'ERR_NOTIFICATIONS_DELIVERY',
    });
    await expect(notifier.replay()).resolves.toBe(0);
  });

  it('does not let a notification that is refused for good hold up the next', async () => {
    const to = recording();
    const picky: Channel = {
      kind: 'webhook',
      async send(notification, options) {
        if (notification.events[0]?.names?.[0] === 'bad.example')
          throw new NotificationsError('ERR_NOTIFICATIONS_REFUSED', 'answered 400');
        return await to.channel.send(notification, options);
      },
    };
    const notifier = notifierFor({ name: 'chat', channel: picky });
    for (const name of ['bad.example', 'good.example']) await occur({ names: [name] });
    await notifier.notify();
    expect(namesOf(to.sent)).toEqual(['good.example']);
    expect((await deliveriesOf(notifier)).map(({ state }) => state)).toEqual(['dead']);
  });

  it('lists what is behind a delivery, though it is gone', async () => {
    const to = recording();
    to.failure = new Error('down');
    const notifier = notifierFor(
      { name: 'a', channel: to.channel },
      { name: 'b', channel: to.channel },
    );
    await occur();
    await occur();
    await notifier.notify();
    const all = await deliveriesOf(notifier);
    expect(all.map(({ receiver }) => receiver)).toEqual(['a', 'a', 'b', 'b']);
    const behind: string[] = [];
    const after = { ...all[1]!, id: `${all[1]!.id}0` };
    for await (const { receiver } of notifier.deliveries({ after })) behind.push(receiver);
    expect(behind).toEqual(['b', 'b']);
  });

  it('delivers what version 1 has stored, and names a record that cannot be read', async () => {
    const stored = {
      v: 1,
      receiver: 'chat',
      notification: {
        id: 'msg_1',
        type: 'renewal_failed',
        time: '2026-11-28T00:00:00Z',
        severity: 'error',
        title: 'renewal failed: old.example',
        events: [{ id: 'evt_1', type: 'renewal_failed', time: '2026-11-28T00:00:00Z' }],
      },
      createdAt: '2026-11-28T00:00:00Z',
      attempts: 3,
      nextAt: '2026-11-28T00:00:00Z',
      failure: { code: 'ERR_EGRESS_TIME', message: 'late', at: '2026-11-28T00:00:00Z' },
    };
    const value = (record: object) => Buffer.from(JSON.stringify(record));
    await storage.write([
      { set: 'notification/waiting/chat/msg_0', value: value({ ...stored, attempts: 'x' }) },
      { set: 'notification/waiting/chat/msg_1', value: value(stored) },
    ]);
    const to = recording();
    await notifierFor({ name: 'chat', channel: to.channel }).notify();
    expect(to.sent).toEqual([stored.notification]);
    expect(warnings).toContainEqual(expect.stringContaining('notification/waiting/chat/msg_0'));
  });

  it('waits as long as the receiver asks, and at most an hour', async () => {
    const to = recording();
    const after = async (seconds: number) => {
      const retryAfter = clock.now().add({ seconds });
      to.failure = new NotificationsError('ERR_NOTIFICATIONS_ANSWER', '429', { retryAfter });
      const before = clock.now().epochMilliseconds;
      const next = await notifierFor({ name: 'chat', channel: to.channel }).notify();
      const pause = (next!.epochMilliseconds - before) / 1000;
      await clock.advance({ seconds: Math.ceil(pause) });
      return pause;
    };
    await notifierFor({ name: 'chat', channel: to.channel }).notify();
    await occur();
    expect(await after(600)).toBe(600);
    expect(await after(90_000)).toBe(3600);
  });

  it('does not try again at once what a different process has just tried', async () => {
    let attempts = 0;
    const down: Channel = {
      kind: 'webhook',
      async send() {
        attempts += 1;
        await clock.sleep({ seconds: 1 });
        throw new Error('down');
      },
    };
    const notifiers = [1, 2, 3].map(() => notifierFor({ name: 'chat', channel: down }));
    await occur();
    await clock.run(Promise.all(notifiers.map((notifier) => notifier.notify())));
    expect(attempts).toBe(1);
  });

  it('does not let one receiver that is down hold up another', async () => {
    const [down, up] = [recording(), recording()];
    down.failure = new Error('down');
    const notifier = notifierFor(
      { name: 'down', channel: down.channel },
      { name: 'up', channel: up.channel },
    );
    await occur();
    await notifier.notify();
    expect(up.sent).toHaveLength(1);
    await expect(deliveriesOf(notifier)).resolves.toMatchObject([
      { receiver: 'down', state: 'waiting', attempts: 1 },
    ]);
  });

  it('gives up what waits for a receiver that is not configured any more', async () => {
    const to = recording();
    to.failure = new Error('down');
    await notifierFor({ name: 'old', channel: to.channel }).notify();
    await occur();
    await notifierFor({ name: 'old', channel: to.channel }).notify();
    await clock.advance({ hours: 25 });
    const notifier = notifierFor({ name: 'new', channel: to.channel });
    await notifier.notify();
    await expect(deliveriesOf(notifier)).resolves.toMatchObject([
      { receiver: 'old', state: 'dead' },
    ]);
  });

  it('sends every event by itself where a receiver takes no report, beside receivers of reports', async () => {
    const [pager, chat] = [recording(), recording()];
    const notifier = notifierFor(
      { name: 'pager', channel: pager.channel, reportAbove: Infinity },
      { name: 'chat', channel: chat.channel },
    );
    for (let number = 0; number < 120; number += 1) await occur({ names: [`${number}.example`] });
    await notifier.notify({ as: 'report' });
    expect(namesOf(pager.sent)).toEqual(Array.from({ length: 120 }, (_, n) => `${n}.example`));
    expect(pager.sent.map(({ events }) => events.length)).toEqual(pager.sent.map(() => 1));
    expect(chat.sent.map(({ type }) => type)).toEqual(['report', 'report', 'report']);
    expect(namesOf(chat.sent)).toHaveLength(120);
  });

  it('joins a flood, and the events of a run, in one report', async () => {
    const to = recording();
    const notifier = notifierFor({ name: 'chat', channel: to.channel });
    for (let number = 0; number < 21; number += 1) await occur({ names: [`${number}.example`] });
    await notifier.notify();
    expect(to.sent).toMatchObject([{ type: 'report', title: '21 events, 0 of them failures' }]);
    await occur({ type: 'renewal_failed' });
    await occur();
    await notifier.notify({ as: 'report' });
    expect(to.sent[1]).toMatchObject({ title: '2 events, 1 of them failures', severity: 'error' });
    await notifier.notify({ as: 'report' });
    expect(to.sent).toHaveLength(2);
  });

  it('loses nothing where the labels of a certificate cannot be read for a while', async () => {
    const certificates = new CertificateStore({ storage, clock });
    const { id } = await certificates.add({
      names: ['web.example.com'],
      issuer: 'ca',
      keyType: 'ec-p256',
      labels: { team: 'web' },
    });
    const to = recording();
    const notifier = notifierFor({ name: 'web', channel: to.channel, labels: { team: 'web' } });
    await notifier.notify();
    to.sent.length = 0;
    const { get } = storage;
    let isAway = true;
    storage.get = async (key, options) => {
      if (isAway && key.startsWith('certificate/'))
        throw Object.assign(new Error('away'), { code: 'ERR_STORAGE_UNAVAILABLE' });
      return await get(key, options);
    };
    await occur({ type: 'renewal_failed', certificate: id });
    await expect(notifier.notify()).rejects.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' });
    isAway = false;
    await notifier.notify();
    expect(to.sent).toHaveLength(1);
  });

  it.each(eventTypes.filter((type) => !/^(?:account|api_key|session)_/.test(type)))(
    'sends %s by the labels of its certificate, also when that is removed',
    async (type) => {
      const [web, mail] = [recording(), recording()];
      const notifier = notifierFor(
        { name: 'web', channel: web.channel, labels: { team: 'web' } },
        { name: 'mail', channel: mail.channel, labels: { team: 'mail' } },
      );
      await occur({ type, certificate: 'crt_gone', labels: { team: 'web', by: 'a\u001b' } });
      await notifier.notify();
      expect(web.sent).toMatchObject([{ type, events: [{ labels: { by: 'a\\u{1b}' } }] }]);
      expect(mail.sent).toEqual([]);
    },
  );

  it('uses the labels that a certificate has now, rather than those of the event', async () => {
    const certificates = new CertificateStore({ storage, clock });
    const labels = { team: 'web' };
    const { id } = await certificates.add({
      ...{ names: ['a.example'], issuer: 'ca', keyType: 'ec-p256' },
      labels,
    });
    const to = recording();
    const notifier = notifierFor({ name: 'mail', channel: to.channel, labels: { team: 'mail' } });
    await certificates.change(id, (summary) => ({ ...summary, labels: { team: 'mail' } }));
    await occur({ type: 'renewal_failed', certificate: id, labels });
    await notifier.notify();
    expect(to.sent.map(({ type }) => type)).toContain('renewal_failed');
  });

  it('sends what the filter of a receiver lets through, by event, name and label', async () => {
    const certificates = new CertificateStore({ storage, clock });
    const { id } = await certificates.add({
      names: ['web.example.com'],
      issuer: 'ca',
      keyType: 'ec-p256',
      labels: { team: 'web' },
    });
    const channels = Array.from({ length: 5 }, recording);
    const filters: readonly Filter[] = [
      { events: ['renewal_failed'] },
      { names: ['*.example.com'] },
      { names: ['example.com', 'WEB.*.com'] },
      { labels: { team: 'web' } },
      { labels: { team: 'web', constructor: 'x' } },
    ];
    const notifier = notifierFor(
      ...channels.map(({ channel }, index) => ({ name: `r${index}`, channel, ...filters[index] })),
    );
    await notifier.notify();
    for (const { sent } of channels) sent.length = 0;
    await occur({ type: 'renewal_failed', certificate: id, names: ['web.example.com'] });
    await occur({ certificate: 'crt_none', names: ['example.com'] });
    await occur({ type: 'account_registered', names: undefined });
    await notifier.notify();
    expect(channels.map(({ sent }) => namesOf(sent))).toEqual([
      ['web.example.com'],
      ['web.example.com'],
      ['web.example.com', 'example.com'],
      ['web.example.com'],
      [],
    ]);
  });

  it('sends a test message, and says which receivers there are', async () => {
    const to = recording();
    const notifier = notifierFor({ name: 'chat', channel: to.channel });
    await expect(notifier.test('chat')).resolves.toEqual({ status: 204, answer: '' });
    expect(to.sent).toMatchObject([{ type: 'test', title: 'Test message from AcmeX' }]);
    await expect(notifier.test('mail')).rejects.toMatchObject({
      code: 'ERR_NOTIFICATIONS_RECEIVER',
      message: 'there is no receiver mail: use chat',
    });
  });
});
