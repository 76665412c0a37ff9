import { printable } from '@acmex/errors';
import { type AcmexEvent, eventMeanings, type EventType } from '@acmex/orchestrator';

export type Severity = 'info' | 'warning' | 'error';

/** What a receiver gets: one event, or several as a report. Its texts have no control characters. */
export interface Notification {
  /** `msg_` and an id. It stays the same when the notification is sent again. */
  readonly id: string;
  /** The type of its event; `report` for several, `test` for a test message. */
  readonly type: EventType | 'report' | 'test';
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
  type: EventType,
  {
    id,
    time,
    tenant,
  }: { readonly id: string; readonly time: string; readonly tenant?: string | undefined },
): Notification {
  const message = `Test message from AcmeX, nothing has happened. Its meaning: ${eventMeanings[type]}`;
  const isAboutCertificate = !/^(?:account|api_key)_/.test(type);
  const subject = isAboutCertificate
    ? { certificate: exampleCertificate, names: ['test.example.com'], issuer: 'example' }
    : {};
  const notification = eventNotification({ id, time, type, message, ...subject }, tenant);
  return { ...notification, title: `Test: ${notification.title}` };
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
export function linesOf({ type, events, omitted }: Notification): readonly string[] {
  const lines = events.flatMap((event) =>
    type === 'report' ? [reportLine(event)] : detailLines(event),
  );
  return omitted === undefined ? lines : [...lines, `and ${omitted} more`];
}

/** Returns the whole notification as plain text: its title and its lines. */
export function textOf(notification: Notification): string {
  return [notification.title, ...linesOf(notification)].join('\n');
}

/** Returns the names of an event for a person: the first ones, and how many more there are. */
export function nameList(names: readonly string[] = []): string {
  const shortened = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shortened} and ${names.length - 5} more` : shortened;
}

function messageId({ id }: AcmexEvent): string {
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
