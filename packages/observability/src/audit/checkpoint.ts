import { type Clock, systemClock, timestamp } from '@acmex/clock';
import { printable } from '@acmex/errors';
import { firstId, idOf, records, schemaCheck, type Storage, untilWritten } from '@acmex/storage';
import * as z from 'zod';
import { auditHeads, auditRecords, hashOf } from './audit-record.ts';
import { signingKey, signStatement, verifiedStatement } from './signing-key.ts';
import { AuditError } from '../errors.ts';

/** The `typ` of the header of a checkpoint. RFC 7515 §4.1.9 */
export const checkpointType = 'acmex-audit';

/** A signed statement of where the chains of an audit log ended at one moment. */
export interface Checkpoint {
  /** From 1. */
  readonly number: number;
  /** RFC 3339 */
  readonly time: string;
  /** SHA-256 of the previous checkpoint's JWS, hexadecimal; empty for the first. */
  readonly previous: string;
  /** The ends of the chains that have grown since the previous checkpoint. */
  readonly heads: readonly {
    readonly writer: string;
    readonly sequence: number;
    readonly hash: string;
  }[];
}

/** The form in which a checkpoint is stored and leaves the machine. */
export interface SignedCheckpoint {
  /** Compact serialization, RFC 7515 §7.1; its header has the public key. */
  readonly jws: string;
}

const checkpointSchema = z.looseObject({
  number: z.int().positive(),
  time: z.iso.datetime({ offset: true }),
  previous: z.string(),
  heads: z.array(z.looseObject({ writer: z.string(), sequence: z.int(), hash: z.string() })),
});
export const checkpoints = records<SignedCheckpoint>({
  kind: 'checkpoint of the audit log',
  version: 1,
  check: schemaCheck(z.looseObject({ jws: z.string() })),
  under: 'audit/checkpoint',
});
/** Names the last checkpoint, so that it is found without reading all. */
const lastNumbers = records<{ readonly number: number }>({
  kind: 'number of a checkpoint',
  version: 1,
  check: schemaCheck(z.looseObject({ number: z.int().positive() })),
  under: 'audit/last-checkpoint',
});
const lastId = 'last';
/** How long after the creation of its id a record may become visible. */
const latenessMs = 2 * 60_000;

/**
 * Signs where the chains end at present, and stores that.
 * @returns undefined where nothing was recorded since the previous checkpoint
 */
export async function createCheckpoint(
  storage: Storage,
  { clock = systemClock }: { readonly clock?: Clock | undefined } = {},
): Promise<SignedCheckpoint | undefined> {
  return await untilWritten(async () => {
    const jwk = await signingKey(storage);
    const last = await lastCheckpoint(storage);
    const heads = await headsSince(storage, last?.checkpoint);
    if (heads.length === 0) return undefined;
    const checkpoint: Checkpoint = {
      number: (last?.checkpoint.number ?? 0) + 1,
      time: timestamp(clock.now()),
      previous: last ? hashOf(Buffer.from(last.jws)) : '',
      heads,
    };
    const signed = { jws: await signStatement(checkpoint, { jwk, type: checkpointType }) };
    const { number } = checkpoint;
    await storage.write([
      checkpoints.added(checkpointId(number), signed),
      lastNumbers.put(lastId, { number }),
    ]);
    return signed;
  });
}

/** Reads the stored checkpoints from a number on, in their order. */
export async function* checkpointsFrom(
  storage: Storage,
  number: number,
  { limit }: { readonly limit: number },
): AsyncGenerator<SignedCheckpoint & { readonly number: number }> {
  const after = checkpoints.key(checkpointId(number - 1));
  for await (const { key, record } of checkpoints.list(storage, { after, limit }))
    yield { number: Number(idOf({ key })), jws: record.jws };
}

function checkpointId(number: number): string {
  return String(number).padStart(10, '0');
}

async function lastCheckpoint(
  storage: Storage,
): Promise<{ readonly checkpoint: Checkpoint; readonly jws: string } | undefined> {
  const pointer = await lastNumbers.read(storage, lastId);
  let last = pointer && (await checkpoints.read(storage, checkpointId(pointer.record.number)));
  if (!last) for await (const stored of checkpoints.list(storage)) last = stored;
  return last && { ...(await readCheckpoint(last.record.jws)), jws: last.record.jws };
}

/** Returns the time of the last checkpoint, RFC 3339; undefined before the first. */
export async function lastCheckpointTime(storage: Storage): Promise<string | undefined> {
  return (await lastCheckpoint(storage))?.checkpoint.time;
}

/** Returns the number of the last checkpoint, as the storage names it; 0 before the first. */
export async function lastCheckpointNumber(storage: Storage): Promise<number> {
  return (await lastNumbers.read(storage, lastId))?.record.number ?? 0;
}

/** Returns the ends of the chains with records since a checkpoint, as far as they have grown. */
async function headsSince(
  storage: Storage,
  last: Checkpoint | undefined,
): Promise<Checkpoint['heads']> {
  const writers = new Set<string>();
  const after = last && firstId('aud', Date.parse(last.time) - latenessMs);
  const position = after === undefined ? {} : { after: auditRecords.key(after) };
  for await (const { record } of auditRecords.list(storage, position)) writers.add(record.writer);
  const known = new Map(last?.heads.map(({ writer, sequence }) => [writer, sequence]));
  const heads: Checkpoint['heads'][number][] = [];
  for (const writer of writers) {
    const head = await auditHeads.read(storage, writer);
    if (head && head.record.sequence > (known.get(writer) ?? 0))
      heads.push({ writer, sequence: head.record.sequence, hash: head.record.hash });
  }
  return heads;
}

/**
 * Reads a checkpoint, and verifies it with the public key in it.
 * @returns the checkpoint, and the thumbprint of the key, which the caller compares
 * @throws AuditError `ERR_AUDIT_CHECKPOINT`
 */
export async function readCheckpoint(
  jws: string,
): Promise<{ readonly checkpoint: Checkpoint; readonly thumbprint: string }> {
  try {
    const { statement, thumbprint } = await verifiedStatement(jws, { type: checkpointType });
    return { checkpoint: checkpointSchema.parse(statement), thumbprint };
  } catch (cause) {
    throw new AuditError(
      'ERR_AUDIT_CHECKPOINT',
      `${printable(jws, 40)} is not a checkpoint of an audit log`,
      { cause },
    );
  }
}
