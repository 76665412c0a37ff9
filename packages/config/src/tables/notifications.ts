import { eventMeanings, type EventType } from '@acmex/orchestrator';
import { z } from 'zod';
import type { CredentialKey } from '../credential.ts';
import { choice, list, mailAddress, ownName, seconds, text, whole } from '../keys.ts';

function eventList() {
  return list(
    choice(Object.keys(eventMeanings) as [EventType, ...EventType[]], 'Event: see docs/events.md.'),
    'The events that are told; all by default.',
  ).default([]);
}

/** `[[notifications.webhooks]]`, `[[notifications.email]]`: who is told. */
export function notificationsTable(secret: CredentialKey) {
  return z.strictObject({
    webhooks: list(
      z.strictObject({
        name: ownName('What logs call it.'),
        url: secret('Where events are sent; hidden, for many such URLs are credentials.'),
        events: eventList(),
        format: choice(
          ['json', 'slack', 'discord', 'custom'],
          'The form in which they are sent.',
        ).default('json'),
        auth_token: secret('Sent as Authorization: Bearer.').optional(),
        timeout_secs: seconds('How long the receiver may take.', 1, 300).default(30),
      }),
      'Receivers by https.',
    ).default([]),
    email: list(
      z.strictObject({
        smtp_host: text('Mail server.'),
        smtp_port: whole('Its port.', { from: 1, to: 65_535 }).default(587),
        from: mailAddress('Sender.'),
        to: list(mailAddress(), 'Receivers.').min(1, 'write at least one address'),
        events: eventList(),
        username: text('User at the mail server.').optional(),
        password: secret('Password there.').optional(),
      }),
      'Receivers by mail.',
    ).default([]),
  });
}
