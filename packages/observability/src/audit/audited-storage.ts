import { type Clock, keyedMutex, systemClock, timestamp } from '@acmex/clock';
import { type AcmexEvent, eventWrittenBy } from '@acmex/orchestrator';
import { type Change, newId, type Storage, type StorageCallOptions } from '@acmex/storage';
import { currentAuditOrigin } from './audit-origin.ts';
import {
  type AuditAction,
  type AuditHead,
  auditHeads,
  type AuditOrigin,
  auditRecords,
  hashOf,
} from './audit-record.ts';

export interface AuditedStorageOptions {
  /** Who does what has no origin of its own: the program, its machine and its user. */
  readonly origin: AuditOrigin;
  /** Returns what a write does besides its events, as that of a CA. */
  readonly actionsIn?: ((changes: readonly Change[]) => readonly AuditAction[]) | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * A storage that records each write in which something happens: the events in it, and who asked for
 * them. The record is part of the same write, so what cannot be recorded is not done. The records
 * of a process are a chain: each has the hash of the one before it.
 *
 * Nothing in a record is a secret, because no event has one.
 * @param storage with its encryption; it is disposed of with the audited storage
 */
export function auditedStorage(
  storage: Storage,
  { origin, actionsIn = () => [], clock = systemClock }: AuditedStorageOptions,
): Storage {
  const chain = new AuditChain(storage, { origin, clock });
  return {
    get: (key, options) => storage.get(key, options),
    list: (prefix, options) => storage.list(prefix, options),
    snapshot: (options) => storage.snapshot(options),
    async write(changes, options) {
      const actions = [...changes.flatMap(eventActions), ...actionsIn(changes)];
      return actions.length === 0
        ? await storage.write(changes, options)
        : await chain.write(changes, actions, options);
    },
    [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
  };
}

/** What the next record of a chain follows. */
interface ChainEnd extends AuditHead {
  /** Of the head's entry; null where the chain is empty. */
  readonly version: string | null;
}

/** The records that this process writes, one after the other. */
class AuditChain {
  readonly #storage: Storage;
  readonly #origin: AuditOrigin;
  readonly #clock: Clock;
  readonly #writer: string;
  readonly #inTurn = keyedMutex();
  /** Undefined after a write that has failed: it may have been done all the same. */
  #end: ChainEnd | undefined = { sequence: 0, hash: '', version: null };
  #lastId = '';

  constructor(
    storage: Storage,
    { origin, clock }: { readonly origin: AuditOrigin; readonly clock: Clock },
  ) {
    this.#storage = storage;
    this.#origin = origin;
    this.#clock = clock;
    this.#writer = newId('wri', clock);
  }

  async write(
    changes: readonly Change[],
    actions: readonly AuditAction[],
    options: StorageCallOptions | undefined,
  ): Promise<readonly string[]> {
    const origin = { ...this.#origin, ...currentAuditOrigin() };
    return await this.#inTurn(
      this.#writer,
      async () => await this.#writeNext({ changes, actions, origin, options }),
      options,
    );
  }

  async #writeNext({
    changes,
    actions,
    origin,
    options,
  }: {
    readonly changes: readonly Change[];
    readonly actions: readonly AuditAction[];
    readonly origin: AuditOrigin;
    readonly options: StorageCallOptions | undefined;
  }): Promise<readonly string[]> {
    const end = this.#end ?? (await this.#readEnd());
    const sequence = end.sequence + 1;
    const record = auditRecords.added(this.#nextId(), {
      time: timestamp(this.#clock.now()),
      writer: this.#writer,
      ...{ sequence, previous: end.hash, origin, actions },
    });
    const hash = hashOf('value' in record ? record.value : new Uint8Array());
    const head = { ...auditHeads.put(this.#writer, { sequence, hash }), ifVersion: end.version };
    this.#end = undefined;
    const versions = await this.#storage.write([...changes, record, head], options);
    this.#end = { sequence, hash, version: versions.at(-1) ?? null };
    return versions.slice(0, -2);
  }

  async #readEnd(): Promise<ChainEnd> {
    const head = await auditHeads.read(this.#storage, this.#writer);
    return head
      ? { ...head.record, version: head.version }
      : { sequence: 0, hash: '', version: null };
  }

  /** Ids of a chain are in the order of its records, also where the clock goes back. */
  #nextId(): string {
    const id = newId('aud', this.#clock);
    this.#lastId = id > this.#lastId ? id : successor(this.#lastId);
    return this.#lastId;
  }
}

const digits = '0123456789abcdefghjkmnpqrstvwxyz';

/** Returns the next id behind one. */
function successor(id: string): string {
  const last = id.length - 1;
  const digit = digits.indexOf(id.charAt(last)) + 1;
  return digit < digits.length
    ? `${id.slice(0, last)}${digits.charAt(digit)}`
    : `${successor(id.slice(0, last))}0`;
}

/** The keys of a tenant's storage begin with `tenant/NAME/`. */
const tenantKey = /^tenant\/([^/]+)\/(.+)$/;

/** Returns what a change says that has happened. */
function eventActions(change: Change): readonly AuditAction[] {
  if (!('set' in change) || !change.set.includes('events/')) return [];
  const [, tenant, key = change.set] = tenantKey.exec(change.set) ?? [];
  const event = eventWrittenBy({ ...change, set: key });
  return event ? [actionOf(event, tenant)] : [];
}

function actionOf({ id, ...event }: AcmexEvent, tenant: string | undefined): AuditAction {
  const { type, certificate, order, names, issuer, actor, message, code, traceId } = event;
  return {
    ...{ event: id, type, tenant, certificate, order, names, issuer },
    ...{ actor, message, code, traceId },
  };
}
