import { CertificateError } from './errors.ts';
import { der, isOneSequence, objectIdentifier } from './der.ts';
import { checkedIdentifier, compareIdentifiers, type Identifier } from '@acmex/identifier';
import {
  alternativeNames,
  alternativeNamesValue,
  commonNameIdentifier,
  quoted,
  subjectAltName,
} from './alternative-names.ts';
import { describePublicKey } from './key-object.ts';
import { blocksOf, largestText } from './pem.ts';
import type { PrivateKey } from './private-key.ts';
import { extensionRequest, requestedExtensions } from './requested-extensions.ts';
import { signatureAlgorithmDer } from './signature-algorithm.ts';
import { asksForStapling, statusRequest, tlsFeature } from './tls-feature.ts';
import { members, readDerValue, tags } from './verification/der-value.ts';
import type { Extension } from './verification/extensions.ts';
import { type GeneralName, readGeneralName } from './verification/general-name.ts';
import { x509 } from './x509.ts';

export interface CsrRequest {
  readonly identifiers: readonly Identifier[];
  readonly key: PrivateKey;
  /**
   * None by default: the names are in the subjectAltName, and a common name has at most 64
   * characters.
   */
  readonly commonName?: string;
  /** Asks for a certificate that is only valid with a stapled OCSP answer. RFC 7633 */
  readonly mustStaple?: boolean;
}

/** The contents of a request. */
export interface CertificateRequestInfo {
  readonly der: Uint8Array;
  readonly identifiers: readonly Identifier[];
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** In words; one of `keyTypes` where it is supported. */
  readonly keyType: string;
  readonly mustStaple: boolean;
}

/**
 * Creates a certificate signing request (PKCS#10, RFC 2986). Only `key.sign` signs it, so the key
 * can be anywhere.
 * @returns DER
 * @throws CertificateError `ERR_CSR_NAMES` for no names, or one that no certificate can have;
 * `ERR_KEY_FORMAT` for a key whose `publicKey` is none; else what `key.sign` throws
 */
export async function createCsr(request: CsrRequest): Promise<Uint8Array> {
  const info = requestInfo(request);
  const signature = await request.key.sign(info);
  return der(
    sequence,
    info,
    signatureAlgorithmDer(request.key.type),
    der(bitString, Uint8Array.of(0), signature),
  );
}

// X.680 §8.4
const [bitString, octetString, utf8String, sequence, set, attributes] = [
  0x03, 0x04, 0x0c, 0x30, 0x31, 0xa0,
];
const versionOne = Uint8Array.of(0x02, 0x01, 0x00);

/** CertificationRequestInfo. RFC 2986 §4.1 */
function requestInfo({ identifiers, key, commonName, mustStaple = false }: CsrRequest): Uint8Array {
  const names = extension(subjectAltName, alternativeNamesValue(identifiers));
  const extensions = der(
    sequence,
    names,
    ...(mustStaple ? [extension(tlsFeature, statusRequest)] : []),
  );
  return der(
    sequence,
    versionOne,
    subject(commonName),
    publicKeyInfo(key),
    der(attributes, der(sequence, objectIdentifier(extensionRequest), der(set, extensions))),
  );
}

function extension(type: string, value: Uint8Array): Uint8Array {
  return der(sequence, objectIdentifier(type), der(octetString, value));
}

function subject(commonName: string | undefined): Uint8Array {
  if (commonName === undefined) return der(sequence);
  // ub-common-name of RFC 5280 appendix A.1
  if (commonName === '' || commonName.length > 64)
    throw new CertificateError(
      'ERR_CSR_NAMES',
      'a common name has 1 to 64 characters: leave it out, the names are in subjectAltName',
    );
  return der(
    sequence,
    der(
      set,
      der(
        sequence,
        objectIdentifier('2.5.4.3'),
        der(utf8String, new TextEncoder().encode(commonName)),
      ),
    ),
  );
}

function publicKeyInfo({ type, publicKey }: PrivateKey): Uint8Array {
  if (describePublicKey(publicKey) !== 'unknown') return publicKey;
  throw new CertificateError(
    'ERR_KEY_FORMAT',
    `the public key of the ${type} key is not a SubjectPublicKeyInfo in DER: correct where it comes from`,
  );
}

/**
 * Reads a request and checks that who made it has the key.
 * @param input PEM, whose first request is read, or DER; 1 MiB at most
 * @throws CertificateError `ERR_CSR_FORMAT`, `ERR_CSR_NAMES`, `ERR_KEY_TYPE` for a key that no public
 * CA certifies
 */
export async function parseCsr(input: string | Uint8Array): Promise<CertificateRequestInfo> {
  const { bytes, csr, names, mustStaple } = await read(input);
  const { otherNames } = names;
  if (otherNames.length > 0)
    throw new CertificateError(
      'ERR_CSR_NAMES',
      `the certificate signing request has ${quoted(otherNames.join(', '))} in its subjectAltName, which can only have DNS names and IP addresses: make it without`,
    );
  const identifiers = requestedNames(names.identifiers, csr.subjectName.getField('CN'));
  const publicKey = new Uint8Array(csr.publicKey.rawData);
  return {
    der: bytes,
    identifiers,
    publicKey,
    keyType: describePublicKey(publicKey),
    mustStaple,
  };
}

/**
 * Returns the names that a request asks for. The common name is one of them. RFC 8555 §7.4
 * @throws CertificateError `ERR_CSR_NAMES` for no names, or a common name that is not among the
 * other names
 * @throws IdentifierError `ERR_ACME_IDENTIFIER` for a name that no certificate can have
 */
function requestedNames(
  alternatives: readonly Identifier[],
  common: readonly string[],
): readonly Identifier[] {
  const names = (alternatives.length > 0 ? alternatives : common.map(commonNameIdentifier)).map(
    (name) => checkedIdentifier(name),
  );
  if (names.length === 0)
    throw new CertificateError(
      'ERR_CSR_NAMES',
      'the certificate signing request has no DNS names or IP addresses: create it with a subjectAltName',
    );
  const { extra } = compareIdentifiers(common.map(commonNameIdentifier), names);
  if (common.length > 1 || extra.length > 0)
    throw new CertificateError(
      'ERR_CSR_NAMES',
      `the certificate signing request has the common name ${quoted(common.join(', '))}, which is not one of the names in its subjectAltName: add it there, or create the request without a common name`,
    );
  return names;
}

async function read(input: string | Uint8Array) {
  if (input.length > largestText)
    throw new CertificateError(
      'ERR_CSR_FORMAT',
      'this is larger than 1 MiB, and so than any certificate signing request',
    );
  const blocks = blocksOf(input, /^(NEW )?CERTIFICATE REQUEST$/);
  if (blocks.length === 0)
    throw new CertificateError(
      'ERR_CSR_FORMAT',
      'this holds no certificate signing request: use a PEM block "CERTIFICATE REQUEST", or DER',
    );
  try {
    const bytes = Uint8Array.from(blocks[0] ?? []);
    if (!isOneSequence(bytes)) throw new RangeError('the bytes are not one DER SEQUENCE');
    const csr = new x509.Pkcs10CertificateRequest(bytes);
    checkKey(new Uint8Array(csr.publicKey.rawData));
    const extensions = requestedExtensions(
      csr.attributes.map(({ type, values }) => ({
        type,
        values: values.map((value) => new Uint8Array(value)),
      })),
    );
    const names = alternativeNames(generalNames(valueOf(extensions, subjectAltName)));
    const mustStaple = asksForStapling(valueOf(extensions, tlsFeature));
    if (await csr.verify()) return { bytes, csr, names, mustStaple };
  } catch (cause) {
    if (cause instanceof CertificateError) throw cause;
    throw new CertificateError(
      'ERR_CSR_FORMAT',
      'the certificate signing request cannot be read: it is damaged; make it again',
      { cause },
    );
  }
  throw new CertificateError(
    'ERR_CSR_FORMAT',
    "the certificate signing request's signature is not of its own key: make it again",
  );
}

function valueOf(extensions: readonly Extension[], wanted: string): Uint8Array | undefined {
  return extensions.find(({ identifier }) => identifier === wanted)?.value;
}

/** GeneralNames, also an empty list. RFC 5280 §4.2.1.6 */
function generalNames(value: Uint8Array | undefined): readonly GeneralName[] {
  return value ? members(readDerValue(value, tags.sequence)).map(readGeneralName) : [];
}

/** @throws CertificateError `ERR_KEY_TYPE` */
function checkKey(publicKey: Uint8Array): void {
  const type = describePublicKey(publicKey);
  const bits = Number(/^rsa[ -](\d+)$/.exec(type)?.[1]);
  if (bits >= 2048 || /^(ec-p\d+|ed25519)$/.test(type)) return;
  const words = type === 'ec' ? 'ec with explicit curve parameters' : type;
  throw new CertificateError(
    'ERR_KEY_TYPE',
    `the certificate signing request is for a key of type ${quoted(words)}, which is not supported: use EC P-256, P-384 or P-521, RSA of 2048 bits or more, or Ed25519`,
  );
}
