/**
 * Whether bytes are one DER SEQUENCE from the first to the last, with nothing behind it. X.690
 * §8.1.3
 */
export function isOneSequence(der: Uint8Array): boolean {
  const [tag, first = 0] = der;
  if (tag !== 0x30) return false;
  if (first < 0x80) return der.length === 2 + first;
  const digits = der.subarray(2, 2 + (first & 0x7f));
  return (
    digits.length > 0 &&
    digits.length <= 4 &&
    der.length === 2 + digits.length + digits.reduce((length, digit) => length * 256 + digit, 0)
  );
}
