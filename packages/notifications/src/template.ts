import { printable } from '@acmex/errors';
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
  /**
   * Returns the notifications to send in place of one, each by a request: at least one. All of them
   * are sent again where one is refused.
   */
  messages?(notification: Notification): readonly Notification[];
  /** Whether a notification must have one event: a receiver with it gets no reports. */
  readonly isForOneEvent?: boolean | undefined;
}

/** Returns the header with the token of a receiver, if it has one. */
export function bearer(token: string | undefined): Readonly<Record<string, string>> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

type Values = Readonly<Record<string, (notification: Notification) => string>>;

const place = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** What is wrong with a template, in the order of a sentence. */
export interface TemplateProblem {
  /** Which option has to be changed. */
  readonly option: 'template' | 'contentType';
  readonly problem: string;
  /** What to do, as an order. */
  readonly cure: string;
}

export interface TemplateOptions {
  readonly contentType: string;
  readonly values: Values;
}

/**
 * Returns what is wrong with a template: a place that is unknown or has no end, a content type that
 * no value can be escaped for, and JSON that some value would break.
 */
export function problemOfTemplate(
  template: string,
  { contentType, values }: TemplateOptions,
): TemplateProblem | undefined {
  const escape = escapeFor(contentType);
  if (!escape)
    return {
      option: 'contentType',
      problem: 'is a content type that values cannot be escaped for',
      cure: 'use application/json, text/plain, text/html, application/xml or application/x-www-form-urlencoded',
    };
  const at = { option: 'template' } as const;
  const unknown = [...template.matchAll(place)].find(
    ([, name = '']) => !Object.hasOwn(values, name),
  );
  if (unknown)
    return {
      ...at,
      problem: `has the unknown place {{${printable(unknown[1] ?? '', 50)}}}`,
      cure: `use one of ${Object.keys(values).join(', ')}`,
    };
  if (template.replace(place, ' ').includes('{{'))
    return { ...at, problem: 'has {{ without a place', cure: 'write each place as in {{title}}' };
  return escape === insideJson && !isJson(template)
    ? {
        ...at,
        problem: 'is not valid JSON with every value',
        cure: 'write each place inside a string, as in {"text": "{{text}}"}',
      }
    : undefined;
}

/**
 * Returns a format that writes a template. Each value is escaped for its content type: inside a
 * string of JSON, for a form, for HTML and XML, or as plain text.
 * @throws NotificationsError `ERR_NOTIFICATIONS_TEMPLATE` for what `problemOfTemplate` finds
 */
export function templateFormat(template: string, options: TemplateOptions): Format {
  const { contentType, values } = options;
  const escaped = escapeFor(contentType);
  const refusal = problemOfTemplate(template, options);
  if (refusal || !escaped)
    throw new NotificationsError(
      'ERR_NOTIFICATIONS_TEMPLATE',
      `the ${refusal?.option} ${refusal?.problem}: ${refusal?.cure}`,
    );
  return {
    contentType,
    body: (notification) =>
      template.replace(place, (_, name: string) => escaped(values[name]?.(notification) ?? '')),
  };
}

function escapeFor(contentType: string): ((text: string) => string) | undefined {
  const [type = ''] = contentType.toLowerCase().split(';');
  const essence = type.trim();
  if (essence === 'application/json' || essence.endsWith('+json')) return insideJson;
  if (essence === 'application/x-www-form-urlencoded') return encodeURIComponent;
  if (essence === 'text/plain') return (text) => text;
  if (essence === 'text/html' || essence.endsWith('/xml') || essence.endsWith('+xml'))
    return insideMarkup;
  return undefined;
}

function insideJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** Escapes text for HTML and XML, inside an element and inside an attribute. */
export function insideMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}

/** Returns whether a template is JSON with every value. */
function isJson(template: string): boolean {
  try {
    // A quotation mark in a place that is not inside a string would end the JSON.
    JSON.parse(template.replace(place, String.raw`\"`));
    return true;
  } catch {
    return false;
  }
}
