import { type Clock, systemClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { type AcmexEvent, type CertificateStore, outbox } from '@acmex/orchestrator';
import { firstId, type Storage } from '@acmex/storage';
import { CertificateTally } from './certificate-tally.ts';

/** A part of a storage that has certificates of its own. */
export interface CertificateSource {
  readonly storage: Storage;
  readonly certificates: CertificateStore;
}

/** How long after its time an event may become visible. */
const latenessMs = 2 * 60_000;

/** The age at which everything is read again: not each change of a plan has an event. */
const longestFollowedMs = 15 * 60_000;

interface Reading {
  readonly tally: CertificateTally;
  /** When it was read, on the monotonic clock. */
  readonly at: number;
  /** Events with ids before this are counted. */
  readonly from: string;
  /** Those behind it that are counted too. */
  readonly counted: ReadonlySet<string>;
}

/**
 * Knows the certificates of each tenant: reads all of them once, then those that events name.
 * Everything is read again now and then, while the last result is used.
 */
export class CertificateCensus {
  readonly #sourceOf: (tenant: string) => CertificateSource | undefined;
  readonly #clock: Clock;
  readonly #readings = new Map<string, Promise<Reading>>();
  readonly #renewing = new Set<string>();

  /** @param sourceOf returns the certificates of a tenant; undefined where there is none */
  constructor(
    sourceOf: (tenant: string) => CertificateSource | undefined,
    clock: Clock = systemClock,
  ) {
    this.#sourceOf = sourceOf;
    this.#clock = clock;
  }

  /** Returns the number of managed certificates of a tenant: those with a name. */
  async managed(tenant: string): Promise<number> {
    return (await this.tally(tenant)).certificates.size;
  }

  /** Returns the managed certificates of a tenant at present; none for an unknown tenant. */
  async tally(tenant: string): Promise<CertificateTally> {
    const source = this.#sourceOf(tenant);
    if (!source) return new CertificateTally(this.#clock.now());
    const before = this.#readings.get(tenant);
    const reading = before
      ? before.then(async (last) => await this.#next(tenant, source, last))
      : this.#read(source);
    this.#readings.set(tenant, reading);
    reading.catch(() => {
      if (this.#readings.get(tenant) === reading) this.#readings.delete(tenant);
    });
    const { tally } = await reading;
    tally.advance(this.#clock.now());
    return tally;
  }

  async #next(tenant: string, source: CertificateSource, last: Reading): Promise<Reading> {
    if (this.#clock.monotonic() - last.at >= longestFollowedMs) this.#renew(tenant, source);
    return await this.#follow(source, last);
  }

  /** Reads everything again in the background. A failure is tried again with the next count. */
  #renew(tenant: string, source: CertificateSource): void {
    if (this.#renewing.has(tenant)) return;
    this.#renewing.add(tenant);
    void this.#read(source)
      .then(
        (reading) => this.#readings.set(tenant, Promise.resolve(reading)),
        () => undefined,
      )
      .finally(() => this.#renewing.delete(tenant));
  }

  async #read(source: CertificateSource): Promise<Reading> {
    const from = this.#settledId();
    const at = this.#clock.monotonic();
    const counted = new Set<string>();
    for await (const { id } of this.#since(source, from)) counted.add(id);
    const tally = new CertificateTally(this.#clock.now());
    for await (const certificate of source.certificates.list({ onCorrupt: leaveOut }))
      tally.set(certificate);
    return { tally, at, from, counted };
  }

  async #follow(
    source: CertificateSource,
    { from, counted, ...reading }: Reading,
  ): Promise<Reading> {
    const next = this.#settledId();
    const recent = new Set([...counted].filter((id) => id > next));
    const changed = new Set<string>();
    for await (const { id, certificate } of this.#since(source, from, counted)) {
      if (id > next) recent.add(id);
      if (certificate !== undefined) changed.add(certificate);
    }
    for (const id of changed) {
      const certificate = await readable(source.certificates.find(id));
      if (certificate === 'damaged') continue;
      // A duplicate that was joined is found as the certificate that it was joined with.
      reading.tally.delete(id);
      if (certificate) reading.tally.set(certificate);
    }
    return { ...reading, from: next, counted: recent };
  }

  #since(
    { storage }: CertificateSource,
    after: string,
    except?: ReadonlySet<string>,
  ): AsyncIterable<AcmexEvent> {
    return outbox(storage, { clock: this.#clock }).list({ after, except, onCorrupt: leaveOut });
  }

  /** Returns the id before which no event can become visible any more. */
  #settledId(): string {
    return firstId('evt', this.#clock.now().epochMilliseconds - latenessMs);
  }
}

/** The work on a damaged record reports it. */
function leaveOut(): void {
  /* it is not counted */
}

async function readable<T>(reading: Promise<T>): Promise<T | 'damaged'> {
  try {
    return await reading;
  } catch (error) {
    if (errorCode(error) === 'ERR_STORAGE_CORRUPT' || errorCode(error) === 'ERR_STORAGE_NEWER')
      return 'damaged';
    throw error;
  }
}
