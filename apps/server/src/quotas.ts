import { type Clock, systemClock, timestamp } from '@acmex/clock';
import type { Admitted, DeclareOptions, ManagedCertificate } from '@acmex/orchestrator';
import type { CertificateCensus } from '@acmex/observability';
import { type Change, records, schemaCheck, untilWritten } from '@acmex/storage';
import { ServerError } from './errors.ts';
import type { Tenant } from './tenants.ts';
import type { Temporal } from 'temporal-polyfill';
import * as z from 'zod';
import { storedTime } from './stored-time.ts';

/** How much of its quotas a tenant has used. */
interface Usage {
  /** The orders since then are counted; RFC 3339. */
  readonly since: string;
  readonly orders: number;
}

const usages = records<Usage>({
  kind: 'usage of quotas',
  version: 1,
  check: schemaCheck(z.looseObject({ since: storedTime, orders: z.int().nonnegative() })),
  under: 'quota',
});
const usageId = 'usage';
const hourMs = 3_600_000;

/**
 * Holds tenants to what `[tenants.NAME]` says they may have. What is used is in the storage: it
 * survives restarts, and is one count over all processes. Each reservation changes the record of the
 * tenant in the same write, so that of two at once only one succeeds.
 */
export class Quotas {
  readonly #census: Pick<CertificateCensus, 'managed'>;
  readonly #clock: Clock;
  /** The last reservation of each tenant in this process. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(census: Pick<CertificateCensus, 'managed'>, clock: Clock = systemClock) {
    this.#census = census;
    this.#clock = clock;
  }

  /**
   * Creates certificates or orders of a tenant within its quotas.
   * @param create is called with what admits new certificates and orders
   * @throws ServerError `ERR_SERVER_QUOTA`
   */
  async within<T>(
    tenant: Tenant,
    create: (admit: NonNullable<DeclareOptions['admit']>) => Promise<T>,
  ): Promise<T> {
    return await this.#inTurn(
      tenant,
      async () => await create(async (what) => await this.#reserve(tenant, what)),
    );
  }

  /**
   * Orders a managed certificate again. An order that is under way does not count again.
   * @returns the order's id
   * @throws ServerError `ERR_SERVER_QUOTA`; OrchestratorError
   */
  async submit(tenant: Tenant, certificate: string, traceparent?: string): Promise<string> {
    const reason = { cause: 'request', traceparent } as const;
    return await this.within(
      tenant,
      async (admit) =>
        await tenant.manager.provisioner.submitIf(certificate, () => reason, { admit }),
    );
  }

  /**
   * Orders a managed certificate again, as `submit`, unless it was issued after a moment.
   * @returns the order's id; undefined if the certificate was issued since then
   * @throws ServerError `ERR_SERVER_QUOTA`; OrchestratorError
   */
  async submitUnlessIssued(
    tenant: Tenant,
    certificate: string,
    {
      since,
      traceparent,
    }: { readonly since: Temporal.Instant; readonly traceparent?: string | undefined },
  ): Promise<string | undefined> {
    const decide = ({ current }: ManagedCertificate) =>
      current && Date.parse(current.issuedAt) > since.epochMilliseconds
        ? undefined
        : ({ cause: 'request', traceparent } as const);
    return await this.within(
      tenant,
      async (admit) => await tenant.manager.provisioner.submitIf(certificate, decide, { admit }),
    );
  }

  /** Before an order is tried once more. @throws ServerError `ERR_SERVER_QUOTA` */
  async order(tenant: Tenant): Promise<void> {
    await this.#inTurn(tenant, async () => {
      await untilWritten(async () => {
        await tenant.storage.write(await this.#reserve(tenant, ['order']));
      });
    });
  }

  /** Returns the changes that reserve what is admitted. @throws ServerError `ERR_SERVER_QUOTA` */
  async #reserve(tenant: Tenant, what: readonly Admitted[]): Promise<readonly Change[]> {
    const { name, storage, maxCertificates, maxOrdersPerHour } = tenant;
    if (!hasQuota(tenant)) return [];
    // It is read before the certificates are counted: one that is added in between changes it.
    const stored = await usages.read(storage, usageId);
    if (
      what.includes('certificate') &&
      maxCertificates !== undefined &&
      (await this.#census.managed(name)) >= maxCertificates
    )
      throw new ServerError(
        'ERR_SERVER_QUOTA',
        `the tenant ${name} has ${maxCertificates} certificates, and may have no more`,
      );
    const usage = this.#usageNow(stored?.record);
    if (what.includes('order') && usage.orders >= (maxOrdersPerHour ?? Infinity))
      throw new ServerError(
        'ERR_SERVER_QUOTA',
        `the tenant ${name} has submitted ${maxOrdersPerHour} orders within an hour, and may submit no more`,
        { retryAfter: (hourMs - this.#ageOf(usage)) / 1000 },
      );
    const next = { ...usage, orders: usage.orders + (what.includes('order') ? 1 : 0) };
    return [stored ? usages.changed(stored, next) : usages.added(usageId, next)];
  }

  #usageNow(usage: Usage | undefined): Usage {
    const age = usage ? this.#ageOf(usage) : hourMs;
    // After the clock was set back, the hour starts again.
    if (usage && age >= 0 && age < hourMs) return usage;
    return { since: timestamp(this.#clock.now()), orders: 0 };
  }

  #ageOf({ since }: Usage): number {
    return this.#clock.now().epochMilliseconds - Date.parse(since);
  }

  /** Lets the reservations of one tenant in this process not conflict with each other. */
  async #inTurn<T>(tenant: Tenant, work: () => Promise<T>): Promise<T> {
    if (!hasQuota(tenant)) return await work();
    const result = (this.#turns.get(tenant.name) ?? Promise.resolve()).then(work);
    const turn = result.catch(() => {
      /* its caller handles it */
    });
    this.#turns.set(tenant.name, turn);
    return await result;
  }
}

function hasQuota({ maxCertificates, maxOrdersPerHour }: Tenant): boolean {
  return maxCertificates !== undefined || maxOrdersPerHour !== undefined;
}
