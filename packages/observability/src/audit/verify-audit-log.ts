import { errorText } from '@acmex/errors';
import { type Entry, idOf, type Storage, StorageError } from '@acmex/storage';
import {
  type AuditHead,
  auditHeads,
  type AuditRecord,
  auditRecordJson,
  hashOf,
} from './audit-record.ts';
import {
  type Checkpoint,
  checkpoints,
  lastCheckpointNumber,
  readCheckpoint,
  signingKeyThumbprint,
} from './checkpoint.ts';

export interface VerifyAuditLogOptions {
  /**
   * Checkpoints that have left the machine, each as a JWS. They find a storage that was replaced as
   * a whole.
   */
  readonly checkpoints?: readonly string[] | undefined;
  /** How many faults are described at most; 100 by default. */
  readonly maxFaults?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Something in an audit log that is not as it was written. */
export interface AuditFault {
  /** The chain, or the checkpoint. */
  readonly subject: string;
  /** What is wrong, as a sentence. */
  readonly message: string;
}

export interface AuditVerification {
  readonly records: number;
  readonly writers: number;
  readonly checkpoints: number;
  /** The first of them. */
  readonly faults: readonly AuditFault[];
  readonly faultCount: number;
}

/**
 * Verifies the audit log of a storage: each record has the hash of the one before it, each chain
 * ends where it says, and has the records that each checkpoint names. Others may write meanwhile.
 *
 * A storage that was replaced as a whole by an earlier copy of itself is found only with a
 * checkpoint that is outside of it.
 * @throws AuditError `ERR_AUDIT_CHECKPOINT` for a checkpoint of the caller that is none
 */
export async function verifyAuditLog(
  storage: Storage,
  { checkpoints: outside = [], maxFaults = 100, signal }: VerifyAuditLogOptions = {},
): Promise<AuditVerification> {
  const faults = new Faults(maxFaults);
  const promises = new PromisedRecords();
  const stored = await readCheckpoints(storage, { promises, faults });
  await readOutside(storage, { outside, promises, faults });
  for await (const { key, record } of auditHeads.list(storage, {
    onCorrupt: faults.unreadable,
    signal,
  }))
    promises.add(idOf({ key }), record, 'the end of the chain');
  const chains = new Chains(promises, faults);
  for await (const entry of storage.list('audit/record', { onCorrupt: faults.unreadable, signal }))
    chains.follow(entry);
  for (const [writer, end] of chains.ends) await assertEnd(storage, { writer, end, faults });
  promises.reportBroken(faults);
  return {
    records: chains.count,
    writers: chains.ends.size,
    checkpoints: stored + outside.length,
    faults: faults.first,
    faultCount: faults.count,
  };
}

class Faults {
  readonly first: AuditFault[] = [];
  count = 0;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  add(subject: string, message: string): void {
    this.count += 1;
    if (this.first.length < this.#max) this.first.push({ subject, message });
  }

  readonly unreadable = (error: Error): void => {
    const key = error instanceof StorageError ? error.key : undefined;
    this.add(key ?? 'a record', `it cannot be read: ${errorText(error)}`);
  };
}

/** The records that heads and checkpoints name. */
class PromisedRecords {
  readonly #hashes = new Map<string, Map<number, Map<string, string>>>();

  /** @param source what names the record */
  add(writer: string, { sequence, hash }: AuditHead, source: string): void {
    const bySequence = this.#hashes.get(writer) ?? new Map<number, Map<string, string>>();
    this.#hashes.set(writer, bySequence);
    const byHash = bySequence.get(sequence) ?? new Map<string, string>();
    bySequence.set(sequence, byHash);
    byHash.set(hash, source);
  }

  /** Takes a promise as kept: what stays is broken. */
  keep(writer: string, { sequence, hash }: AuditHead): void {
    const bySequence = this.#hashes.get(writer);
    const byHash = bySequence?.get(sequence);
    byHash?.delete(hash);
    if (byHash?.size === 0) bySequence?.delete(sequence);
  }

  reportBroken(faults: Faults): void {
    for (const [writer, bySequence] of this.#hashes)
      for (const [sequence, byHash] of bySequence)
        for (const source of byHash.values())
          faults.add(
            writer,
            `record ${sequence}, which ${source} names, is not there or was changed`,
          );
  }
}

/** The chains, as their records come in the order of their keys. */
class Chains {
  readonly ends = new Map<string, AuditHead>();
  count = 0;
  readonly #promises: PromisedRecords;
  readonly #faults: Faults;

  constructor(promises: PromisedRecords, faults: Faults) {
    this.#promises = promises;
    this.#faults = faults;
  }

  follow(entry: Entry): void {
    this.count += 1;
    let record: AuditRecord;
    try {
      record = auditRecordJson.read(entry);
    } catch (error) {
      this.#faults.unreadable(error as Error);
      return;
    }
    const { writer, sequence, previous } = record;
    const end = this.ends.get(writer) ?? { sequence: 0, hash: '' };
    const at = `record ${sequence} (${idOf(entry)})`;
    if (sequence !== end.sequence + 1)
      this.#faults.add(writer, `${at} follows record ${end.sequence}`);
    else if (previous !== end.hash)
      this.#faults.add(writer, `${at} does not have the hash of the record before it`);
    const next = { sequence, hash: hashOf(entry.value) };
    this.ends.set(writer, next);
    this.#promises.keep(writer, next);
  }
}

/** Reports a chain that is longer than its head says, also after the latest writes. */
async function assertEnd(
  storage: Storage,
  {
    writer,
    end,
    faults,
  }: { readonly writer: string; readonly end: AuditHead; readonly faults: Faults },
): Promise<void> {
  const head = await readable(faults, async () => await auditHeads.read(storage, writer));
  if (!head) faults.add(writer, 'the end of the chain is not there');
  else if (head.record.sequence < end.sequence)
    faults.add(
      writer,
      `the chain says that it ends at record ${head.record.sequence}, and has record ${end.sequence}`,
    );
}

/** Reads the checkpoints in the storage. @returns their number */
async function readCheckpoints(
  storage: Storage,
  { promises, faults }: { readonly promises: PromisedRecords; readonly faults: Faults },
): Promise<number> {
  const [thumbprint, lastNumber] = [
    await readable(faults, async () => await signingKeyThumbprint(storage)),
    await readable(faults, async () => await lastCheckpointNumber(storage)),
  ];
  let last: { readonly checkpoint: Checkpoint; readonly jws: string } | undefined;
  let count = 0;
  for await (const { key, record } of checkpoints.list(storage, { onCorrupt: faults.unreadable })) {
    count += 1;
    const subject = `checkpoint ${Number(idOf({ key }))}`;
    const read = await readCheckpoint(record.jws).catch((error: unknown) =>
      faults.add(subject, errorText(error)),
    );
    if (!read) continue;
    const { checkpoint } = read;
    if (read.thumbprint !== thumbprint) faults.add(subject, 'a key that is not ours has signed it');
    if (checkpoint.number !== Number(idOf({ key })))
      faults.add(subject, `checkpoint ${checkpoint.number} is in its place`);
    if (checkpoint.number !== (last?.checkpoint.number ?? 0) + 1)
      faults.add(subject, `it follows checkpoint ${last?.checkpoint.number ?? 0}`);
    else if (checkpoint.previous !== (last ? hashOf(Buffer.from(last.jws)) : ''))
      faults.add(subject, 'it does not have the hash of the checkpoint before it');
    addHeads(checkpoint, subject, promises);
    last = { checkpoint, jws: record.jws };
  }
  // A checkpoint that was made meanwhile is behind those that were read.
  if ((lastNumber ?? 0) > (last?.checkpoint.number ?? 0))
    faults.add(`checkpoint ${lastNumber}`, 'it is not there');
  return count;
}

/** Returns what is read; undefined where it cannot be read, which is a fault. */
async function readable<T>(faults: Faults, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    faults.unreadable(error as Error);
    return undefined;
  }
}

/** Reads the checkpoints of the caller. */
async function readOutside(
  storage: Storage,
  {
    outside,
    promises,
    faults,
  }: {
    readonly outside: readonly string[];
    readonly promises: PromisedRecords;
    readonly faults: Faults;
  },
): Promise<void> {
  if (outside.length === 0) return;
  const thumbprint = await readable(faults, async () => await signingKeyThumbprint(storage));
  for (const jws of outside) {
    const { checkpoint, thumbprint: signer } = await readCheckpoint(jws);
    const subject = `checkpoint ${checkpoint.number} outside of the storage`;
    if (signer !== thumbprint) faults.add(subject, 'the key of this storage has not signed it');
    addHeads(checkpoint, subject, promises);
  }
}

function addHeads({ heads }: Checkpoint, source: string, promises: PromisedRecords): void {
  for (const { writer, sequence, hash } of heads) promises.add(writer, { sequence, hash }, source);
}
