// The forms in which programs keep private keys: PKCS#8 (RFC 5958), SEC1 (RFC 5915), PKCS#1 (RFC
// 8017). WebCrypto reads PKCS#8 alone.

/** One value of DER. X.690 §8.1 */
export interface DerValue {
  readonly tag: number;
  readonly contents: Uint8Array;
  /** With its tag and length. */
  readonly bytes: Uint8Array;
}

/**
 * Reads the values that follow one another in some bytes.
 * @throws RangeError for what is not DER
 */
export function derValues(bytes: Uint8Array): readonly DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at + 1] ?? 0;
    const digits = first < 0x80 ? 0 : first & 0x7f;
    const from = at + 2 + digits;
    const length =
      digits === 0
        ? first
        : bytes.subarray(at + 2, from).reduce((sum, digit) => sum * 256 + digit, 0);
    const to = from + length;
    if (digits > 4 || first === 0x80 || to > bytes.length) throw new RangeError('this is not DER');
    values.push({
      tag: bytes[at] ?? 0,
      contents: bytes.subarray(from, to),
      bytes: bytes.subarray(at, to),
    });
    at = to;
  }
  return values;
}

/** Returns the values in the one SEQUENCE that the bytes are. */
export function derMembers(bytes: Uint8Array): readonly DerValue[] {
  const [sequence, ...rest] = derValues(bytes);
  if (sequence?.tag !== tags.sequence || rest.length > 0)
    throw new RangeError('this is not one DER SEQUENCE');
  return derValues(sequence.contents);
}

export const tags = {
  integer: 0x02,
  octetString: 0x04,
  objectIdentifier: 0x06,
  sequence: 0x30,
  parameters: 0xa0,
} as const;

/** Returns a value from its tag and its contents. */
function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, { length: size }) => sum + size, 0);
  const digits =
    length < 0x80 ? [] : [length >> 16, length >> 8, length].map((part) => part & 0xff);
  const head = digits.length === 0 ? [tag, length] : [tag, 0x80 | digits.length, ...digits];
  return Uint8Array.from([head, ...contents].flatMap((bytes) => [...bytes]));
}

export function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

const ecPublicKey = fromHex('06072a8648ce3d0201');
const rsaEncryption = fromHex('06092a864886f70d0101010500');

/** OBJECT IDENTIFIERs of the curves by the length of a private key in bytes. RFC 5480 §2.1.1.1 */
const curves: Readonly<Record<number, Uint8Array>> = {
  32: fromHex('06082a8648ce3d030107'),
  48: fromHex('06052b81040022'),
  66: fromHex('06052b81040023'),
};

/**
 * Returns a private key as PKCS#8.
 * @param key PKCS#8, SEC1 or PKCS#1, DER
 * @param parameters the curve of a SEC1 key, where it is in a block of its own
 * @throws RangeError for what is none of these
 */
export function toPkcs8(key: Uint8Array, parameters?: Uint8Array): Uint8Array {
  const [version, second] = derMembers(key);
  if (version?.tag !== tags.integer || !second) throw new RangeError('this is not a private key');
  if (second.tag === tags.sequence) return key;
  const algorithm =
    second.tag === tags.octetString
      ? der(tags.sequence, ecPublicKey, curveOf(key, second.contents, parameters))
      : der(tags.sequence, rsaEncryption);
  return der(
    tags.sequence,
    der(tags.integer, Uint8Array.of(0)),
    algorithm,
    der(tags.octetString, key),
  );
}

function curveOf(
  key: Uint8Array,
  number: Uint8Array,
  parameters: Uint8Array | undefined,
): Uint8Array {
  const inside = derMembers(key).find(({ tag }) => tag === tags.parameters)?.contents;
  const curve = inside ?? parameters ?? curves[number.length];
  if (!curve) throw new RangeError('the curve of the key is missing');
  return curve;
}

const kinds: readonly (readonly [string, string])[] = [
  ['2a8648ce3d020106052b8104000a', 'on the curve secp256k1'],
  ['2a8648ce3d02013082', 'on a curve with explicit parameters'],
  ['2a8648ce3d020130', 'on a curve with explicit parameters'],
  ['2a8648ce3d0201', 'on a curve'],
  ['2a864886f70d01010a', 'for RSA-PSS'],
  ['2a864886f70d010101', 'for RSA'],
  ['2b656e', 'for X25519'],
  ['2b656f', 'for X448'],
  ['2b6571', 'for Ed448'],
  ['2a8648ce380401', 'for DSA'],
  ['2a864886f70d010301', 'for Diffie-Hellman'],
];

/** Describes what a PKCS#8 key is for; undefined for what is not known. */
export function describePkcs8(key: Uint8Array): string | undefined {
  const algorithm = hex(derMembers(key)[1]?.contents ?? Uint8Array.of()).slice(4);
  return kinds.find(([identifier]) => algorithm.startsWith(identifier))?.[1];
}
