import type { DeclareOptions } from '@acmex/orchestrator';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { ServerError } from './errors.ts';
import type { CertificateCounts } from './certificate-counts.ts';
import type { Tenant } from './tenants.ts';

/** Holds tenants to what `[tenants.NAME]` says they may have. */
export class Quotas {
  readonly #certificateCounts: CertificateCounts;
  readonly #orders = new Map<number, RateLimiterMemory>();

  constructor(certificateCounts: CertificateCounts) {
    this.#certificateCounts = certificateCounts;
  }

  /** Before one more certificate. @throws ServerError `ERR_SERVER_QUOTA` */
  async certificate({ name, maxCertificates }: Tenant): Promise<void> {
    if (
      maxCertificates === undefined ||
      (await this.#certificateCounts.managed(name)) < maxCertificates
    )
      return;
    throw new ServerError(
      'ERR_SERVER_QUOTA',
      `the tenant ${name} has ${maxCertificates} certificates, and may have no more`,
    );
  }

  /**
   * Admits what a declaration of this tenant creates or orders.
   * @throws ServerError `ERR_SERVER_QUOTA`
   */
  admission(tenant: Tenant): NonNullable<DeclareOptions['admit']> {
    return async (what) => await this[what](tenant);
  }

  /** Before one more order. @throws ServerError `ERR_SERVER_QUOTA` */
  async order({ name, maxOrdersPerHour: points }: Tenant): Promise<void> {
    if (points === undefined) return;
    const limiter = this.#orders.get(points) ?? new RateLimiterMemory({ points, duration: 3600 });
    this.#orders.set(points, limiter);
    await limiter.consume(name).catch((state: unknown) => {
      if (!(state instanceof RateLimiterRes)) throw state;
      throw new ServerError(
        'ERR_SERVER_QUOTA',
        `the tenant ${name} has submitted ${points} orders within an hour, and may submit no more`,
        { retryAfter: state.msBeforeNext / 1000 },
      );
    });
  }
}
