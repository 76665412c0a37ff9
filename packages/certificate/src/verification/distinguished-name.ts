import {
  DerError,
  type DerValue,
  encoding,
  expectTag,
  expectWellFormed,
  members,
  readObjectIdentifier,
  readText,
  tags,
} from './der-value.ts';

/** A distinguished name: one entry for each relative distinguished name. RFC 5280 §4.1.2.4 */
export interface DistinguishedName {
  /** DER. */
  readonly encoded: Uint8Array;
  /** The attributes of each relative distinguished name. */
  readonly relativeNames: readonly (readonly NameAttribute[])[];
  /**
   * Each relative distinguished name in a form that is equal for names that are equal: without
   * case, and with single spaces. RFC 5280 §7.1
   */
  readonly keys: readonly string[];
  /** All of `keys`, as one text. */
  readonly key: string;
}

export interface NameAttribute {
  /** The object identifier of the attribute's type. */
  readonly type: string;
  /** The tag of its value. */
  readonly tag: number;
  /** `undefined` for a value that is not a character string. */
  readonly text: string | undefined;
  /** As RFC 4514 writes it: `#` and the DER in hexadecimal for what is not a character string. */
  readonly escaped: string;
}

export const commonName = '2.5.4.3';
export const emailAttribute = '1.2.840.113549.1.9.1';

/** Reads a Name. */
export function readName(value: DerValue): DistinguishedName {
  const relativeNames = members(expectTag(value, tags.sequence)).map(readRelativeName);
  const keys = relativeNames.map((attributes) =>
    attributes
      .map(({ key }) => key)
      .sort()
      .join('\u0001'),
  );
  return { encoded: encoding(value), relativeNames, keys, key: keys.join('\u0000') };
}

/** Reads a RelativeDistinguishedName: one attribute or more. RFC 5280 §4.1.2.4 */
export function readRelativeName(value: DerValue) {
  const attributes = members(expectTag(value, tags.set));
  if (attributes.length === 0) throw new DerError('a part of a name is empty');
  return attributes.map(readAttribute);
}

function readAttribute(value: DerValue): NameAttribute & { readonly key: string } {
  const [type, content, ...rest] = members(expectTag(value, tags.sequence));
  if (!type || !content || rest.length > 0)
    throw new DerError('an attribute of a name is not a type and a value');
  const identifier = readObjectIdentifier(type);
  if (!attributeTags.has(content.tag)) throw new DerError('an attribute of a name is not a text');
  const text = readText(expectWellFormed(content));
  const hexadecimal = Buffer.from(encoding(content)).toString('hex');
  const isFolded = text !== undefined && content.tag !== tags.numericString;
  return {
    type: identifier,
    tag: content.tag,
    text,
    escaped: text === undefined ? `#${hexadecimal}` : escapedText(text),
    // As JSON, so that no text is like the end of another, or like a value in hexadecimal.
    key: `${identifier}=${isFolded ? JSON.stringify(folded(text)) : hexadecimal}`,
  };
}

const directoryStrings = [
  tags.utf8String,
  tags.printableString,
  tags.teletexString,
  tags.bmpString,
  tags.universalString,
] as const;

/** X.520: x500UniqueIdentifier is a BIT STRING, presentationAddress a SEQUENCE. */
const attributeTags: ReadonlySet<number> = new Set([
  ...directoryStrings,
  tags.ia5String,
  tags.numericString,
  tags.bitString,
  tags.sequence,
]);

/** Reads a DirectoryString. RFC 5280 §4.1.2.4 */
export function readDirectoryString(value: DerValue): string {
  const text = directoryStrings.some((tag) => tag === value.tag) ? readText(value) : undefined;
  if (text === undefined) throw new DerError('a name is not a DirectoryString');
  return text;
}

function folded(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim().replaceAll(/\s+/g, ' ');
}

export function isEmptyName({ keys }: DistinguishedName): boolean {
  return keys.length === 0;
}

/** Returns whether a name is equal to `base` or below it. RFC 5280 §4.2.1.10 */
export function isWithinName(name: DistinguishedName, base: DistinguishedName): boolean {
  return (
    base.keys.length <= name.keys.length &&
    base.keys.every((key, index) => key === name.keys[index])
  );
}

/** The texts of one type of attribute. */
export function attributeTexts(name: DistinguishedName, type: string): readonly string[] {
  return name.relativeNames
    .flat()
    .flatMap((attribute) =>
      attribute.type === type && attribute.text !== undefined ? [attribute.text] : [],
    );
}

const shortNames: Readonly<Record<string, string>> = {
  [commonName]: 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.25': 'DC',
  [emailAttribute]: 'E',
};

/** Returns a name as a person reads it, in the order of the certificate. RFC 4514 §2 */
export function nameText({ relativeNames }: DistinguishedName): string {
  return relativeNames
    .map((attributes) =>
      attributes.map(({ type, escaped }) => `${shortNames[type] ?? type}=${escaped}`).join('+'),
    )
    .join(', ');
}

/** RFC 4514 §2.4 */
function escapedText(text: string): string {
  return text
    .replaceAll(/[,+"\\<>;]|^[ #]| $/g, (character) => `\\${character}`)
    .replaceAll(/[\0-\x1f\x7f]/g, (character) => {
      const code = character.charCodeAt(0).toString(16).toUpperCase();
      return `\\${code.padStart(2, '0')}`;
    });
}
