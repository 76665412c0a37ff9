// RFC 5280 §4.1 and §4.2: what every certificate looks like.
import type { CertificateFields } from '../certificate-fields.ts';
import { isEmptyName } from '../distinguished-name.ts';
import { type Extension, extensionIdentifiers, isProcessedExtension } from '../extensions.ts';
import type { CertificateRule, Fault } from '../fault.ts';

const form = (expected: string, actual: string): Fault => ({ check: 'form', expected, actual });

/** RFC 5280 §4.1.2.1: extensions need version 3. */
const version: CertificateRule = (certificate, { profile }) => {
  const isOld = certificate.version !== 3;
  if (isOld && (profile === 'webpki' || certificate.extensions.length > 0))
    return form('version 3', `version ${certificate.version}`);
  return undefined;
};

/**
 * RFC 5280 §4.1.2.2: a positive number of at most 20 bytes. Anchors are exempt: some public roots
 * have the number 0.
 */
const serialNumber: CertificateRule = ({ serialNumber: bytes }, { role, profile }) => {
  if (profile === 'private' || role === 'anchor') return undefined;
  const expected = 'a positive serial number of at most 20 bytes';
  if ((bytes[0] ?? 0) >= 0x80) return form(expected, 'a negative one');
  if (bytes.every((byte) => byte === 0)) return form(expected, 'zero');
  // A first byte of zero only says that the number is positive.
  const length = bytes[0] === 0 ? bytes.length - 1 : bytes.length;
  return length > 20 ? form(expected, `${length} bytes`) : undefined;
};

/** RFC 5280 §4.1.1.2: the algorithm is named twice, and is the same. */
const algorithms: CertificateRule = ({ signatureAlgorithm, signedAlgorithm }) =>
  signatureAlgorithm.encoded === signedAlgorithm.encoded
    ? undefined
    : form(`the algorithm ${signedAlgorithm.identifier}`, signatureAlgorithm.identifier);

/** RFC 5280 §4.1.2.4, §4.1.2.6: only the subject of a leaf may be empty. */
const names: CertificateRule = ({ issuer, subject, known }, { role }) => {
  if (isEmptyName(issuer)) return form('a name of the issuer', 'an empty name');
  const isIssuer = role !== 'leaf' || known.basicConstraints?.isCa === true;
  return isIssuer && isEmptyName(subject) ? form('a name of the CA', 'an empty name') : undefined;
};

/** RFC 5280 §4.2: each extension once. */
const uniqueExtensions: CertificateRule = ({ extensions }) => {
  const repeated = repeatedExtension(extensions);
  return repeated === undefined ? undefined : form('each extension once', `${repeated} twice`);
};

/** Returns the object identifier of an extension that is there more than once. */
export function repeatedExtension(extensions: readonly Extension[]): string | undefined {
  const identifiers = new Set<string>();
  for (const { identifier } of extensions) {
    if (identifiers.has(identifier)) return identifier;
    identifiers.add(identifier);
  }
  return undefined;
}

/** RFC 5280 §4.2: a critical extension that is not understood. */
const criticalExtensions: CertificateRule = ({ extensions }) => {
  const unknown = extensions.find(
    ({ identifier, isCritical }) => isCritical && !isProcessedExtension(identifier),
  );
  return unknown && form('critical extensions that are known', unknown.identifier);
};

/**
 * Extensions of certificates that are not for TLS: a program that ignores them trusts a certificate for
 * more than it is for.
 */
const foreignExtensions: Readonly<Record<string, string>> = {
  '1.3.6.1.5.5.7.1.7': 'addresses (RFC 3779)',
  '1.3.6.1.5.5.7.1.8': 'autonomous systems (RFC 3779)',
  '1.3.6.1.5.5.7.1.14': 'a proxy (RFC 3820)',
  '1.3.6.1.5.5.7.1.28': 'addresses (RFC 8360)',
  '1.3.6.1.5.5.7.1.29': 'autonomous systems (RFC 8360)',
};

const usage: CertificateRule = ({ extensions }) => {
  const foreign = extensions.find(({ identifier }) => identifier in foreignExtensions);
  if (!foreign) return undefined;
  const what = foreignExtensions[foreign.identifier] ?? '';
  return form('a certificate for TLS', `a certificate of ${what}`);
};

/** RFC 5280 §4.2.2.1 */
const informationAccess: CertificateRule = (certificate, { profile }) =>
  profile !== 'private' && isCritical(certificate, 'authorityInformationAccess')
    ? form('an Authority Information Access that is not critical', 'a critical one')
    : undefined;

export const formRules: readonly CertificateRule[] = [
  version,
  serialNumber,
  algorithms,
  names,
  uniqueExtensions,
  criticalExtensions,
  usage,
  informationAccess,
];

/** Returns whether a certificate has an extension, and as a critical one. */
export function isCritical(
  { extensions }: CertificateFields,
  name: keyof typeof extensionIdentifiers,
): boolean {
  return extensions.some(
    ({ identifier, isCritical: critical }) => critical && identifier === extensionIdentifiers[name],
  );
}
