import { members, readDerValue, tags } from './verification/der-value.ts';
import { type Extension, readExtension } from './verification/extensions.ts';

/** RFC 2985 §5.4.2 */
export const extensionRequest = '1.2.840.113549.1.9.14';
/** The same, as Windows writes it: szOID_CERT_EXTENSIONS. */
const microsoftExtensionRequest = '1.3.6.1.4.1.311.2.1.14';

/**
 * Returns the extensions that a certificate signing request asks for, under either of the two
 * attributes.
 * @param attributes the attributes of the request; values in DER
 * @throws RangeError for an extension that is there twice
 * @throws DerError for damaged values
 */
export function requestedExtensions(
  attributes: readonly { readonly type: string; readonly values: readonly Uint8Array[] }[],
): readonly Extension[] {
  const extensions = attributes
    .filter(({ type }) => type === extensionRequest || type === microsoftExtensionRequest)
    .flatMap(({ values }) => values)
    .flatMap((value) => members(readDerValue(value, tags.sequence)).map(readExtension));
  if (new Set(extensions.map(({ identifier }) => identifier)).size < extensions.length)
    throw new RangeError('it has an extension twice');
  return extensions;
}
