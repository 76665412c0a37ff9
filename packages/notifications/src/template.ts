import { NotificationsError } from './errors.ts';
import type { Notification } from './notification.ts';

/** How a notification is written for a receiver. */
export interface Format {
  readonly contentType: string;
  /**
   * Returns the body. Text from servers takes no effect in it, such as a mention or a link.
   * @param token of the receiver, for formats that have it in the body
   */
  body(notification: Notification, token?: string): string;
  /** Returns headers, with the token; `Authorization: Bearer` and the token by default. */
  headers?(notification: Notification, token: string | undefined): Readonly<Record<string, string>>;
  /** Whether a notification must have one event: a receiver with it gets no reports. */
  readonly isForOneEvent?: boolean | undefined;
}

/** Returns the header with the token of a receiver, if it has one. */
export function bearer(token: string | undefined): Readonly<Record<string, string>> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

type Values = Readonly<Record<string, (notification: Notification) => string>>;

const place = /\{\{\s*([^{}]*?)\s*\}\}/g;

/**
 * Returns a format that writes a template. Each value is escaped for its content type: inside a
 * string of JSON, for a form, for HTML and XML, or as plain text.
 * @throws NotificationsError `ERR_NOTIFICATIONS_TEMPLATE` for an unknown place, for a content type
 * that no value can be escaped for, and for JSON that would not be valid
 */
export function templateFormat(
  template: string,
  { contentType, values }: { readonly contentType: string; readonly values: Values },
): Format {
  const escaped = escapeFor(contentType);
  for (const [, name = ''] of template.matchAll(place))
    if (!Object.hasOwn(values, name))
      throw refusal(
        `has the unknown place {{${name}}}: use one of ${Object.keys(values).join(', ')}`,
      );
  if (escaped === insideJson) assertJson(template);
  return {
    contentType,
    body: (notification) =>
      template.replace(place, (_, name: string) => escaped(values[name]?.(notification) ?? '')),
  };
}

function escapeFor(contentType: string): (text: string) => string {
  const [type = ''] = contentType.toLowerCase().split(';');
  const essence = type.trim();
  if (essence === 'application/json' || essence.endsWith('+json')) return insideJson;
  if (essence === 'application/x-www-form-urlencoded') return encodeURIComponent;
  if (essence === 'text/plain') return (text) => text;
  if (essence === 'text/html' || essence.endsWith('/xml') || essence.endsWith('+xml'))
    return insideMarkup;
  throw refusal(
    'has a content type that values cannot be escaped for: use application/json, text/plain, text/html, application/xml or application/x-www-form-urlencoded',
  );
}

function insideJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Escapes text for HTML and XML, inside an element and inside an attribute. */
export function insideMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}

function assertJson(template: string): void {
  try {
    // A quotation mark in a place that is not inside a string would end the JSON.
    JSON.parse(template.replace(place, String.raw`\"`));
  } catch (cause) {
    throw refusal(
      'is not valid JSON: write each place inside a string, as in {"text": "{{text}}"}',
      {
        cause,
      },
    );
  }
}

function refusal(problem: string, options?: ErrorOptions): NotificationsError {
  return new NotificationsError('ERR_NOTIFICATIONS_TEMPLATE', `the template ${problem}`, options);
}
