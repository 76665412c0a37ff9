import { discordBody, mattermostBody, slackBody, teamsBody, telegramBody } from './chat-formats.ts';
import { nameList } from './name-list.ts';
import { linesOf, type Notification, textOf } from './notification.ts';
import {
  gotifyBody,
  gotifyHeaders,
  ntfyBody,
  ntfyHeaders,
  pagerdutyBody,
  pagerdutyMessages,
} from './push-formats.ts';
import {
  type Format,
  problemOfTemplate,
  templateFormat,
  type TemplateProblem,
} from './template.ts';

export type { Format, TemplateProblem } from './template.ts';

/** What a person writes for a format. */
export interface FormatOptions {
  /** For `custom`: the body, with places such as `{{title}}`; that of `json` by default. */
  readonly template?: string | undefined;
  /** For `custom`: `application/json` by default. */
  readonly contentType?: string | undefined;
  /** For `telegram`, which needs it: the id of a chat, or `@` and the name of a channel. */
  readonly chatId?: string | undefined;
}

const json = 'application/json';

/** The formats of webhooks by their names, as the configuration has them. */
export const webhookFormats = {
  json: () => ({ contentType: json, body: jsonBody }),
  slack: () => ({ contentType: json, body: slackBody }),
  discord: () => ({ contentType: json, body: discordBody }),
  teams: () => ({ contentType: json, body: teamsBody }),
  mattermost: () => ({ contentType: json, body: mattermostBody }),
  telegram: ({ chatId = '' }: FormatOptions = {}) => ({
    contentType: json,
    body: (notification: Notification) => telegramBody(notification, chatId),
  }),
  ntfy: () => ({ contentType: 'text/plain; charset=utf-8', body: ntfyBody, headers: ntfyHeaders }),
  gotify: () => ({ contentType: json, body: gotifyBody, headers: gotifyHeaders }),
  pagerduty: () => ({
    contentType: json,
    body: pagerdutyBody,
    headers: () => ({}),
    isForOneEvent: true,
    messages: pagerdutyMessages,
  }),
  custom: ({ template, contentType = json }: FormatOptions = {}) =>
    template === undefined
      ? { contentType: json, body: jsonBody }
      : templateFormat(template, { contentType, values }),
} as const satisfies Readonly<Record<string, (options?: FormatOptions) => Format>>;
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
  alarm: ({ events: [event] }: Notification) => event?.alarm ?? '',
  trace_id: ({ events: [event] }: Notification) => event?.traceId ?? '',
} as const;

/** The places that a template can have. */
export const templatePlaces = Object.keys(values);

/** Returns what is wrong with the template of the format `custom`; undefined where nothing is. */
export function templateProblem({
  template,
  contentType = json,
}: FormatOptions): TemplateProblem | undefined {
  return template === undefined ? undefined : problemOfTemplate(template, { contentType, values });
}

function namesOf({ names = [] }: Notification['events'][number]): readonly string[] {
  return names;
}

/** The payload has the members that Standard Webhooks recommends: type, timestamp and data. */
function jsonBody({ type, time, events, ...notification }: Notification): string {
  const { id, severity, title, tenant, omitted, summary } = notification;
  const [event] = events;
  const content = summary ?? event ?? {};
  const data = type === 'report' ? { events, omitted } : content;
  return JSON.stringify({
    type,
    timestamp: time,
    data: { message_id: id, severity, title, tenant, ...data },
  });
}
