import type { Identifier } from '@acmex/identifier';
import { x509 } from '../authority/x509.ts';
import { addressBytes } from './reverse-name.ts';

const acmeIdentifier = '1.3.6.1.5.5.7.1.31';
const subjectAltName = '2.5.29.17';

/**
 * What is wrong with a certificate as the answer to tls-alpn-01, to be read after its name;
 * `undefined` for nothing. RFC 8737 §3
 * @param certificate DER, as the applicant's server sent it
 * @param digest SHA-256 of the key authorization
 */
export async function challengeCertificateFault(
  certificate: Uint8Array,
  identifier: Identifier,
  digest: Uint8Array,
): Promise<string | undefined> {
  const read = readable(certificate);
  if (read === undefined) return 'cannot be read';
  const of = (oid: string) => read.extensions.filter(({ type }) => type === oid);
  const [names, proofs] = [of(subjectAltName), of(acmeIdentifier)];
  const [proof] = proofs;

  if (names.length !== 1 || !namesOnly(names[0], identifier))
    return `is not for ${identifier.value} alone`;
  if (proof === undefined || proofs.length !== 1)
    return `has ${proofs.length} acmeIdentifier extensions, not one`;
  if (!proof.critical) return 'has an acmeIdentifier extension that is not critical';
  // OCTET STRING of 32 bytes: DER has one form for it.
  if (!Buffer.from([0x04, 0x20, ...digest]).equals(new Uint8Array(proof.value)))
    return 'has another acmeIdentifier than the digest of the key authorization';
  return (await selfSigned(read)) ? undefined : 'is not signed by its own key';
}

function readable(certificate: Uint8Array): x509.X509Certificate | undefined {
  try {
    return new x509.X509Certificate(Uint8Array.from(certificate));
  } catch {
    return undefined; // Whatever is wrong inside, nothing in it can be believed.
  }
}

function namesOnly(extension: x509.Extension | undefined, { type, value }: Identifier): boolean {
  if (!(extension && 'names' in extension)) return false;
  const [name, ...rest] = (extension as x509.SubjectAlternativeNameExtension).names.items;
  if (name?.type !== type || rest.length > 0) return false;
  const [presented, wanted] = [addressBytes(name.value), addressBytes(value)];
  return type === 'ip'
    ? presented !== undefined && wanted !== undefined && Buffer.from(presented).equals(wanted)
    : name.value.toLowerCase() === value.toLowerCase();
}

async function selfSigned(certificate: x509.X509Certificate): Promise<boolean> {
  try {
    return await certificate.isSelfSigned();
  } catch {
    return false; // A key or signature that WebCrypto does not know proves nothing.
  }
}
