import {
  type ChainStatus,
  chainStatus,
  type KnownRevocation,
  revocationFetch,
  revocationStatus,
  type ServedStatus,
  servedStatus,
} from '@acmex/manager';
import { anyAddress } from '@acmex/probe';
import type { Terminal } from '../terminal.ts';
import { trustFor, type TrustOptions } from '../trust.ts';
import { familyOf, type Subject, type SubjectOptions } from './subject.ts';

export interface CheckOptions extends Pick<SubjectOptions, 'ipv4' | 'ipv6'>, TrustOptions {
  readonly allow?: readonly string[] | undefined;
}

/** What `--check` found out. */
export interface Checks {
  readonly chain: ChainStatus;
  readonly revocation: KnownRevocation;
  /** Absent for what is not managed. */
  readonly served?: readonly ServedStatus[];
}

/** Checks chain, revocation and, for a managed certificate, what its names serve. */
export async function check(
  { chain, served, name, managed, trust, targets }: Subject,
  options: CheckOptions,
  terminal: Terminal,
): Promise<Checks> {
  const { signal } = terminal;
  const { anchors, allow = [], ...families } = options;
  const { status, verification } = chainStatus(
    chain.map(({ der }) => der),
    { name, trust: (anchors ? undefined : trust) ?? (await trustFor(options, terminal)) },
  );
  const fetch = revocationFetch(allow);
  const leaf = chain[0]?.der ?? new Uint8Array();
  const isUntrusted = !verification.isValid && verification.faults[0]?.check === 'issuer';
  const [revocation, servers] = await Promise.all([
    revocationStatus(verification, { fetch, stapled: served?.ocspResponse, signal }),
    managed &&
      servedStatus(leaf, targets, { policy: anyAddress, family: familyOf(families), signal }),
  ]);
  const cure = isUntrusted && !anchors ? '; to trust a private CA, use --anchors' : '';
  return { chain: withCure(status, cure), revocation, ...(servers && { served: servers }) };
}

function withCure(status: ChainStatus, cure: string): ChainStatus {
  return status.status === 'valid' ? status : { ...status, reason: `${status.reason}${cure}` };
}

/**
 * Returns the exit code: 3 for a chain that is not valid and for a revoked certificate, 10 where a
 * server serves a different one, 4 where something could not be found out, otherwise 0.
 */
export function exitCodeOfChecks({ chain, revocation, served = [] }: Checks): number {
  if (chain.status === 'invalid' || revocation.status === 'revoked') return 3;
  if (served.some(({ status }) => status === 'different')) return 10;
  const isUnknown =
    revocation.status === 'unknown' || served.some(({ status }) => status === 'unknown');
  return isUnknown ? 4 : 0;
}
