import { Resolver } from 'node:dns/promises';
import { type Clock, systemClock, withTimeLimit } from '@acmex/clock';
import { errorCode } from '@acmex/errors';

/** One property of a name's policy. RFC 8659 §4.1 */
export interface CaaRecord {
  readonly flags: number;
  readonly tag: string;
  readonly value: string;
}

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

/** Asks DNS servers; each question has 10 seconds. */
export function validationResolver({
  servers,
  clock = systemClock,
}: ValidationResolverOptions = {}): ValidationResolver {
  const ask = async <T>(
    call: (resolver: Resolver) => Promise<T[]>,
    { signal }: LookUpOptions = {},
  ): Promise<T[]> => {
    const resolver = new Resolver({ timeout: 2000, tries: 3 });
    if (servers) resolver.setServers([...servers]);
    try {
      return await withTimeLimit({ clock, limit: 'PT10S', signal }, async (limited) => {
        const cancel = () => resolver.cancel();
        limited.addEventListener('abort', cancel, { once: true });
        return await call(resolver).finally(() => limited.removeEventListener('abort', cancel));
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (['ENODATA', 'ENOTFOUND'].includes(errorCode(error) ?? '')) return [];
      throw error;
    }
  };
  return {
    txt: async (name, options) =>
      (await ask((resolver) => resolver.resolveTxt(name), options)).map((strings) =>
        strings.join(''),
      ),
    caa: async (name, options) =>
      (await ask((resolver) => resolver.resolveCaa(name), options)).map(property),
  };
}

/**
 * Node.js gives `{ critical: flags, [tag]: value }`, since version 24 with `type: 'CAA'`. A tag that
 * it cannot give so, such as `critical` or `type` itself, stays unknown, and counts as critical.
 */
function property({ critical, ...rest }: { readonly critical: number }): CaaRecord {
  const members = Object.entries(rest).filter(
    ([name, value]) => name !== 'type' || String(value) !== 'CAA',
  );
  const [tag, value] = members[0] ?? [];
  return tag === undefined || members.length > 1
    ? { flags: 128, tag: '', value: '' }
    : { flags: critical, tag, value: String(value) };
}
