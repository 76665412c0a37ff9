import { isIPv6 } from 'node:net';
import type { AddressPolicy } from '@acmex/egress';
import type { LookUp } from '@acmex/dns';
import { errorText } from '@acmex/errors';
import type { Identifier } from '@acmex/identifier';
import { type Finding, finding } from './finding.ts';

/** How this machine reaches the addresses of names. */
export interface Reach {
  readonly lookUp: Pick<LookUp, 'addresses'>;
  /** Which addresses the CA can reach: public ones for a public CA. */
  readonly policy: AddressPolicy;
  /**
   * Which addresses this machine may connect to at all, where names are chosen by others; every
   * address by default. One that it may not connect to is not tried, and no finding names it.
   */
  readonly mayConnect?: AddressPolicy | undefined;
  /** Whether this machine can speak IPv6; where it cannot, IPv6 addresses are not tried. */
  readonly ipv6: boolean;
}

export interface AddressesOfName {
  readonly addresses: readonly string[];
  /** Addresses that are not tried, since this machine has no IPv6. */
  readonly untried: readonly string[];
  /** How many addresses this machine may not connect to. */
  readonly closed: number;
  readonly findings: readonly Finding[];
}

/** Returns the addresses at which a CA may connect to a name. */
export async function addressesOf(
  { type, value }: Identifier,
  { lookUp, policy, mayConnect, ipv6 }: Reach,
  signal: AbortSignal,
): Promise<AddressesOfName> {
  let all: readonly string[];
  try {
    all = type === 'ip' ? [value] : await lookUp.addresses(value, { signal });
  } catch (error) {
    signal.throwIfAborted();
    return nothing(finding('ERR_CHECK_ADDRESS_LOOKUP', { subject: value, saw: errorText(error) }));
  }
  if (all.length === 0)
    return nothing(
      finding('ERR_CHECK_NO_ADDRESS', { subject: value, saw: 'there is no A and no AAAA record' }),
    );
  const refused = all.flatMap((address) => {
    const refusal = policy.refusal(address);
    return refusal === undefined ? [] : [{ address, refusal }];
  });
  const reachable = all.filter((address) => !refused.some((entry) => entry.address === address));
  const permitted = reachable.filter((address) => mayConnect?.refusal(address) === undefined);
  return {
    closed: reachable.length - permitted.length,
    addresses: permitted.filter((address) => ipv6 || !isIPv6(address)),
    untried: permitted.filter((address) => !ipv6 && isIPv6(address)),
    findings:
      refused.length === 0
        ? []
        : [
            finding('ERR_CHECK_PRIVATE_ADDRESS', {
              subject: value,
              saw: refused
                .map(({ address, refusal }) => `${mayConnect ? 'an address' : address} ${refusal}`)
                .join(', '),
            }),
          ],
  };
}

function nothing(problem: Finding): AddressesOfName {
  return { addresses: [], untried: [], closed: 0, findings: [problem] };
}

/** Returns policies together: an address is refused where one of them refuses it. */
export function bothPolicies(
  policy: AddressPolicy,
  mayConnect: AddressPolicy | undefined,
): AddressPolicy {
  return { refusal: (address) => policy.refusal(address) ?? mayConnect?.refusal(address) };
}

/** What an address answered: nothing wrong, or what. */
export interface AddressAnswer {
  readonly address: string;
  readonly problem: Finding | undefined;
}

const connectionCodes: ReadonlySet<string> = new Set([
  'ERR_CHECK_PORT_REFUSED',
  'ERR_CHECK_PORT_TIME',
  'ERR_CHECK_PORT_UNREACHABLE',
]);

/**
 * Returns the findings about the addresses of a name. Where each IPv4 address is right and an IPv6
 * address is not, the fault is the AAAA record.
 */
export function answersFindings(answers: readonly AddressAnswer[]): readonly Finding[] {
  const ipv4 = answers.filter(({ address }) => !isIPv6(address));
  const isIpv4Right = ipv4.length > 0 && ipv4.every(({ problem }) => problem === undefined);
  const findings = answers.flatMap(({ address, problem }) => {
    if (!problem) return [];
    if (!isIpv4Right || !isIPv6(address)) return [problem];
    const code = connectionCodes.has(problem.code)
      ? 'ERR_CHECK_IPV6_CONNECTION'
      : 'ERR_CHECK_IPV6_ANSWER';
    return [finding(code, { subject: problem.subject, saw: problem.saw })];
  });
  // Each address of a name often has the same fault.
  return findings.filter(
    ({ code, saw }, index) =>
      findings.findIndex((candidate) => candidate.code === code && candidate.saw === saw) === index,
  );
}
