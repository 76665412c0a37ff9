/**
 * Whether bytes are one DER SEQUENCE from the first to the last, with nothing behind it: the frame
 * of every certificate and request. X.690 §8.1.3
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

/** Returns a value: its tag, its length and its contents. X.690 §8.1 */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, part) => sum + part.length, 0);
  const digits = length < 0x80 ? [] : lengthDigits(length);
  return Buffer.concat([
    Uint8Array.of(tag, digits.length === 0 ? length : 0x80 | digits.length, ...digits),
    ...contents,
  ]);
}

/** The bytes of a length in the long form, the highest first. X.690 §8.1.3.5 */
function lengthDigits(length: number): readonly number[] {
  return length < 0x100 ? [length] : [...lengthDigits(length >> 8), length & 0xff];
}

/** An OBJECT IDENTIFIER from its numbers in dots. X.690 §8.19 */
export function objectIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return der(0x06, Uint8Array.from([first * 40 + second, ...rest].flatMap(septets)));
}

function septets(number: number): readonly number[] {
  return number < 0x80
    ? [number]
    : [...septets(Math.floor(number / 0x80)).map((septet) => septet | 0x80), number & 0x7f];
}

/**
 * Returns an INTEGER of a number that is not negative, in as few bytes as it needs; a first bit of 1
 * would make it negative. X.690 §8.3
 * @param number the highest byte first
 */
export function positiveInteger(number: Uint8Array): Uint8Array {
  const first = number.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? Uint8Array.of(0) : number.subarray(first);
  return der(0x02, ...((digits[0] ?? 0) >= 0x80 ? [Uint8Array.of(0)] : []), digits);
}
