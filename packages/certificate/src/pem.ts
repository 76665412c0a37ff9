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
    pem.set(quadOf(der, quad * 3), to);
    to += 4;
    if (quad % 16 === 15 || quad === quads - 1) pem[to++] = 0x0a;
  }
  pem.set(end, to);
  return pem;
}

/** Three bytes as four letters. RFC 4648 §4 */
function quadOf(bytes: Uint8Array, at: number): readonly number[] {
  const [a = 0, b, c] = bytes.subarray(at, at + 3);
  const sextets = [
    a >> 2,
    ((a & 3) << 4) | ((b ?? 0) >> 4),
    b === undefined ? 64 : ((b & 15) << 2) | ((c ?? 0) >> 6),
    c === undefined ? 64 : c & 63,
  ];
  return sextets.map((sextet) => letters[sextet] ?? 0);
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
    ? Uint8Array.from(Buffer.from(base64, 'base64'))
    : undefined;
}
