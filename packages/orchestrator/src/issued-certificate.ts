import {
  chainName,
  type IssuedCertificate,
  preferredChainWarning,
  verifyIssued,
} from '@acmex/certificate';
import type { Clock, DurationInput } from '@acmex/clock';
import { identifiers } from '@acmex/identifier';
import type { Storage } from '@acmex/storage';
import type { Temporal } from 'temporal-polyfill';
import type { CertificateSummary, CurrentCertificate } from './certificate-record.ts';
import { allIssuers, orderedSpec, type OrderedSpec } from './certificate-spec.ts';
import { OrchestratorError } from './errors.ts';
import { afterIssuedNames, areAsWanted } from './failing-names.ts';
import type { IssuedChains, Issuer } from './issuer.ts';
import type { OrderAndCertificate } from './order-journal.ts';
import { refusedCertificates } from './refused-certificate.ts';
import {
  policyOf,
  randomOf,
  type RenewalPolicy,
  renewalTime,
  urgency,
  type Validity,
} from './renewal-time.ts';
import { revocationAfterIssuance } from './revocation-check.ts';

/** A certificate to be used. */
export interface Issued extends IssuedCertificate {
  readonly alternates: readonly string[];
  /** Its id among the refused certificates, if it was refused before. */
  readonly wasRefused: string | undefined;
}

export interface IssuedOptions {
  readonly clock: Clock;
  /** For what certificates do not say themselves. */
  readonly policy: RenewalPolicy;
  /** See `ProvisionerOptions`. */
  readonly checkRevocationEvery?: DurationInput | undefined;
}

/**
 * Returns the certificate that an issuer has issued, with those of its alternates that are chains of
 * the same certificate.
 * @param options `onUnusableAlternate`: called for each that is not
 * @throws CertificateError if the chain is not what was ordered
 */
export async function issuedAsOrdered(
  { chain, alternates = [] }: IssuedChains,
  read: OrderAndCertificate,
  {
    clock,
    onUnusableAlternate,
  }: Pick<IssuedOptions, 'clock'> & { readonly onUnusableAlternate: () => void },
): Promise<Issued> {
  const issued = await verifyOrdered(chain, read, { clock });
  const warning = preferredChainWarning(issued.pem, read.certificate.record.preferredChain);
  const usable = new Set<string>();
  for (const alternate of alternates) {
    const verified = await verifyOrdered(alternate, read, { clock }).catch(noop);
    if (verified?.leaf.fingerprint === issued.leaf.fingerprint) usable.add(verified.pem);
    else onUnusableAlternate();
  }
  usable.delete(issued.pem);
  return {
    ...issued,
    warnings: [...issued.warnings, ...(warning === undefined ? [] : [warning])],
    alternates: [...usable],
    wasRefused: undefined,
  };
}

async function verifyOrdered(
  chain: string,
  { order: { record: order }, certificate: { record: certificate } }: OrderAndCertificate,
  { clock }: Pick<IssuedOptions, 'clock'>,
): Promise<IssuedCertificate> {
  return await verifyIssued(
    chain,
    {
      identifiers: identifiers(order.names),
      publicKey: Uint8Array.from(Buffer.from(order.publicKey ?? '', 'base64')),
      // A profile decides what its certificates are for.
      purposes: certificate.profile === undefined ? undefined : ['serverAuth', 'clientAuth'],
    },
    { clock },
  );
}

/**
 * Returns what an order issued before and was refused, if it can be used now: this machine's clock
 * may have been wrong.
 */
export async function usableRefusal(
  orderId: string,
  read: OrderAndCertificate,
  { storage, ...options }: IssuedOptions & { readonly storage: Storage },
): Promise<Issued | undefined> {
  const refused = await refusedCertificates(storage, read.order.record.certificate);
  for (const { id, chain } of refused.filter(({ order }) => order === orderId)) {
    const issued = await verifyOrdered(chain, read, options).catch(noop);
    if (issued && !isDueAtOnce(issued, read.certificate.record, options))
      return { ...issued, alternates: [], wasRefused: id };
  }
  return undefined;
}

/**
 * Returns the certificate's record with the issued certificate in use.
 * @throws OrchestratorError `ERR_ORCHESTRATOR_DUE_AT_ONCE`
 */
export function withIssued(
  issued: Issued,
  {
    order: { record: order },
    certificate: { record: certificate },
    generation,
    issuer,
  }: OrderAndCertificate & { readonly generation: number; readonly issuer: Issuer },
  options: IssuedOptions,
): CertificateSummary {
  const { leaf, warnings } = issued;
  const now = options.clock.now();
  const at = firstRenewal(issued, certificate, options);
  const { preparedFor } = order;
  const covered = afterIssuedNames(certificate, order.names, now);
  const lacking = (covered.leftOut ?? []).map(({ name }) => name);
  const isOfDevice = certificate.key !== undefined && preparedFor?.key === certificate.key;
  const current: CurrentCertificate = {
    generation,
    serialNumber: leaf.serialNumber,
    notBefore: leaf.notBefore.toString(),
    notAfter: leaf.notAfter.toString(),
    issuedAt: now.toString(),
    issuedFor: preparedFor ?? { ...orderedSpec(certificate), names: order.names },
    chains: [issued.pem, ...issued.alternates].map(chainName),
    ...(lacking.length > 0 ? { leftOut: lacking } : {}),
    ...(order.traceparent === undefined ? {} : { traceparent: order.traceparent }),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
  return {
    ...certificate,
    ...(isOfDevice ? { keyType: preparedFor.keyType } : {}),
    order: undefined,
    orderedAt: undefined,
    awaits: undefined,
    failure: undefined,
    deployFailure: undefined,
    placed: undefined,
    expiryReported: undefined,
    ...covered,
    current,
    revocation: revocationAfterIssuance(certificate, current, {
      every: options.checkRevocationEvery,
      now: now.epochMilliseconds,
    }),
    renewal: {
      at,
      askAt: issuer.renewalInfo ? firstQuestion(leaf, now.epochMilliseconds) : undefined,
    },
  };
}

/**
 * Returns what the certificate in use was issued for, with undefined for absent keys; empty if it
 * is not known.
 */
export function specInUse(certificate: CertificateSummary): Partial<OrderedSpec> {
  const { current } = certificate;
  if (!current?.issuedFor) return {};
  const { preferredChain, issuer, ...issued } = orderedSpec(current.issuedFor);
  return {
    ...issued,
    // What is left out is still wanted.
    names: areAsWanted(issued.names, certificate)
      ? certificate.names
      : [...issued.names, ...(current.leftOut ?? [])],
    // A fallback does not take the place of the preferred one.
    ...(allIssuers(certificate).includes(issuer) ? {} : { issuer }),
    ...(preferredChain === undefined ? {} : { preferredChain }),
  };
}

/**
 * Makes sure that the issued certificate has all names of the one in use that are wanted and not left
 * out: they may have changed since it was ordered.
 * @throws OrchestratorError `ERR_ORCHESTRATOR_COVERS_LESS`
 */
export function assertCoversAll({ order, certificate }: OrderAndCertificate): void {
  const { names, current, leftOut = [] } = certificate.record;
  const covered = current?.issuedFor?.names ?? [];
  const missing = covered.filter(
    (name) =>
      names.includes(name) &&
      !order.record.names.includes(name) &&
      !leftOut.some((entry) => entry.name === name),
  );
  if (missing.length === 0) return;
  throw new OrchestratorError(
    'ERR_ORCHESTRATOR_COVERS_LESS',
    `the new certificate of ${order.record.certificate} lacks ${missing.join(', ')}, which the one in use has: it is not used, and the next try orders all names`,
  );
}

/**
 * Returns when an issued certificate is renewed, RFC 3339.
 * @throws OrchestratorError `ERR_ORCHESTRATOR_DUE_AT_ONCE`
 */
export function firstRenewal(
  issued: IssuedLeaf,
  certificate: CertificateSummary,
  options: IssuedOptions,
): string {
  const { leaf } = issued;
  const now = options.clock.now();
  const at = plannedRenewal(issued, certificate, options);
  if (isDueAtOnce(issued, certificate, options))
    throw new OrchestratorError(
      'ERR_ORCHESTRATOR_DUE_AT_ONCE',
      `the certificate ${leaf.serialNumber} is valid from ${leaf.notBefore} to ${leaf.notAfter} and would have to be renewed at once: it is not used`,
    );
  return urgency(leaf, at, now) === 'due' ? halfway(now, leaf.notAfter) : at.toString();
}

/** What decides when a certificate is renewed. */
interface IssuedLeaf {
  readonly leaf: Validity & Pick<IssuedCertificate['leaf'], 'serialNumber'>;
}

function plannedRenewal(
  { leaf }: IssuedLeaf,
  certificate: CertificateSummary,
  { policy, clock }: IssuedOptions,
): Temporal.Instant {
  return renewalTime(leaf, {
    ...policyOf(certificate, policy),
    random: randomOf(leaf.serialNumber),
    now: clock.now(),
  });
}

/** Whether a certificate would have to be renewed at once. */
export function isDueAtOnce(
  issued: IssuedLeaf,
  certificate: CertificateSummary,
  options: IssuedOptions,
): boolean {
  const at = plannedRenewal(issued, certificate, options);
  return ['expired', 'emergency'].includes(urgency(issued.leaf, at, options.clock.now()));
}

/**
 * A CA may move a window at any time: it is asked for the first time after a twentieth of the
 * lifetime, six hours at most.
 */
function firstQuestion({ notBefore, notAfter }: Validity, now: number): string {
  return new Date(
    now + Math.min(6 * 3_600_000, (notAfter.epochMilliseconds - notBefore.epochMilliseconds) / 20),
  ).toISOString();
}

/** Returns when half of the time until the expiry has passed, RFC 3339. */
function halfway(now: Temporal.Instant, notAfter: Temporal.Instant): string {
  const half = (notAfter.epochMilliseconds - now.epochMilliseconds) / 2;
  return now.add({ milliseconds: Math.floor(half) }).toString();
}

function noop(): undefined {
  return undefined;
}
