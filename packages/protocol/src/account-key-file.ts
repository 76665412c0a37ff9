import type { JWK } from 'jose';
import { decryptPkcs8, isEncrypted } from './encrypted-key.ts';
import { AcmeError } from './errors.ts';
import { isObject, parseJson } from './members.ts';
import { toPkcs8 } from './private-key-der.ts';

/** A private key in one of the two forms that WebCrypto reads. */
export type ReadKey = { readonly jwk: JWK } | { readonly pkcs8: Uint8Array };

/**
 * Reads a private key in the forms in which ACME clients keep it: PKCS#8, also encrypted, SEC1 and
 * PKCS#1 as PEM, with any text and other blocks around, or as DER; a JWK as JSON.
 * @throws AcmeError `ERR_ACME_KEY`, `ERR_ACME_KEY_PASSPHRASE`
 */
export async function readKey(
  source: string | Uint8Array,
  passphrase: string | undefined,
): Promise<ReadKey> {
  const isDer = typeof source !== 'string' && source[0] === 0x30;
  if (isDer) return { pkcs8: await readDer(source, passphrase) };
  const text = (typeof source === 'string' ? source : new TextDecoder().decode(source))
    .replace(/^\uFEFF/, '')
    .trim();
  const json = text.startsWith('{') ? parseJson(text) : undefined;
  if (isObject(json)) return { jwk: json as JWK };
  return { pkcs8: await readPem(text, passphrase) };
}

async function readDer(der: Uint8Array, passphrase: string | undefined): Promise<Uint8Array> {
  return pkcs8Of(isEncrypted(der) ? await decryptPkcs8(der, passphrase) : der);
}

interface Block {
  readonly label: string;
  readonly body: string;
}

async function readPem(text: string, passphrase: string | undefined): Promise<Uint8Array> {
  const blocks: readonly Block[] = [
    ...text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,60})-----([^]*?)-----END \1-----/g),
  ].map(([, label = '', body = '']) => ({ label, body }));
  const key = blocks.find(({ label }) => /^(EC |RSA |ENCRYPTED )?PRIVATE KEY$/.test(label));
  if (!key) throw notPrivate(blocks[0]?.label);
  // Ciphers of this old form need MD5, which WebCrypto does not have.
  if (key.body.includes('Proc-Type: 4,ENCRYPTED')) throw oldEncryption();
  if (key.label === 'ENCRYPTED PRIVATE KEY')
    return pkcs8Of(await decryptPkcs8(bytesOf(key.body), passphrase));
  const parameters = blocks.find(({ label }) => label === 'EC PARAMETERS');
  return pkcs8Of(bytesOf(key.body), parameters && bytesOf(parameters.body));
}

function oldEncryption(): AcmeError {
  return new AcmeError(
    'ERR_ACME_KEY',
    'the account key is encrypted in an old form that is not supported here: encrypt it again with openssl pkcs8 -topk8 -v2 aes-256-cbc, or use a copy that is not encrypted',
  );
}

function pkcs8Of(key: Uint8Array, parameters?: Uint8Array): Uint8Array {
  try {
    return toPkcs8(key, parameters);
  } catch (cause) {
    throw damaged(cause);
  }
}

function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64.replace(/\s+/g, '')), (letter) => letter.charCodeAt(0));
  } catch (cause) {
    throw damaged(cause);
  }
}

function damaged(cause: unknown): AcmeError {
  return new AcmeError(
    'ERR_ACME_KEY',
    'the account key cannot be read: it is damaged; take it again from where it was made',
    { cause },
  );
}

function notPrivate(label: string | undefined): AcmeError {
  const actual = label === undefined ? '' : `, but a PEM block "${label}"`;
  return new AcmeError(
    'ERR_ACME_KEY',
    `the account key is not a private key${actual}: use PKCS#8, SEC1 or PKCS#1 as PEM ("BEGIN PRIVATE KEY"), or a JWK`,
  );
}
