import { parseChain } from '@acmex/certificate';
import { type Clock, timestamp, withTimeLimit } from '@acmex/clock';
import {
  type ChainStatus,
  chainStatus,
  type KnownRevocation,
  revocationFetch,
  revocationStatus,
  type ServedStatus,
  servedStatus,
  servedTargets,
} from '@acmex/manager';
import type { ConfiguredManager } from '@acmex/manager/from-config';
import { type ProofCache, proofCache } from '@acmex/revocation';
import type { Storage } from '@acmex/storage';
import { ServerError } from '../errors.ts';

/** What was found out about a certificate. */
export interface StatusResult {
  readonly chain: ChainStatus;
  readonly revocation: KnownRevocation;
  readonly served: readonly ServedStatus[];
}

/** The certificate to check. */
export interface StatusRequest {
  readonly tenant: StatusTenant;
  readonly id: string;
  /** The name of its issuer. */
  readonly issuer: string;
  readonly generation: number;
  readonly names: readonly string[];
  /** PEM */
  readonly chain: string;
  /** All chains that a server may serve; only `chain` by default. */
  readonly chains?: readonly string[] | undefined;
  /** Ends the wait with its reason; the check continues for others. */
  readonly signal: AbortSignal;
}

/** What a check needs of a tenant. */
export interface StatusTenant {
  readonly name: string;
  /** Stores OCSP responses and revocation lists. */
  readonly storage: Storage;
  readonly manager: Pick<ConfiguredManager, 'trust'> & {
    readonly config: { readonly values: { readonly renewal: { readonly revocation: Allowed } } };
  };
}

interface Allowed {
  /** Special address ranges that OCSP responders and lists may have. */
  readonly allow: readonly string[];
}

const limits = {
  /** How long a result is used, milliseconds. */
  ageMs: 60_000,
  results: 1000,
  /** How long an OCSP response or a revocation list is used. */
  proofAge: 'PT1H',
  /** How many checks run at once, and how many of them for one tenant. */
  checks: 8,
  checksPerTenant: 4,
  servers: 10,
};

export interface StatusChecksOptions {
  readonly clock: Clock;
  /** Aborts when the server stops. */
  readonly signal: AbortSignal;
  /** Called when a stored proof of revocation cannot be read or written: its source is asked. */
  readonly onError?: (error: unknown) => void;
}

interface Entry {
  readonly startedMs: number;
  readonly result: Promise<StatusResult>;
}

/**
 * Checks certificates: chain, revocation, and what their names serve. Names are chosen by users of
 * the API, so that only public addresses are reached, and for OCSP and revocation lists those that
 * the configuration allows. All who ask within a minute share a check.
 */
export class StatusChecks {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #onError: ((error: unknown) => void) | undefined;
  readonly #results = new Map<string, Entry>();
  readonly #running: string[] = [];
  /** OCSP responses and lists; a cache counts what it stores. */
  readonly #proofs = new WeakMap<Storage, ProofCache>();

  constructor({ clock, signal, onError }: StatusChecksOptions) {
    this.#clock = clock;
    this.#signal = signal;
    this.#onError = onError;
  }

  /** @throws ServerError `ERR_SERVER_BUSY` where as many checks run as may; the reason of `signal` */
  async of(request: StatusRequest): Promise<StatusResult> {
    return await untilAborted(this.#shared(request), request.signal);
  }

  async #shared(request: StatusRequest): Promise<StatusResult> {
    const { id, generation, chain, chains = [chain] } = request;
    const tenant = request.tenant.name;
    const key = `${tenant}/${id}/${generation}/${chains.indexOf(chain)}`;
    const now = this.#clock.monotonic();
    const existing = this.#results.get(key);
    if (existing && now - existing.startedMs < limits.ageMs) return await existing.result;
    this.#assertRoom(tenant, id);
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

  #assertRoom(tenant: string, id: string): void {
    const ofTenant = this.#running.filter((running) => running === tenant).length;
    if (this.#running.length >= limits.checks || ofTenant >= limits.checksPerTenant)
      throw new ServerError(
        'ERR_SERVER_BUSY',
        `${id} cannot be checked now: the ${ofTenant < limits.checksPerTenant ? 'server' : `tenant ${tenant}`} checks as many certificates as it may at once`,
        { retryAfter: 10 },
      );
  }

  async #check({
    tenant,
    issuer,
    names,
    chain,
    chains = [chain],
  }: StatusRequest): Promise<StatusResult> {
    const clock = this.#clock;
    const signal = this.#signal;
    const name = names.find((candidate) => !candidate.startsWith('*.'));
    const certificates = parseChain(chain);
    const { status, verification } = chainStatus(
      certificates.map(({ der }) => der),
      { name, clock, trust: await tenant.manager.trust(issuer) },
    );
    const [revocation, served] = await Promise.all([
      revocationStatus(verification, {
        ...{ clock, signal, limit: 'PT20S', nonce: 'none' },
        fetch: revocationFetch(tenant.manager.config.values.renewal.revocation.allow),
        cache: this.#proofsOf(tenant.storage),
      }),
      this.#served(chains, names),
    ]);
    return { chain: status, revocation, served };
  }

  #proofsOf(storage: Storage): ProofCache {
    const cache =
      this.#proofs.get(storage) ??
      proofCache({
        ...{ storage, clock: this.#clock, maxAge: limits.proofAge },
        ...(this.#onError && { onError: this.#onError }),
      });
    this.#proofs.set(storage, cache);
    return cache;
  }

  async #served(
    chains: readonly string[],
    names: readonly string[],
  ): Promise<readonly ServedStatus[]> {
    const clock = this.#clock;
    const targets = servedTargets({ names, deploy: undefined });
    const leaves = chains.flatMap((chain) => parseChain(chain).slice(0, 1));
    const wanted = leaves.map(({ der }) => der);
    const options = { clock, signal: this.#signal, limit: 'PT30S' } as const;
    try {
      return await withTimeLimit(options, (signal) =>
        servedStatus(wanted, targets, { clock, signal, max: limits.servers }),
      );
    } catch {
      this.#signal.throwIfAborted();
      const seenAt = timestamp(clock.now());
      const reason = 'the servers did not all answer within 30 seconds';
      return targets.map((target) => ({ ...target, seenAt, status: 'unknown', reason }));
    }
  }
}

/** Waits for a result until a signal aborts, then throws its reason. */
async function untilAborted<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  const finished = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    const end = () => reject(signal.reason as Error);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true, signal: finished.signal });
  });
  try {
    return await Promise.race([result, aborted]);
  } finally {
    finished.abort();
  }
}
