/** Whether bytes are one DER SEQUENCE from the first to the last, with nothing behind it: the frame of every certificate and request. X.690 §8.1.3 */
export function isOneSequence(der: Uint8Array): boolean {
  const [tag, first = 0] = der;
  if (tag !== 0x30) return false;
  if (first < 0x80) return der.length === 2 + first;
  const digits = der.subarray(2, 2 + (first & 0x7f));
  return digits.length > 0 && digits.length <= 4 && der.length === 2 + digits.length + digits.reduce((length, digit) => length * 256 + digit, 0);
}

/** The two numbers of an ECDSA signature, side by side as WebCrypto gives them, as SEQUENCE { r INTEGER, s INTEGER }. RFC 3279 §2.2.3 */
export function ecdsaSignature(sideBySide: Uint8Array): Uint8Array {
  const half = sideBySide.length / 2;
  const content = [...integer(sideBySide.subarray(0, half)), ...integer(sideBySide.subarray(half))];
  return Uint8Array.from(content.length < 0x80 ? [0x30, content.length, ...content] : [0x30, 0x81, content.length, ...content]);
}

/** A number of up to 126 bytes, none of them to spare; a first bit of 1 would make it negative. */
function integer(number: Uint8Array): readonly number[] {
  const first = number.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? [0] : [...number.subarray(first)];
  const positive = (digits[0] ?? 0) >= 0x80 ? [0, ...digits] : digits;
  return [0x02, positive.length, ...positive];
}
