import { type Clock, systemClock } from '@acmex/clock';
import {
  type Change,
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
  due,
  type DueEntry,
  type Generation,
  generationId,
  generations,
  indexChanges,
  type ManagedCertificate,
  readDueKey,
  summaryChanges,
  writeWithIndexes,
} from './certificate-record.ts';
import { type CertificateSpec, sameNames } from './certificate-spec.ts';
import { OrchestratorError } from './errors.ts';
import { eventChange, type NewEvent } from './events.ts';
import {
  claimIdentities,
  joinedInto,
  joinedRemoval,
  type ReadIdentities,
  readIdentities,
} from './identity.ts';
import { checkedNames } from './names.ts';
import { orderChanges, type OrderReason } from './order-record.ts';

type Told = Pick<NewEvent, 'type' | 'code' | 'message'>;

/** A certificate for which something is to be done. */
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
   * Adds a certificate, whatever else there is of these names: `Provisioner.declare` looks first.
   * @param order an order that is made in the same write
   * @param identities as they were read before it was found out that there is none of these names; without them no one looked
   * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT`
   */
  async add(
    spec: CertificateSpec,
    {
      order,
      identities,
    }: {
      readonly order?: { readonly id: string; readonly reason: OrderReason } | undefined;
      readonly identities?: ReadIdentities | undefined;
    } = {},
  ): Promise<ManagedCertificate> {
    const id = newId('crt', this.#clock);
    const createdAt = this.#clock.now().toString();
    const names = checkedNames(spec.names);
    const { issuer } = spec;
    const summary: CertificateSummary = {
      ...spec,
      names,
      createdAt,
      paused: false,
      ...(order ? { order: order.id, orderedAt: createdAt } : {}),
    };
    await this.write([
      ...summaryChanges(id, undefined, summary),
      ...(identities?.claim(id) ?? claimIdentities(names, id)),
      eventChange({ type: 'certificate_added', certificate: id, names, issuer }, this.#clock),
      ...(order
        ? orderChanges(
            order.id,
            { certificate: id, names, issuer, reason: order.reason },
            this.#clock,
          )
        : []),
    ]);
    return { id, ...summary };
  }

  /** Returns undefined where there is none; for the id of a duplicate that was joined the certificate that it became one with. */
  async find(id: string): Promise<ManagedCertificate | undefined> {
    const stored = await this.#read(id);
    return stored && { id: idOf(stored), ...stored.record };
  }

  /** @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND` */
  async get(id: string): Promise<ManagedCertificate> {
    const stored = await this.stored(id);
    return { id: idOf(stored), ...stored.record };
  }

  /** With what a write of its successor needs. Its key ends with the certificate's id, which is another one for a duplicate that was joined. @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND` */
  async stored(id: string): Promise<Stored<CertificateSummary>> {
    const stored = /^crt_[0-9a-z]{26}$/.test(id) ? await this.#read(id) : undefined;
    if (!stored)
      throw new OrchestratorError(
        'ERR_ORCHESTRATOR_NOT_FOUND',
        `there is no certificate ${JSON.stringify(id)}: look it up in the list`,
      );
    return stored;
  }

  /** In the order in which they were added. */
  async *list(
    options: ReadManyOptions & {
      readonly after?: string | undefined;
      readonly limit?: number | undefined;
    } = {},
  ): AsyncGenerator<ManagedCertificate> {
    const { after, ...more } = options;
    for await (const stored of certificates.list(this.#storage, {
      ...more,
      ...(after === undefined ? {} : { after: certificates.key(after) }),
    }))
      yield { id: idOf(stored), ...stored.record };
  }

  /** Those that hold a name. */
  async *byName(name: string): AsyncGenerator<ManagedCertificate> {
    let cursor: string | undefined;
    do {
      const page: CertificatePage = await this.page({ name, limit: 100, cursor });
      yield* page.certificates;
      cursor = page.next;
    } while (cursor !== undefined);
  }

  /** Some, for people who turn pages. @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT` for a cursor of another query */
  async page(query: PageQuery): Promise<CertificatePage> {
    return await certificatePage(this.#storage, query);
  }

  /** Those for exactly these names, in whatever order. */
  async *withNames(names: readonly string[]): AsyncGenerator<ManagedCertificate> {
    const wanted = checkedNames(names);
    for await (const certificate of this.byName(wanted[0] ?? '')) {
      if (sameNames(certificate.names, wanted)) yield certificate;
    }
  }

  /** Those with something to be done by now, the earliest first: it costs what it returns. */
  async *due(
    now: Temporal.Instant,
    options: ReadManyOptions & { readonly limit?: number | undefined } = {},
  ): AsyncGenerator<DueCertificate> {
    for await (const one of this.#dueFrom(options)) {
      if (Date.parse(one.at) > now.epochMilliseconds) return;
      yield one;
    }
  }

  /** When something is next to be done; undefined for never. RFC 3339 */
  async nextDue(): Promise<string | undefined> {
    for await (const { at } of this.#dueFrom({ limit: 1 })) return at;
    return undefined;
  }

  /**
   * Reads, changes, and writes if nothing has changed in between; else again.
   * @param to may return the very summary that it was given: nothing is written or told then
   * @param tells the event that is written along with it
   */
  async change(
    id: string,
    to: (summary: CertificateSummary) => CertificateSummary,
    tells: Told | ((next: CertificateSummary) => Told | undefined) | undefined = undefined,
  ): Promise<ManagedCertificate> {
    return await untilWritten(async () => {
      const stored = await this.stored(id);
      const certificate = idOf(stored);
      const next = to(stored.record);
      if (next === stored.record) return { id: certificate, ...next };
      const checked = { ...next, names: checkedNames(next.names) };
      const event = typeof tells === 'function' ? tells(checked) : tells;
      const told =
        event &&
        eventChange(
          { ...event, certificate, names: checked.names, issuer: checked.issuer },
          this.#clock,
        );
      await this.write([...summaryChanges(certificate, stored, checked), ...(told ? [told] : [])]);
      return { id: certificate, ...checked };
    });
  }

  async pause(id: string): Promise<ManagedCertificate> {
    return await this.change(id, (summary) => ({ ...summary, paused: true }), {
      type: 'certificate_changed',
    });
  }

  async resume(id: string): Promise<ManagedCertificate> {
    return await this.change(id, (summary) => ({ ...summary, paused: false }), {
      type: 'certificate_changed',
    });
  }

  /** Removes it with its keys. What was deployed stays where it is. */
  async remove(id: string): Promise<void> {
    await untilWritten(async () => {
      const stored = await this.stored(id);
      const certificate = idOf(stored);
      const { names, issuer, joined = [] } = stored.record;
      const removed: string[] = [];
      for (const under of [certificate, ...joined]) {
        for await (const { key } of generations.list(this.#storage, { under })) removed.push(key);
      }
      const identities = await readIdentities(this.#storage, names);
      await this.write([
        { remove: stored.key, ifVersion: stored.version },
        ...indexChanges(certificate, stored.record, undefined),
        ...identities.release(certificate),
        ...removed.map((remove) => ({ remove })),
        ...joined.map(joinedRemoval),
        { remove: `lock/certificate/${certificate}` },
        eventChange({ type: 'certificate_removed', certificate, names, issuer }, this.#clock),
      ]);
    });
  }

  /** Chain and key of one issue. Of three the older are gone. */
  async generation(id: string, generation: number): Promise<Generation | undefined> {
    return (await generations.read(this.#storage, generationId(id, generation)))?.record;
  }

  async *#dueFrom(
    options: ReadManyOptions & { readonly limit?: number | undefined },
  ): AsyncGenerator<DueCertificate> {
    for await (const { key, record } of due.list(this.#storage, options)) {
      const read = readDueKey(key);
      if (read) yield { ...read, ...record };
    }
  }

  /** Writes changes of one certificate together, however many names it has. */
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
