import { createHash } from 'node:crypto';
import { type Clock, type DurationInput, milliseconds, systemClock } from '@acmex/clock';
import type { CertificateFields } from '@acmex/certificate/structure';
import { firstId, newId, records, type Storage, type Stored } from '@acmex/storage';
import type { ListBytes } from './list-reader.ts';

export interface ProofCacheOptions {
  readonly storage: Storage;
  /**
   * How long a proof is used at most; 12 hours by default. A proof is never used after the end that
   * it names.
   */
  readonly maxAge?: DurationInput;
  /** How much the storage holds at most; see `ProofLimits`. */
  readonly limits?: Partial<ProofLimits>;
  readonly clock?: Clock;
  /** Called when the storage fails or a record in it is damaged: the source is asked instead. */
  readonly onError?: (error: unknown) => void;
}

/**
 * How much is stored at most. A cache counts what it stores itself, and removes the oldest when a
 * tenth more than the limit may have been stored, so that each process may exceed the limits by that
 * tenth.
 */
export interface ProofLimits {
  /** OCSP responses; 2,000 by default. */
  readonly responses: number;
  /** Pieces of revocation lists of 512 KiB; 512 by default, which is 256 MiB. */
  readonly pieces: number;
}

const defaultLimits: ProofLimits = { responses: 2000, pieces: 512 };

/**
 * OCSP responses and revocation lists in a storage. It stores what issuers have signed, which is
 * checked again whenever it is read: a record that was changed proves nothing, and is ignored.
 */
export interface ProofCache {
  /** Returns a response that is not too old, DER. */
  response(pair: IssuedPair): Promise<Uint8Array | undefined>;
  storeResponse(pair: IssuedPair, response: Uint8Array, proof: Fresh): Promise<void>;
  list(issuer: CertificateFields, url: string): Promise<CachedList | undefined>;
  /** Passes a list through and stores it; `stored` makes it usable once it has proven something. */
  storing(issuer: CertificateFields, url: string, list: ListBytes): StoringList;
}

export interface IssuedPair {
  readonly certificate: CertificateFields;
  readonly issuer: CertificateFields;
}

interface Fresh {
  /** Milliseconds since 1970. */
  readonly nextUpdate: number;
}

export interface CachedList {
  /** The number of the list, hexadecimal. */
  readonly number: string;
  /** Absent when it is too old to be used: then its number alone counts. */
  readonly list: ListBytes | undefined;
}

export interface StoringList {
  readonly list: ListBytes;
  stored(proof: Fresh & { readonly number: string }): Promise<void>;
  /** Removes what was stored of a list that proves nothing. */
  discard(): Promise<void>;
}

interface ProofRecord {
  /** Times are RFC 3339. */
  readonly storedAt: string;
  readonly until: string;
}
interface ResponseRecord extends ProofRecord {
  /** DER in base64. */
  readonly response: string;
}
interface ListRecord extends ProofRecord {
  readonly number: string;
  /** Of its pieces. */
  readonly pieces: string;
  readonly count: number;
}

const isText = (value: unknown): value is string => typeof value === 'string';

function checkProof(record: unknown): ProofRecord {
  const { storedAt, until } = record as Partial<ProofRecord>;
  if (![storedAt, until].every((time) => isText(time) && !Number.isNaN(Date.parse(time))))
    throw new RangeError('it has no valid times');
  return record as ProofRecord;
}

const responses = records<ResponseRecord>({
  kind: 'OCSP response',
  version: 1,
  under: 'revocation/response',
  check(record) {
    const checked = checkProof(record) as ResponseRecord;
    if (!isText(checked.response)) throw new RangeError('it has no response');
    return checked;
  },
});
const lists = records<ListRecord>({
  kind: 'revocation list',
  version: 1,
  under: 'revocation/list',
  check(record) {
    const checked = checkProof(record) as ListRecord;
    const { number, pieces, count } = checked;
    if (!isText(number) || !isText(pieces) || !/^list_[0-9a-z]{26}$/.test(pieces))
      throw new RangeError('it has no number, or no pieces');
    if (!Number.isInteger(count) || count < 0 || count > mostPieces)
      throw new RangeError('it has an impossible number of pieces');
    return checked;
  },
});

const pieceLength = 512 * 1024;
const mostPieces = 256;
const pieceKey = (id: string, index: number) =>
  `revocation/list-piece/${id}/${String(index).padStart(4, '0')}`;

/** Returns a cache of proofs in a storage, under `revocation/`. */
export function proofCache(options: ProofCacheOptions): ProofCache {
  const { storage, onError = () => undefined, clock = systemClock } = options;
  const maxAgeMs = milliseconds(options.maxAge ?? { hours: 12 });
  const limits = { ...defaultLimits, ...options.limits };
  /** A cache that fails costs time, and nothing else. */
  const ignoring = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      onError(error);
      return undefined;
    }
  };
  const times = ({ nextUpdate }: Fresh): ProofRecord => {
    const now = clock.now().epochMilliseconds;
    return { storedAt: iso(now), until: iso(Math.min(nextUpdate, now + maxAgeMs)) };
  };
  const isFresh = (record: ProofRecord) => isUsable(record, clock, maxAgeMs);
  const makeRoom = roomMaker(limits, async () => {
    await ignoring(() => removeOldProofs(storage, { clock, limits }));
  });
  return {
    async response(pair) {
      const stored = await ignoring(() => responses.read(storage, responseId(pair)));
      if (!stored || !isFresh(stored.record)) return undefined;
      return Buffer.from(stored.record.response, 'base64');
    },
    async storeResponse(pair, response, proof) {
      const record = { ...times(proof), response: Buffer.from(response).toString('base64') };
      await ignoring(() => storage.write([responses.put(responseId(pair), record)]));
      await makeRoom('responses', 1);
    },
    async list(issuer, url) {
      const stored = await ignoring(() => lists.read(storage, listId(issuer, url)));
      if (!stored) return undefined;
      const { number } = stored.record;
      return {
        number,
        list: isFresh(stored.record) ? piecesOf(storage, stored.record) : undefined,
      };
    },
    storing(issuer, url, list) {
      const writer = pieceWriter(storage, newId('list', clock), ignoring);
      return {
        list: writer.passing(list),
        discard: writer.remove,
        async stored({ number, nextUpdate }) {
          const count = await writer.flush();
          if (count === undefined) return;
          const id = listId(issuer, url);
          const before = await ignoring(() => lists.read(storage, id));
          const record = { ...times({ nextUpdate }), number, count, pieces: writer.id };
          await ignoring(() => storage.write([lists.put(id, record)]));
          if (before) await ignoring(() => removePieces(storage, before.record));
          await makeRoom('pieces', count);
        },
      };
    },
  };
}

function isUsable({ storedAt, until }: ProofRecord, clock: Clock, maxAgeMs: number): boolean {
  const [since, now] = [Date.parse(storedAt), clock.now().epochMilliseconds];
  return since <= now && now < Math.min(Date.parse(until), since + maxAgeMs);
}

/** Counts what is stored, and removes what is too much when a tenth of a limit was added. */
function roomMaker(limits: ProofLimits, remove: () => Promise<void>) {
  const added = { responses: 0, pieces: 0 };
  return async (kind: keyof ProofLimits, count: number): Promise<void> => {
    added[kind] += count;
    if (added[kind] < limits[kind] / 10) return;
    added[kind] = 0;
    await remove();
  };
}

/** Writes the pieces of a list while the list is read. */
function pieceWriter(
  storage: Storage,
  id: string,
  ignoring: <T>(work: () => Promise<T>) => Promise<T | undefined>,
) {
  let [pending, pendingLength, count, hasFailed] = [[] as Uint8Array[], 0, 0, false];
  const write = async () => {
    const value = Buffer.concat(pending);
    [pending, pendingLength] = [[], 0];
    if (hasFailed || value.length === 0) return;
    const key = pieceKey(id, count);
    const written =
      count < mostPieces ? await ignoring(() => storage.write([{ set: key, value }])) : undefined;
    if (written) count += 1;
    else hasFailed = true;
  };
  const add = async (bytes: Uint8Array) => {
    pending.push(Uint8Array.from(bytes));
    pendingLength += bytes.length;
    if (pendingLength >= pieceLength) await write();
  };
  return {
    id,
    async *passing(list: ListBytes): AsyncGenerator<Uint8Array> {
      for await (const bytes of slices(list)) {
        await add(bytes);
        yield bytes;
      }
    },
    /** @returns the number of pieces; undefined when they could not be written */
    async flush(): Promise<number | undefined> {
      await write();
      if (!hasFailed) return count;
      await ignoring(() => removePieces(storage, { pieces: id, count }));
      return undefined;
    },
    async remove(): Promise<void> {
      await ignoring(() => removePieces(storage, { pieces: id, count }));
    },
  };
}

async function* slices(list: ListBytes): AsyncGenerator<Uint8Array> {
  if (!(list instanceof Uint8Array)) return yield* list;
  for (let at = 0; at < list.length; at += pieceLength) yield list.subarray(at, at + pieceLength);
}

async function* piecesOf(
  storage: Storage,
  { pieces, count }: ListRecord,
): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index += 1) {
    const entry = await storage.get(pieceKey(pieces, index));
    // The reader of a list that ends too early says so.
    if (!entry) return;
    yield entry.value;
  }
}

async function removePieces(
  storage: Storage,
  { pieces, count }: Pick<ListRecord, 'pieces' | 'count'>,
): Promise<void> {
  for (let index = 0; index < count; index += 1)
    await storage.write([{ remove: pieceKey(pieces, index) }]);
}

export interface RemoveOldProofsOptions {
  readonly limits?: Partial<ProofLimits>;
  readonly clock?: Clock;
}

/**
 * Removes the proofs that are too old to be used, the oldest of those that exceed the limits, and
 * pieces of lists that a process left.
 *
 * @returns how many proofs were removed
 */
export async function removeOldProofs(
  storage: Storage,
  { clock = systemClock, limits: changed }: RemoveOldProofsOptions = {},
): Promise<number> {
  const now = clock.now().epochMilliseconds;
  const limits = { ...defaultLimits, ...changed };
  const ended = beyond(await collect(responses.list(storage, { onCorrupt })), now, {
    limit: limits.responses,
    sizeOf: () => 1,
  });
  const all = await collect(lists.list(storage, { onCorrupt }));
  const endedLists = beyond(all, now, { limit: limits.pieces, sizeOf: ({ count }) => count });
  for (const { key } of [...ended, ...endedLists]) await storage.write([{ remove: key }]);
  const used = new Set(
    all.filter((stored) => !endedLists.includes(stored)).map(({ record }) => record.pieces),
  );
  const removed = new Set(endedLists.map(({ record }) => record.pieces));
  const leftBefore = firstId('list', now - 3_600_000);
  for await (const { key } of storage.list('revocation/list-piece', { onCorrupt })) {
    const id = key.split('/')[2] ?? '';
    const isLeft = removed.has(id) || (!used.has(id) && id < leftBefore);
    if (isLeft) await storage.write([{ remove: key }]);
  }
  return ended.length + endedLists.length;
}

const onCorrupt = () => undefined;

async function collect<T>(stored: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const entry of stored) all.push(entry);
  return all;
}

/** Returns those that are over, and the oldest of the rest as far as they exceed a limit. */
function beyond<T extends ProofRecord>(
  proofs: readonly Stored<T>[],
  now: number,
  { limit, sizeOf }: { readonly limit: number; readonly sizeOf: (record: T) => number },
): readonly Stored<T>[] {
  let room = limit;
  return proofs
    .toSorted((a, b) => Date.parse(b.record.storedAt) - Date.parse(a.record.storedAt))
    .filter(({ record }) => {
      if (Date.parse(record.until) < now) return true;
      room -= sizeOf(record);
      return room < 0;
    });
}

function responseId({ certificate, issuer }: IssuedPair): string {
  const name = digest(issuer.subject.encoded, issuer.keyBits);
  return `${name}/${Buffer.from(certificate.serialNumber).toString('hex').slice(0, 100)}`;
}

function listId(issuer: CertificateFields, url: string): string {
  return digest(issuer.subject.encoded, issuer.keyBits, Buffer.from(url));
}

function digest(...values: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const value of values) hash.update(createHash('sha256').update(value).digest());
  return hash.digest('hex').slice(0, 40);
}

const iso = (time: number) => new Date(time).toISOString();
