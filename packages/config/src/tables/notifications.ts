import { weekdays } from '@acmex/clock';
import { isLoopback } from '@acmex/identifier';
import { notificationMeanings, type NotificationType } from '@acmex/orchestrator/event-types';
import * as z from 'zod';
import type { CredentialKey } from '../credential.ts';
import {
  allowedRange,
  choice,
  list,
  mailAddress,
  ownName,
  seconds,
  switched,
  text,
  whole,
} from '../keys.ts';

function eventList() {
  return list(
    choice(
      Object.keys(notificationMeanings) as [NotificationType, ...NotificationType[]],
      'Event: see docs/events.md.',
    ),
    'The events to send; all by default.',
  ).default([]);
}

/** The conditions under which a receiver gets an event. */
function filters() {
  return {
    events: eventList(),
    names: list(
      text('example.com, or *.example.com for all names below it; * is any text.'),
      'Only events of certificates with one of these names; all by default.',
    ).default([]),
    labels: z
      .record(z.string(), z.string({ error: 'write a text' }), {
        error: 'write a table: { team = "web" }',
      })
      .default({})
      .meta({ description: 'Only events of certificates that have all of these labels.' }),
    tenants: list(ownName('A tenant.'), 'Only events of these tenants; all by default.').default(
      [],
    ),
  };
}

/** `[[notifications.webhooks]]`, `[[notifications.email]]`: the receivers of events. */
export function notificationsTable(secret: CredentialKey) {
  return z.strictObject({
    allow: list(
      allowedRange(),
      'Private addresses that receivers may have, such as "10.0.0.0/8". Public addresses need no entry.',
    ).default([]),
    heartbeat_url: secret(
      'URL that gets a GET after each complete scan for alarms, at most one in renewal.check_interval. It is hidden, because many such URLs are credentials.',
    ).optional(),
    heartbeat_allow_http: switched('Also a heartbeat_url that begins with http://.').default(false),
    summary: choice(
      ['off', 'weekly'],
      'weekly: each receiver gets weekly_summary once a week, of the certificates that its filters let through.',
    ).default('off'),
    summary_day: choice(weekdays, 'The day of the summary, in UTC.').default('monday'),
    summary_hour: whole('The hour of the summary, in UTC.', { from: 0, to: 23 }).default(7),
    webhooks: list(webhookReceiver(secret), 'Receivers by HTTPS.').default([]),
    email: list(mailReceiver(secret), 'Receivers by e-mail.').default([]),
  });
}

const webhookFormats = [
  'json',
  'slack',
  'discord',
  'teams',
  'mattermost',
  'telegram',
  'ntfy',
  'gotify',
  'pagerduty',
  'custom',
] as const;

/** The keys without which a receiver with a format gets nothing, each with what to write. */
const neededKeys: Partial<Record<string, Readonly<Record<string, string>>>> = {
  telegram: { chat_id: 'write the id of the chat: chat_id = "-1001234567890"' },
  gotify: { auth_token: 'write the token of the application in Gotify' },
  pagerduty: {
    auth_token: 'write the integration key of the service in PagerDuty',
    events: 'name the events that people are called for: events = ["renewal_late"]',
  },
};

/** `[[notifications.webhooks]]` */
function webhookReceiver(secret: CredentialKey) {
  return z
    .strictObject({
      name: ownName('The name in logs and commands.'),
      url: secret(
        'The URL that receives events. It is hidden, because many such URLs are credentials.',
      ),
      ...filters(),
      format: choice(webhookFormats, 'The format of events.').default('json'),
      template: text(
        'With custom: the body, with places such as {{title}}; that of json by default.',
      ).optional(),
      content_type: text('With template: application/json by default.').optional(),
      chat_id: text(
        'With telegram: the id of the chat, or @ and the name of a channel.',
      ).optional(),
      secret: secret(
        'Secret that signs each message as Standard Webhooks: whsec_ and base64, or any text of at least 24 characters.',
      ).optional(),
      auth_token: secret(
        'Sent as Authorization: Bearer; with gotify and pagerduty, as they want it.',
      ).optional(),
      timeout_secs: seconds('The longest time to wait for the receiver.', 1, 300).default(30),
      allow_http: switched('Also send to a URL that begins with http://.').default(false),
    })
    .superRefine((receiver, { addIssue }) => {
      for (const [key, message] of Object.entries(neededKeys[receiver.format] ?? {})) {
        const value = (receiver as Readonly<Record<string, unknown>>)[key];
        if (value === undefined || (Array.isArray(value) && value.length === 0))
          addIssue({ code: 'custom', path: [key], message, input: receiver });
      }
    });
}

/** `[[notifications.email]]` */
function mailReceiver(secret: CredentialKey) {
  return z
    .strictObject({
      name: ownName('The name in logs and commands.').default('email'),
      smtp_host: text('Mail server; its certificate must be for this name.'),
      smtp_port: whole('Port of the mail server.', { from: 1, to: 65_535 }).default(587),
      tls: choice(
        ['implicit', 'starttls', 'none'],
        'TLS from the first byte, by STARTTLS, or none, which only a mail server on this machine may have. By default implicit for port 465, and starttls for any other.',
      ).optional(),
      from: mailAddress('Sender.'),
      to: list(mailAddress(), 'Receivers.').min(1, 'write at least one address'),
      ...filters(),
      username: text('User at the mail server.').optional(),
      password: secret('Password at the mail server.').optional(),
      timeout_secs: seconds('The longest time to wait for the mail server.', 1, 300).default(30),
    })
    .refine(({ username, password }) => (username === undefined) === (password === undefined), {
      path: ['username'],
      error: 'write username and password, or neither of them',
    })
    .refine(({ tls, smtp_host }) => tls !== 'none' || isLoopback(smtp_host), {
      path: ['tls'],
      error:
        'write "starttls" or "implicit": without TLS, smtp_host must be localhost or a loopback address',
    });
}
