import { CertificationRequest, CertificationRequestInfo } from '@peculiar/asn1-csr';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier, Attribute, Extension, Extensions, Name, SubjectPublicKeyInfo } from '@peculiar/asn1-x509';
import { CertificateError } from './errors.ts';
import { type Identifier, identifiersOf, subjectAltName } from './identifier.ts';
import { describePublicKey } from './key-object.ts';
import { fromPem } from './pem.ts';
import { type KeyType, type PrivateKey } from './private-key.ts';
import { x509 } from './x509.ts';

export interface CsrRequest {
  readonly identifiers: readonly Identifier[];
  readonly key: PrivateKey;
  /** None by default: the names stand in subjectAltName, and a common name takes no more than 64 characters. */
  readonly commonName?: string;
  /** Asks for a certificate that is only valid with a stapled OCSP answer. RFC 7633 */
  readonly mustStaple?: boolean;
}

/** What stands in a request. */
export interface CertificateRequestInfo {
  readonly der: Uint8Array;
  readonly identifiers: readonly Identifier[];
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** In words; one of `keyTypes` where it is supported. */
  readonly keyType: string;
  readonly mustStaple: boolean;
}

const tlsFeature = '1.3.6.1.5.5.7.1.24';
const extensionRequest = '1.2.840.113549.1.9.14';
// SEQUENCE { INTEGER 5 }: status_request
const statusRequest = Uint8Array.from([0x30, 0x03, 0x02, 0x01, 0x05]);

// RFC 5758 §3.2, RFC 4055 §5 (with its NULL), RFC 8410 §3
const signatureAlgorithms: Readonly<Record<KeyType, string>> = {
  'ec-p256': '1.2.840.10045.4.3.2', 'ec-p384': '1.2.840.10045.4.3.3', 'ec-p521': '1.2.840.10045.4.3.4',
  'rsa-2048': '1.2.840.113549.1.1.11', 'rsa-3072': '1.2.840.113549.1.1.11', 'rsa-4096': '1.2.840.113549.1.1.11', ed25519: '1.3.101.112',
};

/**
 * A certificate signing request (PKCS#10, RFC 2986), signed by way of `key.sign` alone, so that the key may be anywhere.
 * @returns DER
 * @throws CertificateError `ERR_CSR_NAMES` without names
 */
export async function createCsr({ identifiers, key, commonName, mustStaple = false }: CsrRequest): Promise<Uint8Array> {
  if (identifiers.length === 0) throw new CertificateError('ERR_CSR_NAMES', 'a certificate signing request needs one name at least');
  const extensions = [subjectAltName(identifiers), ...(mustStaple ? [new x509.Extension(tlsFeature, false, statusRequest)] : [])];
  const request = AsnConvert.serialize(new Extensions(extensions.map(({ type, critical, value }) => new Extension({ extnID: type, critical, extnValue: new OctetString(value) }))));
  const info = new CertificationRequestInfo({
    subject: AsnConvert.parse(new x509.Name(commonName === undefined ? [] : [{ CN: [{ utf8String: commonName }] }]).toArrayBuffer(), Name),
    subjectPKInfo: AsnConvert.parse(key.publicKey, SubjectPublicKeyInfo),
  });
  info.attributes.push(new Attribute({ type: extensionRequest, values: [request] }));
  const signed = new Uint8Array(AsnConvert.serialize(info));
  const signature = await key.sign(signed);
  const algorithm = signatureAlgorithms[key.type];
  const signatureAlgorithm = new AlgorithmIdentifier({ algorithm, ...(key.type.startsWith('rsa') ? { parameters: null } : {}) });
  return new Uint8Array(AsnConvert.serialize(new CertificationRequest({ certificationRequestInfo: info, certificationRequestInfoRaw: signed.buffer, signatureAlgorithm, signature: Uint8Array.from(signature).buffer })));
}

/**
 * Reads a request and checks that who made it has the key.
 * @param input PEM or DER, 1 MiB at most
 * @throws CertificateError `ERR_CSR_FORMAT`, `ERR_CSR_NAMES`
 */
export async function parseCsr(input: string | Uint8Array): Promise<CertificateRequestInfo> {
  const der = typeof input === 'string' ? fromPem(input.slice(0, 1_048_576), /^(NEW )?CERTIFICATE REQUEST$/)[0] : input;
  if (der === undefined || der.length > 1_048_576) throw new CertificateError('ERR_CSR_FORMAT', 'this holds no certificate signing request: give a PEM block "CERTIFICATE REQUEST", or DER');
  const csr = await read(der);
  const names = csr.extensions.find((one) => one instanceof x509.SubjectAlternativeNameExtension);
  const { identifiers, other } = names ? identifiersOf(names.names) : { identifiers: [], other: 0 };
  if (identifiers.length === 0) throw new CertificateError('ERR_CSR_NAMES', 'the certificate signing request has no DNS names or IP addresses in its subjectAltName');
  if (other > 0) throw new CertificateError('ERR_CSR_NAMES', `the certificate signing request has ${other} names in its subjectAltName that are neither DNS names nor IP addresses`);
  const publicKey = new Uint8Array(csr.publicKey.rawData);
  const feature = csr.getExtension(tlsFeature);
  return { der, identifiers, publicKey, keyType: describePublicKey(publicKey), mustStaple: feature !== null && Buffer.from(feature.value).equals(statusRequest) };
}

async function read(der: Uint8Array): Promise<x509.Pkcs10CertificateRequest> {
  try {
    const csr = new x509.Pkcs10CertificateRequest(Uint8Array.from(der));
    if (await csr.verify()) return csr;
  } catch (cause) {
    throw new CertificateError('ERR_CSR_FORMAT', 'the certificate signing request cannot be read', { cause });
  }
  throw new CertificateError('ERR_CSR_FORMAT', 'the certificate signing request\'s signature is not of its own key');
}
