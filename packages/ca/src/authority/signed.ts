import { type PrivateKey, signatureAlgorithmDer } from '@acmex/certificate';
import {
  context,
  der,
  objectIdentifier,
  positiveInteger,
  tags,
} from '@acmex/certificate/structure';
import type { Temporal } from 'temporal-polyfill';
import type { x509 } from './x509.ts';

export interface CertificateContent {
  /** Hexadecimal. */
  readonly serialNumber: string;
  /** Name, DER. */
  readonly issuer: Uint8Array;
  /** Name, DER. */
  readonly subject: Uint8Array;
  readonly notBefore: Temporal.Instant;
  readonly notAfter: Temporal.Instant;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** Each an Extension, DER. */
  readonly extensions: readonly Uint8Array[];
}

const version3 = explicit(0, der(tags.integer, Uint8Array.of(2)));

/**
 * A certificate, signed through `key.sign` alone, so that the key may be anywhere. DER. RFC 5280
 * §4.1
 */
export async function signedCertificate(
  content: CertificateContent,
  key: PrivateKey,
): Promise<Uint8Array> {
  return await signed(
    der(
      tags.sequence,
      version3,
      serialNumberDer(content.serialNumber),
      signatureAlgorithmDer(key.type),
      content.issuer,
      der(tags.sequence, time(content.notBefore), time(content.notAfter)),
      content.subject,
      content.publicKey,
      explicit(3, der(tags.sequence, ...content.extensions)),
    ),
    key,
  );
}

/** What a key signs, with how it signs and its signature. DER. RFC 5280 §4.1.1, §5.1.1 */
export async function signed(content: Uint8Array, key: PrivateKey): Promise<Uint8Array> {
  const signature = await key.sign(content);
  return der(
    tags.sequence,
    content,
    signatureAlgorithmDer(key.type),
    der(tags.bitString, Uint8Array.of(0), signature),
  );
}

/** A Name with a common name alone. DER. RFC 5280 §4.1.2.4 */
export function nameOf(commonName: string): Uint8Array {
  const value = der(tags.utf8String, Buffer.from(commonName));
  const attribute = der(tags.sequence, objectIdentifier('2.5.4.3'), value);
  return der(tags.sequence, der(tags.set, attribute));
}

/** An Extension. DER. RFC 5280 §4.1 */
export function extensionDer({
  type,
  critical,
  value,
}: Pick<x509.Extension, 'type' | 'critical'> & {
  readonly value: ArrayBuffer | Uint8Array;
}): Uint8Array {
  return der(
    tags.sequence,
    objectIdentifier(type),
    ...(critical ? [der(tags.boolean, Uint8Array.of(0xff))] : []),
    der(tags.octetString, new Uint8Array(value)),
  );
}

/** A CertificateSerialNumber, of hexadecimal digits. DER. RFC 5280 §4.1.2.2 */
export function serialNumberDer(serialNumber: string): Uint8Array {
  return positiveInteger(Buffer.from(serialNumber, 'hex'));
}

/** A value under an explicit tag of the context-specific class. DER. X.690 §8.14 */
export function explicit(number: number, value: Uint8Array): Uint8Array {
  return der(context(number, { constructed: true }), value);
}

/** Whole seconds: a UTCTime through the year 2049, then a GeneralizedTime. RFC 5280 §4.1.2.5 */
export function time(moment: Temporal.Instant): Uint8Array {
  const digits = timeDigits(moment);
  return Number(digits.slice(0, 4)) < 2050
    ? der(tags.utcTime, Buffer.from(digits.slice(2)))
    : der(tags.generalizedTime, Buffer.from(digits));
}

/** A GeneralizedTime, in whole seconds. */
export function generalizedTime(moment: Temporal.Instant): Uint8Array {
  return der(tags.generalizedTime, Buffer.from(timeDigits(moment)));
}

function timeDigits(moment: Temporal.Instant): string {
  return new Date(moment.epochMilliseconds).toISOString().replace(/[-:T]|\.\d+/g, '');
}

/** RFC 7468 */
export function certificatePem(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;
}
