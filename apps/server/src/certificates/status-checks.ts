import { parseChain } from '@acmex/certificate';
import { type Clock, withTimeLimit } from '@acmex/clock';
import { egressFetch } from '@acmex/egress';
import {
  type ChainStatus,
  chainStatus,
  type KnownRevocation,
  revocationStatus,
  type ServedStatus,
  servedStatus,
  servedTargets,
} from '@acmex/manager';
import { ServerError } from '../errors.ts';

/** What was found out about a certificate. */
export interface StatusResult {
  readonly chain: ChainStatus;
  readonly revocation: KnownRevocation;
  readonly served: readonly ServedStatus[];
}

/** The certificate to check. */
export interface StatusRequest {
  readonly tenant: string;
  readonly id: string;
  readonly generation: number;
  readonly names: readonly string[];
  /** PEM */
  readonly chain: string;
}

const limits = {
  /** How long a result is used, milliseconds. */
  ageMs: 60_000,
  results: 1000,
  /** How many checks run at once, and how many of them for one tenant. */
  checks: 8,
  checksPerTenant: 4,
  servers: 10,
};

interface Entry {
  readonly startedMs: number;
  readonly result: Promise<StatusResult>;
}

/**
 * Checks certificates: chain, revocation, and what their names serve. Names are chosen by users of
 * the API, so that only public addresses are reached. All who ask within a minute share a check.
 */
export class StatusChecks {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #results = new Map<string, Entry>();
  readonly #running: string[] = [];

  /** @param options `signal` aborts when the server stops */
  constructor({ clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal }) {
    this.#clock = clock;
    this.#signal = signal;
  }

  /** @throws ServerError `ERR_SERVER_BUSY` where as many checks run as may */
  async of(request: StatusRequest): Promise<StatusResult> {
    const { tenant, id, generation } = request;
    const key = `${tenant}/${id}/${generation}`;
    const now = this.#clock.monotonic();
    const existing = this.#results.get(key);
    if (existing && now - existing.startedMs < limits.ageMs) return await existing.result;
    this.#assertRoom(tenant);
    const result = this.#check(request).finally(() => {
      this.#running.splice(this.#running.indexOf(tenant), 1);
    });
    this.#running.push(tenant);
    this.#results.delete(key);
    this.#results.set(key, { startedMs: now, result });
    const [oldest] = this.#results.keys();
    if (this.#results.size > limits.results && oldest !== undefined) this.#results.delete(oldest);
    // A check that failed is not a result: the next request checks again.
    result.catch(() => this.#results.delete(key));
    return await result;
  }

  #assertRoom(tenant: string): void {
    const ofTenant = this.#running.filter((running) => running === tenant).length;
    if (this.#running.length >= limits.checks || ofTenant >= limits.checksPerTenant)
      throw new ServerError(
        'ERR_SERVER_BUSY',
        'too many certificates are being checked: try again in a few seconds',
        { retryAfter: 10 },
      );
  }

  async #check({ names, chain }: StatusRequest): Promise<StatusResult> {
    const clock = this.#clock;
    const signal = this.#signal;
    const name = names.find((candidate) => !candidate.startsWith('*.'));
    const certificates = parseChain(chain);
    const { status, verification } = chainStatus(
      certificates.map(({ der }) => der),
      { name, clock },
    );
    const fetch = egressFetch({ redirects: 3, limit: 'PT20S', clock });
    const [revocation, served] = await Promise.all([
      revocationStatus(verification, { fetch, clock, signal, limit: 'PT20S' }),
      this.#served(chain, names),
    ]);
    return { chain: status, revocation, served };
  }

  async #served(chain: string, names: readonly string[]): Promise<readonly ServedStatus[]> {
    const clock = this.#clock;
    const targets = servedTargets({ names, deploy: undefined });
    const options = { clock, signal: this.#signal, limit: 'PT30S' } as const;
    try {
      return await withTimeLimit(options, (signal) =>
        servedStatus(chain, targets, { clock, signal, max: limits.servers }),
      );
    } catch {
      this.#signal.throwIfAborted();
      const seenAt = clock.now().toString();
      const reason = 'the servers did not all answer within 30 seconds';
      return targets.map((target) => ({ ...target, seenAt, status: 'unknown', reason }));
    }
  }
}
