/** A change of one TXT record: RFC 2136 §2.5.1 and §2.5.4. */
export interface Change {
  readonly action: 'add' | 'delete';
  readonly name: string;
  readonly value: string;
  readonly ttl: number;
}

const types = { SOA: 6, TXT: 16, TSIG: 250 };
const classes = { IN: 1, NONE: 254 };

/**
 * An UPDATE of a zone: header, zone, changes; nothing is required of the zone's content. RFC 2136
 * §2.
 */
export function updateMessage(id: number, zone: string, changes: readonly Change[]): Buffer {
  const header = numbers16(id, 5 << 11, 1, 0, changes.length, 0);
  return Buffer.concat([
    header,
    nameBytes(zone),
    numbers16(types.SOA, classes.IN),
    ...changes.flatMap(({ action, name, value, ttl }) => {
      const data = textBytes(value);
      const [klass, life] = action === 'add' ? [classes.IN, ttl] : [classes.NONE, 0];
      return [
        nameBytes(name),
        numbers16(types.TXT, klass),
        number32(life),
        numbers16(data.length),
        data,
      ];
    }),
  ]);
}

/** What an answer to an UPDATE says. `tsig` where it is signed, or says why it is not. */
export interface UpdateAnswer {
  readonly id: number;
  readonly rcode: number;
  readonly tsig: Tsig | undefined;
}

export interface Tsig {
  /** Where its record begins. */
  readonly start: number;
  readonly key: string;
  readonly algorithm: string;
  /** Seconds since 1970. */
  readonly time: number;
  readonly fudge: number;
  readonly mac: Buffer;
  readonly error: number;
  readonly otherData: Buffer;
}

/** @throws RangeError for what is not an answer */
export function readAnswer(message: Buffer): UpdateAnswer {
  const [id, flags, ...counts] = [0, 2, 4, 6, 8, 10].map((at) => message.readUInt16BE(at));
  if (id === undefined || flags === undefined || (flags & 0xf800) >>> 0 !== 0xa800)
    throw new RangeError('it is not an answer to an UPDATE');
  const [zones = 0, ...records] = counts;
  let at = 12;
  for (let left = zones; left > 0; left--) at = readName(message, at).end + 4;
  let tsig: Tsig | undefined;
  for (let left = records.reduce((sum, count) => sum + count, 0); left > 0; left--) {
    const { name, end } = readName(message, at);
    const data = message.subarray(end + 10, end + 10 + message.readUInt16BE(end + 8));
    tsig =
      message.readUInt16BE(end) === types.TSIG
        ? { start: at, key: name, ...readTsig(data) }
        : undefined;
    at = end + 10 + data.length;
  }
  return { id, rcode: flags & 15, tsig };
}

/** The data of a TSIG record. RFC 8945 §4.2. */
function readTsig(data: Buffer): Omit<Tsig, 'start' | 'key'> {
  const { name: algorithm, end } = readName(data, 0);
  const after = end + 10 + data.readUInt16BE(end + 8);
  return {
    algorithm,
    time: data.readUIntBE(end, 6),
    fudge: data.readUInt16BE(end + 6),
    mac: data.subarray(end + 10, after),
    error: data.readUInt16BE(after + 2),
    otherData: data.subarray(after + 6, after + 6 + data.readUInt16BE(after + 4)),
  };
}

/**
 * A name as it is on the wire, in lower case.
 * @throws RangeError for one with a label that is empty or longer than 63
 */
export function nameBytes(name: string): Buffer {
  const labels = name
    .replace(/\.$/, '')
    .toLowerCase()
    .split('.')
    .map((label) => Buffer.from(label));
  if (labels.some(({ length }) => length === 0 || length > 63))
    throw new RangeError(`${JSON.stringify(name)} is not a name that DNS can hold`);
  return Buffer.concat([
    ...labels.flatMap((label) => [Buffer.from([label.length]), label]),
    Buffer.from([0]),
  ]);
}

/**
 * @throws RangeError for one that ends nowhere; pointers lead backwards only, so none goes round in
 * a circle
 */
function readName(message: Buffer, begin: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let end: number | undefined;
  for (let at = begin, limit = begin; ;) {
    const length = message.readUInt8(at);
    if (length === 0) return { name: labels.join('.').toLowerCase(), end: end ?? at + 1 };
    if (length < 64) {
      labels.push(message.toString('latin1', at + 1, at + 1 + length));
      at += length + 1;
      continue;
    }
    end ??= at + 2;
    at = message.readUInt16BE(at) & 0x3fff;
    if (at >= limit) throw new RangeError('a name points forwards');
    limit = at;
  }
}

function textBytes(value: string): Buffer {
  const bytes = Buffer.from(value);
  const characterStrings = Array.from(
    { length: Math.max(1, Math.ceil(bytes.length / 255)) },
    (_, at) => bytes.subarray(255 * at, 255 * (at + 1)),
  );
  return Buffer.concat(characterStrings.flatMap((text) => [Buffer.from([text.length]), text]));
}

export function numbers16(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * numbers.length);
  numbers.forEach((number, at) => bytes.writeUInt16BE(number, 2 * at));
  return bytes;
}

export function number32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
}

export function number48(number: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(number, 0, 6);
  return bytes;
}
