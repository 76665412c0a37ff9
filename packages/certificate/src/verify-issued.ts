import { type Clock, systemClock } from '@acmex/clock';
import type { Temporal } from 'temporal-polyfill';
import { type CertificateInfo, parseChain } from './certificate-info.ts';
import { isExpired, orderChain } from './order-chain.ts';
import {
  anyExtendedKeyUsage,
  type Purpose,
  purposes as purposeIdentifiers,
} from './verification/rules/extended-key-usage.ts';
import { CertificateError } from './errors.ts';
import { compareIdentifiers, type Identifier } from '@acmex/identifier';
import { quoted } from './alternative-names.ts';

/** What was asked for. */
export interface IssuedFor {
  readonly identifiers: readonly Identifier[];
  /** SubjectPublicKeyInfo of the request's key, DER. */
  readonly publicKey: Uint8Array;
  /** The certificate must be for one of these; for a server by default. */
  readonly purposes?: readonly Purpose[] | undefined;
}

export interface VerifyOptions {
  readonly clock?: Clock;
}

/** A certificate that is what was asked for. */
export interface IssuedCertificate {
  readonly leaf: CertificateInfo;
  /** The leaf first, then the certificates of its issuers. */
  readonly chain: readonly CertificateInfo[];
  /** The chain as PEM, with nothing but the certificates. */
  readonly pem: string;
  /** What was unusual in the chain that the CA sent, as sentences; most often none. */
  readonly warnings: readonly string[];
}

/**
 * How far this machine's clock may be behind the CA's: certificates begin to be valid when they are
 * made.
 */
const toleranceMs = 5 * 60_000;

/**
 * Makes sure, before anything is stored, that a CA issued what it was asked for: the request's key,
 * exactly its names and no others, a server's certificate, each certificate signed by the next, and
 * valid now. A certificate may begin up to five minutes from now, for a clock that is behind; its
 * end has no tolerance. Of the others only the issuer of the first must be valid: CAs knowingly end
 * chains with expired cross-signed roots. Whether anyone trusts the last is not looked into.
 *
 * Certificates in the wrong order are put in order, and those that are there twice or that belong to
 * no other are left out, each with a warning: RFC 8555 §9.1 only says that a CA SHOULD send them in
 * order.
 * @param chain PEM; 1 MiB at most
 * @throws CertificateError `ERR_CERTIFICATE_FORMAT`, `…_KEY`, `…_NAMES`, `…_CA`, `…_PURPOSE`,
 * `…_CHAIN`, `…_VALIDITY`
 */
export async function verifyIssued(
  chain: string,
  { identifiers, publicKey, purposes = ['serverAuth'] }: IssuedFor,
  { clock = systemClock }: VerifyOptions = {},
): Promise<IssuedCertificate> {
  const received = parseChain(chain);
  const [first] = received;
  if (!first)
    throw new CertificateError('ERR_CERTIFICATE_FORMAT', 'the chain is empty: download it again');
  const leaf = received.find((candidate) => Buffer.from(candidate.publicKey).equals(publicKey));
  if (!leaf)
    throw new CertificateError(
      'ERR_CERTIFICATE_KEY',
      `${called(first)} is for another key than the request's: do not use it, report it to the CA`,
    );
  checkNames(leaf, identifiers);
  if (leaf.isCa)
    throw new CertificateError(
      'ERR_CERTIFICATE_CA',
      `${called(leaf)} is a CA's, where a server's was asked for: do not use it, report it to the CA`,
    );
  checkPurpose(leaf, purposes);
  const now = clock.now();
  const { path, warnings } = orderChain(leaf, received, now);
  for (const certificate of path.slice(0, 2)) checkValidity(certificate, now);
  return { leaf, chain: path, pem: path.map(({ pem }) => pem).join(''), warnings };
}

function called({ serialNumber }: CertificateInfo): string {
  return `the certificate ${serialNumber.slice(0, 40)}`;
}

function checkNames(leaf: CertificateInfo, asked: readonly Identifier[]): void {
  const { missing, extra } = compareIdentifiers(leaf.identifiers, asked);
  const unexpected = [...extra, ...leaf.otherNames];
  if (missing.length === 0 && unexpected.length === 0) return;
  const faults = [
    ...(missing.length > 0 ? [`${quoted(missing.join(', '))} missing`] : []),
    ...(unexpected.length > 0 ? [`${quoted(unexpected.join(', '))} not asked for`] : []),
  ];
  throw new CertificateError(
    'ERR_CERTIFICATE_NAMES',
    `${called(leaf)} is for other names than were asked for: ${faults.join('; ')}; do not use it, report it to the CA`,
  );
}

/** RFC 5280 §4.2.1.12: without the extension a certificate is for any purpose. */
function checkPurpose(leaf: CertificateInfo, asked: readonly Purpose[]): void {
  const usages = leaf.extendedKeyUsage;
  const isFor = (purpose: Purpose) => usages?.includes(purposeIdentifiers[purpose]);
  if (usages === undefined || usages.includes(anyExtendedKeyUsage) || asked.some(isFor)) return;
  throw new CertificateError(
    'ERR_CERTIFICATE_PURPOSE',
    `${called(leaf)} is not for ${asked.join(' or ')}, only for ${quoted(usages.join(', '))}: do not use it, report it to the CA`,
  );
}

function checkValidity(certificate: CertificateInfo, now: Temporal.Instant): void {
  const { notBefore, notAfter } = certificate;
  const hasExpired = isExpired(certificate, now);
  const isEarly = notBefore.epochMilliseconds - toleranceMs > now.epochMilliseconds;
  if (!hasExpired && !isEarly) return;
  throw new CertificateError(
    'ERR_CERTIFICATE_VALIDITY',
    `${called(certificate)} is valid from ${notBefore} to ${notAfter}, and now is ${now.round('second')}: it ${hasExpired ? 'has expired' : 'is not valid yet'}; check this machine's clock`,
  );
}
