import { records, schemaCheck, type Storage } from '@acmex/storage';
import {
  base64url,
  calculateJwkThumbprint,
  CompactSign,
  compactVerify,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from 'jose';
import * as z from 'zod';

/** The key that signs checkpoints and seals: a private P-256 key. */
const signingKeys = records<{ readonly jwk: JWK }>({
  kind: 'key of the audit log',
  version: 1,
  check: schemaCheck<{ readonly jwk: JWK }>(
    z.looseObject({ jwk: z.looseObject({ kty: z.literal('EC') }) }),
  ),
  under: 'audit-key',
  secret: true,
});
const keyId = 'checkpoints';

/** Returns the key that signs; it is made by the first caller. */
export async function signingKey(storage: Storage): Promise<JWK> {
  const stored = await signingKeys.read(storage, keyId);
  if (stored) return stored.record.jwk;
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  await storage.write([signingKeys.added(keyId, { jwk })]);
  return jwk;
}

/** Returns the RFC 7638 thumbprint of the key that signs; undefined before the first signature. */
export async function signingKeyThumbprint(storage: Storage): Promise<string | undefined> {
  const stored = await signingKeys.read(storage, keyId);
  return stored && (await calculateJwkThumbprint(stored.record.jwk));
}

/**
 * Signs a statement as a JWS with the public key in its header.
 * @param type the `typ` of the header, RFC 7515 §4.1.9
 * @returns the compact serialization, RFC 7515 §7.1
 */
export async function signStatement(
  statement: object,
  { jwk, type }: { readonly jwk: JWK; readonly type: string },
): Promise<string> {
  const { kty, crv, x, y } = jwk;
  return await new CompactSign(Buffer.from(JSON.stringify(statement)))
    .setProtectedHeader({ alg: 'ES256', typ: type, jwk: { kty, crv, x, y } as JWK })
    .sign(await importJWK(jwk, 'ES256'));
}

/**
 * Verifies a statement with the public key in it.
 * @returns the statement, and the thumbprint of the key, which the caller compares
 * @throws Error for what was not signed so, or is of another type
 */
export async function verifiedStatement(
  jws: string,
  { type }: { readonly type: string },
): Promise<{ readonly statement: unknown; readonly thumbprint: string }> {
  const signature = jws.slice(jws.lastIndexOf('.') + 1);
  // The last digit has bits that mean nothing, so that two texts are one signature.
  if (base64url.encode(base64url.decode(signature)) !== signature)
    throw new TypeError('its signature is not in the form in which it was written');
  let key: JWK | undefined;
  const { payload, protectedHeader } = await compactVerify(
    jws,
    async ({ jwk }) => {
      if (!jwk) throw new TypeError('it has no key');
      key = jwk;
      return await importJWK(jwk, 'ES256');
    },
    { algorithms: ['ES256'] },
  );
  if (!key) throw new TypeError('it has no key');
  if (protectedHeader.typ !== type) throw new TypeError(`it is not of the type ${type}`);
  const statement: unknown = JSON.parse(new TextDecoder().decode(payload));
  return { statement, thumbprint: await calculateJwkThumbprint(key) };
}
