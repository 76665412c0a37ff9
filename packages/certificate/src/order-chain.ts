import { X509Certificate } from 'node:crypto';
import type { Temporal } from 'temporal-polyfill';
import type { CertificateInfo } from './certificate-info.ts';
import { CertificateError } from './errors.ts';
import {
  type CertificateFields,
  readCertificateFields,
} from './verification/certificate-fields.ts';
import { signatureFault } from './verification/signature.ts';

/** A chain in its order: each certificate is signed by the next, which is a CA's. */
export interface OrderedChain {
  /** The leaf first. */
  readonly path: readonly CertificateInfo[];
  /** What was done to the chain as it came, as sentences. */
  readonly warnings: readonly string[];
}

/**
 * Puts a chain in order: from the leaf to its issuer, and so on. Certificates that are there twice
 * or that no other needs are left out.
 * @throws CertificateError `ERR_CERTIFICATE_CHAIN` when the issuer of the leaf is not among the
 * others, or when a certificate has the name of an issuer and did not sign
 */
export function orderChain(
  leaf: CertificateInfo,
  received: readonly CertificateInfo[],
  now: Temporal.Instant,
): OrderedChain {
  const unique = received.filter(
    ({ fingerprint }, index) =>
      received.findIndex((entry) => entry.fingerprint === fingerprint) === index,
  );
  const path = [leaf];
  const search = { path, all: unique, now, hasSigned: signatureCheck() };
  for (let next = issuerOf(leaf, search); next !== undefined; next = issuerOf(next, search))
    path.push(next);
  const unused = unique.filter((entry) => !path.includes(entry));
  const positions = path.map((entry) => unique.indexOf(entry));
  const isInOrder = positions.every((position, index) => position >= (positions[index - 1] ?? 0));
  const isLeafFirst = positions[0] === 0;
  return {
    path,
    warnings: [
      ...(isInOrder && isLeafFirst
        ? []
        : ['the CA sent its chain in the wrong order: it was put in order']),
      ...warningOf(received.length - unique.length, 'twice'),
      ...warningOf(unused.length, 'that does not belong to it'),
    ],
  };
}

function warningOf(count: number, what: string): readonly string[] {
  if (count === 0) return [];
  const certificates = count === 1 ? 'a certificate' : `${count} certificates`;
  return [`the CA sent a chain with ${certificates} ${what}: left out`];
}

interface Search {
  readonly path: readonly CertificateInfo[];
  readonly all: readonly CertificateInfo[];
  readonly now: Temporal.Instant;
  readonly hasSigned: SignatureCheck;
}

function issuerOf(
  subject: CertificateInfo,
  { path, all, now, hasSigned }: Search,
): CertificateInfo | undefined {
  const rest = all.filter((entry) => !path.includes(entry));
  const isLast = rest.length === 0;
  if (isLast || (subject.issuer === subject.subject && hasSigned(subject, subject)))
    return undefined;
  const named = rest.filter((entry) => entry.subject === subject.issuer);
  const issuers = named.filter((entry) => entry.isCa && hasSigned(entry, subject));
  const issuer = issuers.find((entry) => !isExpired(entry, now)) ?? issuers[0];
  if (issuer) return issuer;
  const [candidate = path.length === 1 ? rest[0] : undefined] = named;
  if (!candidate) return undefined;
  throw new CertificateError(
    'ERR_CERTIFICATE_CHAIN',
    `certificate ${all.indexOf(candidate) + 1} of the chain is not the issuer of certificate ${all.indexOf(subject) + 1}: ${faultOf(candidate, subject)}; report it to the CA`,
  );
}

function faultOf(candidate: CertificateInfo, subject: CertificateInfo): string {
  if (candidate.subject !== subject.issuer) return 'the names differ';
  return candidate.isCa ? 'it has not signed it' : "it is not a CA's";
}

type SignatureCheck = (issuer: CertificateInfo, subject: CertificateInfo) => boolean;

/** Returns a check of signatures that reads each certificate once. */
function signatureCheck(): SignatureCheck {
  const read = new Map<CertificateInfo, CertificateFields>();
  const fieldsOf = (certificate: CertificateInfo) => {
    const fields = read.get(certificate) ?? readCertificateFields(certificate.der);
    read.set(certificate, fields);
    return fields;
  };
  return (issuer, subject) => {
    const signed = fieldsOf(subject);
    if (signed.signatureAlgorithm.encoded !== signed.signedAlgorithm.encoded) return false;
    const fault = signatureFault(signed, fieldsOf(issuer));
    // An algorithm that no new certificate should have, such as SHA-1 with RSA, can be an old CA's.
    return fault?.check === 'algorithm' ? hasSignedForOpenSsl(issuer, subject) : !fault;
  };
}

/** Returns whether OpenSSL finds the signature right, which takes five times as long. */
function hasSignedForOpenSsl(issuer: CertificateInfo, subject: CertificateInfo): boolean {
  try {
    return new X509Certificate(subject.der).verify(new X509Certificate(issuer.der).publicKey);
  } catch {
    // OpenSSL knows no such key or signature: nothing shows that it was signed.
    return false;
  }
}

/** The last second of a certificate is still part of its lifetime. RFC 5280 §4.1.2.5 */
export function isExpired({ notAfter }: CertificateInfo, now: Temporal.Instant): boolean {
  return notAfter.epochMilliseconds + 1000 <= now.epochMilliseconds;
}
