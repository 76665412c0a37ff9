import { type Clock, type DurationInput, milliseconds, systemClock, timestamp } from '@acmex/clock';
import { eventChange } from '@acmex/orchestrator';
import { type Change, firstId, type Storage, writeIfUnchanged } from '@acmex/storage';
import { auditRecordJson, auditRecords, hashOf } from './audit-record.ts';
import { createCheckpoint } from './checkpoint.ts';
import { auditSeals, readSeal, signSeal } from './seal.ts';
import { signingKeyThumbprint } from './signing-key.ts';
import { examineAuditLog } from './verify-audit-log.ts';
import { AuditError } from '../errors.ts';

export interface PruneAuditLogOptions {
  /** How old records may become. */
  readonly olderThan: DurationInput;
  /** `count` changes nothing; `remove` by default. */
  readonly mode?: 'remove' | 'count' | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PrunedAuditLog {
  /** How many records were removed, or would be. */
  readonly records: number;
  /** The chains that they were in. */
  readonly chains: number;
  /** Only records before this time. RFC 3339 */
  readonly before: string;
}

/** A write has 100 changes at most; three are the event, its audit record and the end of a chain. */
const mostChanges = 97;

/**
 * Removes old records from the start of each chain, after it has signed where the chains end and
 * has verified the log. Each write removes some, stores the seals of their chains, and has the event
 * `audit_sealed`. Where another process does the same at the same time, one of them continues.
 * @param storage an audited one, so that the removal is recorded too
 * @throws AuditError `ERR_AUDIT_DAMAGED` if the log has a fault: then nothing is removed
 */
export async function pruneAuditLog(
  storage: Storage,
  { olderThan, mode = 'remove', clock = systemClock, signal }: PruneAuditLogOptions,
): Promise<PrunedAuditLog> {
  const before = clock.now().subtract({ milliseconds: milliseconds(olderThan) });
  if (mode === 'remove') await createCheckpoint(storage, { clock });
  const { verification, covered } = await examineAuditLog(storage, { signal });
  const [fault] = verification.faults;
  if (fault)
    throw new AuditError(
      'ERR_AUDIT_DAMAGED',
      `nothing is removed from the audit log, because it has a fault: ${fault.subject}: ${fault.message}`,
    );
  const limit = mode === 'remove' ? covered : undefined;
  const chains = await removableRecords(storage, {
    before: before.epochMilliseconds,
    limit,
    signal,
  });
  if (mode === 'remove') return await removeRecords(storage, chains, { before, clock, signal });
  const records = [...chains.values()].reduce((sum, { length }) => sum + length, 0);
  return { records, chains: chains.size, before: before.toString() };
}

interface RemovableRecord {
  readonly key: string;
  readonly sequence: number;
  readonly hash: string;
}

/** Returns the old records of each chain, from its start, as far as a checkpoint names them. */
async function removableRecords(
  storage: Storage,
  {
    before,
    limit,
    signal,
  }: {
    readonly before: number;
    readonly limit: ReadonlyMap<string, number> | undefined;
    readonly signal: AbortSignal | undefined;
  },
): Promise<ReadonlyMap<string, readonly RemovableRecord[]>> {
  const chains = new Map<string, RemovableRecord[]>();
  const ended = new Set<string>();
  const end = auditRecords.key(firstId('aud', before));
  for await (const entry of storage.list('audit/record', { signal })) {
    if (entry.key >= end) break;
    const { writer, sequence, time } = auditRecordJson.read(entry);
    const isCovered = limit === undefined || sequence <= (limit.get(writer) ?? 0);
    if (!isCovered || Date.parse(time) >= before) ended.add(writer);
    if (ended.has(writer)) continue;
    const chain = chains.get(writer) ?? [];
    chain.push({ key: entry.key, sequence, hash: hashOf(entry.value) });
    chains.set(writer, chain);
  }
  return chains;
}

async function removeRecords(
  storage: Storage,
  chains: ReadonlyMap<string, readonly RemovableRecord[]>,
  {
    before,
    clock,
    signal,
  }: {
    readonly before: { toString(): string };
    readonly clock: Clock;
    readonly signal: AbortSignal | undefined;
  },
): Promise<PrunedAuditLog> {
  const removal = new Removal(storage, clock);
  for (const [writer, records] of chains) {
    let removed = 0;
    while (removed < records.length && !removal.isOvertaken) {
      signal?.throwIfAborted();
      removed += await removal.add(writer, records.slice(removed, removed + mostChanges));
    }
  }
  await removal.write();
  return { records: removal.records, chains: removal.writers.size, before: before.toString() };
}

/** The changes of the next write, and what was written. */
class Removal {
  records = 0;
  readonly writers = new Set<string>();
  /** Whether another process removes the same. */
  isOvertaken = false;
  readonly #storage: Storage;
  readonly #clock: Clock;
  #changes: Change[] = [];
  #removed: { readonly writer: string; readonly first: number; readonly last: number }[] = [];

  constructor(storage: Storage, clock: Clock) {
    this.#storage = storage;
    this.#clock = clock;
  }

  /** Adds the first of these records, as many as the write has room for. @returns their number */
  async add(writer: string, records: readonly RemovableRecord[]): Promise<number> {
    if (mostChanges - this.#changes.length < 2) await this.write();
    const added = records.slice(0, mostChanges - this.#changes.length - 1);
    const [first, last] = [added[0], added.at(-1)];
    const stored = await auditSeals.read(this.#storage, writer);
    const thumbprint = await signingKeyThumbprint(this.#storage);
    const sealed = stored ? (await readSeal(stored, { writer, thumbprint })).sequence : 0;
    this.isOvertaken ||= first?.sequence !== sealed + 1;
    if (this.isOvertaken || !first || !last) return 0;
    const { sequence, hash } = last;
    const time = timestamp(this.#clock.now());
    const seal = await signSeal(this.#storage, { writer, sequence, hash, time });
    // The seal comes last: where it is visible, no removed record is.
    this.#changes.push(
      ...added.map(({ key }) => ({ remove: key })),
      stored ? auditSeals.changed(stored, seal) : auditSeals.added(writer, seal),
    );
    this.#removed.push({ writer, first: first.sequence, last: sequence });
    return added.length;
  }

  async write(): Promise<void> {
    if (this.#changes.length === 0 || this.isOvertaken) return;
    const texts = this.#removed.map(({ writer, first, last }) => `${writer} ${first}-${last}`);
    const message = `removed records of the audit log, by chain: ${texts.join(', ')}`;
    const event = eventChange({ type: 'audit_sealed', message }, this.#clock);
    const isWritten = await writeIfUnchanged(this.#storage, [...this.#changes, event]);
    this.isOvertaken ||= !isWritten;
    if (isWritten) {
      this.records += this.#removed.reduce((sum, { first, last }) => sum + last - first + 1, 0);
      for (const { writer } of this.#removed) this.writers.add(writer);
    }
    this.#changes = [];
    this.#removed = [];
  }
}
