import { createHash } from 'node:crypto';
import {
  type ChainVerification,
  type CertificateInput,
  parseCertificate,
  verifyChain,
} from '@acmex/certificate';
import { type Clock, mapConcurrent, systemClock, timestamp } from '@acmex/clock';
import type { AddressPolicy, Resolve } from '@acmex/egress';
import { errorText, printable } from '@acmex/errors';
import { identifier, isWildcard } from '@acmex/identifier';
import { probeEachAddress, type ProbedAddress } from '@acmex/probe';
import { checkRevocation, type RevocationOptions, type RevocationStatus } from '@acmex/revocation';
import type { ServedTarget } from './served-targets.ts';
import type { Anchor, Trust } from './trust.ts';

/** Whether a path leads to a trusted certificate. Times are RFC 3339. */
export type ChainStatus =
  | {
      readonly status: 'valid';
      readonly seenAt: string;
      readonly path: readonly string[];
      /** The end of the path, which is trusted. */
      readonly anchor: Anchor;
    }
  | { readonly status: 'invalid'; readonly seenAt: string; readonly reason: string };

/** What is known of a revocation. There is no `good` without a proof. */
export type KnownRevocation = { readonly seenAt: string } & (
  | {
      readonly status: 'good';
      readonly source: 'ocsp' | 'crl';
      readonly until: string | undefined;
    }
  | {
      readonly status: 'revoked';
      readonly source: 'ocsp' | 'crl';
      readonly at: string;
      readonly reason: string;
    }
  | { readonly status: 'unknown'; readonly reason: string }
);

/** What a server serves, compared with a certificate. */
export type ServedStatus = {
  readonly host: string;
  readonly port: number;
  /** Absent where no address is known. */
  readonly address?: string;
  readonly seenAt: string;
} & (
  | { readonly status: 'same' }
  | {
      readonly status: 'different';
      readonly serialNumber: string;
      readonly fingerprint: string;
      /** When the served certificate ends; absent where it cannot be read. */
      readonly notAfter?: string;
    }
  | { readonly status: 'unknown'; readonly reason: string }
);

/** How a chain is verified. */
export interface ChainStatusOptions {
  /** A name that the certificate must be for. */
  readonly name?: string | undefined;
  readonly trust: Trust;
  readonly clock?: Clock | undefined;
}

/** A chain with what its verification found. */
export interface CheckedChain {
  readonly status: ChainStatus;
  readonly verification: ChainVerification;
}

/**
 * Verifies a chain, and says when.
 * @param chain the leaf first, then its intermediates in any order
 */
export function chainStatus(
  [leaf = '', ...intermediates]: readonly CertificateInput[],
  { name, trust, clock = systemClock }: ChainStatusOptions,
): CheckedChain {
  const verification = verifyChain(leaf, {
    intermediates,
    clock,
    anchors: trust.anchors,
    ...(name !== undefined && { name: identifier(name) }),
  });
  const seenAt = timestamp(clock.now());
  const anchor = trust.anchorOf(verification);
  if (verification.isValid && anchor) {
    const path = verification.path.map(({ subject }) => subject);
    return { verification, status: { status: 'valid', seenAt, path, anchor } };
  }
  const [fault] = verification.isValid ? [] : verification.faults;
  const reason = fault
    ? `${fault.check}: expected ${fault.expected}, found ${fault.actual}`
    : 'no path to a trusted certificate';
  return { verification, status: { status: 'invalid', seenAt, reason: printable(reason, 500) } };
}

/**
 * Finds out whether the certificate of a verified chain is revoked. It is unknown where the chain is
 * not valid: someone else could have signed the proof as well.
 */
export async function revocationStatus(
  verification: ChainVerification,
  options: RevocationOptions = {},
): Promise<KnownRevocation> {
  const { clock = systemClock, signal } = options;
  const [leaf, issuer] = verification.isValid ? verification.path : [];
  const unknown = (reason: string): KnownRevocation => ({
    status: 'unknown',
    seenAt: timestamp(clock.now()),
    reason: printable(reason, 1000),
  });
  if (!leaf) return unknown('the chain is not valid, so that no proof can be trusted');
  if (!issuer) return unknown('the certificate is trusted by itself and has no issuer');
  try {
    const status = await checkRevocation(leaf.der, issuer.der, options);
    if (status.status === 'unknown') return unknown(status.reasons.join('; '));
    return { ...proven(status), seenAt: timestamp(clock.now()) };
  } catch (error) {
    signal?.throwIfAborted();
    return unknown(errorText(error));
  }
}

function proven(status: Exclude<RevocationStatus, { readonly status: 'unknown' }>) {
  return status.status === 'good'
    ? ({ status: 'good', source: status.source, until: status.until?.toString() } as const)
    : ({ ...status, at: status.at.toString() } as const);
}

/** How servers are reached. */
export interface ServedStatusOptions {
  /** Which addresses may be reached; public ones by default. */
  readonly policy?: AddressPolicy | undefined;
  readonly resolver?: Resolve | undefined;
  readonly family?: 4 | 6 | undefined;
  /** How many servers are connected to at all; 25 by default. */
  readonly max?: number;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How many servers are connected to at once. */
const atOnce = 4;

/**
 * Compares what servers serve, at each of their addresses, with a certificate. What servers
 * beyond `max` serve is unknown.
 * @param certificate several where a server chooses one of them for each client
 */
export async function servedStatus(
  certificate: string | Uint8Array | readonly Uint8Array[],
  targets: readonly ServedTarget[],
  options: ServedStatusOptions = {},
): Promise<readonly ServedStatus[]> {
  const { max = 25 } = options;
  const certificates =
    typeof certificate === 'string' || certificate instanceof Uint8Array
      ? [certificate]
      : certificate;
  const fingerprints = new Set(certificates.map((each) => parseCertificate(each).fingerprint));
  const indexed = [...targets.entries()];
  const results = await mapConcurrent(atOnce, indexed, async ([index, target]) =>
    index < max
      ? await servedAt(fingerprints, target, options)
      : [unknownServer(target, `only the first ${max} servers are checked`, options)],
  );
  return results.flat();
}

async function servedAt(
  fingerprints: ReadonlySet<string>,
  target: ServedTarget,
  options: ServedStatusOptions,
): Promise<readonly ServedStatus[]> {
  const { signal, policy, resolver, family, clock } = options;
  if (isWildcard(target.host))
    return [unknownServer(target, 'a wildcard has no address: check a name below it', options)];
  try {
    const outcomes = await probeEachAddress({
      ...target,
      signal,
      family,
      ...(policy && { policy }),
      ...(resolver && { resolver }),
      ...(clock && { clock }),
    });
    return outcomes.map((outcome) => compared(fingerprints, target, outcome, options));
  } catch (error) {
    signal?.throwIfAborted();
    return [unknownServer(target, errorText(error), options)];
  }
}

function compared(
  fingerprints: ReadonlySet<string>,
  { host, port }: ServedTarget,
  outcome: ProbedAddress,
  options: ServedStatusOptions,
): ServedStatus {
  const { address } = outcome;
  if ('error' in outcome)
    return { ...unknownServer({ host, port }, errorText(outcome.error), options), address };
  const [leaf = new Uint8Array()] = outcome.served.chain;
  const seen = { host, port, address, seenAt: outcome.served.at.toString() };
  const servedFingerprint = createHash('sha256').update(leaf).digest('hex');
  if (fingerprints.has(servedFingerprint)) return { ...seen, status: 'same' };
  return {
    ...seen,
    status: 'different',
    fingerprint: servedFingerprint,
    ...readLeaf(leaf),
  };
}

function readLeaf(der: Uint8Array): { readonly serialNumber: string; readonly notAfter?: string } {
  try {
    const { serialNumber, notAfter } = parseCertificate(der);
    return { serialNumber, notAfter: notAfter.toString() };
  } catch {
    return { serialNumber: 'unreadable' };
  }
}

function unknownServer(
  { host, port }: ServedTarget,
  reason: string,
  { clock = systemClock }: ServedStatusOptions,
): ServedStatus {
  const seenAt = timestamp(clock.now());
  return { host, port, seenAt, status: 'unknown', reason: printable(reason, 500) };
}
