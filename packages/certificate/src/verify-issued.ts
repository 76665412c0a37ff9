import { type Clock, systemClock } from '@acmex/clock';
import { Temporal } from 'temporal-polyfill';
import { type CertificateInfo, describe, readChain } from './certificate-info.ts';
import { CertificateError } from './errors.ts';
import { canonical, type Identifier } from './identifier.ts';
import { type x509 } from './x509.ts';

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

/** How far this machine's clock may be behind the CA's: certificates begin to be valid when they are made. */
const tolerance = Temporal.Duration.from({ minutes: 5 });

/**
 * Makes sure, before anything is stored, that a CA issued what it was asked for: the request's key, exactly its names,
 * certificates that follow from one another, and valid now (five minutes ahead of this machine's clock at most).
 * Whether anyone trusts the last issuer is not looked into.
 * @param chain PEM, the end-entity certificate first
 * @throws CertificateError `ERR_CERTIFICATE_FORMAT`, `…_KEY`, `…_NAMES`, `…_CHAIN`, `…_VALIDITY`
 */
export async function verifyIssued(chain: string, { identifiers, publicKey }: IssuedFor, { clock = systemClock }: VerifyOptions = {}): Promise<IssuedCertificate> {
  const certificates = readChain(chain);
  const all = certificates.map(describe);
  const [leaf] = all;
  if (!leaf) throw new CertificateError('ERR_CERTIFICATE_FORMAT', 'the chain is empty');
  if (!Buffer.from(leaf.publicKey).equals(publicKey)) throw new CertificateError('ERR_CERTIFICATE_KEY', `the certificate ${leaf.serialNumber} is for another key than the request's: do not use it`);
  checkNames(leaf, identifiers);
  if (leaf.isCa) throw new CertificateError('ERR_CERTIFICATE_CHAIN', `the certificate ${leaf.serialNumber} is a CA's, where a server's was asked for`);
  await checkLinks(certificates);
  checkValidity(leaf, clock.now());
  return { leaf, chain: all, pem: all.map(({ pem }) => pem).join('') };
}

function checkNames({ identifiers, serialNumber }: CertificateInfo, wanted: readonly Identifier[]): void {
  const text = (one: Identifier) => canonical(one).value;
  const [issued, asked] = [new Set(identifiers.map(text)), new Set(wanted.map(text))];
  const missing = [...asked].filter((name) => !issued.has(name));
  const extra = [...issued].filter((name) => !asked.has(name));
  if (missing.length === 0 && extra.length === 0) return;
  const faults = [...(missing.length > 0 ? [`${missing.join(', ')} missing`] : []), ...(extra.length > 0 ? [`${JSON.stringify(extra.join(', ').slice(0, 500))} not asked for`] : [])];
  throw new CertificateError('ERR_CERTIFICATE_NAMES', `the certificate ${serialNumber} is for other names than were asked for: ${faults.join('; ')}`);
}

/** Each certificate is signed by the next, which is a CA's. */
async function checkLinks(chain: readonly x509.X509Certificate[]): Promise<void> {
  for (const [index, issuer] of chain.slice(1).entries()) {
    const subject = chain[index];
    if (!subject) continue;
    const broken = (why: string) => new CertificateError('ERR_CERTIFICATE_CHAIN', `certificate ${index + 2} of the chain is not the issuer of certificate ${index + 1}: ${why}`);
    if (subject.issuer !== issuer.subject) throw broken('the names differ');
    if (!describe(issuer).isCa) throw broken('it is no CA\'s');
    const signed = await subject.verify({ publicKey: issuer.publicKey, signatureOnly: true }).catch(() => false);
    if (!signed) throw broken('it has not signed it');
  }
}

function checkValidity({ notBefore, notAfter, serialNumber }: CertificateInfo, now: Temporal.Instant): void {
  const why = Temporal.Instant.compare(notAfter, now) <= 0 ? 'it has expired' : Temporal.Instant.compare(notBefore, now.add(tolerance)) > 0 ? 'it is not valid yet' : undefined;
  if (why !== undefined) throw new CertificateError('ERR_CERTIFICATE_VALIDITY', `the certificate ${serialNumber} is valid from ${notBefore} to ${notAfter}, and now is ${now.round('second')}: ${why}; check this machine's clock`);
}
