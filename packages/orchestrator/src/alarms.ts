import { type Clock, systemClock } from '@acmex/clock';
import {
  type Change,
  idOf,
  records,
  schemaCheck,
  type Storage,
  untilWritten,
  writeIfUnchanged,
} from '@acmex/storage';
import { Temporal } from 'temporal-polyfill';
import * as z from 'zod';
import { alarmsAt, alarmsOfPresent, type ReportedAlarms } from './alarm-times.ts';
import {
  alarmEntry,
  certificates,
  type CertificateSummary,
  changesInOneWrite,
  isDue,
  readAlarmKey,
  summaryChanges,
  writeWithIndexes,
} from './certificate-record.ts';
import type { EventType } from './event-types.ts';
import { eventChange, type NewEvent } from './events.ts';
import { expiryOf } from './expiry.ts';
import { time } from './record-fields.ts';

export interface ScanAlarmsOptions {
  readonly storage: Storage;
  /** Called with each certificate that cannot be read, and so not be watched. */
  readonly onError?: ((certificate: string, error: unknown) => void) | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a scan has reported. */
export interface AlarmScan {
  /** How many events of each type this scan has written. */
  readonly reported: ReadonlyMap<EventType, number>;
  /** When a certificate must be looked at next; undefined for never. */
  readonly next: Temporal.Instant | undefined;
}

/** Says when the index of alarms was last compared with all certificates. */
const comparisons = records<{ readonly at: string }>({
  kind: 'comparison of the index of alarms',
  version: 1,
  check: schemaCheck(z.looseObject({ at: time })),
  under: 'policy',
});
/** An older version of the program does not write the index. */
const comparisonIntervalMs = 24 * 3_600_000;

/**
 * Reports certificates that expire soon, are expired, or whose renewal is late, and what of this is
 * over. It reads what is due, and nothing of queues, tasks or CAs. Each event is written once, also
 * where several processes scan at the same time.
 */
export async function scanAlarms(options: ScanAlarmsOptions): Promise<AlarmScan> {
  const { storage, clock = systemClock, onError, signal } = options;
  await compareIndex({ ...options, clock });
  const now = clock.now();
  const reported = new Map<EventType, number>();
  const due: { readonly key: string; readonly id: string }[] = [];
  for await (const { key, id, at } of entries(options)) {
    if (!isDue(at, now)) break;
    due.push({ key, id });
  }
  for (const { key, id } of due) {
    signal?.throwIfAborted();
    try {
      const types = await untilWritten(() => reportAlarms(key, id, { storage, clock }));
      for (const type of types) reported.set(type, (reported.get(type) ?? 0) + 1);
    } catch (error) {
      if (!onError) throw error;
      onError(id, error);
    }
  }
  for await (const { at } of entries(options))
    if (!isDue(at, now)) return { reported, next: Temporal.Instant.from(at) };
  return { reported, next: undefined };
}

/** Yields the entries of the index of alarms, the earliest first. */
async function* entries({ storage, onError, signal }: ScanAlarmsOptions) {
  const onCorrupt = (error: Error) => onError?.('an entry of the index of alarms', error);
  for await (const { key } of storage.list('alarm', { signal, onCorrupt })) {
    const entry = readAlarmKey(key);
    if (entry) yield { key, ...entry };
  }
}

/** Writes what is to be reported of a certificate. @returns the types of the events */
async function reportAlarms(
  key: string,
  id: string,
  { storage, clock }: { readonly storage: Storage; readonly clock: Clock },
): Promise<readonly EventType[]> {
  const stored = await certificates.read(storage, id);
  if (!stored) {
    await storage.write([{ remove: key }]);
    return [];
  }
  const before = stored.record;
  const entry = alarmEntry(id, before);
  const now = clock.now();
  if (!entry || !isDue(readAlarmKey(entry[0])?.at, now)) {
    const check: Change = { check: stored.key, ifVersion: stored.version };
    const moved = entry?.[0] === key ? [] : [{ remove: key }, ...(entry ? [entry[1]] : [])];
    await storage.write([check, ...moved]);
    return [];
  }
  const alarms = alarmsAt(before, now.epochMilliseconds);
  const hasExpired = before.current !== undefined && isDue(expiryOf(before.current), now);
  const expiryReported = hasExpired || before.expiryReported;
  const events = eventsOf(before, alarms, now);
  const after = { ...before, alarms, expiryReported };
  const following = alarmEntry(id, after);
  const { names, issuer, labels } = before;
  await writeWithIndexes(
    (changes) => storage.write(changes),
    [
      ...summaryChanges(id, stored, after),
      ...(following || entry[0] !== key ? [{ remove: key }] : []),
      ...(following ? [following[1]] : []),
      ...(following && entry[0] !== key ? [{ remove: entry[0] }] : []),
      ...events.map((event) =>
        eventChange({ ...event, certificate: id, names, issuer, labels }, clock),
      ),
    ],
  );
  return events.map(({ type }) => type);
}

type AlarmEvent = Pick<NewEvent, 'type' | 'message' | 'code' | 'alarm'>;

function eventsOf(
  summary: CertificateSummary,
  alarms: ReportedAlarms | undefined,
  now: Temporal.Instant,
): readonly AlarmEvent[] {
  const { current, expiryReported, failure } = summary;
  const reported = alarmsOfPresent(summary);
  const events: AlarmEvent[] = [];
  const add = (type: EventType, message?: string) =>
    events.push({
      ...{ type, message, alarm: 'renewal' },
      ...(failure && message ? { code: failure.code } : {}),
    });
  if (current && !expiryReported && isDue(expiryOf(current), now)) add('certificate_expired');
  else if (current && (alarms?.expiring ?? 0) > (reported?.expiring ?? 0))
    add(
      'certificate_expiring',
      `expires in ${durationText(Date.parse(expiryOf(current)) - now.epochMilliseconds)}, at ${expiryOf(current)}; ${stateText(summary)}`,
    );
  if (alarms?.late !== undefined && reported?.late === undefined)
    add('renewal_late', stateText(summary));
  if (summary.alarms && !alarms)
    events.push({ type: 'alarm_resolved', message: resolutionText(summary), alarm: 'renewal' });
  return events;
}

/** Returns why a certificate is not renewed, as far as its record says it. */
function stateText({
  paused,
  current,
  renewal,
  failure,
  awaits,
  createdAt,
}: CertificateSummary): string {
  if (paused) return 'it is paused, so that it is not renewed: acmex cert resume continues';
  const since = current
    ? renewal && `its renewal has been due since ${renewal.at}`
    : `it was added at ${createdAt} and is not issued`;
  if (awaits)
    return `${since ?? 'it is ordered'}; DNS records must be set by hand${awaits.until === undefined ? '' : ` until ${awaits.until}`}: the order shows them`;
  const reason = failure
    ? `the last attempt failed: ${failure.message}`
    : 'no attempt has failed: check that acmex daemon, acmex serve or a timer with acmex renew runs';
  return `${since ?? 'no renewal is planned'}; ${reason}`;
}

function resolutionText({ alarms, current, paused, renewal }: CertificateSummary): string {
  if (current && alarms?.generation !== current.generation)
    return `generation ${current.generation} is in use and expires at ${expiryOf(current)}`;
  return paused ? 'it is paused' : `the renewal is due at ${renewal?.at ?? 'no time'}`;
}

/** Returns a duration for a person, rounded: `6 days`, `5 hours`, `less than an hour`. */
function durationText(durationMs: number): string {
  const hours = Math.round(durationMs / 3_600_000);
  if (hours >= 48) return `${Math.round(hours / 24)} days`;
  return hours > 1 ? `${hours} hours` : 'less than two hours';
}

/**
 * Adds what the index of alarms lacks, once a day: a certificate that an older version of the program
 * has written has no entry.
 */
async function compareIndex({
  storage,
  clock,
  onError,
  signal,
}: ScanAlarmsOptions & { readonly clock: Clock }): Promise<void> {
  const last = await comparisons.read(storage, 'alarms');
  const now = clock.now();
  if (last && now.epochMilliseconds - Date.parse(last.record.at) < comparisonIntervalMs) return;
  const existing = new Map<string, string>();
  const onCorrupt = (error: Error) => onError?.('a certificate', error);
  for await (const { key, id } of entries({ storage, onError, signal }))
    if (!existing.has(id)) existing.set(id, key);
  let changes: Change[] = [];
  for await (const stored of certificates.list(storage, { signal, onCorrupt })) {
    const id = idOf(stored);
    const entry = alarmEntry(id, stored.record);
    if (!entry || (existing.get(id) ?? '~') <= entry[0]) continue;
    if (changes.push(entry[1]) < changesInOneWrite) continue;
    await storage.write(changes);
    changes = [];
  }
  if (changes.length > 0) await storage.write(changes);
  const record = { at: now.toString() };
  // Where another process has compared it at the same time, this is done as well.
  await writeIfUnchanged(storage, [
    last ? comparisons.changed(last, record) : comparisons.added('alarms', record),
  ]);
}
