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
  type CertificateSpec,
  type CertificateSummary,
  due,
  type DueEntry,
  type Generation,
  generationId,
  generations,
  indexChanges,
  readDueKey,
  summaryChanges,
} from './certificate-record.ts';
import { OrchestratorError } from './errors.ts';
import { eventChange, type NewEvent } from './events.ts';
import { checkedNames } from './names.ts';

export type ManagedCertificate = CertificateSummary & { readonly id: string };

type Told = Pick<NewEvent, 'type' | 'code' | 'message'>;

/** A certificate for which something is to be done. */
export interface DueCertificate extends DueEntry {
  readonly id: string;
  readonly at: string;
}

/** One write takes a hundred changes; the rest of it needs some. */
const namesInOneWrite = 60;

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
   * @param ordered an order that is made in the same write: its id, and what else is written for it
   * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT`
   */
  async add(
    spec: CertificateSpec,
    ordered?: {
      readonly order: string;
      readonly changes: (certificate: ManagedCertificate) => readonly Change[];
    },
  ): Promise<ManagedCertificate> {
    const id = newId('crt', this.#clock);
    const createdAt = this.#clock.now().toString();
    const summary: CertificateSummary = {
      ...spec,
      names: checkedNames(spec.names),
      createdAt,
      paused: false,
      ...(ordered ? { order: ordered.order, orderedAt: createdAt } : {}),
    };
    const added = eventChange(
      { type: 'certificate_added', certificate: id, names: summary.names, issuer: spec.issuer },
      this.#clock,
    );
    await this.#write(
      id,
      [
        ...summaryChanges(id, undefined, summary),
        added,
        ...(ordered?.changes({ id, ...summary }) ?? []),
      ],
      undefined,
    );
    return { id, ...summary };
  }

  async find(id: string): Promise<ManagedCertificate | undefined> {
    const stored = await certificates.read(this.#storage, id);
    return stored && { id, ...stored.record };
  }

  /** @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND` */
  async get(id: string): Promise<ManagedCertificate> {
    return { id, ...(await this.stored(id)).record };
  }

  /** With what a write of its successor needs. @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND` */
  async stored(id: string): Promise<Stored<CertificateSummary>> {
    const stored = /^crt_[0-9a-z]{26}$/.test(id)
      ? await certificates.read(this.#storage, id)
      : undefined;
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
    const all = (some: readonly string[]) => [...some].sort().join();
    const [first = '', ...more] = checkedNames(names);
    for await (const one of this.byName(first))
      if (all(one.names) === all([first, ...more])) yield one;
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
      const next = to(stored.record);
      if (next === stored.record) return { id, ...next };
      const checked = { ...next, names: checkedNames(next.names) };
      const event = typeof tells === 'function' ? tells(checked) : tells;
      const told =
        event &&
        eventChange(
          { ...event, certificate: id, names: checked.names, issuer: checked.issuer },
          this.#clock,
        );
      await this.#write(id, summaryChanges(id, stored, checked), told);
      return { id, ...checked };
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
      const all: string[] = [];
      for await (const { key } of generations.list(this.#storage, { under: id })) all.push(key);
      const told = eventChange(
        {
          type: 'certificate_removed',
          certificate: id,
          names: stored.record.names,
          issuer: stored.record.issuer,
        },
        this.#clock,
      );
      await this.#write(
        id,
        [
          { remove: stored.key, ifVersion: stored.version },
          ...indexChanges(id, stored.record, undefined),
          ...all.map((remove) => ({ remove })),
          { remove: `lock/certificate/${id}` },
        ],
        told,
      );
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

  /** One write; where a certificate has more names than that takes, those that lead to it go before, and lead nowhere until it is there. */
  async #write(id: string, changes: readonly Change[], event: Change | undefined): Promise<void> {
    const led = changes.filter(
      (change) =>
        !('check' in change) &&
        ('set' in change ? change.set : change.remove).startsWith('by-name/'),
    );
    const early = led.slice(namesInOneWrite);
    for (let from = 0; from < early.length; from += 90)
      await this.#storage.write(early.slice(from, from + 90));
    await this.#storage.write([
      ...changes.filter((change) => !early.includes(change)),
      ...(event ? [event] : []),
    ]);
  }
}
