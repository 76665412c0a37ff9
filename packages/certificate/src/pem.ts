const encoder = new TextEncoder();

/** Bytes as PEM, without a text in between: what is secret can be overwritten. RFC 7468 */
export function toPem(label: string, der: Uint8Array): Uint8Array {
  const base64 = Buffer.alloc(Math.ceil(der.length / 3) * 4);
  for (let at = 0; at < der.length; at += 48) base64.write(Buffer.from(der.buffer, der.byteOffset + at, Math.min(48, der.length - at)).toString('base64'), (at / 3) * 4, 'latin1');
  const lines: Uint8Array[] = [];
  for (let at = 0; at < base64.length; at += 64) lines.push(base64.subarray(at, at + 64), encoder.encode('\n'));
  const pem = Buffer.concat([encoder.encode(`-----BEGIN ${label}-----\n`), ...lines, encoder.encode(`-----END ${label}-----\n`)]);
  base64.fill(0);
  return new Uint8Array(pem.buffer, pem.byteOffset, pem.length);
}

/** The blocks of a PEM text that have one of the labels, each as DER; text around them is passed over. */
export function fromPem(text: string, label: RegExp): readonly Uint8Array[] {
  return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,60})-----([^-]*)-----END \1-----/g)]
    .filter(([, found = '']) => label.test(found))
    .map(([, , body = '']) => new Uint8Array(Buffer.from(body, 'base64')));
}
