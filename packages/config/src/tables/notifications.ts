import { eventMeanings, type EventType } from '@acmex/orchestrator';
import { z } from 'zod';
import type { CredentialKey } from '../credential.ts';
import { choice, list, mailAddress, ownName, seconds, text, whole } from '../keys.ts';

function eventList() {
  return list(
    choice(Object.keys(eventMeanings) as [EventType, ...EventType[]], 'Event: see docs/events.md.'),
    'The events to send; all by default.',
  ).default([]);
}

/** `[[notifications.webhooks]]`, `[[notifications.email]]`: the receivers of events. */
export function notificationsTable(secret: CredentialKey) {
  return z.strictObject({
    webhooks: list(
      z.strictObject({
        name: ownName('The name in logs.'),
        url: secret(
          'The URL that receives events. It is hidden, because many such URLs are credentials.',
        ),
        events: eventList(),
        format: choice(['json', 'slack', 'discord', 'custom'], 'The format of events.').default(
          'json',
        ),
        auth_token: secret('Sent as Authorization: Bearer.').optional(),
        timeout_secs: seconds('The longest time to wait for the receiver.', 1, 300).default(30),
      }),
      'Receivers by HTTPS.',
    ).default([]),
    email: list(
      z.strictObject({
        smtp_host: text('Mail server.'),
        smtp_port: whole('Port of the mail server.', { from: 1, to: 65_535 }).default(587),
        from: mailAddress('Sender.'),
        to: list(mailAddress(), 'Receivers.').min(1, 'write at least one address'),
        events: eventList(),
        username: text('User at the mail server.').optional(),
        password: secret('Password at the mail server.').optional(),
      }),
      'Receivers by e-mail.',
    ).default([]),
  });
}
