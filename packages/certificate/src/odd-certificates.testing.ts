import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { der, objectIdentifier } from './der.ts';
import { context, tags } from './verification/der-value.ts';

const keys: readonly KeyObject[] = [
  ...['P-256', 'P-384', 'P-521', 'secp256k1'].map(
    (namedCurve) => generateKeyPairSync('ec', { namedCurve }).privateKey,
  ),
  ...[2048, 1024].map((modulusLength) => generateKeyPairSync('rsa', { modulusLength }).privateKey),
  generateKeyPairSync('ed25519').privateKey,
  generateKeyPairSync('ed448').privateKey,
];
const ecdsaWithSha256 = '1.2.840.10045.4.3.2';

const texts: readonly (readonly [keyof typeof tags, string])[] = [
  ['utf8String', 'Zürich Müller'],
  ['utf8String', '日本語'],
  ['utf8String', 'a, b + c = "d" <e> ; #f \\ g'],
  ['utf8String', '#hash'],
  ['utf8String', 'line\nbreak'],
  ['printableString', 'Plain Name 1'],
  ['ia5String', 'someone@example.com'],
  ['bmpString', 'BMP Ünï'],
  ['numericString', '12345'],
];
const attributeTypes = ['2.5.4.3', '2.5.4.7', '2.5.4.10', '2.5.4.11', '1.2.3.4.5.6'];

/** Chooses, from a seed. */
class Choice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

/** Makes a certificate with odd names, an odd serial number, issuer and key, from a seed. DER. */
export function oddCertificate(seed: number): Uint8Array {
  const choice = new Choice(seed);
  const [signer] = keys;
  if (!signer) throw new Error('there is no key to sign with');
  const algorithm = der(tags.sequence, objectIdentifier(ecdsaWithSha256));
  const names = Array.from({ length: 1 + choice.below(6) }, () => alternativeName(choice));
  const extension = der(
    tags.sequence,
    objectIdentifier('2.5.29.17'),
    der(tags.octetString, der(tags.sequence, ...names)),
  );
  const signed = der(
    tags.sequence,
    der(context(0, { constructed: true }), der(tags.integer, Uint8Array.of(2))),
    der(tags.integer, serialNumber(choice)),
    algorithm,
    distinguishedName(choice),
    der(tags.sequence, time('260501000000Z'), time('260801000000Z')),
    distinguishedName(choice),
    createPublicKey(choice.of(keys)).export({ type: 'spki', format: 'der' }),
    der(context(3, { constructed: true }), der(tags.sequence, extension)),
  );
  const signature = sign('sha256', signed, signer);
  return der(tags.sequence, signed, algorithm, der(tags.bitString, Uint8Array.of(0), signature));
}

function time(text: string): Uint8Array {
  return der(tags.utcTime, Buffer.from(text));
}

/** A positive number of 1 to 20 bytes, often with its first bit set, so that a zero precedes it. */
function serialNumber(choice: Choice): Uint8Array {
  const bytes = choice.bytes(1 + choice.below(19));
  bytes[0] = (bytes[0] ?? 0) | (choice.below(2) === 0 ? 0x80 : 0x01);
  return (bytes[0] ?? 0) >= 0x80 ? Uint8Array.of(0, ...bytes) : bytes;
}

function encoded([kind, text]: readonly [keyof typeof tags, string]): Uint8Array {
  const bytes = kind === 'bmpString' ? Buffer.from(text, 'utf16le').swap16() : Buffer.from(text);
  return der(tags[kind], bytes);
}

/** Some relative names of one or two attributes. */
function distinguishedName(choice: Choice): Uint8Array {
  const relatives = Array.from({ length: 1 + choice.below(4) }, () => {
    const attributes = Array.from({ length: choice.below(4) === 0 ? 2 : 1 }, () =>
      der(tags.sequence, objectIdentifier(choice.of(attributeTypes)), encoded(choice.of(texts))),
    ).sort((a, b) => Buffer.compare(a, b));
    return der(tags.set, ...attributes);
  });
  return der(tags.sequence, ...relatives);
}

/** A name of any kind that subjectAltName has. RFC 5280 §4.2.1.6 */
function alternativeName(choice: Choice): Uint8Array {
  const number = choice.below(1000);
  const text = (tag: number, value: string) => der(context(tag), Buffer.from(value));
  const principal = der(tags.utf8String, Buffer.from(`user${number}@corp.example`));
  const kinds: readonly (() => Uint8Array)[] = [
    () => text(2, `host-${number}.example.com`),
    () => text(2, `*.wild-${number}.example.com`),
    () => text(2, `UPPER-${number}.Example.COM`),
    () => text(1, `someone${number}@example.com`),
    () => text(6, `https://example.com/${number}?a=b,c`),
    () => text(6, `spiffe://trust.example/service/${number}`),
    () => der(context(7), choice.bytes(4)),
    () => der(context(7), choice.bytes(16)),
    () => der(context(8), objectIdentifier(`1.3.6.1.4.1.${number}.1`).subarray(2)),
    () => der(context(4, { constructed: true }), distinguishedName(choice)),
    () => otherName('1.3.6.1.4.1.311.20.2.3', principal),
    () => otherName(`1.2.3.${number}`, der(tags.octetString, choice.bytes(8))),
  ];
  return choice.of(kinds)();
}

function otherName(type: string, value: Uint8Array): Uint8Array {
  const content = [objectIdentifier(type), der(context(0, { constructed: true }), value)];
  return der(context(0, { constructed: true }), ...content);
}
