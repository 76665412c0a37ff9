import { linesOf, nameList, type Notification, textOf } from './notification.ts';
import { type Format, templateFormat } from './template.ts';

export type { Format } from './template.ts';

/** What a person writes for the format `custom`. */
export interface CustomFormat {
  /** The body, with places such as `{{title}}`; that of `json` by default. */
  readonly template?: string | undefined;
  /** `application/json` by default. */
  readonly contentType?: string | undefined;
}

const json = 'application/json';
/** Longest texts of receivers, in UTF-16 code units. */
const limits = { discord: 2000, slack: 4000 } as const;

/** The formats of webhooks by their names, as the configuration has them. */
export const webhookFormats = {
  json: () => ({ contentType: json, body: jsonBody }),
  slack: () => ({ contentType: json, body: slackBody }),
  discord: () => ({ contentType: json, body: discordBody }),
  custom: ({ template, contentType = json }: CustomFormat = {}) =>
    template === undefined
      ? { contentType: json, body: jsonBody }
      : templateFormat(template, { contentType, values }),
} as const satisfies Readonly<Record<string, (custom?: CustomFormat) => Format>>;
export type WebhookFormat = keyof typeof webhookFormats;

/** What the places of a template can name, with the text of each. */
const values = {
  id: ({ id }: Notification) => id,
  type: ({ type }: Notification) => type,
  time: ({ time }: Notification) => time,
  severity: ({ severity }: Notification) => severity,
  title: ({ title }: Notification) => title,
  text: textOf,
  details: (notification: Notification) => linesOf(notification).join('\n'),
  tenant: ({ tenant = '' }: Notification) => tenant,
  names: ({ events }: Notification) => nameList([...new Set(events.flatMap(namesOf))]),
  certificate: ({ events: [event] }: Notification) => event?.certificate ?? '',
  issuer: ({ events: [event] }: Notification) => event?.issuer ?? '',
  message: ({ events: [event] }: Notification) => event?.message ?? '',
  code: ({ events: [event] }: Notification) => event?.code ?? '',
  trace_id: ({ events: [event] }: Notification) => event?.traceId ?? '',
} as const;

/** The places that a template can have. */
export const templatePlaces = Object.keys(values);

function namesOf({ names = [] }: Notification['events'][number]): readonly string[] {
  return names;
}

/** The payload has the members that Standard Webhooks recommends: type, timestamp and data. */
function jsonBody({ type, time, events, ...notification }: Notification): string {
  const { id, severity, title, tenant, omitted } = notification;
  const [event] = events;
  const data = type === 'report' ? { events, omitted } : (event ?? {});
  return JSON.stringify({
    type,
    timestamp: time,
    data: { message_id: id, severity, title, tenant, ...data },
  });
}

/** Returns the body for Slack and for receivers that read its format, such as Mattermost. */
function slackBody(notification: Notification): string {
  return JSON.stringify({
    text: cut(slackText(textOf(notification)), limits.slack),
    mrkdwn: false,
    parse: 'none',
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
  });
}

/**
 * Returns text that has no effect in Slack: no mention, no link and no markup. `<!channel>` needs
 * its brackets; receivers with Markdown also read `@channel`, so that a mark without width follows
 * each @.
 */
function slackText(text: string): string {
  return withoutMentions(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

function discordBody(notification: Notification): string {
  return JSON.stringify({
    content: cut(discordText(textOf(notification)), limits.discord),
    allowed_mentions: { parse: [] },
    // SUPPRESS_EMBEDS: no preview of a link is loaded.
    flags: 4,
  });
}

/** Returns text whose Markdown and mentions have no effect in Discord. */
function discordText(text: string): string {
  return withoutMentions(text.replace(/[\\`*_~|<>[\]()#+\-:!.]/g, String.raw`\$&`));
}

/** Returns text with a mark without width after each @, so that it mentions no one. */
function withoutMentions(text: string): string {
  return text.replaceAll('@', '@\u200b');
}

/** Returns the beginning of a text, which ends neither inside an escape nor inside a character. */
function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const beginning = text.slice(0, limit - 1);
  return `${beginning.replace(/(?:\\|&[a-z]*|[\ud800-\udbff])$/, '')}…`;
}
