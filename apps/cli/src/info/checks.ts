import {
  type ChainStatus,
  chainStatus,
  type KnownRevocation,
  revocationFetch,
  revocationStatus,
  type ServedStatus,
  servedStatus,
  type Trust,
} from '@acmex/manager';
import { anyAddress } from '@acmex/probe';
import type { Terminal } from '../terminal.ts';
import { trustFor, type TrustOptions } from '../trust.ts';
import { familyOf, type Subject, type SubjectOptions } from './subject.ts';

export interface CheckOptions extends Pick<SubjectOptions, 'ipv4' | 'ipv6'>, TrustOptions {
  readonly allow?: readonly string[] | undefined;
}

interface ChainChecks {
  readonly chain: ChainStatus;
  readonly revocation: KnownRevocation;
}

/** What `--check` found out. */
export interface Checks extends ChainChecks {
  /** Of the certificate of the second key. */
  readonly second?: ChainChecks;
  /** Absent for what is not managed. */
  readonly served?: readonly ServedStatus[];
}

/** Checks chain, revocation and, for a managed certificate, what its names serve. */
export async function check(
  subject: Subject,
  options: CheckOptions,
  terminal: Terminal,
): Promise<Checks> {
  const { signal } = terminal;
  const { chain, second, managed, served, targets } = subject;
  const trust =
    (options.anchors ? undefined : subject.trust) ?? (await trustFor(options, terminal));
  const ofChain = async (certificates: Subject['chain'], stapled?: Uint8Array) =>
    await checkChain(certificates, { trust, stapled, name: subject.name, options, signal });
  const leaves = [chain, second ?? []].flatMap(([leaf]) => (leaf ? [leaf.der] : []));
  const [first, ofSecond, servers] = await Promise.all([
    ofChain(chain, served?.ocspResponse),
    second && ofChain(second),
    managed &&
      servedStatus(leaves, targets, { policy: anyAddress, family: familyOf(options), signal }),
  ]);
  return { ...first, ...(ofSecond && { second: ofSecond }), ...(servers && { served: servers }) };
}

async function checkChain(
  chain: Subject['chain'],
  {
    trust,
    name,
    stapled,
    options: { anchors, allow = [] },
    signal,
  }: {
    readonly trust: Trust;
    readonly name: string | undefined;
    readonly stapled: Uint8Array | undefined;
    readonly options: CheckOptions;
    readonly signal: AbortSignal;
  },
): Promise<ChainChecks> {
  const { status, verification } = chainStatus(
    chain.map(({ der }) => der),
    { name, trust },
  );
  const fetch = revocationFetch(allow);
  const isUntrusted = !verification.isValid && verification.faults[0]?.check === 'issuer';
  const cure = isUntrusted && !anchors ? '; to trust a private CA, use --anchors' : '';
  return {
    chain: withCure(status, cure),
    revocation: await revocationStatus(verification, { fetch, stapled, signal }),
  };
}

function withCure(status: ChainStatus, cure: string): ChainStatus {
  return status.status === 'valid' ? status : { ...status, reason: `${status.reason}${cure}` };
}

/**
 * Returns the exit code: 3 for a chain that is not valid and for a revoked certificate, 10 where a
 * server serves a different one, 4 where something could not be found out, otherwise 0.
 */
export function exitCodeOfChecks({ second, served = [], ...first }: Checks): number {
  const checked = second ? [first, second] : [first];
  const isInvalid = ({ chain, revocation }: ChainChecks) =>
    chain.status === 'invalid' || revocation.status === 'revoked';
  if (checked.some(isInvalid)) return 3;
  if (served.some(({ status }) => status === 'different')) return 10;
  const isUnknown =
    checked.some(({ revocation }) => revocation.status === 'unknown') ||
    served.some(({ status }) => status === 'unknown');
  return isUnknown ? 4 : 0;
}
