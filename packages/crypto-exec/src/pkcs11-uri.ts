import { SignerError } from './errors.ts';

/** Where a key is, as `pkcs11-tool` selects it. */
export interface Pkcs11Key {
  readonly token?: string | undefined;
  readonly slot?: string | undefined;
  /** Label of the key; absent where `id` selects it. */
  readonly object?: string | undefined;
  /** CKA_ID, hexadecimal. */
  readonly id?: string | undefined;
}

const attributes = ['token', 'slot-id', 'object', 'id', 'type'] as const;
type Attribute = (typeof attributes)[number];

/**
 * Reads the URI of a key: `pkcs11:token=web;object=www` or `pkcs11:slot-id=3;id=%01`. RFC 7512 §2.3
 * @throws SignerError `ERR_SIGNER_REFERENCE` for what selects no key, or for an attribute that is
 * not supported. Module and PIN are never in a reference, which is stored and shown.
 */
export function readPkcs11Uri(uri: string): Pkcs11Key {
  const [path = '', query] = uri.slice(uri.indexOf(':') + 1).split('?');
  if (query !== undefined)
    throw refused(
      'has attributes behind "?", which name a PIN or a module: set pin and module in [keys.pkcs11] instead',
    );
  const values: Partial<Record<Attribute, string>> = {};
  for (const pair of path.split(';')) {
    const [name = '', value] = pair.split('=');
    const attribute = attributes.find((known) => known === name);
    if (attribute === undefined || value === undefined || values[attribute] !== undefined)
      throw refused(
        `has ${JSON.stringify(name.slice(0, 40))}, which is not supported or occurs twice: use ${attributes.join(', ')}`,
      );
    values[attribute] = value;
  }
  const { token, 'slot-id': slot, object, id, type = 'private' } = values;
  if ((token === undefined) === (slot === undefined))
    throw refused('must name its token: write token=LABEL or slot-id=NUMBER');
  if (object === undefined && id === undefined)
    throw refused('must name its key: write object=LABEL or id=%01');
  if (type !== 'private') throw refused('is not that of a private key: remove type');
  if (slot !== undefined && !/^\d{1,10}$/.test(slot))
    throw refused('has a slot-id that is not a number');
  return {
    token: token === undefined ? undefined : text(token),
    slot,
    object: object === undefined ? undefined : text(object),
    id: id === undefined ? undefined : bytes(id).toString('hex'),
  };
}

function text(encoded: string): string {
  const decoded = bytes(encoded).toString();
  if (decoded === '' || /[\p{Cc}\ufffd]/u.test(decoded))
    throw refused('has an empty value, or one with control characters');
  return decoded;
}

/** Percent-encoding is of bytes, which may be any. RFC 3986 §2.1 */
function bytes(encoded: string): Buffer {
  if (!/^(?:[^%]|%[0-9a-f]{2})+$/i.test(encoded))
    throw refused('has an empty value, or a "%" without two hexadecimal digits');
  const latin1 = encoded.replaceAll(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return Buffer.from(latin1, 'latin1');
}

function refused(why: string): SignerError {
  return new SignerError('ERR_SIGNER_REFERENCE', `the pkcs11: URI ${why}`);
}
