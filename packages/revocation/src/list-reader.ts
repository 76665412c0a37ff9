import {
  DerError,
  type DerValue,
  encoding,
  expectTag,
  headAt,
  longestHead,
  readDerValue,
  tags,
  valueAt,
} from '@acmex/certificate/structure';

/** Bytes of a list: all at once, or in pieces as they arrive. */
export type ListBytes = Uint8Array | AsyncIterable<Uint8Array>;

/** The most bytes of a field beside the entries, and of one entry. */
const longestField = 64 * 1024;
/** How many bytes are read before other work has its turn. */
const turnLength = 256 * 1024;

/** Reads DER that arrives in pieces, of which it holds as little as it can. */
export interface ListReader {
  /** Reads the next value whole, without what the reader gives to `onRead`. */
  value(): Promise<DerValue>;
  /** Reads the tag and the length of the next value. @returns its length */
  enter(tag: number): Promise<number>;
  /** Returns the tag of the next value; undefined at the end. */
  peek(): Promise<number | undefined>;
  /** How many bytes were read. */
  position(): number;
  /**
   * Calls `visit` with each value up to a position. The value is valid until `visit` returns.
   */
  visit(end: number, visit: (value: DerValue) => void): Promise<void>;
  /** Called with all bytes that are read from now on. */
  onRead: ((bytes: Uint8Array) => void) | undefined;
}

/** Begins to read a list. */
// eslint-disable-next-line max-lines-per-function -- the functions of one reader share its state
export function listReader(list: ListBytes): ListReader {
  const pieces = list instanceof Uint8Array ? piecesOf(list) : list;
  const source = pieces[Symbol.asyncIterator]();
  let bytes = new Uint8Array();
  /** Where in `bytes` the reader is, and how many bytes came before. */
  let at = 0;
  let before = 0;
  let sinceTurn = 0;
  let hasEnded = false;

  const more = async (): Promise<boolean> => {
    const next = hasEnded ? undefined : await source.next();
    if (!next || next.done === true) {
      hasEnded = true;
      return false;
    }
    sinceTurn += next.value.length;
    if (sinceTurn >= turnLength) {
      sinceTurn = 0;
      await new Promise(setImmediate);
    }
    bytes =
      at === bytes.length ? Uint8Array.from(next.value) : joined(bytes.subarray(at), next.value);
    before += at;
    at = 0;
    return true;
  };
  const has = async (count: number): Promise<boolean> => {
    while (bytes.length - at < count) if (!(await more())) return false;
    return true;
  };
  const pass = (to: number): void => {
    reader.onRead?.(bytes.subarray(at, to));
    at = to;
  };
  /** Whether the next value is in the buffer whole. */
  const isWhole = (): boolean => {
    if (bytes.length - at < longestHead && !hasEnded) return false;
    const { to } = headAt(bytes, at, bytes.length);
    if (to - at > longestField) throw new DerError('a value in the list is longer than 64 KiB');
    return to <= bytes.length;
  };
  const nextValue = (): DerValue => valueAt(bytes, at, bytes.length);
  const reader: ListReader = {
    onRead: undefined,
    position: () => before + at,
    async peek() {
      return (await has(1)) ? bytes[at] : undefined;
    },
    async value() {
      while (!isWhole()) if (!(await more())) break;
      const value = nextValue();
      pass(value.to);
      return readDerValue(Uint8Array.from(encoding(value)));
    },
    async enter(tag) {
      await has(longestHead);
      const head = expectTag(headAt(bytes, at, bytes.length), tag);
      pass(head.from);
      return head.to - head.from;
    },
    async visit(end, visit) {
      while (before + at < end) {
        const from = at;
        let to = from;
        while (before + at < end && isWhole()) {
          const value = expectTag(nextValue(), tags.sequence);
          visit(value);
          to = value.to;
          at = to;
        }
        at = from;
        pass(to);
        if (before + at > end) throw new DerError('an entry is longer than what contains it');
        if (before + at < end && !(await more()) && !isWhole())
          throw new DerError('the value is cut off');
      }
    },
  };
  return reader;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

async function* piecesOf(list: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < list.length; at += turnLength) yield list.subarray(at, at + turnLength);
}
