import { isKeyReference, parseCertificate } from '@acmex/certificate';
import {
  type RecordSchema,
  type Records,
  records,
  type RecordsOptions,
  schemaCheck,
} from '@acmex/storage';
import * as z from 'zod';

/**
 * The records of one kind, each under `ca/<kind>/<id>`. What is read and does not fit the schema is
 * refused with `ERR_STORAGE_CORRUPT`.
 */
export function recordsOf<T>(
  kind: string,
  schema: RecordSchema<T>,
  options: Pick<RecordsOptions<T>, 'secret' | 'many'> = {},
): Records<T> {
  const check = schemaCheck(schema);
  return records<T>({ kind, version: 1, check, under: `ca/${kind}`, ...options });
}

/**
 * Returns a function that gives what is known already when it is called first, and reads after that:
 * for the first of several attempts to write.
 */
export function knownFirst<T>(known: T | undefined, read: () => Promise<T>): () => Promise<T> {
  let first = known;
  return async () => {
    const value = first ?? (await read());
    first = undefined;
    return value;
  };
}

/** RFC 3339 */
export const time = z.iso.datetime({ offset: true });
/** A text that is never empty. */
export const text = z.string().min(1);
/** What may be part of a key of the storage. */
export const id = z.string().regex(/^[a-z0-9_~-][a-z0-9._~-]{0,119}$/, 'it is not an id');
export const count = z.int().nonnegative();
/** Counts from 1. */
export const ordinal = z.int().positive();
/** In hexadecimal. */
export const serialNumber = z.string().regex(/^[0-9a-f]{1,40}$/, 'it is not a serial number');
/** Reason code of a revocation. RFC 5280 §5.3.1 */
export const revocationReason = z.int().min(0).max(10);
export const identifier = z.looseObject({ type: z.enum(['dns', 'ip']), value: text });
/** RFC 7807 */
export const problem = z.looseObject({ type: z.string(), detail: z.string() });
/** PEM of a certificate with its chain, of which the contents are not read. */
export const chain = z.string().regex(/^-----BEGIN CERTIFICATE-----\s/, 'it is not PEM');
/** PEM or DER in base64. */
export const certificate = z.string().refine(isCertificate, 'it is not a certificate');

/** PEM or a JWK as imported, or the reference of a key in a device. */
export const privateKey = z
  .string()
  .refine((value) => isKeyReference(value) || /PRIVATE KEY-----|^\s*\{/.test(value), {
    error: 'it is not a private key',
  });

const coordinates = { 'P-256': 43, 'P-384': 64, 'P-521': 88 } as const;
const encoded = (length: number) =>
  z.string().regex(new RegExp(`^[\\w-]{${length}}$`), 'it is not base64url of this length');
const ecKey = <Curve extends keyof typeof coordinates>(curve: Curve) =>
  z.looseObject({
    kty: z.literal('EC'),
    crv: z.literal(curve),
    x: encoded(coordinates[curve]),
    y: encoded(coordinates[curve]),
  });
const rsaNumber = z.string().regex(/^[\w-]{2,3000}$/, 'it is not base64url');
/** 32 bytes in base64url. */
export const key256 = encoded(43);
/** RFC 7517 */
export const publicJwk = z.union([
  ecKey('P-256'),
  ecKey('P-384'),
  ecKey('P-521'),
  z.looseObject({ kty: z.literal('RSA'), e: rsaNumber, n: rsaNumber }),
  z.looseObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: encoded(43) }),
]);

function isCertificate(value: string): boolean {
  try {
    parseCertificate(value.startsWith('-----') ? value : Buffer.from(value, 'base64'));
    return true;
  } catch {
    return false; // the schema says what is wrong
  }
}
