import { Resolver } from 'node:dns/promises';
import { type Clock, withTimeLimit } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { DnsError } from './errors.ts';
import type { DnsOptions } from './provider.ts';

export { DnsError };

/** Questions to DNS servers; each answer is empty where there is no such record. */
export interface LookUp {
  txt(name: string, options?: DnsOptions): Promise<readonly string[]>;
  cname(name: string, options?: DnsOptions): Promise<string | undefined>;
  /** Whether a zone begins at the name. */
  isZone(name: string, options?: DnsOptions): Promise<boolean>;
  nameServers(zone: string, options?: DnsOptions): Promise<readonly string[]>;
  /** IPv4 and IPv6 */
  addresses(name: string, options?: DnsOptions): Promise<readonly string[]>;
}

/** One property of a name's policy. RFC 8659 §4.1 */
export interface CaaProperty {
  readonly flags: number;
  readonly tag: string;
  readonly value: string;
}

/** A look-up that also asks for the CAA records of a name, or of where its aliases lead. */
export interface CaaLookUp extends LookUp {
  caa(name: string, options?: DnsOptions): Promise<readonly CaaProperty[]>;
}

export interface LookUpOptions {
  readonly clock: Clock;
  /** `address` or `address:port`, IPv6 in brackets; the system's by default. */
  readonly servers?: readonly string[];
}

const limit = 'PT10S';

/** Asks one question; returns `none` where there is no such record. */
type Ask = <T>(
  question: string,
  call: (resolver: Resolver) => Promise<T>,
  none: T,
  options?: DnsOptions,
) => Promise<T>;

function asking({ clock, servers }: LookUpOptions): Ask {
  return async (question, call, none, { signal } = {}) => {
    const resolver = new Resolver({ timeout: 2000, tries: 3 });
    if (servers) resolver.setServers([...servers]);
    try {
      return await withTimeLimit({ clock, limit, signal }, async (limited) => {
        const cancel = () => resolver.cancel();
        limited.addEventListener('abort', cancel, { once: true });
        return await call(resolver).finally(() => limited.removeEventListener('abort', cancel));
      });
    } catch (error) {
      signal?.throwIfAborted();
      const code = errorCode(error) ?? String(error);
      if (code === 'ENODATA' || code === 'ENOTFOUND') return none;
      throw new DnsError(
        'ERR_DNS_LOOKUP',
        `${question} at ${(servers ?? resolver.getServers()).join(', ')}: the look-up failed (${code}): check that this resolver answers, or choose another one`,
        { cause: error },
      );
    }
  };
}

/**
 * Asks the given servers, else the system's; each question has 10 seconds.
 * @throws DnsError `ERR_DNS_LOOKUP`
 */
export function lookUp(lookUpOptions: LookUpOptions): CaaLookUp {
  const ask = asking(lookUpOptions);
  const firstCname = async (resolver: Resolver, name: string) =>
    (await resolver.resolveCname(name))[0];
  const cname: LookUp['cname'] = (name, options) =>
    ask(`CNAME of ${name}`, (resolver) => firstCname(resolver, name), undefined, options);
  return {
    cname,
    txt: (name, options) =>
      ask(
        `TXT of ${name}`,
        async (resolver) =>
          (await resolver.resolveTxt(name)).map((characterStrings) => characterStrings.join('')),
        [],
        options,
      ),
    caa: (name, options) =>
      ask(
        `CAA of ${name}`,
        async (resolver) => (await resolver.resolveCaa(name)).map(property),
        [],
        options,
      ),
    // A look-up of SOA follows an alias, and would show the zone of its target; where a zone begins
    // there is no alias.
    isZone: async (name, options) =>
      (await cname(name, options)) === undefined &&
      (await ask(
        `SOA of ${name}`,
        async (resolver) => (await resolver.resolveSoa(name)).serial >= 0,
        false,
        options,
      )),
    nameServers: (zone, options) =>
      ask(`NS of ${zone}`, (resolver) => resolver.resolveNs(zone), [], options),
    addresses: async (name, options) =>
      (
        await Promise.all([
          ask(`A of ${name}`, (resolver) => resolver.resolve4(name), [], options),
          ask(`AAAA of ${name}`, (resolver) => resolver.resolve6(name), [], options),
        ])
      ).flat(),
  };
}

/**
 * Node.js gives `{ critical: flags, [tag]: value }`, since version 24 with `type: 'CAA'`. A tag that
 * it cannot give so, such as `critical` or `type` itself, stays unknown, and counts as critical.
 */
function property({ critical, ...rest }: { readonly critical: number }): CaaProperty {
  const members = Object.entries(rest).filter(
    ([name, value]) => name !== 'type' || String(value) !== 'CAA',
  );
  const [tag, value] = members[0] ?? [];
  return tag === undefined || members.length > 1
    ? { flags: 128, tag: '', value: '' }
    : { flags: critical, tag, value: String(value) };
}
