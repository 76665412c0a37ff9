import { type Clock, systemClock, timestamp } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import {
  type Change,
  type Entry,
  idOf,
  newId,
  type ReadManyOptions,
  type Storage,
  type Stored,
  untilWritten,
} from '@acmex/storage';
import type { Temporal } from 'temporal-polyfill';
import { type CertificatePage, certificatePage, type PageQuery } from './certificate-page.ts';
import {
  certificates,
  type CertificateSummary,
  changesInOneWrite,
  due,
  type DueEntry,
  type Generation,
  generationId,
  generations,
  indexChanges,
  type ManagedCertificate,
  pauseMessages,
  readDueKey,
  summaryChanges,
  writeWithIndexes,
} from './certificate-record.ts';
import { deployTargetKeys } from './deploy-target-state.ts';
import { type CertificateSpec, sameNames } from './certificate-spec.ts';
import { OrchestratorError } from './errors.ts';
import { eventChange, type NewEvent } from './events.ts';
import { expiryOf } from './expiry.ts';
import {
  claimIdentities,
  joinedInto,
  joinedRemoval,
  type ReadIdentities,
  readIdentities,
} from './identity.ts';
import { assertKeyPair } from './key-pair.ts';
import { checkedNames } from './names.ts';
import { newOrder, type NewOrder, type OrderReason, type OrderStatus } from './order-record.ts';
import { refusalKeys, refusedCertificates, type StoredRefusal } from './refused-certificate.ts';
import { isServedAlarm } from './served-place.ts';
import { traceIdOf } from './trace-context.ts';

/** Keys and former ids of a removed certificate in the write of its record. */
const removedInOneWrite = 30;

type CertificateEvent = Pick<NewEvent, 'type' | 'code' | 'message' | 'traceId'>;

/** A certificate for which something is due. */
export interface DueCertificate extends DueEntry {
  readonly id: string;
  readonly at: string;
}

/** The managed certificates in a storage. Safe for any number of processes. */
export class CertificateStore {
  readonly #storage: Storage;
  readonly #clock: Clock;

  constructor({
    storage,
    clock = systemClock,
  }: {
    readonly storage: Storage;
    readonly clock?: Clock | undefined;
  }) {
    this.#storage = storage;
    this.#clock = clock;
  }

  /**
   * Adds a certificate even if one with these names exists. Use `Provisioner.declare` to search for
   * it first.
   * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT`
   */
  async add(spec: CertificateSpec): Promise<ManagedCertificate> {
    const id = newId('crt', this.#clock);
    const summary = this.#summaryOf(spec);
    await this.#add({ id, ...summary }, { identities: claimIdentities(summary.names, id) });
    return { id, ...summary };
  }

  /**
   * Adds a certificate, as `add`, with an order of it in the same write.
   * @param identities as they were read before the search that found no certificate, or beside it if
   * none was taken: the write fails if they have changed
   * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT`
   */
  async addOrdered(
    spec: CertificateSpec,
    {
      reason,
      identities,
      alsoWritten = [],
    }: {
      readonly reason: OrderReason;
      readonly identities?: ReadIdentities | undefined;
      readonly alsoWritten?: readonly Change[] | undefined;
    },
  ): Promise<{ readonly certificate: ManagedCertificate; readonly order: OrderStatus }> {
    const id = newId('crt', this.#clock);
    const summary = this.#summaryOf(spec);
    const { names, issuer, labels, createdAt } = summary;
    const order = newOrder(
      newId('ord', this.#clock),
      { certificate: id, names, issuer, labels, reason },
      this.#clock,
    );
    const certificate = { id, ...summary, order: order.status.id, orderedAt: createdAt };
    await this.#add(certificate, {
      identities: identities?.claim(id) ?? claimIdentities(names, id),
      alsoWritten,
      order,
    });
    return { certificate, order: order.status };
  }

  /** Returns the summary of a new certificate. @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT` */
  #summaryOf(spec: CertificateSpec): CertificateSummary {
    assertKeyPair(spec);
    return {
      ...spec,
      names: checkedNames(spec.names),
      createdAt: timestamp(this.#clock.now()),
      paused: false,
      ...(spec.declared && spec.deploy ? { deployDeclared: true } : {}),
    };
  }

  async #add(
    { id, ...summary }: ManagedCertificate,
    {
      identities,
      alsoWritten = [],
      order,
    }: {
      readonly identities: readonly Change[];
      readonly alsoWritten?: readonly Change[];
      readonly order?: NewOrder;
    },
  ): Promise<void> {
    const { names, issuer, labels } = summary;
    const traceId = traceIdOf(order?.status.traceparent);
    await this.write([
      ...alsoWritten,
      ...(order ? [order.added] : []),
      ...summaryChanges(id, undefined, summary),
      ...identities,
      eventChange(
        { type: 'certificate_added', certificate: id, names, issuer, labels, traceId },
        this.#clock,
      ),
      ...(order ? [order.started()] : []),
    ]);
  }

  /**
   * Returns the certificate, or undefined. The id of a joined duplicate leads to the certificate
   * that it was joined with.
   */
  async find(id: string): Promise<ManagedCertificate | undefined> {
    const stored = await this.#read(id);
    return stored && { id: idOf(stored), ...stored.record };
  }

  /**
   * Returns the certificate, as `find`.
   * @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND`
   */
  async get(id: string): Promise<ManagedCertificate> {
    const stored = await this.stored(id);
    return { id: idOf(stored), ...stored.record };
  }

  /**
   * Returns the record with its version. For a joined duplicate, `idOf` of it is the id of the
   * certificate that it was joined with.
   * @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND`
   */
  async stored(id: string): Promise<Stored<CertificateSummary>> {
    const stored = /^crt_[0-9a-z]{26}$/.test(id) ? await this.#read(id) : undefined;
    if (!stored)
      throw new OrchestratorError(
        'ERR_ORCHESTRATOR_NOT_FOUND',
        `there is no certificate ${JSON.stringify(id)}: look it up in the list`,
      );
    return stored;
  }

  /** Lists all certificates, the oldest first. */
  async *list(
    options: ReadManyOptions & {
      readonly after?: string | undefined;
      readonly limit?: number | undefined;
    } = {},
  ): AsyncGenerator<ManagedCertificate> {
    const { after, ...readOptions } = options;
    for await (const stored of certificates.list(this.#storage, {
      ...readOptions,
      ...(after === undefined ? {} : { after: certificates.key(after) }),
    }))
      yield { id: idOf(stored), ...stored.record };
  }

  /** Lists the certificates that have a name. */
  async *byName(name: string): AsyncGenerator<ManagedCertificate> {
    let cursor: string | undefined;
    do {
      const page: CertificatePage = await this.page({ name, limit: 100, cursor });
      yield* page.certificates;
      cursor = page.next;
    } while (cursor !== undefined);
  }

  /**
   * Returns a page of certificates.
   * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT` for a cursor of a different query
   */
  async page(query: PageQuery): Promise<CertificatePage> {
    return await certificatePage(this.#storage, query);
  }

  /** Lists the certificates with exactly these names, in any order. */
  async *withNames(names: readonly string[]): AsyncGenerator<ManagedCertificate> {
    const wanted = checkedNames(names);
    for await (const certificate of this.byName(wanted[0] ?? '')) {
      if (sameNames(certificate.names, wanted)) yield certificate;
    }
  }

  /**
   * Lists the certificates for which something is due, the earliest first. It reads only what it
   * returns.
   */
  async *due(
    now: Temporal.Instant,
    options: ReadManyOptions & { readonly limit?: number | undefined } = {},
  ): AsyncGenerator<DueCertificate> {
    for await (const certificate of this.#dueFrom(options)) {
      if (Date.parse(certificate.at) > now.epochMilliseconds) return;
      yield certificate;
    }
  }

  /** Returns when something is due next, RFC 3339; undefined for never. */
  async nextDue(): Promise<string | undefined> {
    // The first entries may be ones that cannot be read.
    for await (const { at } of this.#dueFrom({ limit: 100 })) return at;
    return undefined;
  }

  /**
   * Reads a certificate, changes it, and writes it unless it has changed in between; then it starts
   * again.
   * @param to returns the changed summary. When it returns its argument, nothing is written.
   * @param event the event that is written together with the change
   * @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND`
   */
  async change(
    id: string,
    to: (summary: CertificateSummary) => CertificateSummary,
    event:
      | CertificateEvent
      | ((next: CertificateSummary) => CertificateEvent | undefined)
      | undefined = undefined,
  ): Promise<ManagedCertificate> {
    return await untilWritten(async () => {
      const stored = await this.stored(id);
      const certificate = idOf(stored);
      const next = to(stored.record);
      if (next === stored.record) return { id: certificate, ...next };
      // Names that an earlier version stored are not checked again: the certificate could then not
      // even be paused.
      const names = next.names === stored.record.names ? next.names : checkedNames(next.names);
      const checked = { ...next, names };
      const { issuer, labels } = checked;
      const occurred = typeof event === 'function' ? event(checked) : event;
      await this.write([
        ...summaryChanges(certificate, stored, checked),
        ...(occurred
          ? [eventChange({ ...occurred, certificate, names, issuer, labels }, this.#clock)]
          : []),
      ]);
      return { id: certificate, ...checked };
    });
  }

  /**
   * Changes every certificate, many in one write. One that others change in between is read and
   * changed again; one that cannot be read is left out.
   * @param to returns the changed summary. When it returns its argument, nothing is written.
   */
  async changeAll(
    to: (summary: CertificateSummary) => CertificateSummary,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    let ids: string[] = [];
    let changes: Change[] = [];
    const flush = async () => {
      await this.#writeOrRepeat(changes, ids, to);
      ids = [];
      changes = [];
    };
    const onCorrupt = () => {
      /* what needs that certificate gets the error */
    };
    for await (const stored of certificates.list(this.#storage, { signal, onCorrupt })) {
      signal?.throwIfAborted();
      const next = to(stored.record);
      if (next === stored.record) continue;
      const added = summaryChanges(idOf(stored), stored, next);
      if (changes.length + added.length > changesInOneWrite) await flush();
      ids.push(idOf(stored));
      changes.push(...added);
    }
    await flush();
  }

  /** Writes the changes of several certificates at once, or of one after the other. */
  async #writeOrRepeat(
    changes: readonly Change[],
    ids: readonly string[],
    to: (summary: CertificateSummary) => CertificateSummary,
  ): Promise<void> {
    if (changes.length === 0) return;
    try {
      await this.write(changes);
    } catch (error) {
      if (errorCode(error) !== 'ERR_STORAGE_CONFLICT') throw error;
      for (const id of ids)
        await this.change(id, to).catch((cause: unknown) => {
          if (errorCode(cause) !== 'ERR_ORCHESTRATOR_NOT_FOUND') throw cause;
        });
    }
  }

  async pause(id: string): Promise<ManagedCertificate> {
    return await this.change(id, (summary) => ({ ...summary, paused: true }), {
      type: 'certificate_changed',
      message: pauseMessages.pause,
    });
  }

  async resume(id: string): Promise<ManagedCertificate> {
    return await this.change(
      id,
      (summary) => ({ ...summary, paused: false, retiredAt: undefined }),
      { type: 'certificate_changed', message: pauseMessages.resume },
    );
  }

  /**
   * Pauses a certificate because no configuration declares it any more. Chain, key and deployed files
   * stay, and nothing is revoked. Does nothing for one that is retired.
   */
  async retire(id: string): Promise<ManagedCertificate> {
    const retiredAt = timestamp(this.#clock.now());
    return await this.change(
      id,
      (summary) =>
        summary.retiredAt === undefined
          ? { ...summary, paused: true, declared: false, retiredAt }
          : summary,
      { type: 'certificate_changed', message: pauseMessages.retire },
    );
  }

  /** Removes a certificate with its keys. Deployed files stay. */
  async remove(id: string): Promise<void> {
    await untilWritten(async () => {
      const stored = await this.stored(id);
      const certificate = idOf(stored);
      const { names, issuer, labels, joined = [] } = stored.record;
      const subject = { certificate, names, issuer, labels };
      const removed: string[] = [];
      for (const under of [certificate, ...joined]) {
        for await (const { key } of generations.list(this.#storage, { under })) removed.push(key);
        removed.push(...(await refusalKeys(this.#storage, under)));
        removed.push(...(await deployTargetKeys(this.#storage, under)));
      }
      const identities = await readIdentities(this.#storage, names);
      while (removed.length + joined.length > removedInOneWrite && removed.length > 0)
        await this.#storage.write(removed.splice(0, 90).map((remove) => ({ remove })));
      await this.write([
        { remove: stored.key, ifVersion: stored.version },
        ...indexChanges(certificate, stored.record, undefined),
        ...identities.release(certificate),
        ...removed.map((remove) => ({ remove })),
        ...joined.map(joinedRemoval),
        { remove: `lock/certificate/${certificate}` },
        eventChange({ type: 'certificate_removed', ...subject }, this.#clock),
        ...openAlarms(stored.record).map((alarm) =>
          eventChange({ type: 'alarm_resolved', alarm, ...subject }, this.#clock),
        ),
      ]);
    });
  }

  /**
   * Writes the event that the private key of the certificate in use was read. Call it before the key
   * leaves the program.
   * @param actor who has read it, if they are known by a name or an id
   */
  async recordKeyReading(
    { id: certificate, names, issuer, labels, current }: ManagedCertificate,
    actor?: string,
  ): Promise<void> {
    const message = `generation ${current?.generation}`;
    await this.#storage.write([
      eventChange(
        { type: 'private_key_read', certificate, names, issuer, labels, actor, message },
        this.#clock,
      ),
    ]);
  }

  /** Returns chain and key of a generation. The newest three are stored. */
  async generation(id: string, generation: number): Promise<Generation | undefined> {
    return (await generations.read(this.#storage, generationId(id, generation)))?.record;
  }

  /**
   * Returns the certificates that the CA issued for this one and that are not used, the newest
   * first. The newest three are stored.
   * @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND`
   */
  async refused(id: string): Promise<readonly StoredRefusal[]> {
    return await refusedCertificates(this.#storage, idOf(await this.stored(id)));
  }

  async *#dueFrom(
    options: ReadManyOptions & { readonly limit?: number | undefined },
  ): AsyncGenerator<DueCertificate> {
    const damaged: string[] = [];
    const onCorrupt = (error: Error) => {
      damaged.push('key' in error ? String(error.key) : '');
      options.onCorrupt?.(error);
    };
    for await (const entry of this.#storage.list('due', { ...options, onCorrupt })) {
      for (const key of damaged.splice(0)) yield* this.#dueAt(key, undefined);
      yield* this.#dueAt(entry.key, entry);
    }
    for (const key of damaged) yield* this.#dueAt(key, undefined);
  }

  /**
   * Yields what an entry of the index says. Where another program has damaged it, the certificate
   * itself says the same; and where that is damaged too, who works on it gets the error.
   */
  async *#dueAt(key: string, entry: Entry | undefined): AsyncGenerator<DueCertificate> {
    const read = readDueKey(key);
    if (!read) return;
    const stored = entry && readable(() => due.parse(entry).record);
    const record = stored ?? (await this.#dueEntryOf(read.id));
    if (record) yield { ...read, ...record };
  }

  async #dueEntryOf(id: string): Promise<DueEntry | undefined> {
    try {
      const { record } = (await this.#read(id)) ?? {};
      if (!record) return undefined;
      const { issuer, current } = record;
      return { issuer, notBefore: current?.notBefore, notAfter: current && expiryOf(current) };
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return { issuer: 'unreadable' };
    }
  }

  /** Writes the changes of a certificate, however many names it has. */
  async write(changes: readonly Change[]): Promise<void> {
    await writeWithIndexes((batch) => this.#storage.write(batch), changes);
  }

  async #read(id: string): Promise<Stored<CertificateSummary> | undefined> {
    const stored = await certificates.read(this.#storage, id);
    if (stored) return stored;
    const into = await joinedInto(this.#storage, id);
    return into === undefined ? undefined : await certificates.read(this.#storage, into);
  }
}

function isUnreadable(error: unknown): boolean {
  return ['ERR_STORAGE_CORRUPT', 'ERR_STORAGE_NEWER'].includes(errorCode(error) ?? '');
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    return undefined;
  }
}

/** Returns the alarms of a certificate that were reported and are not resolved. */
function openAlarms({ alarms, served = [] }: CertificateSummary): readonly AlarmKind[] {
  return [
    ...(alarms ? (['renewal'] as const) : []),
    ...(served.some(isServedAlarm) ? (['served'] as const) : []),
  ];
}

type AlarmKind = NonNullable<NewEvent['alarm']>;
