import { canonicalHost } from './canonical-host.ts';

/**
 * Whether a label that begins with `xn--` represents a label in Unicode, and is its only spelling.
 * RFC 5890 §2.3.2.1
 */
export function isALabel(label: string): boolean {
  const unicode = decodePunycode(label.slice(4));
  return unicode !== undefined && /[^\0-\x7f]/.test(unicode) && canonicalHost(unicode) === label;
}

/**
 * Returns a domain name with its A-labels as U-labels, for display. A label that is not a valid
 * A-label stays as it is.
 */
export function toUnicode(name: string): string {
  return name
    .split('.')
    .map((label) =>
      label.startsWith('xn--') && isALabel(label)
        ? (decodePunycode(label.slice(4)) ?? label)
        : label,
    )
    .join('.');
}

// RFC 3492 §5
const [base, smallest, largest, skew, damp] = [36, 1, 26, 38, 700];
const [initialBias, initialCodePoint, lastCodePoint] = [72, 128, 0x10ffff];

/** Decodes Punycode. RFC 3492 §6.2. Returns `undefined` for what is not Punycode. */
function decodePunycode(text: string): string | undefined {
  const delimiter = text.lastIndexOf('-');
  const output = [...text.slice(0, Math.max(delimiter, 0))].map((character) =>
    character.charCodeAt(0),
  );
  let [codePoint, bias, index] = [initialCodePoint, initialBias, 0];
  for (let position = delimiter + 1; position < text.length;) {
    const read = readInteger(text, position, bias);
    if (read === undefined) return undefined;
    const length = output.length + 1;
    bias = adaptBias(read.value, length, index === 0 && codePoint === initialCodePoint);
    codePoint += Math.floor((index + read.value) / length);
    index = (index + read.value) % length;
    if (codePoint > lastCodePoint) return undefined;
    output.splice(index, 0, codePoint);
    index += 1;
    position = read.end;
  }
  return String.fromCodePoint(...output);
}

/** Reads a variable-length integer. RFC 3492 §3.3 */
function readInteger(
  text: string,
  start: number,
  bias: number,
): { readonly value: number; readonly end: number } | undefined {
  let [value, weight] = [0, 1];
  for (let position = start, step = base; position < text.length; position += 1, step += base) {
    const digit = digitOf(text.charCodeAt(position));
    if (digit === undefined) return undefined;
    value += digit * weight;
    const threshold = Math.min(Math.max(step - bias, smallest), largest);
    if (digit < threshold) return { value, end: position + 1 };
    weight *= base - threshold;
    if (weight > 2 ** 40) return undefined;
  }
  return undefined;
}

/** `a` to `z` are 0 to 25, `0` to `9` are 26 to 35. */
function digitOf(code: number): number | undefined {
  if (code >= 0x61 && code <= 0x7a) return code - 0x61;
  return code >= 0x30 && code <= 0x39 ? code - 0x30 + 26 : undefined;
}

/** RFC 3492 §6.1 */
function adaptBias(delta: number, length: number, isFirst: boolean): number {
  let rest = Math.floor(delta / (isFirst ? damp : 2));
  rest += Math.floor(rest / length);
  let steps = 0;
  while (rest > ((base - smallest) * largest) / 2) {
    rest = Math.floor(rest / (base - smallest));
    steps += base;
  }
  return steps + Math.floor(((base - smallest + 1) * rest) / (rest + skew));
}
