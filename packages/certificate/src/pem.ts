import { isOneSequence } from './der.ts';

const letters = new TextEncoder().encode(
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=',
);
const encoder = new TextEncoder();

/** More than any certificate, request or chain. */
export const largestText = 1_048_576;

/** Bytes as PEM, without a string in between: what is secret can be overwritten. RFC 7468 */
export function toPem(label: string, der: Uint8Array): Uint8Array {
  const [begin, end] = [
    encoder.encode(`-----BEGIN ${label}-----\n`),
    encoder.encode(`-----END ${label}-----\n`),
  ];
  const quads = Math.ceil(der.length / 3);
  const pem = new Uint8Array(begin.length + quads * 4 + Math.ceil(quads / 16) + end.length);
  pem.set(begin);
  let to = begin.length;
  for (let quad = 0; quad < quads; quad++) {
    writeQuad(pem, to, der, quad * 3);
    to += 4;
    if (quad % 16 === 15 || quad === quads - 1) pem[to++] = 0x0a;
  }
  pem.set(end, to);
  return pem;
}

/** Writes three bytes as four letters. RFC 4648 §4 */
function writeQuad(to: Uint8Array, at: number, bytes: Uint8Array, from: number): void {
  const left = bytes.length - from;
  const [a, b, c] = [bytes[from] ?? 0, bytes[from + 1] ?? 0, bytes[from + 2] ?? 0];
  to[at] = letterOf(a >> 2);
  to[at + 1] = letterOf(((a & 3) << 4) | (b >> 4));
  to[at + 2] = letterOf(left < 2 ? 64 : ((b & 15) << 2) | (c >> 6));
  to[at + 3] = letterOf(left < 3 ? 64 : c & 63);
}

function letterOf(sextet: number): number {
  return letters[sextet] ?? 0;
}

/**
 * The DER itself, or for PEM the DER of each block that has the label, `undefined` where one is
 * damaged. Bytes may be either.
 */
export function blocksOf(
  input: string | Uint8Array,
  label: RegExp,
): readonly (Uint8Array | undefined)[] {
  if (typeof input === 'string') return fromPem(input, label);
  return isOneSequence(input) ? [input] : fromPem(Buffer.from(input).toString('latin1'), label);
}

/**
 * The blocks of a PEM text that have one of the labels, each as DER; text around them and other
 * blocks are passed over. A block that does not end, or that holds anything but base64, is
 * `undefined`.
 */
export function fromPem(text: string, label: RegExp): readonly (Uint8Array | undefined)[] {
  return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,60})-----(?:([^-]*)-----END \1-----)?/g)]
    .filter(([, blockLabel = '']) => label.test(blockLabel))
    .map(([, , body]) => (body === undefined ? undefined : fromBase64(body)));
}

function fromBase64(text: string): Uint8Array | undefined {
  const base64 = text.replace(/\s+/g, '');
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64)
    ? new Uint8Array(Buffer.from(base64, 'base64'))
    : undefined;
}
