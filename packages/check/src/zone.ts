import { randomUUID } from 'node:crypto';
import type { Clock } from '@acmex/clock';
import {
  bogusZone,
  dnssecStatus,
  findZone,
  followAliases,
  type LookUp,
  lookUp as lookUpAtServers,
} from '@acmex/dns';
import type { AddressPolicy } from '@acmex/egress';
import { errorText, printable } from '@acmex/errors';
import { type Finding, finding, type Observation } from './finding.ts';

export interface ZoneCheckOptions {
  /** Questions to a resolver. */
  readonly lookUp: LookUp;
  /** Questions to one name server, by its address; port 53 by default. */
  readonly lookUpAt?: ((address: string) => LookUp) | undefined;
  readonly clock: Clock;
  /** Whether this machine can speak IPv6. */
  readonly ipv6: boolean;
  /**
   * Which name servers this machine may ask, where names are chosen by others; all by default. No
   * finding names one that it may not ask.
   */
  readonly mayConnect?: AddressPolicy | undefined;
  readonly signal: AbortSignal;
}

/**
 * Checks whether the signatures of a name are valid, where the resolver validates them (RFC 4035
 * §5.5). A CA must validate them, and issues nothing for a name that is bogus.
 * @throws DnsError `ERR_DNS_BOGUS`; the reason of the signal
 */
export async function checkDnssec(
  name: string,
  options: {
    readonly clock: Clock;
    /** `address` or `address:port`; the first of the system by default. */
    readonly server?: string | undefined;
    readonly signal: AbortSignal;
  },
): Promise<Observation> {
  const status = await dnssecStatus(name, options);
  if (status === 'secure') return { findings: [], saw: 'signed, and the signatures are valid' };
  if (status === 'unproven')
    return { findings: [], saw: 'not signed, or this resolver does not validate signatures' };
  throw bogusZone(name);
}

/** Where the TXT record of a challenge belongs. */
export interface RecordPlace {
  readonly zone: string;
  readonly findings: readonly Finding[];
  /** The aliases and the zone, in words. */
  readonly saw: string;
}

/**
 * Checks where a TXT record of a challenge belongs: where its aliases lead, and whether a zone holds
 * that.
 * @param record such as `_acme-challenge.example.com`
 * @throws DnsError `ERR_DNS_LOOKUP`, `ERR_DNS_ZONE_NOT_FOUND`; the reason of the signal
 */
export async function checkRecordPlace(
  record: string,
  options: ZoneCheckOptions,
): Promise<RecordPlace> {
  const { lookUp, signal } = options;
  const target = await followAliases(record, lookUp, { signal });
  const zone = await findZone(target, { lookUp }, { signal });
  const alias = target === record ? '' : `${record} leads to ${printable(target, 255)}, `;
  return {
    zone,
    findings: target === record ? [] : await wildcardAlias(record, target, options),
    saw: `${alias}zone ${printable(zone, 255)}`,
  };
}

/** Whether the alias of a record is the same as that of a name beside it that no one has set. */
async function wildcardAlias(
  record: string,
  target: string,
  { lookUp, signal }: ZoneCheckOptions,
): Promise<readonly Finding[]> {
  const [, ...rest] = record.split('.');
  const neighbour = [`acmex-check-${randomUUID()}`, ...rest].join('.');
  const alias = await followAliases(neighbour, lookUp, { signal });
  if (alias !== target) return [];
  return [
    finding('ERR_CHECK_WILDCARD_ALIAS', {
      subject: record,
      saw: `its CNAME leads to ${printable(target, 255)}, as that of any name beside it`,
    }),
  ];
}

/** What a name server says of its zone. */
type ServerState =
  | { readonly server: string; readonly address: string; readonly names: readonly string[] }
  | { readonly server: string; readonly address: string; readonly fault: string };

/**
 * Checks whether each name server of a zone answers for it, and whether they agree on who they are.
 * @throws DnsError `ERR_DNS_LOOKUP`; the reason of the signal
 */
export async function checkNameServers(
  zone: string,
  options: ZoneCheckOptions,
): Promise<readonly Finding[]> {
  const { lookUp, ipv6, mayConnect, signal } = options;
  const names = await lookUp.nameServers(zone, { signal });
  const servers = await Promise.all(
    names.map(async (server) => ({
      server,
      addresses: await lookUp.addresses(server, { signal }),
    })),
  );
  const homeless = servers.filter(({ addresses }) => addresses.length === 0);
  const reachable = servers.flatMap(({ server, addresses }) =>
    addresses.flatMap((address) =>
      (ipv6 || !address.includes(':')) && mayConnect?.refusal(address) === undefined
        ? [{ server, address }]
        : [],
    ),
  );
  const states = await Promise.all(
    reachable.map(async (place) => await stateOf(zone, place, options)),
  );
  return [
    ...homeless.map(({ server }) =>
      finding('ERR_CHECK_DELEGATION', {
        subject: zone,
        saw: `the name server ${printable(server, 255)} has no address`,
      }),
    ),
    ...states.flatMap((state) =>
      'fault' in state
        ? [
            finding('ERR_CHECK_NAME_SERVER', {
              subject: zone,
              saw: `${printable(state.server, 255)} (${state.address}) ${state.fault}`,
            }),
          ]
        : [],
    ),
    ...disagreement(zone, states),
  ];
}

async function stateOf(
  zone: string,
  place: { readonly server: string; readonly address: string },
  { lookUpAt, clock, signal }: ZoneCheckOptions,
): Promise<ServerState> {
  const at = lookUpAt?.(place.address) ?? lookUpAtServers({ clock, servers: [place.address] });
  try {
    if (!(await at.isZone(zone, { signal })))
      return { ...place, fault: 'does not answer for the zone' };
    return { ...place, names: await at.nameServers(zone, { signal }) };
  } catch (error) {
    signal.throwIfAborted();
    return { ...place, fault: `does not answer: ${errorText(error)}` };
  }
}

function disagreement(zone: string, states: readonly ServerState[]): readonly Finding[] {
  const lists = new Map<string, string>();
  for (const state of states)
    if ('names' in state)
      lists.set(
        state.names
          .map((name) => name.toLowerCase())
          .toSorted()
          .join(' '),
        `${state.server} (${state.address})`,
      );
  if (lists.size < 2) return [];
  const saw = [...lists].map(([names, server]) => `${server} says ${names || 'none'}`).join('; ');
  return [finding('ERR_CHECK_NAME_SERVERS_DIFFER', { subject: zone, saw: printable(saw, 1000) })];
}
