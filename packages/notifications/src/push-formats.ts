import { Buffer } from 'node:buffer';
import { cut, cutToBytes, inert } from './inert-text.ts';
import { linesOf, type Notification, textOf } from './notification.ts';
import { bearer } from './template.ts';

/** ntfy makes a file of a longer text, in bytes. */
const longestNtfyText = 4096;
/** In UTF-16 code units. */
const longestTitle = 250;
const longestGotifyText = 16_000;

/** Returns the text below the title, or the title where there is none. */
function detailsOf(notification: Notification): string {
  return inert(linesOf(notification).join('\n') || notification.title);
}

/** Returns a message of ntfy; its title and priority are headers. */
export function ntfyBody(notification: Notification): string {
  return cutToBytes(detailsOf(notification), longestNtfyText);
}

/** From 1 to 5. */
const ntfyPriorities = { error: '4', warning: '3', info: '2' } as const;

/** Returns the headers of a message of ntfy. Its title is an encoded word of RFC 2047. */
export function ntfyHeaders(
  { title, severity }: Notification,
  token: string | undefined,
): Readonly<Record<string, string>> {
  const encoded = Buffer.from(cut(inert(title), longestTitle)).toString('base64');
  return {
    ...bearer(token),
    'x-title': `=?UTF-8?B?${encoded}?=`,
    'x-priority': ntfyPriorities[severity],
  };
}

/** From 0 to 10: 8 and more interrupt, 4 to 7 make a sound. */
const gotifyPriorities = { error: 8, warning: 5, info: 2 } as const;

/** Returns a message of Gotify, which shows it as plain text. */
export function gotifyBody(notification: Notification): string {
  return JSON.stringify({
    title: cut(inert(notification.title), longestTitle),
    message: cut(detailsOf(notification), longestGotifyText),
    priority: gotifyPriorities[notification.severity],
    extras: { 'client::display': { contentType: 'text/plain' } },
  });
}

export function gotifyHeaders(
  _: Notification,
  token: string | undefined,
): Readonly<Record<string, string>> {
  return token === undefined ? {} : { 'x-gotify-key': token };
}

/** Longest texts of PagerDuty, in UTF-16 code units. */
const pagerdutyLimits = { summary: 1024, key: 255, details: 16_000 } as const;

/** What events say of the alarms of a certificate. Any other event is an alert of its own. */
const alarms: Partial<Record<string, { readonly action: 'trigger' | 'resolve'; alarm: string }>> = {
  renewal_failed: { action: 'trigger', alarm: 'renewal' },
  renewal_late: { action: 'trigger', alarm: 'renewal' },
  certificate_expiring: { action: 'trigger', alarm: 'renewal' },
  certificate_expired: { action: 'trigger', alarm: 'renewal' },
  revocation_detected: { action: 'trigger', alarm: 'renewal' },
  alarm_resolved: { action: 'resolve', alarm: 'renewal' },
  served_certificate_differs: { action: 'trigger', alarm: 'served' },
  served_certificate_unreachable: { action: 'trigger', alarm: 'served' },
  renewal_success: { action: 'resolve', alarm: 'renewal' },
  certificate_obtained: { action: 'resolve', alarm: 'renewal' },
  deployment_failed: { action: 'trigger', alarm: 'deployment' },
  certificate_deployed: { action: 'resolve', alarm: 'deployment' },
  certificate_removed: { action: 'resolve', alarm: 'deployment' },
};

/** Returns a notification for each alert that it concerns: a removal ends two of them. */
export function pagerdutyMessages(notification: Notification): readonly Notification[] {
  const { type, events } = notification;
  if (type !== 'certificate_removed') return [notification];
  const ofRenewal = events.map((event) => ({ ...event, alarm: 'renewal' as const }));
  return [notification, { ...notification, events: ofRenewal }];
}

/**
 * Returns an event of PagerDuty's Events API v2. An event about a certificate triggers or resolves
 * the alert of its renewal, of its deployment or of its servers.
 * @param routingKey the integration key
 */
export function pagerdutyBody(notification: Notification, routingKey = ''): string {
  const { id, time, type, severity, title, events } = notification;
  const [{ certificate, names = [], issuer, alarm: named } = {}] = events;
  const { action = 'trigger', alarm: usual } = (certificate && alarms[type]) || {};
  const alarm = usual && (named ?? usual);
  const key = alarm === undefined ? id : `${certificate}/${alarm}`;
  const event = {
    routing_key: routingKey,
    event_action: action,
    dedup_key: cut(key, pagerdutyLimits.key),
  };
  if (action === 'resolve') return JSON.stringify(event);
  return JSON.stringify({
    ...event,
    payload: {
      summary: cut(inert(title), pagerdutyLimits.summary),
      source: cut(inert(names[0] ?? certificate ?? issuer ?? 'acmex'), pagerdutyLimits.key),
      severity,
      timestamp: time,
      class: type,
      custom_details: { text: cut(inert(textOf(notification)), pagerdutyLimits.details) },
    },
  });
}
