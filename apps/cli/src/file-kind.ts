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

/** The object identifiers of DER files, in hexadecimal, where they are in the first bytes. */
const derKinds: readonly (readonly [RegExp, string])[] = [
  // pkcs-7 signedData, RFC 5652 §4; not within a version number, as in PKCS#12
  [/^30(8\w{1,7}|\w\w)06092a864886f70d010702/, 'a PKCS#7 file'],
  [/^30(8\w{1,7}|\w\w)020103.{0,12}06092a864886f70d0107/, 'a PKCS#12 file'],
  [/^30(8\w{1,7}|\w\w)30\w{2,6}06092a864886f70d01(050|0c0)/, 'an encrypted private key'],
  [/^30(8\w{1,7}|\w\w)02010(0|1)/, 'a private key'],
];

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
