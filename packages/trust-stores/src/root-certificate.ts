import { X509Certificate } from 'node:crypto';
import { errorText } from '@acmex/errors';
import { TrustStoresError } from './errors.ts';

/** A root certificate that stores may trust. */
export interface RootCertificate {
  /** The PEM file that programs read. */
  readonly file: string;
  readonly certificate: X509Certificate;
  /** The name of its entry in stores whose entries have names: `acmex-` and 16 hex digits. */
  readonly entryName: string;
}

/**
 * Reads a root certificate.
 * @param source the text of a PEM file, and the absolute path of the file
 * @throws TrustStoresError `ERR_TRUST_STORES_ROOT` for anything but one self-signed CA certificate
 */
export function rootCertificate(source: {
  readonly pem: string;
  readonly file: string;
}): RootCertificate {
  const { pem, file } = source;
  const [block, second] = pemBlocks(pem);
  if (block === undefined || second !== undefined)
    throw refused(
      file,
      `it has ${block === undefined ? 'no certificate' : 'several certificates'}`,
    );
  const certificate = attempt(file, () => new X509Certificate(block));
  if (!certificate.ca) throw refused(file, 'it is not the certificate of a CA');
  if (!isSelfSigned(certificate)) throw refused(file, 'it is not self-signed');
  return { file, certificate, entryName: entryNameOf(certificate) };
}

function attempt<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw refused(file, errorText(cause), cause);
  }
}

function refused(file: string, reason: string, cause?: unknown): TrustStoresError {
  return new TrustStoresError(
    'ERR_TRUST_STORES_ROOT',
    `${file} cannot be trusted as a root: ${reason}; use the PEM file of the root of a CA`,
    { cause },
  );
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
}

/**
 * Returns the certificates of a PEM text. One that Node.js cannot read is left out: it is not one
 * that this package has added.
 */
export function certificatesIn(pem: string): readonly X509Certificate[] {
  return readable(pemBlocks(pem));
}

/** Returns the certificates that Node.js can read, of PEM blocks or DER bytes. */
export function readable(sources: readonly (string | Buffer)[]): readonly X509Certificate[] {
  return sources.flatMap((source) => {
    try {
      return [new X509Certificate(source)];
    } catch {
      return [];
    }
  });
}

const pemPattern =
  /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g;

/** Returns the PEM blocks of the certificates in a text. */
export function pemBlocks(text: string): readonly string[] {
  return text.match(pemPattern) ?? [];
}

/** Reports whether a PEM text has a certificate. Reads no certificate, so a large text costs little. */
export function hasCertificate(text: string, { certificate }: RootCertificate): boolean {
  const wanted = certificate.raw.toString('base64');
  return pemBlocks(text).some((block) => block.replaceAll(/-----[^-]+-----|\s/g, '') === wanted);
}

function entryNameOf({ fingerprint256 }: X509Certificate): string {
  return `acmex-${fingerprint256.replaceAll(':', '').slice(0, 16).toLowerCase()}`;
}

/** Reports whether two certificates are the same one. */
export function isSame(first: X509Certificate | undefined, second: X509Certificate): boolean {
  return first?.fingerprint256 === second.fingerprint256;
}

/**
 * Reports whether a certificate is this root, or a former root of the same CA: with the same
 * subject, self-signed.
 */
export function isOfSameCa(candidate: X509Certificate, { certificate }: RootCertificate): boolean {
  if (isSame(candidate, certificate)) return true;
  return candidate.subject === certificate.subject && isSelfSigned(candidate);
}

/**
 * Reports whether an entry of a store is one that this package has made for this root, or for a
 * former root of the same CA: its name has the fingerprint of its certificate.
 */
export function isEntryOf(
  { name, certificate }: { readonly name: string; readonly certificate: X509Certificate },
  root: RootCertificate,
): boolean {
  return name === entryNameOf(certificate) && isOfSameCa(certificate, root);
}

/** Reports whether a name is one that this package gives to entries. */
export function isEntryName(name: string): boolean {
  return /^acmex-[0-9a-f]{16}$/.test(name);
}
