import { createCsr, type CryptoBackend, type PrivateKey, storableKey } from '@acmex/certificate';
import { identifiers } from '@acmex/identifier';
import type { Storage } from '@acmex/storage';
import { type CertificateSummary, generationId, generations } from './certificate-record.ts';
import {
  allIssuers,
  orderedDifferences,
  orderedSpec,
  storedOrderedSpec,
} from './certificate-spec.ts';
import { OrchestratorError } from './errors.ts';
import { namesToOrder } from './failing-names.ts';
import type { OrderAndCertificate, OrderPart } from './order-journal.ts';
import type { OrderRecord } from './order-record.ts';

/** Whether key and CSR exist, are for the present spec at an issuer, and the key may be used. */
export function isPrepared({ order, certificate }: OrderAndCertificate, issuer: string): boolean {
  const { csr, publicKey, names, preparedFor } = order.record;
  if (csr === undefined || publicKey === undefined || order.record.issuer !== issuer) return false;
  if (!allIssuers(certificate.record).includes(issuer)) return false;
  if (usesRefusedKey({ order, certificate })) return false;
  // An order of version 1 has only names and CA.
  const prepared = preparedFor ?? { ...orderedSpec(certificate.record), names, issuer };
  const wanted = {
    ...certificate.record,
    names: namesToOrder(certificate.record, order.record),
    leftOut: undefined,
    issuer,
  };
  return orderedDifferences(wanted, prepared).length === 0;
}

/** Whether an order was prepared with the key in use, which may not be certified any more. */
export function usesRefusedKey({ order, certificate }: OrderAndCertificate): boolean {
  const { preparedFor, reusesKey = certificate.record.reuseKey === true } = order.record;
  if (preparedFor?.key !== undefined) return isCompromised(preparedFor.key, certificate.record);
  return reusesKey && !mayReuseKey(certificate.record);
}

/**
 * Makes sure that the key of a device was not revoked as compromised with the certificate in use.
 * @throws OrchestratorError `ERR_ORCHESTRATOR_KEY_COMPROMISED`
 */
function assertUsable(key: string, certificate: CertificateSummary): void {
  if (!isCompromised(key, certificate)) return;
  throw new OrchestratorError(
    'ERR_ORCHESTRATOR_KEY_COMPROMISED',
    `the certificate of the key ${key} was revoked because the key is compromised: name a new key`,
  );
}

/** Whether the certificate in use is of a key of a device, and was revoked for that key. */
function isCompromised(key: string, { current }: CertificateSummary): boolean {
  return current?.issuedFor?.key === key && current.revocationReason === 'keyCompromise';
}

/**
 * Whether the key in use may be certified again: it was not revoked as compromised here, and the CA
 * has not refused it.
 */
function mayReuseKey({ current, failure }: CertificateSummary): boolean {
  if (current?.revocationReason === 'keyCompromise') return false;
  const { code = '', message = '' } = failure ?? {};
  return !(
    code === 'ERR_ACME_BAD_PUBLIC_KEY' ||
    code === 'ERR_ORCHESTRATOR_KEY_COMPROMISED' ||
    (code === 'ERR_ACME_BAD_CSR' && /public key/i.test(message))
  );
}

/** What an order has before the first request to a CA, and the text of its private key in the storage. */
export interface PreparedOrder {
  readonly request: Pick<
    OrderRecord,
    'names' | 'issuer' | 'preparedFor' | 'csr' | 'publicKey' | 'reusesKey'
  >;
  readonly privateKey: string;
}

/** Creates the CSR of an order at an issuer, and its key unless there is one: see `keyFor`. */
export async function prepareOrder(
  read: OrderPart,
  issuer: string,
  options: Parameters<typeof keyFor>[1],
): Promise<PreparedOrder> {
  const { record } = read.certificate;
  const names = namesToOrder(record, read.order.record);
  const { key, reusesKey } = await keyFor(read, options);
  const { mustStaple = false } = record;
  const csr = await createCsr({ identifiers: identifiers(names), key, mustStaple });
  return {
    request: {
      names,
      issuer,
      preparedFor: storedOrderedSpec({ ...record, names, issuer, keyType: key.type }),
      csr: base64(csr),
      publicKey: base64(key.publicKey),
      reusesKey,
    },
    privateKey: await storedText(key),
  };
}

/**
 * Returns the key of the device that the certificate names; else the key in use if it is to be
 * reused, has the wanted type and is not compromised; else a new one.
 */
async function keyFor(
  { order, certificate, part }: OrderPart,
  { crypto, storage }: { readonly crypto: CryptoBackend; readonly storage: Storage },
): Promise<{ readonly key: PrivateKey; readonly reusesKey: boolean }> {
  const { keyType, key, reuseKey = false, current } = certificate.record;
  if (key !== undefined) {
    assertUsable(key, certificate.record);
    return { key: await crypto.import(new TextEncoder().encode(key)), reusesKey: true };
  }
  const isInMemory = current?.issuedFor?.key === undefined;
  const isWantedType = isInMemory && (current?.issuedFor?.keyType ?? keyType) === keyType;
  const inUse =
    reuseKey && isWantedType && mayReuseKey(certificate.record) && current
      ? await generations.read(storage, generationId(order.record.certificate, current.generation))
      : undefined;
  const { privateKey } = (part === 'second' ? inUse?.record.second : inUse?.record) ?? {};
  return privateKey !== undefined
    ? { key: await crypto.import(new TextEncoder().encode(privateKey)), reusesKey: true }
    : { key: await crypto.generate(keyType), reusesKey: false };
}

/** Returns the key as the text that is stored. */
async function storedText(key: PrivateKey): Promise<string> {
  const stored = await storableKey(key);
  try {
    return new TextDecoder().decode(stored);
  } finally {
    stored.fill(0);
  }
}

const base64 = (data: Uint8Array) => Buffer.from(data).toString('base64');
