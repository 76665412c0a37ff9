import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type Clock, type DurationInput, milliseconds } from '@acmex/clock';
import { DnsError } from './errors.ts';
import { type LookUp, lookUp as ask } from './look-up.ts';
import type { DnsOptions } from './provider.ts';

/**
 * When a record counts as visible:
 * `authoritative`, when every name server of its zone shows it, over each of its addresses;
 * `resolvers`, when each of the given ones does; `wait`, after a fixed time; `skip`, at once.
 */
export type Propagation =
  | { readonly check: 'authoritative' }
  | { readonly check: 'resolvers'; readonly servers: readonly string[] }
  | { readonly check: 'wait'; readonly duration: DurationInput }
  | { readonly check: 'skip' };

export interface VisibleRecord {
  readonly zone: string;
  /** The whole name of the TXT record. */
  readonly name: string;
  readonly value: string;
}

export interface PropagationOptions extends DnsOptions {
  readonly clock: Clock;
  readonly lookUp: LookUp;
  readonly propagation: Propagation;
  /** 5 minutes by default. */
  readonly limit?: DurationInput;
  /** Questions to one server; for tests. */
  readonly lookUpAt?: (server: string) => LookUp;
  /** Whether this machine can speak IPv6; where it cannot, servers are not asked over it. */
  readonly ipv6?: boolean;
}

/**
 * Waits until a TXT record is visible.
 * @throws DnsError `ERR_DNS_NOT_VISIBLE`, naming the servers that do not show it
 */
export async function recordVisible(
  record: VisibleRecord,
  options: PropagationOptions,
): Promise<void> {
  const { clock, propagation, signal, limit = 'PT5M' } = options;
  if (propagation.check === 'skip') return;
  if (propagation.check === 'wait') return await clock.sleep(propagation.duration, { signal });
  const lookUpAt = options.lookUpAt ?? ((server: string) => ask({ clock, servers: [server] }));
  const servers =
    propagation.check === 'resolvers'
      ? propagation.servers
      : await authoritativeServers(record.zone, options);
  const start = clock.monotonic();
  for (
    let pause = 500, waiting: readonly string[] = servers;
    ;
    pause = Math.min(pause * 2, 10_000)
  ) {
    const verdicts = await Promise.all(
      waiting.map(async (server) => ({
        server,
        why: await hidden(record, lookUpAt(server), options),
      })),
    );
    const missing = verdicts.filter(({ why }) => why !== undefined);
    if (missing.length === 0) return;
    if (clock.monotonic() - start + pause > milliseconds(limit)) {
      throw new DnsError(
        'ERR_DNS_NOT_VISIBLE',
        `the TXT record ${record.name} is not visible after ${Math.round(milliseconds(limit) / 1000)} seconds: ${missing.map(({ server, why }) => `${server} ${why}`).join('; ')}`,
      );
    }
    waiting = missing.map(({ server }) => server);
    await clock.sleep({ milliseconds: pause }, { signal });
  }
}

/** Why a server does not show the record; undefined when it does. */
async function hidden(
  { name, value }: VisibleRecord,
  server: LookUp,
  { signal }: DnsOptions,
): Promise<string | undefined> {
  try {
    return (await server.txt(name, { signal })).includes(value) ? undefined : 'does not show it';
  } catch (error) {
    signal?.throwIfAborted();
    return error instanceof Error ? `does not answer (${error.message})` : 'does not answer';
  }
}

/**
 * The addresses of all who answer for a zone.
 * @throws DnsError `ERR_DNS_NOT_VISIBLE` where there is none
 */
export async function authoritativeServers(
  zone: string,
  { lookUp, signal, ipv6 = speaksIpv6() }: Pick<PropagationOptions, 'lookUp' | 'signal' | 'ipv6'>,
): Promise<readonly string[]> {
  const names = await lookUp.nameServers(zone, { signal });
  const addresses = (
    await Promise.all(names.map((name) => lookUp.addresses(name, { signal })))
  ).flat();
  const reachable = [...new Set(addresses)].filter((address) => ipv6 || !isIPv6(address));
  if (reachable.length > 0) return reachable;
  throw new DnsError(
    'ERR_DNS_NOT_VISIBLE',
    `the name servers of ${zone} have no address that can be asked: give a resolver, a fixed wait, or skip the check`,
  );
}

/** Whether this machine has an IPv6 address by which it can reach others. */
export function speaksIpv6(): boolean {
  return Object.values(networkInterfaces())
    .flat()
    .some(
      (networkInterface) =>
        networkInterface?.family === 'IPv6' &&
        !networkInterface.internal &&
        !networkInterface.address.startsWith('fe80:'),
    );
}
