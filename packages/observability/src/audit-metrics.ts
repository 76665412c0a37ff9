import { type Clock, systemClock } from '@acmex/clock';
import type { Storage } from '@acmex/storage';
import { listAuditRecords } from './audit/audit-list.ts';
import { auditHeads } from './audit/audit-record.ts';
import { lastCheckpointTime } from './audit/checkpoint.ts';
import type { Metrics } from './metrics.ts';
import { perScrape } from './per-scrape.ts';

/** How long after its time a record may become visible. */
const latenessMs = 2 * 60_000;
const hourMs = 3_600_000;
/** How far back the first scrape searches for the last record, until it has found one. */
const searchedMs = [hourMs, 24 * hourMs, 720 * hourMs, Infinity];

/** Times in milliseconds. */
interface Seen {
  /** Of the last checkpoint. */
  readonly signed?: number | undefined;
  /** Of the last record. */
  readonly last?: number | undefined;
  /** Of the first record after the checkpoint. */
  readonly unsigned?: number | undefined;
}

/** Adds the metrics of the audit log in a storage, of all processes that write it. */
export function auditMetrics(
  metrics: Metrics,
  {
    storage,
    clock = systemClock,
  }: { readonly storage: () => Storage; readonly clock?: Clock | undefined },
): void {
  let seen: Seen = {};
  const collect = perScrape(async () => {
    for (const gauge of Object.values(gauges)) gauge.reset();
    const now = clock.now().epochMilliseconds;
    seen = await follow(storage(), seen, now);
    const { signed, last, unsigned } = seen;
    gauges.records.set(await countRecords(storage()));
    gauges.last.set(last === undefined ? 0 : last / 1000);
    gauges.checkpoint.set(signed === undefined ? 0 : signed / 1000);
    gauges.unsigned.set(unsigned === undefined ? 0 : Math.max(0, now - unsigned) / 1000);
  });
  const gauges = {
    records: metrics.gauge('audit_records', collect),
    last: metrics.gauge('audit_last_record_timestamp_seconds', collect),
    checkpoint: metrics.gauge('audit_last_checkpoint_timestamp_seconds', collect),
    unsigned: metrics.gauge('audit_oldest_unsigned_seconds', collect),
  };
}

/** Reads only what is new since the last scrape, or since the last checkpoint. */
async function follow(storage: Storage, before: Seen, now: number): Promise<Seen> {
  const time = await lastCheckpointTime(storage);
  const signed = time === undefined ? undefined : Date.parse(time);
  const isNew = signed !== before.signed || before.last === undefined;
  let { last } = before;
  let unsigned = isNew ? undefined : before.unsigned;
  for await (const at of recordTimes(storage, isNew ? signed : last)) {
    last = Math.max(last ?? at, at);
    if (at > (signed ?? -Infinity)) unsigned = Math.min(unsigned ?? at, at);
  }
  return { signed, unsigned, last: last ?? (await lastRecord(storage, now)) };
}

async function lastRecord(storage: Storage, now: number): Promise<number | undefined> {
  for (const searched of searchedMs) {
    let last: number | undefined;
    const since = searched === Infinity ? undefined : now - searched;
    for await (const at of recordTimes(storage, since)) last = Math.max(last ?? at, at);
    if (last !== undefined) return last;
  }
  return undefined;
}

/** Yields the times of the records since a moment, and of those that it may have hidden. */
async function* recordTimes(
  storage: Storage,
  since: number | undefined,
): AsyncGenerator<number, void> {
  const from = since === undefined ? undefined : new Date(since - latenessMs).toISOString();
  for await (const { time } of listAuditRecords(storage, { since: from, onCorrupt: leaveOut }))
    yield Date.parse(time);
}

async function countRecords(storage: Storage): Promise<number> {
  let count = 0;
  for await (const { record } of auditHeads.list(storage, { onCorrupt: leaveOut }))
    count += record.sequence;
  return count;
}

/** The verification of the log reports it. */
function leaveOut(): void {
  /* it is not counted */
}
