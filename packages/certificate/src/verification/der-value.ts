/**
 * One value of DER: its tag, and where its contents are. X.690 §8.1
 *
 * A reader of our own, because verification reads thousands of certificates a second:
 * `@peculiar/asn1-schema` reads about a twentieth of that, and accepts BER.
 */
export interface DerValue {
  /** The identifier octet: class, constructed bit and number. */
  readonly tag: number;
  /** The bytes that the value is a part of. */
  readonly bytes: Uint8Array;
  /** Where the value begins, with its tag. */
  readonly start: number;
  /** Where the contents begin. */
  readonly from: number;
  /** Where the contents, and the value, end. */
  readonly to: number;
}

/** The tags that certificates use. X.680 §8.6 */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The bit of a tag that says that the value consists of values. X.690 §8.1.2.5 */
const constructed = 0x20;

/** Returns the tag of a context-specific value, such as `[0]`. */
export function context(number: number, { constructed: hasMembers = false } = {}): number {
  return (hasMembers ? 0x80 | constructed : 0x80) | number;
}

/** What was read is not DER, or not what was expected. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

/**
 * Reads the one value that the bytes consist of.
 * @throws DerError when they are not exactly one value
 */
export function readDerValue(bytes: Uint8Array, tag?: number): DerValue {
  const value = valueAt(bytes, 0, bytes.length);
  if (value.to !== bytes.length) throw new DerError('there are bytes after the end of the value');
  return tag === undefined ? value : expectTag(value, tag);
}

/** @throws DerError unless the value has the tag */
export function expectTag(value: DerValue, tag: number): DerValue {
  if (value.tag !== tag)
    throw new DerError(`the tag is 0x${value.tag.toString(16)}, not 0x${tag.toString(16)}`);
  return value;
}

/**
 * Returns a value that has an implicit tag as a value of its type. X.690 §8.14.3
 * @throws DerError when one of the two has members and the other has not
 */
export function implicit(value: DerValue, tag: number): DerValue {
  if ((value.tag & constructed) !== (tag & constructed))
    throw new DerError(`the tag 0x${value.tag.toString(16)} has the wrong form`);
  return { ...value, tag };
}

/**
 * Returns the one value that an explicit tag contains. X.690 §8.14.2
 * @throws DerError when it is not exactly one
 */
export function explicit(wrapper: DerValue): DerValue {
  const [value, ...rest] = members(wrapper);
  if (!value || rest.length > 0) throw new DerError('a tagged value is not one value');
  return value;
}

/** Returns the values that a constructed value consists of. */
export function members(value: DerValue): readonly DerValue[] {
  const values: DerValue[] = [];
  for (let at = value.from; at < value.to;) {
    const member = valueAt(value.bytes, at, value.to);
    values.push(member);
    at = member.to;
  }
  return values;
}

/**
 * Returns those of the values that have one of the tags, in the order of the tags: the optional
 * members at the end of a SEQUENCE. X.680 §25
 *
 * @throws DerError when a value has another tag, or is there twice or out of order
 */
export function optionalMembers<Tags extends readonly number[]>(
  values: readonly DerValue[],
  ...expected: Tags
): { readonly [Index in keyof Tags]: DerValue | undefined } {
  const left = [...values];
  const present = expected.map((tag) => (left[0]?.tag === tag ? left.shift() : undefined));
  const [unexpected] = left;
  if (unexpected)
    throw new DerError(`the member with tag 0x${unexpected.tag.toString(16)} is not expected here`);
  return present as { readonly [Index in keyof Tags]: DerValue | undefined };
}

/** More than any value in a certificate has. */
const deepestNesting = 32;

/**
 * Checks a value of any type down to its last member. In DER, the universal types that have members
 * are SEQUENCE and SET. X.690 §8.9, §8.11, §10.2
 *
 * @throws DerError when it, or a value in it, is not well-formed
 */
export function expectWellFormed(value: DerValue, depth = 0): DerValue {
  if (depth > deepestNesting) throw new DerError(`the value is more than ${deepestNesting} deep`);
  const isConstructed = (value.tag & constructed) !== 0;
  const isUniversal = value.tag < 0x40;
  const number = value.tag & 0x1f;
  const hasMembers = [tags.sequence, tags.set].some((tag) => (tag & 0x1f) === number);
  if (isUniversal && (isConstructed !== hasMembers || number === 0))
    throw new DerError(`the tag 0x${value.tag.toString(16)} is not one of DER`);
  if (isConstructed) for (const member of members(value)) expectWellFormed(member, depth + 1);
  contentChecks[value.tag]?.(value);
  return value;
}

/** What the contents of some types have to be. */
const contentChecks: Readonly<Record<number, (value: DerValue) => unknown>> = {
  [tags.boolean]: readBoolean,
  [tags.integer]: readInteger,
  [tags.enumerated]: readEnumerated,
  [tags.bitString]: readBitString,
  [tags.objectIdentifier]: readObjectIdentifier,
  [tags.null]: readNull,
  [tags.bmpString]: readText,
  [tags.universalString]: readText,
};

/** Returns the contents of a value, without a copy. */
export function contents({ bytes, from, to }: DerValue): Uint8Array {
  return bytes.subarray(from, to);
}

/** Returns a value with its tag and length, without a copy. */
export function encoding({ bytes, start, to }: DerValue): Uint8Array {
  return bytes.subarray(start, to);
}

/**
 * Reads the value that begins at a position.
 *
 * @param end where the bytes end that it may use
 * @throws DerError when it is cut off, or not DER
 */
export function valueAt(bytes: Uint8Array, start: number, end: number): DerValue {
  const value = headAt(bytes, start, end);
  if (value.to > end) throw new DerError('the value is longer than what contains it');
  return value;
}

/** The most bytes that a tag and a length have. */
export const longestHead = 6;

/**
 * Reads the tag and the length of the value that begins at a position; its contents may end beyond
 * the bytes, for readers of a stream.
 *
 * @param end where the bytes end that it may use
 * @throws DerError when the tag or the length is cut off, or not DER
 */
export function headAt(bytes: Uint8Array, start: number, end: number): DerValue {
  const tag = bytes[start] ?? 0;
  const first = bytes[start + 1];
  if (start + 1 >= end || first === undefined) throw new DerError('the value is cut off');
  if ((tag & 0x1f) === 0x1f) throw new DerError('certificates have no tags above 30');
  const { length, from } =
    first < 0x80 ? { length: first, from: start + 2 } : longLength(bytes, start, first);
  return { tag, bytes, start, from, to: from + length };
}

/** Reads a length in the long form, in as few bytes as possible. X.690 §10.1 */
function longLength(
  bytes: Uint8Array,
  start: number,
  first: number,
): { length: number; from: number } {
  const count = first & 0x7f;
  if (count === 0 || count > 4) throw new DerError('the length is indefinite, or above 4 GiB');
  let length = 0;
  for (let index = 0; index < count; index += 1)
    length = length * 256 + (bytes[start + 2 + index] ?? 0);
  if (length < 0x80 || length < 256 ** (count - 1))
    throw new DerError('the length is not in its shortest form');
  return { length, from: start + 2 + count };
}

/** Reads a BOOLEAN. X.690 §11.1 */
export function readBoolean(value: DerValue): boolean {
  const [byte, ...rest] = contents(expectTag(value, tags.boolean));
  if (rest.length > 0 || (byte !== 0x00 && byte !== 0xff))
    throw new DerError('the BOOLEAN is neither 00 nor FF');
  return byte === 0xff;
}

/** Reads the bytes of an INTEGER in two's complement, in as few as possible. X.690 §8.3 */
export function readInteger(value: DerValue): Uint8Array {
  const bytes = contents(expectTag(value, tags.integer));
  const [first, second = 0] = bytes;
  if (first === undefined) throw new DerError('the INTEGER is empty');
  if (bytes.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
    throw new DerError('the INTEGER is not in its shortest form');
  return bytes;
}

/** Reads an INTEGER from 0 to 2^31 - 1. */
export function readSmallInteger(value: DerValue): number {
  const bytes = readInteger(value);
  if (bytes.length > 4 || (bytes[0] ?? 0) >= 0x80)
    throw new DerError('the INTEGER is negative, or too large');
  return bytes.reduce((number, byte) => number * 256 + byte, 0);
}

/** Reads an ENUMERATED from 0 to 2^31 - 1. X.690 §8.4 */
export function readEnumerated(value: DerValue): number {
  return readSmallInteger({ ...expectTag(value, tags.enumerated), tag: tags.integer });
}

/** Reads a NULL. X.690 §8.8 */
export function readNull(value: DerValue): void {
  const { from, to } = expectTag(value, tags.null);
  if (from !== to) throw new DerError('the NULL is not empty');
}

/** Reads a BIT STRING. X.690 §8.6 */
export function readBitString(value: DerValue): { bits: Uint8Array; unused: number } {
  const bytes = contents(expectTag(value, tags.bitString));
  const unused = bytes[0];
  const bits = bytes.subarray(1);
  if (unused === undefined || unused > 7 || (bits.length === 0 && unused > 0))
    throw new DerError('the BIT STRING has a wrong number of unused bits');
  if (((bits.at(-1) ?? 0) & ((1 << unused) - 1)) !== 0)
    throw new DerError('an unused bit is not 0');
  return { bits, unused };
}

/** Reads the bytes of a BIT STRING that has whole bytes, without a copy. */
export function readOctetsOfBitString(value: DerValue): Uint8Array {
  const bytes = contents(expectTag(value, tags.bitString));
  if (bytes[0] !== 0) throw new DerError('the BIT STRING does not have whole bytes');
  return bytes.subarray(1);
}

const knownIdentifiers = new Map<string, string>();

/** More than any OBJECT IDENTIFIER in use; the time to read a longer one grows with its square. */
const longestIdentifier = 256;

/** Reads an OBJECT IDENTIFIER of at most 256 bytes as numbers with dots. X.690 §8.19 */
export function readObjectIdentifier(value: DerValue): string {
  const bytes = contents(expectTag(value, tags.objectIdentifier));
  if (bytes.length > longestIdentifier)
    throw new DerError(`the OBJECT IDENTIFIER is longer than ${longestIdentifier} bytes`);
  const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const known = knownIdentifiers.get(key);
  if (known !== undefined) return known;
  const dotted = dottedNumbers(bytes);
  if (knownIdentifiers.size < 1000) knownIdentifiers.set(key, dotted);
  return dotted;
}

function dottedNumbers(bytes: Uint8Array): string {
  if (bytes.length === 0 || (bytes.at(-1) ?? 0) >= 0x80)
    throw new DerError('the OBJECT IDENTIFIER is cut off');
  const numbers: bigint[] = [];
  let number = 0n;
  let isFirst = true;
  for (const byte of bytes) {
    if (isFirst && byte === 0x80)
      throw new DerError('the OBJECT IDENTIFIER is not in its shortest form');
    number = (number << 7n) | BigInt(byte & 0x7f);
    isFirst = byte < 0x80;
    if (!isFirst) continue;
    numbers.push(number);
    number = 0n;
  }
  const [head = 0n, ...rest] = numbers;
  const root = head < 80n ? head / 40n : 2n;
  return [root, head - root * 40n, ...rest].join('.');
}

/**
 * Reads a UTCTime or GeneralizedTime in the form that certificates use.
 * @returns milliseconds since 1970
 */
export function readTime(value: DerValue): number {
  const text = Buffer.from(contents(value)).toString('latin1');
  const form = value.tag === tags.utcTime ? /^(\d\d)(\d{10})Z$/ : /^(\d{4})(\d{10})Z$/;
  const [, years = '', rest = ''] = form.exec(text) ?? [];
  if (years === '' || (value.tag !== tags.utcTime && value.tag !== tags.generalizedTime))
    throw new DerError('the time is not in the form of RFC 5280 §4.1.2.5');
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = (rest.match(/../g) ?? []).map(
    Number,
  );
  // RFC 5280 §4.1.2.5.1: years from 50 are in the twentieth century.
  const year =
    years.length === 4 ? Number(years) : Number(years) + (Number(years) < 50 ? 2000 : 1900);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  if (
    date.getUTCMonth() !== month - 1 ||
    date.getUTCDate() !== day ||
    date.getUTCMinutes() !== minute
  )
    throw new DerError('the time has a date that does not exist');
  return date.getTime();
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const decoders: Readonly<Record<number, (bytes: Uint8Array) => string>> = {
  [tags.utf8String]: (bytes) => utf8.decode(bytes),
  [tags.numericString]: latin1,
  [tags.printableString]: latin1,
  [tags.teletexString]: latin1,
  [tags.ia5String]: latin1,
  [tags.visibleString]: latin1,
  [tags.bmpString]: basicMultilingual,
  [tags.universalString]: universal,
};

/**
 * Reads a character string of any kind; `undefined` for a value that is not one.
 * @throws DerError when its bytes are not in the encoding of its kind
 */
export function readText(value: DerValue): string | undefined {
  try {
    return decoders[value.tag]?.(contents(value));
  } catch (cause) {
    throw new DerError('a text is not in the encoding that its tag says', { cause });
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** UCS-2, whose characters are never surrogates. X.680 §41.15 */
function basicMultilingual(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).swap16().toString('utf16le');
  if (/[\ud800-\udfff]/.test(text)) throw new RangeError('a surrogate is not a character');
  return text;
}

/** UCS-4, whose characters are never surrogates either. */
function universal(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const characters = Array.from({ length: Math.ceil(bytes.length / 4) }, (_, index) => {
    const number = view.getUint32(index * 4);
    if (number >> 11 === 0x1b) throw new RangeError('a surrogate is not a character');
    return String.fromCodePoint(number);
  });
  return characters.join('');
}
