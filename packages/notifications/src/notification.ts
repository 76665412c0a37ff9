import { printable } from '@acmex/errors';
import { type AcmexEvent, notificationMeanings, type NotificationType } from '@acmex/orchestrator';
import { nameList } from './name-list.ts';
import { type Summary, summaryLines, summaryOf, summaryTitle } from './summary.ts';

export type Severity = 'info' | 'warning' | 'error';

/** What a receiver gets: one event, several as a report, or a summary. Its texts have no control characters. */
export interface Notification {
  /** `msg_` and an id. It stays the same when the notification is sent again. */
  readonly id: string;
  /** The type of its event; `report` for several, `test` for a test message. */
  readonly type: NotificationType | 'report' | 'test';
  /** When it happened, RFC 3339. */
  readonly time: string;
  readonly severity: Severity;
  /** What happened, in one line. */
  readonly title: string;
  /** The tenant that it is about, where the server has tenants. */
  readonly tenant?: string | undefined;
  readonly events: readonly AcmexEvent[];
  /** How many more events a report is about. */
  readonly omitted?: number | undefined;
  /** Of `weekly_summary`, which has no events. */
  readonly summary?: Summary | undefined;
}

/** What a notification that is not about one event of a storage begins with. */
export interface NotificationStart {
  readonly id: string;
  /** RFC 3339 */
  readonly time: string;
  readonly tenant?: string | undefined;
}

/** The longest text of an event that is sent, in UTF-16 code units. */
const longestText = 2000;
/** The highest number of events in a report; the rest are counted. */
const mostEvents = 100;

const severities: Partial<Record<string, Severity>> = {
  renewal_failed: 'error',
  challenge_failed: 'error',
  deployment_failed: 'error',
  certificate_expired: 'error',
  certificate_expiring: 'error',
  renewal_late: 'error',
  served_certificate_differs: 'error',
  served_certificate_unreachable: 'error',
  revocation_detected: 'error',
  renewal_window_ignored: 'warning',
  challenge_record_wanted: 'warning',
  order_orphaned: 'warning',
  certificate_revoked: 'warning',
};

/** Returns how serious an event is. */
export function severityOf({ type }: Pick<AcmexEvent, 'type'>): Severity {
  return severities[type] ?? 'info';
}

/** Returns the notification of one event. */
export function eventNotification(event: AcmexEvent, tenant?: string): Notification {
  const safe = withoutControls(event);
  return {
    id: messageId(event),
    type: safe.type,
    time: safe.time,
    severity: severityOf(event),
    title: titleOf(safe),
    tenant,
    events: [safe],
  };
}

/** The certificate of examples: an example of `alarm_resolved` resolves those of alarms. */
const exampleCertificate = 'crt_00000000000000000000000000';

/**
 * Returns an example of a notification, whose title and message say that it is a test.
 * @param id of its event, `evt_` and an id
 */
export function exampleNotification(
  type: NotificationType,
  { id, time, tenant }: NotificationStart,
): Notification {
  const message = `Test message from AcmeX, nothing has happened. Its meaning: ${notificationMeanings[type]}`;
  if (type === 'weekly_summary') return exampleSummary(message, { id, time, tenant });
  const isAboutCertificate = !/^(?:account|api_key|session)_/.test(type);
  const subject = isAboutCertificate
    ? { certificate: exampleCertificate, names: ['test.example.com'], issuer: 'example' }
    : {};
  const notification = eventNotification({ id, time, type, message, ...subject }, tenant);
  return { ...notification, title: `Test: ${notification.title}` };
}

function exampleSummary(message: string, { id, time, tenant }: NotificationStart): Notification {
  const summary = summaryOf([
    { certificate: exampleCertificate, names: ['test.example.com'], expires: time },
  ]);
  const start = { id: messageId({ id }), time, tenant };
  const notification = summaryNotification({ ...summary, message }, start);
  return { ...notification, title: `Test: ${notification.title}` };
}

/** Returns the notification of a summary. */
export function summaryNotification(
  summary: Summary,
  { id, time, tenant }: NotificationStart,
): Notification {
  return {
    id,
    type: 'weekly_summary',
    time,
    severity: summary.totals.attention > 0 ? 'warning' : 'info',
    title: summaryTitle(summary),
    tenant,
    events: [],
    summary: printableValue(summary) as Summary,
  };
}

/** Returns the notification of several events, the most serious ones first. */
export function report(events: readonly AcmexEvent[], tenant?: string): Notification {
  const ranks: readonly Severity[] = ['error', 'warning', 'info'];
  const groups = ranks.map((rank) => events.filter((event) => severityOf(event) === rank));
  const ordered = groups.flat();
  const worst = ranks.find((_, index) => groups[index]?.length !== 0) ?? 'info';
  const [failures = []] = groups;
  const last = events.at(-1);
  return {
    id: last ? messageId(last) : 'msg_',
    type: 'report',
    time: last?.time ?? '',
    severity: worst,
    title: `${events.length} events, ${failures.length} of them failures`,
    tenant,
    events: ordered.slice(0, mostEvents).map(withoutControls),
    ...(ordered.length > mostEvents ? { omitted: ordered.length - mostEvents } : {}),
  };
}

/** Returns the lines below the title, as plain text. */
export function linesOf({ type, events, omitted, summary }: Notification): readonly string[] {
  if (summary) return summaryLines(summary);
  const lines = events.flatMap((event) =>
    type === 'report' ? [reportLine(event)] : detailLines(event),
  );
  return omitted === undefined ? lines : [...lines, `and ${omitted} more`];
}

/** Returns the whole notification as plain text: its title and its lines. */
export function textOf(notification: Notification): string {
  return [notification.title, ...linesOf(notification)].join('\n');
}

function messageId({ id }: Pick<AcmexEvent, 'id'>): string {
  return `msg_${id.slice(id.indexOf('_') + 1)}`;
}

function titleOf({ type, names, certificate, issuer }: AcmexEvent): string {
  const subject = nameList(names) || certificate || issuer;
  const occurrence = type.replaceAll('_', ' ');
  return subject === undefined ? occurrence : `${occurrence}: ${subject}`;
}

function reportLine(event: AcmexEvent): string {
  const { message, code } = event;
  return [titleOf(event), message, code && `[${code}]`].filter(Boolean).join(' – ');
}

function detailLines(event: AcmexEvent): readonly string[] {
  const { message, code, certificate, issuer, actor, traceId } = event;
  return [
    message,
    code && `code: ${code}`,
    certificate && `certificate: ${certificate}`,
    issuer && `issuer: ${issuer}`,
    actor && `by: ${actor}`,
    traceId && `trace: ${traceId}`,
    `time: ${event.time}`,
  ].filter((line): line is string => line !== undefined && line !== '');
}

/** Returns the event with control characters and direction marks made visible in every text. */
function withoutControls(event: AcmexEvent): AcmexEvent {
  return Object.fromEntries(
    Object.entries(event).map(([key, value]) => [key, printableValue(value)]),
  ) as unknown as AcmexEvent;
}

function printableValue(value: unknown): unknown {
  if (isRecord(value))
    return Object.fromEntries(
      Object.entries(value).map((entry) => entry.map((text) => printableValue(text))),
    );
  if (typeof value === 'string') return printable(value, longestText);
  return Array.isArray(value) ? value.map(printableValue) : value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
