import { lookup, Resolver } from 'node:dns/promises';
import { errorCode } from '@acmex/errors';

/**
 * The IPv4 and IPv6 addresses of a host, the preferred first; none where the name has none. Rejects
 * where the look-up failed.
 */
export type Resolve = (
  name: string,
  options: { readonly signal?: AbortSignal | undefined },
) => Promise<readonly string[]>;

export interface DnsResolverOptions {
  /** `address` or `address:port`, IPv6 in brackets; those of the system by default. */
  readonly servers?: readonly string[];
}

/** Asks as every program of this machine does: hosts file, DNS, and whatever else is set up. */
export function systemResolver(): Resolve {
  return async (name) => {
    try {
      return (await lookup(name, { all: true, verbatim: true })).map(({ address }) => address);
    } catch (error) {
      return emptyOr(error);
    }
  };
}

/**
 * Asks DNS servers and nothing else, for AAAA and A. One of the two may fail where the other has an
 * address.
 */
export function dnsResolver({ servers }: DnsResolverOptions = {}): Resolve {
  return async (name, { signal }) => {
    signal?.throwIfAborted();
    const resolver = new Resolver({ timeout: 2000, tries: 3 });
    if (servers) resolver.setServers([...servers]);
    const cancel = () => resolver.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      const answers = await Promise.allSettled([
        resolver.resolve6(name).catch(emptyOr),
        resolver.resolve4(name).catch(emptyOr),
      ]);
      const addresses = answers.flatMap((answer) =>
        answer.status === 'fulfilled' ? answer.value : [],
      );
      const failed = answers.find((answer) => answer.status === 'rejected');
      if (failed && addresses.length === 0) throw failed.reason;
      return addresses;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  };
}

function emptyOr(error: unknown): string[] {
  if (['ENODATA', 'ENOTFOUND'].includes(errorCode(error) ?? '')) return [];
  throw error;
}
