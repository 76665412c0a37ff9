import { der, objectIdentifier } from '../der.ts';
import {
  context,
  contents,
  type DerValue,
  encoding,
  expectTag,
  members,
  readDerValue,
  readObjectIdentifier,
  tags,
} from '../verification/der-value.ts';

const data = '1.2.840.113549.1.7.1';
export const signedData = '1.2.840.113549.1.7.2';

/**
 * Writes certificates as PKCS#7: SignedData without data and without a signer. RFC 5652 §5.1
 * @returns DER, with the certificates in their order
 */
export function writePkcs7(certificates: readonly Uint8Array[]): Uint8Array {
  const content = der(
    tags.sequence,
    der(tags.integer, Uint8Array.of(1)),
    der(tags.set),
    der(tags.sequence, objectIdentifier(data)),
    der(context(0, { constructed: true }), ...certificates),
    der(tags.set),
  );
  return der(
    tags.sequence,
    objectIdentifier(signedData),
    der(context(0, { constructed: true }), content),
  );
}

/**
 * Returns the certificates of PKCS#7, in its order. Signatures and signed data are not read.
 * @throws Error of any kind for what is damaged
 */
export function readPkcs7(bytes: Uint8Array): readonly Uint8Array[] {
  const [type, tagged] = members(readDerValue(bytes, tags.sequence));
  if (readObjectIdentifier(present(type)) !== signedData) throw new RangeError('not SignedData');
  const explicit = expectTag(present(tagged), context(0, { constructed: true }));
  const content = readDerValue(contents(explicit), tags.sequence);
  const [, , , ...optional] = members(content);
  const certificates = optional.find(({ tag }) => tag === context(0, { constructed: true }));
  return (certificates ? members(certificates) : [])
    .filter(({ tag }) => tag === tags.sequence)
    .map(encoding);
}

function present(value: DerValue | undefined): DerValue {
  if (value === undefined) throw new RangeError('a value is missing');
  return value;
}
