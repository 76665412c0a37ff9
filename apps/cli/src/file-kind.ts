/** A PEM label, and what people call such a file. RFC 7468 */
const pemKinds: readonly (readonly [RegExp, string])[] = [
  [/PKCS7|CMS/, 'a PKCS#7 file'],
  [/ENCRYPTED PRIVATE KEY/, 'an encrypted private key'],
  [/PRIVATE KEY/, 'a private key'],
  [/PUBLIC KEY/, 'a public key'],
  [/CERTIFICATE REQUEST/, 'a certificate signing request'],
  [/X509 CRL/, 'a revocation list'],
  [/PARAMETERS/, 'key parameters'],
];

/** A SEQUENCE of DER up to its contents, in hexadecimal, with the length in each of its forms. */
const sequence = String.raw`30(?:[0-7]\w|80|81\w{2}|82\w{4}|83\w{6})`;

/** The first bytes of DER files, in hexadecimal; the first pattern that fits counts. */
const derKinds: readonly (readonly [RegExp, string])[] = [
  // pkcs-7 signedData, RFC 5652 §4; not within a version number, as in PKCS#12
  [startsWith(sequence, '06092a864886f70d010702'), 'a PKCS#7 file'],
  [startsWith(sequence, '020103.{0,12}06092a864886f70d0107'), 'a PKCS#12 file'],
  [startsWith(sequence, sequence, '06092a864886f70d01(050|0c0)'), 'an encrypted private key'],
  [startsWith(sequence, '02010(0|1)'), 'a private key'],
  // Version 0 and a subject, which may be empty. RFC 2986 §4.1
  [startsWith(sequence, sequence, `020100(3000|${sequence}31)`), 'a certificate signing request'],
  // An optional version, and a signature algorithm. RFC 5280 §5.1
  [startsWith(sequence, sequence, '(020101)?', sequence, '06'), 'a revocation list'],
  [startsWith(sequence, sequence, '06'), 'a public key'],
];

function startsWith(...patterns: readonly string[]): RegExp {
  return new RegExp(`^${patterns.join('')}`);
}

/** Returns the text of a file, from UTF-16 where a byte order mark says so. */
export function decoded(bytes: Buffer): string | Buffer {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return bytes.swap16().toString('utf16le').slice(1);
  return bytes;
}

/** Returns what a file is that has no certificate, as `a private key`; undefined if unknown. */
export function kindOf(content: string | Buffer): string | undefined {
  const text = typeof content === 'string' ? content : content.toString('latin1');
  const labels = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,60})-----/g)].map(([, label]) => label);
  const pem = pemKinds.find(([pattern]) => labels.some((label = '') => pattern.test(label)));
  if (pem) return pem[1];
  const start = Buffer.from(text.slice(0, 60), 'latin1').toString('hex');
  return derKinds.find(([pattern]) => pattern.test(start))?.[1];
}
