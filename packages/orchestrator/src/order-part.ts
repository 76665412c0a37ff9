import { chainName, parseChain } from '@acmex/certificate';
import type { CertificateSummary, ChainWithKey, Generation } from './certificate-record.ts';
import { allIssuers, orderedDifferences, orderedSpec } from './certificate-spec.ts';
import { OrchestratorError } from './errors.ts';
import {
  firstRenewal,
  isDueAtOnce,
  type Issued,
  type IssuedOptions,
  withIssued,
} from './issued-certificate.ts';
import type { IssuerStep } from './issuer.ts';
import { secondOf, withKeysSwapped } from './key-pair.ts';
import { usesRefusedKey } from './order-key.ts';
import type { OrderAndCertificate, OrderPart } from './order-journal.ts';
import type { HeldFirst, OrderRecord } from './order-record.ts';
import { validityOf } from './renewal-time.ts';

/**
 * Returns what is to be ordered next at an issuer: of a pair the first, until one of this issuer is
 * issued that can be used.
 */
export function orderPart(
  read: OrderAndCertificate,
  issuer: string,
  options: IssuedOptions,
): OrderPart {
  const { record } = read.certificate;
  if (record.secondKeyType === undefined) return { ...read, part: 'only' };
  if (!isFirstUsable(read, issuer, options)) return { ...read, part: 'first' };
  const { current } = record;
  const swapped = { ...withKeysSwapped(record), current: current && secondOf(current) };
  return { ...read, certificate: { ...read.certificate, record: swapped }, part: 'second' };
}

/** Returns the issuer whose first certificate of a pair waits for the second. */
export function issuerOfFirst(
  { order, certificate }: OrderAndCertificate,
  options: IssuedOptions,
): string | undefined {
  const issuer = order.record.first?.preparedFor.issuer;
  if (issuer === undefined || !allIssuers(certificate.record).includes(issuer)) return undefined;
  return isFirstUsable({ order, certificate }, issuer, options) ? issuer : undefined;
}

function isFirstUsable(
  { order, certificate }: OrderAndCertificate,
  issuer: string,
  options: IssuedOptions,
): boolean {
  const { first } = order.record;
  return (
    first?.preparedFor.issuer === issuer &&
    orderedDifferences({ ...certificate.record, issuer }, first.preparedFor).length === 0 &&
    !isOfRefusedKey({ order, certificate }) &&
    !isDueAtOnce({ leaf: { ...first, ...validityOf(first) } }, certificate.record, options)
  );
}

/** Whether the first certificate that an order holds has a key that may not be certified any more. */
function isOfRefusedKey({ order, certificate }: OrderAndCertificate): boolean {
  const { first } = order.record;
  if (!first) return false;
  const { preparedFor, reusesKey } = first;
  const record = { ...order.record, preparedFor, reusesKey };
  return usesRefusedKey({ order: { ...order, record }, certificate });
}

/** Returns the change of an order whose first certificate of a pair is issued. */
export function withFirst(
  order: OrderRecord,
  { leaf, warnings }: Issued,
  certificate: CertificateSummary,
): OrderRecord {
  const { names, issuer, preparedFor, reusesKey = false } = order;
  return {
    ...order,
    first: {
      preparedFor: preparedFor ?? { ...orderedSpec(certificate), names, issuer },
      reusesKey,
      serialNumber: leaf.serialNumber,
      notBefore: leaf.notBefore.toString(),
      notAfter: leaf.notAfter.toString(),
      warnings,
    },
    preparedFor: undefined,
    csr: undefined,
    publicKey: undefined,
    reusesKey: undefined,
    issuance: undefined,
    url: undefined,
    charged: undefined,
    unfinished: undefined,
    refused: undefined,
  };
}

/** A first certificate with its key. */
export interface StoredFirst {
  readonly issued: Issued;
  readonly preparedFor: HeldFirst['preparedFor'];
  readonly stored: ChainWithKey;
}

/**
 * Returns the first certificate that an order holds; undefined where it has ordered no second.
 * @param stored what is beside the key of the order
 * @throws OrchestratorError `ERR_ORCHESTRATOR_NO_KEY` if it is no longer in the storage
 */
export function storedFirst(
  id: string,
  { preparedFor, first }: OrderRecord,
  stored: ChainWithKey,
): StoredFirst | undefined {
  if (preparedFor?.secondKeyType === undefined) return undefined;
  const chain = parseChain(stored.chain);
  const [leaf] = chain;
  if (!first || !leaf) throw noKey(id);
  return {
    stored,
    preparedFor: first.preparedFor,
    issued: {
      ...{ leaf, chain, pem: stored.chain, warnings: first.warnings },
      ...{ alternates: stored.alternates, wasRefused: undefined },
    },
  };
}

/**
 * Makes sure that the keys of what an order has issued may be used: the certificate in use may have
 * been revoked meanwhile because its key is compromised.
 * @param id the order's
 * @throws OrchestratorError `ERR_ORCHESTRATOR_KEY_COMPROMISED`; `ERR_ORCHESTRATOR_NO_KEY` for a second
 * certificate without the first
 */
export function assertKeysUsable(
  id: string,
  read: OrderAndCertificate,
  pair: StoredFirst | undefined,
): void {
  const { certificate, preparedFor } = read.order.record;
  if (!pair && preparedFor?.secondKeyType !== undefined) throw noKey(id);
  if (usesRefusedKey(read) || (pair && isOfRefusedKey(read)))
    throw new OrchestratorError(
      'ERR_ORCHESTRATOR_KEY_COMPROMISED',
      `the key of ${certificate} was revoked as compromised while the CA certified it again: the next try creates a new key`,
    );
}

/** What an order has issued last, and the first certificate of a pair. */
export interface Completed {
  readonly issued: Issued;
  readonly pair: StoredFirst | undefined;
}

/**
 * Returns the certificate's record with everything that was issued in use.
 * @throws OrchestratorError `ERR_ORCHESTRATOR_DUE_AT_ONCE`
 */
export function withCompleted(
  { issued, pair }: Completed,
  read: Parameters<typeof withIssued>[1],
  options: IssuedOptions,
): CertificateSummary {
  if (!pair) return withIssued(issued, read, options);
  const { order } = read;
  const { preparedFor } = pair;
  const ofFirst = { ...order, record: { ...order.record, preparedFor } };
  return withSecond(withIssued(pair.issued, { ...read, order: ofFirst }, options), issued, options);
}

/** Returns what a generation has of everything that was issued. */
export function completedChains(
  { issued: { pem: chain, alternates }, pair }: Completed,
  privateKey: string,
): Pick<Generation, keyof ChainWithKey | 'second'> {
  const last = { chain, alternates, privateKey };
  return pair ? { ...pair.stored, second: last } : last;
}

/** Adds the second certificate of a pair to the record in which the first is in use. */
function withSecond(
  summary: CertificateSummary,
  second: Issued,
  options: IssuedOptions,
): CertificateSummary {
  const { current, renewal } = summary;
  const at = firstRenewal(second, summary, options);
  if (!current || !renewal) return summary;
  const { leaf, pem, alternates } = second;
  const warnings = [...new Set([...(current.warnings ?? []), ...second.warnings])];
  return {
    ...summary,
    current: {
      ...current,
      ...(warnings.length > 0 ? { warnings } : {}),
      second: {
        serialNumber: leaf.serialNumber,
        notBefore: leaf.notBefore.toString(),
        notAfter: leaf.notAfter.toString(),
        chains: [pem, ...alternates].map(chainName),
      },
    },
    renewal: { ...renewal, at: Date.parse(at) < Date.parse(renewal.at) ? at : renewal.at },
  };
}

/** Returns the step of an order whose first certificate of a pair is issued. */
export function firstIssuedStep(
  { leaf }: Issued,
  { keyType, secondKeyType }: CertificateSummary,
): IssuerStep {
  return {
    type: 'first-issued',
    message: `the ${keyType} certificate ${leaf.serialNumber} is issued and stored; the ${secondKeyType ?? 'second'} one is ordered next, and both are used together`,
  };
}

export function noKey(id: string): OrchestratorError {
  return new OrchestratorError(
    'ERR_ORCHESTRATOR_NO_KEY',
    `the private key of ${id} is no longer in the storage: cancel the order and submit it again`,
  );
}
