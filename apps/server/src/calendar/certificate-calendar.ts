import type { CountedCertificate } from '@acmex/observability';
import ical, { ICalEventTransparency } from 'ical-generator';

/** What the calendar has an event for. */
interface PlannedEvent {
  readonly what: 'expiry' | 'renewal';
  readonly atMs: number;
  readonly certificate: CountedCertificate;
}

export interface CalendarOptions {
  /** The moment that events begin behind. Milliseconds since 1970. */
  readonly fromMs: number;
  /** The moment that events end before. */
  readonly untilMs: number;
  /** How many events it has at most: the first ones. */
  readonly mostEvents?: number;
}

/** How many names an event has in its description. */
const namesInEvent = 20;
const texts = { expiry: 'certificate expires', renewal: 'renewal is planned' } as const;

/**
 * Returns the expiries and planned renewals of certificates as a calendar. An event has the same UID
 * as long as the certificate is managed: a renewal moves it. Paused certificates are not renewed.
 * RFC 5545
 */
export function certificateCalendar(
  certificates: Iterable<CountedCertificate>,
  { fromMs, untilMs, mostEvents = 1000 }: CalendarOptions,
): string {
  const planned: PlannedEvent[] = [];
  for (const certificate of certificates) {
    const { endMs, renewMs, paused } = certificate;
    const add = (what: PlannedEvent['what'], atMs: number) => {
      if (atMs > fromMs && atMs < untilMs) planned.push({ what, atMs, certificate });
    };
    add('expiry', endMs);
    if (renewMs !== undefined && !paused) add('renewal', renewMs);
  }
  const calendar = ical({
    name: 'Certificates',
    prodId: { company: 'AcmeX', product: 'acmex', language: 'EN' },
    ttl: 3600,
  });
  planned.sort((event, next) => event.atMs - next.atMs);
  for (const event of planned.slice(0, mostEvents))
    calendar.createEvent({ ...toEvent(event), stamp: new Date(fromMs) });
  return calendar.toString();
}

function toEvent({ what, atMs, certificate: { id, domain, furtherNames, issuer } }: PlannedEvent) {
  const names = [domain, ...furtherNames];
  const hidden = names.length - namesInEvent;
  const more = furtherNames.length === 0 ? '' : ` and ${furtherNames.length} more`;
  return {
    id: `${what}-${id}`,
    start: new Date(atMs),
    summary: `${domain}${more}: ${texts[what]}`,
    description: [
      ...names.slice(0, namesInEvent),
      ...(hidden > 0 ? [`and ${hidden} more`] : []),
      '',
      `${issuer}, ${id}`,
    ].join('\n'),
    // A person is not busy at that time.
    transparency: ICalEventTransparency.TRANSPARENT,
  };
}
