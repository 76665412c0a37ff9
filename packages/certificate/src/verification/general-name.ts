import {
  contents,
  context,
  DerError,
  type DerValue,
  encoding,
  expectTag,
  expectWellFormed,
  explicit,
  implicit,
  members,
  optionalMembers,
  readObjectIdentifier,
  readText,
  tags,
} from './der-value.ts';
import {
  type DistinguishedName,
  nameText,
  readDirectoryString,
  readName,
} from './distinguished-name.ts';

/** A name of a subject: a member of subjectAltName or of a name constraint. RFC 5280 §4.2.1.6 */
export type GeneralName =
  | { readonly kind: 'dns' | 'email' | 'uri'; readonly value: string }
  | { readonly kind: 'ip'; readonly value: Uint8Array }
  | { readonly kind: 'directory'; readonly value: DistinguishedName }
  /** An object identifier. */
  | { readonly kind: 'registeredId'; readonly value: string }
  /** Names whose constraints no standard defines: they compare by their kind alone. */
  | { readonly kind: 'other'; readonly value: string; readonly der: DerValue };

/**
 * Reads a GeneralName.
 * @throws DerError
 */
export function readGeneralName(value: DerValue): GeneralName {
  switch (value.tag) {
    case context(1):
      return { kind: 'email', value: ia5Text(value) };
    case context(2):
      return { kind: 'dns', value: ia5Text(value) };
    case context(6):
      return { kind: 'uri', value: ia5Text(value) };
    case context(7):
      return { kind: 'ip', value: contents(value) };
    case context(8):
      return {
        kind: 'registeredId',
        value: readObjectIdentifier(implicit(value, tags.objectIdentifier)),
      };
    case context(4, { constructed: true }):
      return { kind: 'directory', value: readName(explicit(value)) };
    case context(0, { constructed: true }):
      return { kind: 'other', value: `otherName ${otherNameType(value)}`, der: value };
    case context(3, { constructed: true }):
      return { kind: 'other', value: 'x400Address', der: expectWellFormed(value) };
    case context(5, { constructed: true }):
      readPartyName(value);
      return { kind: 'other', value: 'ediPartyName', der: value };
    default:
      throw new DerError(`a name has the unknown tag 0x${value.tag.toString(16)}`);
  }
}

function ia5Text(value: DerValue): string {
  if (contents(value).some((byte) => byte >= 0x80))
    throw new DerError('an IA5String has a character that is not in ASCII');
  return readText(implicit(value, tags.ia5String)) ?? '';
}

/** EDIPartyName. RFC 5280 §4.2.1.6 */
function readPartyName(value: DerValue): void {
  const [assigner, party] = optionalMembers(
    members(value),
    context(0, { constructed: true }),
    context(1, { constructed: true }),
  );
  if (!party) throw new DerError('an ediPartyName has no name');
  for (const wrapper of assigner ? [assigner, party] : [party])
    readDirectoryString(explicit(wrapper));
}

function otherNameType(value: DerValue): string {
  const [type, wrapper, ...rest] = members(value);
  if (!type || !wrapper || rest.length > 0)
    throw new DerError('an otherName does not have a type and a value');
  expectWellFormed(explicit(expectTag(wrapper, context(0, { constructed: true }))));
  return readObjectIdentifier(type);
}

const principalName = '1.3.6.1.4.1.311.20.2.3';

/** Returns a name that is neither a DNS name nor an address as a person reads it. */
export function generalNameText(name: GeneralName): string {
  switch (name.kind) {
    case 'directory':
      return `directory:${nameText(name.value)}`;
    case 'other':
      return otherNameText(name.der, name.value);
    case 'ip':
      return `ip:${Buffer.from(name.value).toString('hex')}`;
    default:
      return `${name.kind}:${name.value}`;
  }
}

/** A user principal name as such, another value as its DER in hexadecimal. */
function otherNameText(value: DerValue, kind: string): string {
  const [type, wrapper] = members(value);
  const isOther = value.tag === context(0, { constructed: true });
  if (!isOther || !type || !wrapper)
    return `${kind}:${Buffer.from(contents(value)).toString('hex')}`;
  const inner = explicit(expectTag(wrapper, context(0, { constructed: true })));
  const text = readText(inner);
  if (readObjectIdentifier(type) === principalName && text !== undefined) return `upn:${text}`;
  return `${kind}:${Buffer.from(encoding(inner)).toString('hex')}`;
}
