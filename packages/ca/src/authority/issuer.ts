import { type Clock, systemClock } from '@acmex/clock';
import { type CertificateInfo, parseChain, type PrivateKey } from '@acmex/certificate';
import { der, tags } from '@acmex/certificate/structure';
import type { Identifier } from '@acmex/identifier';
import { Temporal } from 'temporal-polyfill';
import { CaError } from '../errors.ts';
import { permits } from './constraints.ts';
import { constantExtensions, namesAndKey, responderExtensions, type Usage } from './extensions.ts';
import { type Revoked, revocationList } from './revocation-list.ts';
import { type CertificateContent, certificatePem, nameOf, signedCertificate } from './signed.ts';
import { x509 } from './x509.ts';

/** What a certificate is built from. Nothing of a CSR but its public key. */
export interface Issuance {
  /** Hexadecimal; see `newSerialNumber`. */
  readonly serialNumber: string;
  readonly identifiers: readonly Identifier[];
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly rsa: boolean;
  readonly notBefore: Temporal.Instant;
  readonly notAfter: Temporal.Instant;
  readonly usages: readonly Usage[];
  readonly mustStaple: boolean;
  /** Where the issuer's certificate and its CRL are; absent where they are at no URL. */
  readonly issuerUrl?: string | undefined;
  readonly crlUrl?: string | undefined;
  /** Where its status is asked for by OCSP; absent where the CA does not answer. */
  readonly ocspUrl?: string | undefined;
}

/** What the certificate of an OCSP responder is built from. */
export type ResponderIssuance = Pick<
  Issuance,
  'serialNumber' | 'publicKey' | 'notBefore' | 'notAfter'
>;

export interface CrlContent {
  readonly number: number;
  readonly thisUpdate: Temporal.Instant;
  readonly nextUpdate: Temporal.Instant;
  readonly revoked: readonly Revoked[];
}

/** Signs certificates and lists of revoked ones: in memory, in a KMS, in an HSM. */
export interface Issuer {
  /** DER, for those who build a chain. */
  readonly certificate: Uint8Array;
  /**
   * Counts the issuers that a CA has had, from 1, the default. Certificates name it in the URLs of
   * their issuer and their CRL.
   */
  readonly generation?: number;
  /** No certificate of its lives longer. */
  readonly notAfter: Temporal.Instant;
  /** Whether its own certificate allows it to issue for a name. */
  permits(identifier: Identifier): boolean;
  /**
   * @returns the chain as PEM, the leaf first and without the root; then the same leaf under other
   * chains
   */
  issue(
    issuance: Issuance,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<readonly string[]>;
  /**
   * Certifies the key of an OCSP responder; needed only where the CA answers OCSP requests. DER. RFC
   * 6960 §4.2.2.2
   */
  responder?(issuance: ResponderIssuance): Promise<Uint8Array>;
  /** DER */
  crl(
    content: CrlContent,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Uint8Array>;
}

/** The issuers of a CA. */
export interface Issuers {
  /** Issues the certificates. */
  readonly issuer: Issuer;
  /** Those before it: they sign the CRLs and the OCSP responders of what they issued. */
  readonly previousIssuers?: readonly Issuer[];
}

/** The issuers of a running server at one moment. */
export interface PresentIssuers {
  /** The one that issues. */
  readonly current: Issuer;
  /** That one, and those before it which have not expired. */
  readonly all: readonly Issuer[];
}

export interface IssuerOptions {
  /** PEM: the issuing certificate, then what links it to the root, which is best left out. */
  readonly chain: string;
  /** Other chains for the same issuing key, such as a cross-signed one. PEM, each like `chain`. */
  readonly alternates?: readonly string[];
  readonly key: PrivateKey;
  /** See `Issuer`. */
  readonly generation?: number;
  readonly clock?: Clock;
}

/**
 * An issuer from a CA's certificate and its key, made by `createAuthority` or the user's own.
 * @throws CaError `ERR_CA_CERTIFICATE` if the certificate is not that of a CA, has expired, or belongs
 * to another key
 */
export function issuerOf({
  chain,
  alternates = [],
  key,
  generation = 1,
  clock = systemClock,
}: IssuerOptions): Issuer {
  const [issuerCertificate] = parseChain(chain);
  if (!issuerCertificate)
    throw new CaError(
      'ERR_CA_CERTIFICATE',
      'the chain holds no certificate: give the issuing certificate as PEM',
    );
  const certificate = new x509.X509Certificate(Uint8Array.from(issuerCertificate.der));
  const fault = whyNot(issuerCertificate, certificate, key, clock.now());
  if (fault !== undefined)
    throw new CaError(
      'ERR_CA_CERTIFICATE',
      `the certificate ${issuerCertificate.subject} ${fault}`,
    );
  const name = new Uint8Array(certificate.subjectName.toArrayBuffer());
  const authorityKeyIdentifier = issuerCertificate.subjectKeyIdentifier ?? '';
  const chains = [chain, ...alternates].map((alternate) =>
    parseChain(alternate)
      .map(({ pem }) => pem)
      .join(''),
  );
  const constant = constantExtensions({ authorityKeyIdentifier });
  return {
    certificate: issuerCertificate.der,
    generation,
    notAfter: issuerCertificate.notAfter,
    permits: permits(certificate),
    async issue(issuance) {
      const leaf = await signedCertificate(
        {
          ...issuance,
          issuer: name,
          subject: emptyName,
          extensions: [...namesAndKey(issuance), ...constant(issuance)],
        },
        key,
      );
      return chains.map((chain) => certificatePem(leaf) + chain);
    },
    responder: async (issuance) =>
      await signedCertificate(responderContent(issuance, { name, authorityKeyIdentifier }), key),
    crl: (content) => revocationList({ ...content, issuer: name, authorityKeyIdentifier }, key),
  };
}

const emptyName = der(tags.sequence);

function responderContent(
  issuance: ResponderIssuance,
  {
    name,
    authorityKeyIdentifier,
  }: { readonly name: Uint8Array; readonly authorityKeyIdentifier: string },
): CertificateContent {
  const { publicKey } = issuance;
  return {
    ...issuance,
    issuer: name,
    subject: nameOf('OCSP responder'),
    extensions: responderExtensions({ publicKey, authorityKeyIdentifier }),
  };
}

function whyNot(
  issuerCertificate: CertificateInfo,
  certificate: x509.X509Certificate,
  key: PrivateKey,
  now: Temporal.Instant,
): string | undefined {
  const usages =
    certificate.getExtension(x509.KeyUsagesExtension)?.usages ?? x509.KeyUsageFlags.keyCertSign;
  if (!issuerCertificate.isCa || (usages & x509.KeyUsageFlags.keyCertSign) === 0)
    return 'is not a CA certificate: use one with CA:TRUE and keyCertSign';
  if (issuerCertificate.subjectKeyIdentifier === undefined)
    return 'has no subject key identifier, without which no certificate can name it: make it with one';
  if (!Buffer.from(issuerCertificate.publicKey).equals(key.publicKey))
    return 'belongs to another key than the one given';
  if (Temporal.Instant.compare(issuerCertificate.notAfter, now) <= 0)
    return `has expired at ${issuerCertificate.notAfter}: make a new one`;
  return undefined;
}
