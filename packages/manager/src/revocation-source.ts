import { parseChain } from '@acmex/certificate';
import { type Clock, milliseconds, systemClock } from '@acmex/clock';
import { addressPolicy, type EgressFetch, egressFetch } from '@acmex/egress';
import type { RevocationAnswer, RevocationSource } from '@acmex/orchestrator';
import { checkRevocation, proofCache, removeOldProofs } from '@acmex/revocation';
import type { Storage } from '@acmex/storage';

export interface RevocationSourceOptions {
  /** Stores OCSP responses and lists, under `revocation/`. */
  readonly storage: Storage;
  /** How responders and lists are fetched; from public addresses by default. */
  readonly fetch?: EgressFetch | undefined;
  /** Special address ranges that responders may have, such as `10.0.0.0/8`; none by default. */
  readonly allow?: readonly string[] | undefined;
  /** How many requests a host gets in an hour; 600 by default. */
  readonly hourlyRequests?: number | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly clock?: Clock | undefined;
}

const hourMs = 3_600_000;
/** Hosts whose requests are counted. */
const mostHosts = 1000;
const cleaningInterval = { hours: 24 };
const proofs = { ocsp: 'an OCSP response', crl: 'a revocation list' } as const;

/** Finds out by OCSP and revocation lists whether certificates are revoked. */
export function revocationSource(options: RevocationSourceOptions): RevocationSource {
  const { storage, clock = systemClock, hourlyRequests = 600, onWarning } = options;
  const { fetch = revocationFetch(options.allow) } = options;
  const cache = proofCache({
    storage,
    clock,
    onError: (error) => onWarning?.(`the stored proofs of revocation: ${String(error)}`),
  });
  const budget = hostBudget(hourlyRequests, clock);
  let cleanedAt: number | undefined;
  const clean = async () => {
    const now = clock.now().epochMilliseconds;
    if (cleanedAt !== undefined && now - cleanedAt < milliseconds(cleaningInterval)) return;
    cleanedAt = now;
    await removeOldProofs(storage, { clock });
  };
  return {
    async status(chain, { signal }): Promise<RevocationAnswer> {
      const [leaf, issuer] = parseChain(chain);
      // Without the certificate of the issuer, nothing can be proven.
      if (!leaf || !issuer) return { status: 'unknown', askAgain: 'never' };
      const result = await checkRevocation(leaf.der, issuer.der, {
        ...{ fetch, cache, clock, signal },
        nonce: 'none',
        beforeRequest: budget.spend,
      });
      await clean();
      if (result.status === 'good') return { status: 'good' };
      if (result.status === 'unknown')
        return { status: 'unknown', askAgain: result.hasSources ? 'later' : 'never' };
      const { at, reason, source } = result;
      return { status: 'revoked', at, reason, proof: proofs[source] };
    },
  };
}

/**
 * Returns the fetch of OCSP responders and revocation lists.
 * @param allow special address ranges that they may have; public addresses alone by default
 */
export function revocationFetch(allow: readonly string[] = []): EgressFetch {
  return egressFetch({
    policy: addressPolicy({ allow }),
    // Your own CA may serve its lists at any port.
    ports: allow.length > 0 ? 'any' : [80, 443],
    redirects: 3,
    maxBody: 64 * 1024 * 1024,
  });
}

/** Counts the requests to each host, so that many certificates of one CA do not flood it. */
function hostBudget(hourlyRequests: number, clock: Clock) {
  const hosts = new Map<string, { readonly since: number; readonly count: number }>();
  return {
    /** @throws RangeError when the host has had all requests of this hour */
    spend(url: string): void {
      const { host } = new URL(url);
      const now = clock.now().epochMilliseconds;
      const before = hosts.get(host);
      const isOver = before === undefined || now - before.since >= hourMs;
      const next = isOver ? { since: now, count: 1 } : { ...before, count: before.count + 1 };
      if (next.count > hourlyRequests)
        throw new RangeError(`${host} has had ${hourlyRequests} requests in this hour`);
      hosts.delete(host);
      hosts.set(host, next);
      const [oldest] = hosts.keys();
      if (hosts.size > mostHosts && oldest !== undefined) hosts.delete(oldest);
    },
  };
}
