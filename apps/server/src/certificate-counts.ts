import { type Clock, systemClock } from '@acmex/clock';
import { type AcmexEvent, outbox } from '@acmex/orchestrator';
import { firstId } from '@acmex/storage';
import type { Tenant } from './tenants.ts';

/** How long after its time an event may become visible. */
const lateness = 2 * 60_000;

interface Count {
  readonly managed: number;
  /** Events with ids before this are counted. */
  readonly from: string;
  /** Those behind it that are counted too. */
  readonly had: ReadonlySet<string>;
}

/** Knows how many certificates each tenant has, from one reading of all and the events since. */
export class CertificateCounts {
  readonly #tenants: () => ReadonlyMap<string, Tenant>;
  readonly #clock: Clock;
  readonly #counts = new Map<string, Promise<Count>>();

  constructor(tenants: () => ReadonlyMap<string, Tenant>, clock: Clock = systemClock) {
    this.#tenants = tenants;
    this.#clock = clock;
  }

  async managed(name: string): Promise<number> {
    const tenant = this.#tenants().get(name);
    if (!tenant) return 0;
    const before = this.#counts.get(name);
    const count = before
      ? before.then(async (counted) => await this.#followed(tenant, counted))
      : this.#counted(tenant);
    this.#counts.set(name, count);
    count.catch(() => this.#counts.delete(name));
    return (await count).managed;
  }

  async #counted(tenant: Tenant): Promise<Count> {
    const now = this.#clock.now().epochMilliseconds;
    const had = new Set<string>();
    const from = firstId('evt', now - lateness);
    for await (const { id } of this.#since(tenant, from)) had.add(id);
    let managed = 0;
    for await (const certificate of tenant.manager.provisioner.certificates.list())
      managed += certificate.names.length > 0 ? 1 : 0;
    return { managed, from, had };
  }

  async #followed(tenant: Tenant, { managed, from, had }: Count): Promise<Count> {
    const now = this.#clock.now().epochMilliseconds;
    const next = firstId('evt', now - lateness);
    const late = new Set<string>();
    for await (const { id, type } of this.#since(tenant, from)) {
      if (id > next) late.add(id);
      if (had.has(id)) continue;
      if (type === 'certificate_added') managed += 1;
      if (type === 'certificate_removed') managed -= 1;
    }
    return { managed, from: next, had: late };
  }

  #since({ storage }: Tenant, after: string): AsyncIterable<AcmexEvent> {
    return outbox(storage, { clock: this.#clock }).list({ after });
  }
}
