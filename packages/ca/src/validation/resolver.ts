import { type Clock, systemClock } from '@acmex/clock';
import { DnsError, lookUp } from '@acmex/dns/look-up';
import type { CaaRecord } from '@acmex/protocol/caa';

interface LookUpOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * The questions of a validation. Aliases are followed; an answer is empty where there is no such
 * record; rejects where the look-up failed, SERVFAIL included.
 */
export interface ValidationResolver {
  txt(name: string, options?: LookUpOptions): Promise<readonly string[]>;
  caa(name: string, options?: LookUpOptions): Promise<readonly CaaRecord[]>;
}

export interface ValidationResolverOptions {
  /**
   * Recursive resolvers, `address` or `address:port`; the system's by default. They should validate
   * DNSSEC: for CAA a broken signature is then a SERVFAIL, which refuses.
   */
  readonly servers?: readonly string[];
  readonly clock?: Clock;
}

/** Asks DNS servers; each question has 10 seconds. Rejects with the errors of node:dns. */
export function validationResolver({
  servers,
  clock = systemClock,
}: ValidationResolverOptions = {}): ValidationResolver {
  const { txt, caa } = lookUp({ clock, ...(servers ? { servers } : {}) });
  return {
    txt: async (name, options) => await txt(name, options).catch(rethrowCause),
    caa: async (name, options) => await caa(name, options).catch(rethrowCause),
  };
}

/** The message of the cause is for a client of this CA: it does not name our resolver. */
function rethrowCause(error: unknown): never {
  throw error instanceof DnsError ? (error.cause ?? error) : error;
}
