// The library wants the Reflect metadata API in place before it is loaded.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { isOneSequence } from './der.ts';
import { fromPem } from './pem.ts';

export { x509 };

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
 * One certificate or request, in a copy of the bytes.
 * @throws Error of any kind for what is damaged
 */
export function readDer<T extends x509.X509Certificate | x509.Pkcs10CertificateRequest>(
  kind: new (der: Uint8Array<ArrayBuffer>) => T,
  der: Uint8Array,
): T {
  if (!isOneSequence(der)) throw new RangeError('the bytes are not one DER SEQUENCE');
  const read = new kind(Uint8Array.from(der));
  // RFC 5280 §4.2: "A certificate MUST NOT include more than one instance of a particular
  // extension."
  if (new Set(read.extensions.map(({ type }) => type)).size < read.extensions.length)
    throw new RangeError('it has an extension twice');
  return read;
}
