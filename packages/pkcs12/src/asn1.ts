import * as asn1js from 'asn1js';
import { KeystoreError } from './errors.ts';

/** A value of BER or DER: other programs write PKCS#12 in both. */
export type Asn1 = asn1js.BaseBlock;

/** Reads the value that the bytes consist of. @throws KeystoreError `ERR_KEYSTORE_FORMAT` */
export function parse(bytes: Uint8Array): Asn1 {
  try {
    const { result, offset } = asn1js.fromBER(bytes, { maxDepth: 64, maxNodes: 100_000 });
    if (result.error === '' && offset === bytes.length) return result as Asn1;
  } catch (error) {
    // asn1js throws errors of the platform for some texts that are cut off.
    throw damaged(error);
  }
  throw damaged();
}

/**
 * Reads a file by a function that may fail in any way where the file is damaged.
 * @throws KeystoreError
 */
export async function readPossiblyDamaged<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw error instanceof KeystoreError ? error : damaged(error);
  }
}

export function damaged(cause?: unknown): KeystoreError {
  return new KeystoreError(
    'ERR_KEYSTORE_FORMAT',
    'the file is damaged, cut off, or of a different kind: export it again where it was made',
    { cause },
  );
}

/** Returns the values in a SEQUENCE. */
export function members(value: Asn1 | undefined): readonly Asn1[] {
  if (value instanceof asn1js.Sequence) return value.valueBlock.value as Asn1[];
  throw damaged();
}

/** Returns the values in a SET. */
export function elements(value: Asn1 | undefined): readonly Asn1[] {
  if (value instanceof asn1js.Set) return value.valueBlock.value as Asn1[];
  throw damaged();
}

/** Returns the value in an explicit tag `[number]`; undefined for any other value. */
export function explicit(value: Asn1 | undefined, number: number): Asn1 | undefined {
  if (!isTagged(value, number) || !(value instanceof asn1js.Constructed)) return undefined;
  return value.valueBlock.value[0] as Asn1 | undefined;
}

function isTagged(value: Asn1 | undefined, number: number): boolean {
  return value?.idBlock.tagClass === 3 && value.idBlock.tagNumber === number;
}

export function octets(value: Asn1 | undefined): Uint8Array {
  if (value instanceof asn1js.OctetString) return new Uint8Array(value.getValue());
  throw damaged();
}

/** Returns the bytes of `[number] IMPLICIT OCTET STRING`, which BER may divide. */
export function implicitOctets(value: Asn1 | undefined, number: number): Uint8Array {
  if (!isTagged(value, number)) throw damaged();
  if (value instanceof asn1js.Primitive) return value.valueBlock.valueHexView;
  if (!(value instanceof asn1js.Constructed)) throw damaged();
  return Buffer.concat((value.valueBlock.value as Asn1[]).map(octets));
}

export function integer(value: Asn1 | undefined): number {
  if (value instanceof asn1js.Integer) return Number(value.toBigInt());
  throw damaged();
}

export function isInteger(value: Asn1 | undefined): boolean {
  return value instanceof asn1js.Integer;
}

export function objectIdentifier(value: Asn1 | undefined): string {
  if (value instanceof asn1js.ObjectIdentifier) return value.getValue();
  throw damaged();
}

/** Returns the text of a BMPString; undefined for any other value. */
export function bmpText(value: Asn1 | undefined): string | undefined {
  return value instanceof asn1js.BmpString ? value.getValue() : undefined;
}

/** Returns a value with its tag and length. */
export function encoding(value: Asn1 | undefined): Uint8Array {
  if (value === undefined) throw damaged();
  return value.valueBeforeDecodeView;
}

export function sequence(...value: readonly Asn1[]): Asn1 {
  return new asn1js.Sequence({ value: [...value] as asn1js.AsnType[] });
}

export function set(...value: readonly Asn1[]): Asn1 {
  return new asn1js.Set({ value: [...value] as asn1js.AsnType[] });
}

export function octetString(bytes: Uint8Array): Asn1 {
  return new asn1js.OctetString({ valueHex: Uint8Array.from(bytes).buffer });
}

export function numberValue(value: number): Asn1 {
  return new asn1js.Integer({ value });
}

export function identifierValue(dotted: string): Asn1 {
  return new asn1js.ObjectIdentifier({ value: dotted });
}

export function bmpString(value: string): Asn1 {
  return new asn1js.BmpString({ value });
}

export function nullValue(): Asn1 {
  return new asn1js.Null();
}

/** Returns `[number] EXPLICIT`. */
export function tagged(number: number, value: Asn1): Asn1 {
  return new asn1js.Constructed({
    idBlock: { tagClass: 3, tagNumber: number },
    value: [value as asn1js.AsnType],
  });
}

/** Returns `[number] IMPLICIT OCTET STRING`. */
export function taggedOctets(number: number, bytes: Uint8Array): Asn1 {
  return new asn1js.Primitive({
    idBlock: { tagClass: 3, tagNumber: number },
    valueHex: Uint8Array.from(bytes).buffer,
  });
}

export function encode(value: Asn1): Uint8Array {
  return new Uint8Array(value.toBER());
}
