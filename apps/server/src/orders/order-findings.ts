import { addressPolicy } from '@acmex/egress';
import type { CertificateManager, CheckedCertificate, CheckOptions } from '@acmex/manager';
import { ServerError } from '../errors.ts';

/** What a check needs of a tenant. */
export interface CheckedTenant {
  readonly name: string;
  readonly manager: Pick<CertificateManager, 'check'>;
}

type Findings = Awaited<ReturnType<CertificateManager['check']>>[number]['findings'];

/** What is checked: no credentials, files or ports of this machine, which are not the caller's. */
const kinds: CheckOptions['kinds'] = ['profile', 'caa', 'http', 'tls', 'dnssec', 'zone'];

const limits = {
  /** How many orders are checked at once, and how many of them for one tenant. */
  orders: 8,
  ordersPerTenant: 4,
  /** Of one order. */
  concurrency: 8,
  limit: 'PT5S',
  totalLimit: 'PT8S',
  answerLimit: 'PT3S',
};

/**
 * Checks orders before they are made. Names are chosen by users of the API, so that only public
 * addresses are connected to, whatever the CA is.
 */
export class OrderFindings {
  readonly #running: string[] = [];

  /**
   * Returns what would make the order of a certificate fail, as far as can be seen from here.
   * @throws ServerError `ERR_SERVER_BUSY` where as many checks run as may; the reason of the signal
   */
  async of(
    certificate: CheckedCertificate,
    { tenant, signal }: { readonly tenant: CheckedTenant; readonly signal: AbortSignal },
  ): Promise<Findings> {
    this.#assertRoom(tenant.name);
    this.#running.push(tenant.name);
    try {
      const { concurrency, limit, totalLimit, answerLimit } = limits;
      const results = await tenant.manager.check([certificate], {
        ...{ kinds, concurrency, limit, totalLimit, signal },
        mayConnect: addressPolicy(),
        network: { answerLimit },
      });
      return results.flatMap(({ findings }) => findings);
    } finally {
      this.#running.splice(this.#running.indexOf(tenant.name), 1);
    }
  }

  #assertRoom(tenant: string): void {
    const ofTenant = this.#running.filter((running) => running === tenant).length;
    if (this.#running.length < limits.orders && ofTenant < limits.ordersPerTenant) return;
    throw new ServerError(
      'ERR_SERVER_BUSY',
      `the order cannot be checked now: the ${ofTenant < limits.ordersPerTenant ? 'server' : `tenant ${tenant}`} checks as many orders as it may at once; "network": false says only what would be ordered`,
      { retryAfter: 5 },
    );
  }
}
