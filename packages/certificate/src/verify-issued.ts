import { X509Certificate } from 'node:crypto';
import { type Clock, systemClock } from '@acmex/clock';
import { Temporal } from 'temporal-polyfill';
import { type CertificateInfo, parseChain } from './certificate-info.ts';
import { CertificateError } from './errors.ts';
import { compareIdentifiers, type Identifier } from '@acmex/identifier';
import { quoted } from './alternative-names.ts';

/** What was asked for. */
export interface IssuedFor {
  readonly identifiers: readonly Identifier[];
  /** SubjectPublicKeyInfo of the request's key, DER. */
  readonly publicKey: Uint8Array;
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
}

/**
 * How far this machine's clock may be behind the CA's: certificates begin to be valid when they are
 * made.
 */
const tolerance = Temporal.Duration.from({ minutes: 5 });

/**
 * Makes sure, before anything is stored, that a CA issued what it was asked for: the request's key,
 * exactly its names and no others, a server's certificate, each certificate signed by the next, and
 * valid now. A certificate may begin up to five minutes from now, for a clock that is behind; its
 * end has no tolerance. Of the others only the issuer of the first must be valid: CAs knowingly end
 * chains with expired cross-signed roots. Whether anyone trusts the last is not looked into.
 * @param chain PEM, the end-entity certificate first; 1 MiB at most
 * @throws CertificateError `ERR_CERTIFICATE_FORMAT`, `…_KEY`, `…_NAMES`, `…_CA`, `…_CHAIN`,
 * `…_VALIDITY`
 */
export async function verifyIssued(
  chain: string,
  { identifiers, publicKey }: IssuedFor,
  { clock = systemClock }: VerifyOptions = {},
): Promise<IssuedCertificate> {
  const all = parseChain(chain);
  const [leaf, issuer] = all;
  if (!leaf)
    throw new CertificateError('ERR_CERTIFICATE_FORMAT', 'the chain is empty: download it again');
  if (!Buffer.from(leaf.publicKey).equals(publicKey))
    throw new CertificateError(
      'ERR_CERTIFICATE_KEY',
      `${called(leaf)} is for another key than the request's: do not use it, report it to the CA`,
    );
  checkNames(leaf, identifiers);
  if (leaf.isCa)
    throw new CertificateError(
      'ERR_CERTIFICATE_CA',
      `${called(leaf)} is a CA's, where a server's was asked for: do not use it, report it to the CA`,
    );
  checkLinks(all);
  for (const certificate of issuer ? [leaf, issuer] : [leaf])
    checkValidity(certificate, clock.now());
  return { leaf, chain: all, pem: all.map(({ pem }) => pem).join('') };
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

/** Each certificate is signed by the next, which is a CA's. */
function checkLinks(chain: readonly CertificateInfo[]): void {
  for (const [index, subject] of chain.slice(0, -1).entries()) {
    const fault = linkFault(subject, chain[index + 1]);
    if (fault !== undefined)
      throw new CertificateError(
        'ERR_CERTIFICATE_CHAIN',
        `certificate ${index + 2} of the chain is not the issuer of certificate ${index + 1}: ${fault}; report it to the CA`,
      );
  }
}

function linkFault(
  subject: CertificateInfo,
  issuer: CertificateInfo | undefined,
): string | undefined {
  if (!issuer || subject.issuer !== issuer.subject) return 'the names differ';
  if (!issuer.isCa) return "it is not a CA's";
  return signed(subject.der, issuer.der) ? undefined : 'it has not signed it';
}

function signed(subject: Uint8Array, issuer: Uint8Array): boolean {
  try {
    return new X509Certificate(subject).verify(new X509Certificate(issuer).publicKey);
  } catch {
    // OpenSSL knows no such key or signature: nothing shows that it was signed.
    return false;
  }
}

function checkValidity(certificate: CertificateInfo, now: Temporal.Instant): void {
  const { notBefore, notAfter } = certificate;
  const hasExpired = Temporal.Instant.compare(notAfter, now) <= 0;
  const isEarly = Temporal.Instant.compare(notBefore, now.add(tolerance)) > 0;
  if (!hasExpired && !isEarly) return;
  throw new CertificateError(
    'ERR_CERTIFICATE_VALIDITY',
    `${called(certificate)} is valid from ${notBefore} to ${notAfter}, and now is ${now.round('second')}: it ${hasExpired ? 'has expired' : 'is not valid yet'}; check this machine's clock`,
  );
}
