import { AsnConvert } from '@peculiar/asn1-schema';
import { type Extension, Extensions } from '@peculiar/asn1-x509';

/** RFC 2985 §5.4.2 */
export const extensionRequest = '1.2.840.113549.1.9.14';
/** The same, as Windows writes it: szOID_CERT_EXTENSIONS. */
const microsoftExtensionRequest = '1.3.6.1.4.1.311.2.1.14';

/**
 * Returns the extensions that a certificate signing request asks for, under either of the two
 * attributes.
 * @param attributes the attributes of the request; values in DER
 * @throws RangeError for an extension that is there twice; errors of any kind for damaged values
 */
export function requestedExtensions(
  attributes: readonly { readonly type: string; readonly values: readonly ArrayBuffer[] }[],
): readonly Extension[] {
  const extensions = attributes
    .filter(({ type }) => type === extensionRequest || type === microsoftExtensionRequest)
    .flatMap(({ values }) => values)
    .flatMap((value) => [...AsnConvert.parse(value, Extensions)]);
  if (new Set(extensions.map(({ extnID }) => extnID)).size < extensions.length)
    throw new RangeError('it has an extension twice');
  return extensions;
}
