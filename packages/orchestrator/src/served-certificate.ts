import { type Clock, systemClock } from '@acmex/clock';
import { type Storage, untilWritten } from '@acmex/storage';
import {
  certificates,
  type CertificateSummary,
  type CurrentCertificate,
  type Moment,
  summaryChanges,
  writeWithIndexes,
} from './certificate-record.ts';
import type { EventType } from './event-types.ts';
import { eventChange, type NewEvent } from './events.ts';
import { isServedAlarm, type ServedPlace } from './served-place.ts';

/** What one check found at a server. */
export interface ObservedPlace extends Pick<ServedPlace, 'place' | 'detail'> {
  readonly state: 'same' | 'differs' | 'unreachable';
}

/** After so many checks in a row without an answer, a server is unreachable. */
const checksUntilUnreachable = 3;
const hourMs = 3_600_000;

/** Yields the ids of the certificates that servers are known of. */
export async function* servedCertificates(
  storage: Storage,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<string> {
  const prefix = 'served/';
  for await (const { key } of storage.list('served', { signal })) yield key.slice(prefix.length);
}

/**
 * Records what the servers of a certificate serve, and reports in the same write what is new: that
 * one serves a different certificate, that one cannot be reached, or that all of this is over. A
 * server has time for a new certificate: see `deployTimeMs`.
 * @param observed `generation`: the one that the servers were compared with. Nothing is recorded if
 * another one is in use now.
 * @returns the types of the events
 */
export async function recordServed(
  id: string,
  observed: { readonly generation: number; readonly places: readonly ObservedPlace[] },
  { storage, clock = systemClock }: { readonly storage: Storage; readonly clock?: Clock },
): Promise<readonly EventType[]> {
  return await untilWritten(async () => {
    const stored = await certificates.read(storage, id);
    const current = stored?.record.current;
    if (!stored || current?.generation !== observed.generation) return [];
    const before = stored.record;
    const now = clock.now();
    const served = observed.places
      .map((place) => nextPlace(place, { before, current, now }))
      .filter((place) => place !== undefined);
    if (JSON.stringify(served) === JSON.stringify(before.served ?? [])) return [];
    const after = { ...before, served: served.length > 0 ? served : undefined };
    const events = eventsOf(before, served, current);
    const { names, issuer, labels } = before;
    await writeWithIndexes(
      (changes) => storage.write(changes),
      [
        ...summaryChanges(id, stored, after),
        ...events.map((event) =>
          eventChange({ ...event, alarm: 'served', certificate: id, names, issuer, labels }, clock),
        ),
      ],
    );
    return events.map(({ type }) => type);
  });
}

/** @returns the state of a server; undefined while nothing is to be said of it */
function nextPlace(
  { place, state, detail }: ObservedPlace,
  {
    before,
    current,
    now,
  }: {
    readonly before: CertificateSummary;
    readonly current: CurrentCertificate;
    readonly now: Moment & { toString(): string };
  },
): ServedPlace | undefined {
  const last = before.served?.find((known) => known.place === place);
  const since = (next: ServedPlace['state']) =>
    last?.state === next ? last.since : now.toString();
  if (state === 'same') return { place, state, since: since(state) };
  if (state === 'differs') {
    const end = Date.parse(current.issuedAt) + deployTimeMs(current);
    return now.epochMilliseconds < end ? last : { place, state, since: since(state), detail };
  }
  const failures = Math.min((last?.failures ?? 0) + 1, checksUntilUnreachable);
  if (failures < checksUntilUnreachable)
    return { ...(last ?? { place, state: 'unknown', since: now.toString() }), failures };
  return { place, state, since: since(state), detail, failures };
}

/**
 * Returns how long after its issuance the servers of a certificate may serve another one: an hour,
 * or a tenth of a lifetime below ten hours.
 */
function deployTimeMs({ notBefore, notAfter }: CurrentCertificate): number {
  return Math.min(hourMs, (Date.parse(notAfter) - Date.parse(notBefore)) / 10);
}

function eventsOf(
  before: CertificateSummary,
  served: readonly ServedPlace[],
  { generation, serialNumber, notAfter }: CurrentCertificate,
): readonly Pick<NewEvent, 'type' | 'message'>[] {
  const stateOf = (place: string) =>
    before.served?.find((known) => known.place === place)?.state ?? 'unknown';
  const changed = (state: ServedPlace['state']) =>
    served.filter((place) => place.state === state && stateOf(place.place) !== state);
  const wanted = `generation ${generation} is in use: serial ${serialNumber}, valid until ${notAfter}`;
  const differing = changed('differs');
  const unreachable = changed('unreachable');
  const isOver = (before.served ?? []).some(isServedAlarm) && !served.some(isServedAlarm);
  return [
    ...(differing.length > 0
      ? [
          {
            type: 'served_certificate_differs' as const,
            message: `${listed(differing)}. ${wanted}`,
          },
        ]
      : []),
    ...(unreachable.length > 0
      ? [{ type: 'served_certificate_unreachable' as const, message: listed(unreachable) }]
      : []),
    ...(isOver
      ? [{ type: 'alarm_resolved' as const, message: `all servers are right: ${wanted}` }]
      : []),
  ];
}

/** The number of servers that a message names. */
const mostNamed = 10;

function listed(places: readonly ServedPlace[]): string {
  const named = places.slice(0, mostNamed).map(({ place, detail }) => `${place}: ${detail}`);
  const left = places.length - named.length;
  return [...named, ...(left > 0 ? [`and ${left} more`] : [])].join('; ');
}
