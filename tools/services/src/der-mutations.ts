/** A value of DER in a form that can be changed. X.690 §8.1 */
interface Value {
  tag: number;
  /** Of a value without members. */
  contents: Uint8Array;
  /** Also those of an OCTET STRING or BIT STRING that contains DER. */
  members: Value[] | undefined;
  /** What is before the members: the unused bits of a BIT STRING. */
  readonly lead: Uint8Array;
  /** How much the written length differs from the true one. */
  lengthError: number;
}

/** A value among those that it is beside. */
interface Place {
  readonly siblings: Value[];
  readonly index: number;
  readonly value: Value;
}

/** Random numbers with a seed. */
export interface SeededRandom {
  /** Returns a whole number from 0 to below `end`. */
  below(end: number): number;
  pick<T>(values: readonly T[]): T;
}

/** Returns random numbers that are the same for the same seed. */
export function seededRandom(seed: number): SeededRandom {
  // mulberry32
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 15), state | 1);
    const again = mixed ^ (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61));
    return ((again ^ (again >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  return {
    below,
    pick(values) {
      const value = values[below(values.length)];
      if (value === undefined) throw new RangeError('there is nothing to pick from');
      return value;
    },
  };
}

/**
 * Changes DER at one to three places: single bytes, or whole values with lengths that stay right.
 *
 * @param foreign DER whose values may be put in place of one
 */
export function mutatedDer(
  der: Uint8Array,
  random: SeededRandom,
  foreign: readonly Uint8Array[] = [],
): Uint8Array {
  if (random.below(4) === 0) return changedBytes(der, random);
  const values = readValues(der);
  if (!values) return changedBytes(der, random);
  for (let count = random.below(3); count >= 0; count -= 1) {
    const places = placesIn(values);
    if (places.length === 0) break;
    const otherValues = foreign.length > 0 ? readValues(random.pick(foreign)) : undefined;
    const foreignValue = otherValues && random.pick(placesIn(otherValues)).value;
    random.pick(changes)(random.pick(places), { random, foreignValue });
  }
  return Buffer.concat(values.map(write));
}

/**
 * Returns DER with one of its values wrong, for each value and each way to be wrong: another tag or
 * form, contents that no or only some types may have, members that are missing, repeated or unknown.
 *
 * @param stride returns only each so many-th of them
 */
export function* malformedDer(der: Uint8Array, { stride = 1 } = {}): Generator<Uint8Array> {
  const count = placesIn(readValues(der) ?? []).length * malformations.length;
  for (let index = 0; index < count; index += stride) {
    const values = readValues(der) ?? [];
    const place = placesIn(values)[Math.floor(index / malformations.length)];
    const isChanged = place && malformations[index % malformations.length]?.(place) !== false;
    if (isChanged === true) yield Buffer.concat(values.map(write));
  }
}

function changedBytes(der: Uint8Array, random: SeededRandom): Uint8Array {
  const bytes = Buffer.from(der);
  const at = random.below(bytes.length);
  const length = 1 + random.below(8);
  const noise = Uint8Array.from({ length }, () => random.below(256));
  return random.pick([
    () => Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at + length)]),
    () => Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]),
    () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]),
    () => bytes.subarray(0, at),
    () => Buffer.concat([bytes, noise]),
    () => {
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    },
  ])();
}

interface Change {
  readonly random: SeededRandom;
  readonly foreignValue: Value | undefined;
}

const tagNumbers = [1, 2, 3, 4, 5, 6, 10, 12, 19, 20, 22, 23, 24, 28, 30, 31, 48, 49];
const identifiers = [
  '550403 551d0e 551d0f 551d11 551d12 551d13 551d14 551d15 551d1c 551d1e 551d1f 551d20 551d2000',
  '551d21 551d23 551d24 551d25 551d2500 551d36 2b06010505070101 2b060105050701180 2b06010505073001',
  '2b06010505070301 2b06010505070302 2b06010505070309 2b0601050507300102 2a8648ce3d0201',
  '2a8648ce3d040302 2a8648ce3d030107 2a864886f70d010101 2a864886f70d01010b 2a864886f70d01010a',
  '2a864886f70d010701 2a864886f70d010706 2a864886f70d01050d 2b0e03021a 608648016503040201 2b6570',
]
  .join(' ')
  .split(' ')
  .map((hex) => Buffer.from(hex, 'hex'));
const times = [
  ...[
    '19700101000000Z',
    '20501231235959Z',
    '99991231235959Z',
    '20260230000000Z',
    '00000101000000Z',
  ],
  ...['260101000000Z', '491231235959Z', '500101000000Z', '2601010000Z', '260101000000+0100'],
  ...['20260101000000.5Z', '', 'Z', '-60101000000Z', '20261301000000Z', '260101006000Z'],
].map((text) => Buffer.from(text));
const integers = ['', '00', '01', '7f', '80', 'ff', '0001', 'ff80', '0100000000', '00'.repeat(21)]
  .concat(['7f'.repeat(20), '7f'.repeat(500), '0f4240'])
  .map((hex) => Buffer.from(hex, 'hex'));

const changes: readonly ((place: Place, change: Change) => void)[] = [
  // Delete, repeat, swap, replace, insert.
  ({ siblings, index }) => void siblings.splice(index, 1),
  ({ siblings, index, value }) => void siblings.splice(index, 0, value),
  ({ siblings, index, value }, { random }) => {
    const target = random.below(siblings.length);
    [siblings[index], siblings[target]] = [siblings[target] ?? value, value];
  },
  ({ siblings, index, value }, { foreignValue = value }) => {
    siblings[index] = foreignValue;
  },
  ({ siblings, index, value }, { foreignValue = value }) =>
    void siblings.splice(index, 0, foreignValue),
  // Tags and lengths.
  ({ value }, { random }) => {
    value.tag = random.pick([random.pick(tagNumbers), value.tag ^ 0x20, 0x80 | random.below(64)]);
  },
  ({ value }, { random }) => {
    value.lengthError = random.pick([-1, 1, 2, 127, 65_536, 2 ** 31]);
  },
  // Contents by their kind.
  changeContents,
  changeContents,
  changeContents,
  // Large ones, and deep ones: rarely, since each costs time.
  ({ siblings, index, value }, { random }) => {
    const count = random.below(40) === 0 ? Math.floor(20_000 / (value.contents.length + 10)) : 3;
    siblings.splice(index, 0, ...Array.from({ length: count }, () => value));
  },
  ({ value }, { random }) => {
    const depth = random.below(20) === 0 ? 500 : 4;
    for (let level = 0; level < depth; level += 1) {
      value.members = [{ ...value }];
      value.tag = 0x30;
      value.lengthError = 0;
    }
  },
];

function changeContents({ value }: Place, { random }: Change): void {
  if (value.members) {
    value.members = random.below(3) === 0 ? [] : value.members;
    return;
  }
  const { contents } = value;
  const known: Readonly<Record<number, readonly Uint8Array[]>> = {
    0x01: [Uint8Array.of(0), Uint8Array.of(0xff), Uint8Array.of(1), Uint8Array.of(0, 0)],
    0x02: integers,
    0x06: identifiers,
    0x17: times,
    0x18: times,
  };
  const changed = contents.length === 0 ? Uint8Array.of(0) : changedBytes(contents, random);
  value.contents = random.pick([
    random.pick(known[value.tag] ?? [changed]),
    random.pick(known[value.tag] ?? [changed]),
    changed,
    new Uint8Array(random.below(20) === 0 ? 20_000 : 1),
  ]);
}

/** Returns all values, also those in others. */
function placesIn(values: Value[]): readonly Place[] {
  const places: Place[] = [];
  const lists = [values];
  for (let siblings = lists.pop(); siblings; siblings = lists.pop())
    for (const [index, value] of siblings.entries()) {
      places.push({ siblings, index, value });
      if (value.members) lists.push(value.members);
    }
  return places;
}

/** Reads as many values as the bytes consist of; undefined where they are not all DER. */
function readValues(bytes: Uint8Array): Value[] | undefined {
  const values: Value[] = [];
  for (let at = 0; at < bytes.length;) {
    const [tag = 0, first = 0x80] = bytes.subarray(at);
    const digits = first < 0x80 ? [] : [...bytes.subarray(at + 2, at + 2 + (first & 0x7f))];
    const length = first < 0x80 ? first : digits.reduce((sum, digit) => sum * 256 + digit, 0);
    const from = at + 2 + digits.length;
    const isDer = first < 0x80 || (digits.length > 0 && digits.length <= 4 && length >= 0x80);
    if (!isDer || (tag & 0x1f) === 0x1f || from + length > bytes.length) return undefined;
    values.push(readValue(tag, bytes.subarray(from, from + length)));
    at = from + length;
  }
  return values;
}

function readValue(tag: number, contents: Uint8Array): Value {
  const leadLength = tag === 0x03 ? 1 : 0;
  const mayContain = (tag & 0x20) !== 0 || ((tag === 0x03 || tag === 0x04) && contents.length > 2);
  const members = mayContain ? readValues(contents.subarray(leadLength)) : undefined;
  return { tag, contents, members, lead: contents.subarray(0, leadLength), lengthError: 0 };
}

function write({ tag, contents, members, lead, lengthError }: Value): Uint8Array {
  const body = members ? Buffer.concat([lead, ...members.map(write)]) : contents;
  const length = Math.max(0, body.length + lengthError);
  const hex = length.toString(16);
  const digits = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  const head = length < 0x80 ? [length] : [0x80 | digits.length, ...digits];
  return Buffer.concat([Uint8Array.of(tag, ...head), body]);
}

const strangeTags = [
  ...Array.from({ length: 30 }, (_, number) => number + 1),
  ...Array.from({ length: 10 }, (_, number) => 0x80 | number),
  ...Array.from({ length: 10 }, (_, number) => 0xa0 | number),
  0x30,
  0x31,
];
const strangeContents = [
  '',
  '00',
  '01',
  '07',
  '08',
  '80',
  'ff',
  '0000',
  '0001',
  '0101',
  '0701',
  '07ff',
  '08ff',
  'ff80',
  '8001',
  '2a80',
  'd800',
  '00110000',
  '0000d800',
  'c3',
  '2a'.repeat(21),
  ...times.map((time) => time.toString('hex')),
].map((hex) => Buffer.from(hex, 'hex'));
const strangeIdentifiers = [
  ...identifiers.map((identifier) => identifier.toString('hex')),
  ...['551d2e', '551d09', '551d10', '2b06010505070107', '2b06010505070108', '2b0601050507010e'],
  ...['2b06010505070118', '6086480186f8420101', '6086480186f8420104', '2b6571', '550406'],
  ...['2a864886f70d010901', '2a8648ce3d040301', '2a864886f70d010105', '2b0601050507030d'],
].map((hex) => Buffer.from(hex, 'hex'));

const malformations: readonly ((place: Place) => unknown)[] = [
  ({ siblings, index }) => siblings.splice(index, 1),
  ({ siblings, index, value }) => siblings.splice(index, 0, value),
  ({ siblings, index }) => siblings.splice(index + 1, 0, primitive(0x05, '')),
  ({ siblings, index }) => siblings.splice(index + 1, 0, primitive(0x89, '00')),
  ({ siblings, index }) => {
    const [next] = siblings.splice(index + 1, 1);
    return next !== undefined && siblings.splice(index, 0, next);
  },
  ({ value }) => {
    value.tag ^= 0x20;
  },
  ...strangeTags.map((tag) => ({ value }: Place) => {
    if (value.tag === tag) return false;
    value.tag = tag;
    return true;
  }),
  ...strangeContents.map((contents) => ({ value }: Place) => {
    if (value.members && contents.length > 0) return false;
    value.members = undefined;
    value.contents = contents;
    return true;
  }),
  ...strangeIdentifiers.map((contents) => ({ value }: Place) => {
    if (value.tag !== 0x06) return false;
    value.contents = contents;
    return true;
  }),
];

function primitive(tag: number, hex: string): Value {
  const contents = Buffer.from(hex, 'hex');
  return { tag, contents, members: undefined, lead: new Uint8Array(), lengthError: 0 };
}
