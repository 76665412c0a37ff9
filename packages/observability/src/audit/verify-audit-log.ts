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
} from './checkpoint.ts';
import { auditSeals, readSeal, type Seal } from './seal.ts';
import { signingKeyThumbprint } from './signing-key.ts';

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
 * ends where it says, and has the records that each checkpoint names. A chain whose start was removed
 * begins at its seal. Others may write meanwhile.
 *
 * A storage that was replaced as a whole by an earlier copy of itself is found only with a
 * checkpoint that is outside of it.
 * @throws AuditError `ERR_AUDIT_CHECKPOINT` for a checkpoint of the caller that is none
 */
export async function verifyAuditLog(
  storage: Storage,
  options: VerifyAuditLogOptions = {},
): Promise<AuditVerification> {
  return (await examineAuditLog(storage, options)).verification;
}

/**
 * Verifies the audit log.
 * @returns also the last record of each chain that a checkpoint in the storage names
 */
export async function examineAuditLog(
  storage: Storage,
  { checkpoints: outside = [], maxFaults = 100, signal }: VerifyAuditLogOptions,
): Promise<{
  readonly verification: AuditVerification;
  readonly covered: ReadonlyMap<string, number>;
}> {
  const faults = new Faults(maxFaults);
  const promises = new PromisedRecords();
  const stored = await readCheckpoints(storage, { promises, faults });
  const covered = promises.lastRecords();
  await readOutside(storage, { outside, stored, promises, faults });
  for await (const { key, record } of auditHeads.list(storage, {
    onCorrupt: faults.unreadable,
    signal,
  }))
    promises.add(idOf({ key }), record, { source: 'the end of the chain' });
  const seals = new Seals(storage, faults);
  const chains = new Chains(promises, await seals.readAll(signal), faults);
  for await (const entry of storage.list('audit/record', { onCorrupt: faults.unreadable, signal }))
    chains.follow(entry);
  await chains.assertStarts(seals);
  for (const [writer, end] of chains.ends) await assertEnd(storage, { writer, end, faults });
  await promises.reportBroken(seals, faults);
  const verification = {
    records: chains.count,
    writers: chains.ends.size,
    checkpoints: stored.count + outside.length,
    faults: faults.first,
    faultCount: faults.count,
  };
  return { verification, covered };
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

/** What names a record. */
interface NamedBy {
  readonly source: string;
  /** Whether a seal is not enough: the record itself must be there. */
  readonly needsRecord?: boolean;
}

/** The records that heads and checkpoints name. */
class PromisedRecords {
  readonly #hashes = new Map<string, Map<number, Map<string, NamedBy>>>();

  add(writer: string, { sequence, hash }: AuditHead, { source, needsRecord }: NamedBy): void {
    const bySequence = this.#hashes.get(writer) ?? new Map<number, Map<string, NamedBy>>();
    this.#hashes.set(writer, bySequence);
    const byHash = bySequence.get(sequence) ?? new Map<string, NamedBy>();
    bySequence.set(sequence, byHash);
    const needed = needsRecord === true || byHash.get(hash)?.needsRecord === true;
    byHash.set(hash, { source, needsRecord: needed });
  }

  /** Returns the last record of each chain that something names. */
  lastRecords(): ReadonlyMap<string, number> {
    return new Map(
      [...this.#hashes].map(([writer, bySequence]) => [writer, Math.max(...bySequence.keys())]),
    );
  }

  /** Takes a promise as kept: what stays is broken. */
  keep(writer: string, { sequence, hash }: AuditHead): void {
    const bySequence = this.#hashes.get(writer);
    const byHash = bySequence?.get(sequence);
    byHash?.delete(hash);
    if (byHash?.size === 0) bySequence?.delete(sequence);
  }

  async reportBroken(seals: Seals, faults: Faults): Promise<void> {
    for (const [writer, bySequence] of this.#hashes) {
      const seal = bySequence.size > 0 ? await seals.latest(writer) : undefined;
      for (const [sequence, byHash] of bySequence)
        for (const [hash, { source, needsRecord }] of byHash) {
          const isSealed = seal !== undefined && isCoveredBy(seal, { sequence, hash });
          if (isSealed && !needsRecord) continue;
          faults.add(
            writer,
            isSealed
              ? `record ${sequence} was removed by its age, and ${source}, which names it, is not one of this storage`
              : `record ${sequence}, which ${source} names, is not there or was changed`,
          );
        }
    }
  }
}

/** Returns whether a record is one of those that a seal says were removed. */
function isCoveredBy(seal: AuditHead, { sequence, hash }: AuditHead): boolean {
  return sequence < seal.sequence || (sequence === seal.sequence && hash === seal.hash);
}

/** The seals of the chains whose start was removed. */
class Seals {
  readonly #storage: Storage;
  readonly #faults: Faults;
  /** Those whose fault was reported. */
  readonly #broken = new Set<string>();
  #thumbprint: string | undefined;

  constructor(storage: Storage, faults: Faults) {
    this.#storage = storage;
    this.#faults = faults;
  }

  async readAll(signal: AbortSignal | undefined): Promise<ReadonlyMap<string, Seal>> {
    const seals = new Map<string, Seal>();
    const { unreadable: onCorrupt } = this.#faults;
    this.#thumbprint = await readable(this.#faults, () => signingKeyThumbprint(this.#storage));
    for await (const stored of auditSeals.list(this.#storage, { onCorrupt, signal })) {
      const writer = idOf(stored);
      const seal = await this.#verified(writer, () =>
        readSeal(stored, { writer, thumbprint: this.#thumbprint }),
      );
      if (seal) seals.set(writer, seal);
    }
    return seals;
  }

  /** Returns the present seal of a chain: another process may have removed records meanwhile. */
  async latest(writer: string): Promise<Seal | undefined> {
    return await this.#verified(writer, async () => {
      const stored = await auditSeals.read(this.#storage, writer);
      this.#thumbprint ??= await signingKeyThumbprint(this.#storage);
      return stored && (await readSeal(stored, { writer, thumbprint: this.#thumbprint }));
    });
  }

  async #verified(
    writer: string,
    read: () => Promise<Seal | undefined>,
  ): Promise<Seal | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!this.#broken.has(writer)) this.#faults.add(writer, errorText(error));
      this.#broken.add(writer);
      return undefined;
    }
  }
}

/** A record that does not follow the one before it. */
interface Gap {
  readonly writer: string;
  readonly before: AuditHead;
  readonly message: string;
}

/** The chains, as their records come in the order of their keys. */
class Chains {
  readonly ends: Map<string, AuditHead>;
  count = 0;
  readonly #promises: PromisedRecords;
  readonly #seals: ReadonlyMap<string, Seal>;
  readonly #faults: Faults;
  readonly #gaps: Gap[] = [];

  constructor(promises: PromisedRecords, seals: ReadonlyMap<string, Seal>, faults: Faults) {
    this.#promises = promises;
    this.#seals = seals;
    this.#faults = faults;
    this.ends = new Map(seals);
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
    if (sequence > end.sequence + 1)
      this.#gaps.push({
        writer,
        before: { sequence: sequence - 1, hash: previous },
        message: `${at} follows record ${end.sequence}`,
      });
    else if (sequence !== end.sequence + 1)
      this.#faults.add(writer, `${at} follows record ${end.sequence}`);
    else if (previous !== end.hash)
      this.#faults.add(writer, `${at} does not have the hash of the record before it`);
    const next = { sequence, hash: hashOf(entry.value) };
    this.ends.set(writer, next);
    this.#promises.keep(writer, next);
  }

  /** Reports each gap, unless another process has removed the records before it meanwhile. */
  async assertStarts(seals: Seals): Promise<void> {
    for (const { writer, before, message } of this.#gaps) {
      const seal = await seals.latest(writer);
      const isNew = seal !== undefined && seal.sequence > (this.#seals.get(writer)?.sequence ?? 0);
      if (!isNew || !isCoveredBy(seal, before)) this.#faults.add(writer, message);
    }
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

/** The checkpoints in the storage. */
interface StoredCheckpoints {
  readonly count: number;
  readonly known: ReadonlySet<string>;
}

/** Reads the checkpoints in the storage. */
async function readCheckpoints(
  storage: Storage,
  { promises, faults }: { readonly promises: PromisedRecords; readonly faults: Faults },
): Promise<StoredCheckpoints> {
  const known = new Set<string>();
  const [thumbprint, lastNumber] = [
    await readable(faults, async () => await signingKeyThumbprint(storage)),
    await readable(faults, async () => await lastCheckpointNumber(storage)),
  ];
  let last: { readonly checkpoint: Checkpoint; readonly jws: string } | undefined;
  let count = 0;
  for await (const { key, record } of checkpoints.list(storage, { onCorrupt: faults.unreadable })) {
    count += 1;
    known.add(record.jws);
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
    addHeads(checkpoint, { source: subject }, promises);
    last = { checkpoint, jws: record.jws };
  }
  // A checkpoint that was made meanwhile is behind those that were read.
  if ((lastNumber ?? 0) > (last?.checkpoint.number ?? 0))
    faults.add(`checkpoint ${lastNumber}`, 'it is not there');
  return { count, known };
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
    stored,
    promises,
    faults,
  }: {
    readonly outside: readonly string[];
    readonly stored: StoredCheckpoints;
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
    addHeads(checkpoint, { source: subject, needsRecord: !stored.known.has(jws) }, promises);
  }
}

function addHeads({ heads }: Checkpoint, namedBy: NamedBy, promises: PromisedRecords): void {
  for (const { writer, sequence, hash } of heads) promises.add(writer, { sequence, hash }, namedBy);
}
