import type { AcmexEvent } from '@acmex/orchestrator';
import { describe, expect, it } from '@jest/globals';
import { webhookFormats } from './index.ts';
import { eventNotification, report } from './notification.ts';

const hostile =
  '@everyone @here <!channel> <@U1> <https://evil.example|bank> [bank](https://evil.example) **b** `c` ~s~ _i_ ||x|| "q" </script>&amp; \u001b[31m\u202e\n# title';
const event: AcmexEvent = {
  id: 'evt_01kax2b0000000000000000001',
  type: 'renewal_failed',
  time: '2026-11-28T10:00:00Z',
  certificate: 'crt_1',
  names: ['example.com'],
  message: hostile,
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
};
const notification = eventNotification(event);
const bodyOf = (format: 'json' | 'slack' | 'discord') =>
  JSON.parse(webhookFormats[format]().body(notification)) as Record<string, unknown>;

describe('the format json', () => {
  it('has type, timestamp and data, with the text of a server as text without control characters', () => {
    expect(bodyOf('json')).toEqual({
      type: 'renewal_failed',
      timestamp: '2026-11-28T10:00:00Z',
      data: {
        ...event,
        message: hostile
          .replace('\u001b', '\\u{1b}')
          .replace('\u202e', '\\u{202e}')
          .replace('\n', '\\u{a}'),
        message_id: 'msg_01kax2b0000000000000000001',
        severity: 'error',
        title: 'renewal failed: example.com',
      },
    });
  });
  it('lists the events of a report, failures first', () => {
    const fine: AcmexEvent = { ...event, id: 'evt_2', type: 'renewal_success', message: undefined };
    const { type, data } = JSON.parse(webhookFormats.json().body(report([fine, event])));
    expect(type).toBe('report');
    expect(data).toMatchObject({
      title: '2 events, 1 of them failures',
      severity: 'error',
      events: [{ type: 'renewal_failed' }, { type: 'renewal_success' }],
    });
  });
  it('counts what a long report leaves out', () => {
    const events = Array.from({ length: 130 }, (_, index) => ({ ...event, id: `evt_${index}` }));
    expect(report(events).events).toHaveLength(100);
    expect(webhookFormats.slack().body(report(events))).toContain('renewal failed: example.com');
    expect(JSON.parse(webhookFormats.json().body(report(events))).data.omitted).toBe(30);
  });
});

describe('the format slack', () => {
  it('mentions no one, and has no link and no markup of a server', () => {
    const { text, mrkdwn, parse, link_names } = bodyOf('slack');
    expect({ mrkdwn, parse, link_names }).toEqual({
      mrkdwn: false,
      parse: 'none',
      link_names: false,
    });
    expect(text).not.toMatch(/<|>|@everyone|@here/);
    expect(text).toContain('&lt;!channel&gt; &lt;@\u200bU1&gt;');
    expect(text).toContain('&amp;amp;');
    expect(text).toContain('renewal failed: example.com\n');
  });
});

describe('the format discord', () => {
  it('mentions no one, loads no preview and shows markup as text', () => {
    const { content, allowed_mentions, flags } = bodyOf('discord');
    expect({ allowed_mentions, flags }).toEqual({ allowed_mentions: { parse: [] }, flags: 4 });
    expect(content).not.toMatch(/@everyone|@here|(?<!\\)[*_`~|<[]/);
    expect(content).toContain(String.raw`\[bank\]\(https\:`);
  });
  it('is cut at 2000 characters, and not inside an escape', () => {
    for (const length of [1200, 1201]) {
      const long = { ...event, message: '*'.repeat(length) };
      const { content } = JSON.parse(webhookFormats.discord().body(eventNotification(long)));
      expect(content.length).toBeLessThanOrEqual(2000);
      expect(content.replace(/\\[*]/g, '')).not.toMatch(/\\…|\*/);
    }
  });
});

describe('the format custom', () => {
  const body = (template: string, contentType?: string) =>
    webhookFormats.custom({ template, contentType }).body(notification);

  it('escapes each value inside a string of JSON', () => {
    const written = body('{"text": "{{title}}: {{message}}", "level": "{{ severity }}"}');
    expect(JSON.parse(written)).toEqual({
      text: `renewal failed: example.com: ${notification.events[0]?.message}`,
      level: 'error',
    });
  });
  it('is JSON whatever a value is', () => {
    const written = '{"{{title}}": ["{{message}}", {"a": " {{text}}{{details}} "}], "b": 1}';
    for (const message of [
      '"',
      '\\',
      '"}',
      '\\"',
      '\u2028\n\u0000',
      '\ud800',
      '{{title}}',
      '$&',
      '',
    ]) {
      const hostileEvent = eventNotification({ ...event, message, names: [message] });
      const text = webhookFormats.custom({ template: written }).body(hostileEvent);
      expect(Object.values(JSON.parse(text))).toHaveLength(2);
    }
  });
  it('escapes each value for the content type', () => {
    expect(body('<p>{{message}}</p>', 'text/html; charset=utf-8')).not.toContain('</script>');
    expect(
      new URLSearchParams(body('text={{message}}', 'application/x-www-form-urlencoded')),
    ).toEqual(new URLSearchParams({ text: notification.events[0]?.message ?? '' }));
    expect(body('{{title}}', 'text/plain')).toBe('renewal failed: example.com');
  });
  it('does not read a value as a template', () => {
    const nested = eventNotification({ ...event, message: '{{certificate}} $& $1' });
    const format = webhookFormats.custom({ template: '{{message}}', contentType: 'text/plain' });
    expect(format.body(nested)).toBe('{{certificate}} $& $1');
  });
  it('is that of json without a template', () => {
    expect(webhookFormats.custom().body(notification)).toBe(
      webhookFormats.json().body(notification),
    );
  });
  it.each([
    ['{"text": "{{secret}}"}', undefined, 'unknown place {{secret}}: use one of id, type'],
    ['{"text": "{{constructor}}"}', undefined, 'unknown place {{constructor}}'],
    ['{"text": {{title}}}', undefined, 'valid JSON with every value: write each place inside'],
    ['{"text": "\\{{title}}"}', undefined, 'is not valid JSON'],
    ['{"text": "\\u00{{title}}"}', undefined, 'is not valid JSON'],
    ['{"text": "a"} {{title}}', undefined, 'is not valid JSON'],
    ['{"text": ', undefined, 'is not valid JSON'],
    ['{"text": "{{title}"}', undefined, 'has {{ without a place'],
    ['{{title', 'text/plain', 'has {{ without a place'],
    ['{{{{title}}}}', 'text/plain', 'has {{ without a place'],
    ['{{\u001b[2J}}', 'text/plain', 'unknown place {{\\u{1b}[2J}}'],
    ['{{title}}', 'application/x-yaml', 'content type that values cannot be escaped for'],
  ])('refuses the template %s of the type %s', (template, contentType, problem) => {
    expect(() => webhookFormats.custom({ template, contentType })).toThrow(problem);
  });
});
