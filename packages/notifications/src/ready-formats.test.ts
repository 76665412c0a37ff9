import { type AcmexEvent, type EventType, eventTypes } from '@acmex/orchestrator';
import { startWebhookReceiver } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import { webhook, webhookFormats } from './index.ts';
import { eventNotification, type Notification, report } from './notification.ts';

const hostile = String.raw`@all <!channel> <at>Eve</at> [bank](https://evil.example) ~town #tag :smile: **b** _i_ "q" \ &lt;`;
const controls = '\u001b[31m\u202e\n/stop `c`';
/** The text of a server where a receiver reads plain text; `|` is a mark without width. */
const plainText = String.raw`@|all <!channel> <at>Eve</at> [bank](https:|//evil.example) ~town #tag :smile: **b** _i_ "q" \ &lt;\u{1b}[31m\u{202e}\u{a}/stop ${'`c`'}`;
const mattermostText =
  String.raw`@|all &lt;\!channel&gt; &lt;at&gt;Eve&lt;/at&gt; \[bank\]\(https:|//evil\.example\) \~|town \#|tag :|smile: \*\*b\*\* \_i\_ "q" \\ &amp;lt;\\u\{1b\}\[31m\\u\{202e\}\\u\{a\}/stop ` +
  '\\`c\\`';
const marked = (text: string) => text.replaceAll('|', '\u200b');
const message = marked(plainText);

const eventOf = (type: EventType, more: Partial<AcmexEvent> = {}): AcmexEvent => ({
  id: 'evt_01kax2b0000000000000000001',
  type,
  time: '2026-11-28T10:00:00Z',
  certificate: 'crt_1',
  names: ['example.com'],
  message: hostile + controls,
  ...more,
});
const every = eventTypes.map((type) => {
  const notification = eventNotification(eventOf(type));
  return { type, notification, severity: notification.severity };
});
type Name = keyof typeof webhookFormats;
const textIn = (format: Name, notification: Notification) =>
  webhookFormats[format]({ chatId: '-100' }).body(notification, 'r0uting-key');
const bodyIn = (format: Name, notification: Notification) =>
  JSON.parse(textIn(format, notification));
const titleOf = (type: EventType) => `${type.replaceAll('_', ' ')}: example.com`;
const details = `${message}\ncertificate: crt_1\ntime: 2026-11-28T10:00:00Z`;
/** A report with more text than any receiver takes, of characters with several bytes. */
const flood = report(
  Array.from({ length: 100 }, (_, index) =>
    eventOf('renewal_failed', { id: `evt_${index}`, message: '\u{1f512}@*&'.repeat(400) }),
  ),
);

describe.each(every)('the event $type', ({ type, notification, severity }) => {
  const title = titleOf(type);

  it('is an Adaptive Card without Markdown and mentions in Teams', () => {
    const color = { error: 'Attention', warning: 'Warning', info: 'Default' }[severity];
    const line = (text: string) => ({
      type: 'RichTextBlock',
      inlines: [{ type: 'TextRun', text }],
    });
    const content = {
      $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
      type: 'AdaptiveCard',
      version: '1.4',
      body: [
        {
          type: 'RichTextBlock',
          inlines: [{ type: 'TextRun', text: title, weight: 'Bolder', color }],
        },
        line(message.replaceAll('<', '<\u200b')),
        line('certificate: crt_1'),
        line('time: 2026-11-28T10:00:00Z'),
      ],
    };
    const contentType = 'application/vnd.microsoft.card.adaptive';
    expect(bodyIn('teams', notification)).toEqual({
      type: 'message',
      attachments: [{ contentType, contentUrl: null, content }],
    });
  });

  it('is text whose Markdown, mentions, channels, tags and links have no effect in Mattermost', () => {
    const lines = [
      title.replace('.', String.raw`\.`),
      marked(mattermostText),
      String.raw`certificate: crt\_1`,
      marked(String.raw`time: 2026\-11\-28T10:|00:|00Z`),
    ];
    expect(bodyIn('mattermost', notification)).toEqual({ text: lines.join('\n') });
  });

  it('is one block of code in Telegram, in which nothing is a mention, link or command', () => {
    const text = `${title}\n${details}`;
    expect(bodyIn('telegram', notification)).toEqual({
      chat_id: '-100',
      text,
      entities: [{ type: 'pre', offset: 0, length: text.length }],
      link_preview_options: { is_disabled: true },
    });
  });

  it('is plain text in ntfy, with the title as an encoded word', () => {
    expect(textIn('ntfy', notification)).toBe(details);
    expect(webhookFormats.ntfy().headers(notification, 'tk_1')).toEqual({
      authorization: 'Bearer tk_1',
      'x-title': `=?UTF-8?B?${Buffer.from(title).toString('base64')}?=`,
      'x-priority': { error: '4', warning: '3', info: '2' }[severity],
    });
  });

  it('is plain text in Gotify, with the token as a header', () => {
    expect(bodyIn('gotify', notification)).toEqual({
      title,
      message: details,
      priority: { error: 8, warning: 5, info: 2 }[severity],
      extras: { 'client::display': { contentType: 'text/plain' } },
    });
    expect(webhookFormats.gotify().headers(notification, 'A1')).toEqual({ 'x-gotify-key': 'A1' });
  });
});

describe('the format pagerduty', () => {
  const alertOf = (type: EventType, more?: Partial<AcmexEvent>) =>
    bodyIn('pagerduty', eventNotification(eventOf(type, more)));
  const keyed = (event_action: string, dedup_key: string) => ({
    routing_key: 'r0uting-key',
    event_action,
    dedup_key,
  });
  const resolving: readonly (readonly [EventType, string])[] = [
    ['alarm_resolved', 'crt_1/renewal'],
    ['renewal_success', 'crt_1/renewal'],
    ['certificate_obtained', 'crt_1/renewal'],
    ['certificate_deployed', 'crt_1/deployment'],
    ['certificate_removed', 'crt_1/deployment'],
  ];
  const triggering = new Map<EventType, string>([
    ['renewal_failed', 'crt_1/renewal'],
    ['renewal_late', 'crt_1/renewal'],
    ['certificate_expiring', 'crt_1/renewal'],
    ['certificate_expired', 'crt_1/renewal'],
    ['revocation_detected', 'crt_1/renewal'],
    ['deployment_failed', 'crt_1/deployment'],
    ['served_certificate_differs', 'crt_1/served'],
    ['served_certificate_unreachable', 'crt_1/served'],
  ]);

  it('resolves the alert of the servers where alarm_resolved says so', () => {
    const alert = alertOf('alarm_resolved', { alarm: 'served' });
    expect(alert).toEqual(keyed('resolve', 'crt_1/served'));
  });

  it.each(resolving)('resolves an alert with %s, by the key %s', (type, key) => {
    expect(alertOf(type)).toEqual(keyed('resolve', key));
  });
  it.each(every.filter(({ type }) => !resolving.some(([name]) => name === type)))(
    'triggers an alert with $type, with text as text',
    ({ type, notification, severity }) => {
      expect(bodyIn('pagerduty', notification)).toEqual({
        ...keyed('trigger', triggering.get(type) ?? notification.id),
        payload: {
          summary: titleOf(type),
          source: 'example.com',
          severity,
          timestamp: '2026-11-28T10:00:00Z',
          class: type,
          custom_details: { text: `${titleOf(type)}\n${details}` },
        },
      });
    },
  );
  it('resolves the alerts of deployment and of renewal with certificate_removed', async () => {
    await using to = await startWebhookReceiver();
    const pagerduty = webhook({
      url: async () => to.url,
      ...{ allow: ['127.0.0.0/8'], schemes: 'http-and-https', token: async () => 'r0uting-key' },
      format: webhookFormats.pagerduty(),
    });
    await pagerduty.send(eventNotification(eventOf('renewal_failed')));
    await pagerduty.send(eventNotification(eventOf('certificate_removed')));
    const [opened, ...resolved] = to.received.map(({ body }) => JSON.parse(body) as object);
    expect(opened).toMatchObject(keyed('trigger', 'crt_1/renewal'));
    expect(resolved).toEqual([
      keyed('resolve', 'crt_1/deployment'),
      keyed('resolve', 'crt_1/renewal'),
    ]);
  });
  it('has an alert of its own for an event about no certificate', () => {
    const { dedup_key, event_action } = alertOf('renewal_failed', { certificate: undefined });
    expect({ dedup_key, event_action }).toEqual({
      dedup_key: 'msg_01kax2b0000000000000000001',
      event_action: 'trigger',
    });
  });
  it('does not repeat the key of the service in a header', () => {
    expect(webhookFormats.pagerduty().headers()).toEqual({});
  });
});

describe('a text that is longer than a receiver takes', () => {
  const long = eventNotification(
    eventOf('renewal_failed', { names: Array.from({ length: 5 }, () => '@'.repeat(1500)) }),
  );

  it.each([flood, long])(
    'is cut to 28 KB in Teams, and counts what is left out',
    (notification) => {
      const text = textIn('teams', notification);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(28 * 1024);
    },
  );
  it('says in Teams how many lines are left out', () => {
    const { body } = bodyIn('teams', flood).attachments[0].content;
    const { text } = body.at(-1).inlines[0];
    expect(text).toBe(`and ${100 - (body.length - 2)} more lines`);
  });
  it('is cut to 16383 characters in Mattermost, not inside an escape', () => {
    const { text } = bodyIn('mattermost', flood);
    expect(text.length).toBeLessThanOrEqual(16_383);
    expect(text).not.toMatch(/(?:[^\\]\\|&[a-z]*|[\ud800-\udbff])…$/);
  });
  it('is cut to 4096 characters in Telegram, with the block of code around all of it', () => {
    const { text, entities } = bodyIn('telegram', flood);
    expect(text.length).toBeLessThanOrEqual(4096);
    expect(text).toMatch(/…$/);
    expect(entities).toEqual([{ type: 'pre', offset: 0, length: text.length }]);
  });
  it('is cut to 4096 bytes in ntfy, not inside a character', () => {
    const text = textIn('ntfy', flood);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096);
    expect(text).toMatch(/…$/);
    expect(text).not.toMatch(/\ufffd/);
  });
  it('is cut to 1024 characters in the summary of PagerDuty, and its key to 255', () => {
    const { payload, dedup_key } = bodyIn(
      'pagerduty',
      eventNotification(
        eventOf('renewal_late', { certificate: 'c'.repeat(300), names: ['a'.repeat(1500)] }),
      ),
    );
    expect(payload.summary).toHaveLength(1024);
    expect(payload.source).toHaveLength(255);
    expect(dedup_key).toHaveLength(255);
  });
});
