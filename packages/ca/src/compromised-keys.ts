import { createHash, type webcrypto } from 'node:crypto';
import { type PublicJwk, revocationReasons } from '@acmex/protocol';
import type { Change, Storage } from '@acmex/storage';
import { certificates, leafOf, revocations } from './certificate-records.ts';
import { refusal } from './problems.ts';
import { keyOfSpki } from './public-key.ts';
import { recordsOf, serialNumber, time } from './stored.ts';
import * as z from 'zod';

/** Keys of certificates that were revoked for keyCompromise, by a hash of the key. */
const compromisedKeys = recordsOf<{ readonly serialNumber: string; readonly at: string }>(
  'compromised-key',
  z.looseObject({ serialNumber, at: time }),
);
/** Whether the revocations of an earlier version are among them. */
const compromisedKeysState = recordsOf<{ readonly complete: true }>(
  'compromised-key-state',
  z.looseObject({ complete: z.literal(true) }),
);

/** Returns the change that blocks a key. Repeatable. */
export function blockingKey(
  spki: Uint8Array,
  entry: { readonly serialNumber: string; readonly at: string },
): Change {
  return compromisedKeys.put(idOfKey(spki), entry);
}

/** @param jwk in the form of RFC 7518 §6 */
export async function isCompromised(storage: Storage, jwk: webcrypto.JsonWebKey): Promise<boolean> {
  return (await compromisedKeys.read(storage, idOfJwk(jwk))) !== undefined;
}

/**
 * Refuses the key of an account if a certificate with it was revoked as compromised.
 * @throws Refusal `badPublicKey`
 */
export async function checkNotCompromised(storage: Storage, jwk: PublicJwk): Promise<void> {
  if (await isCompromised(storage, jwk))
    throw refusal('badPublicKey', 'the account key was revoked as compromised, so make a new key');
}

/** Blocks the keys that were revoked before this list existed. Repeatable. */
export async function listCompromisedKeys(storage: Storage): Promise<void> {
  if (await compromisedKeysState.read(storage, 'all')) return;
  for await (const { record } of revocations.list(storage)) {
    const { serialNumber, at, reason } = record;
    if (reason !== revocationReasons.keyCompromise) continue;
    const certificate = await certificates.read(storage, serialNumber);
    if (certificate)
      await storage.write([
        blockingKey(leafOf(certificate.record).publicKey, { serialNumber, at }),
      ]);
  }
  await storage.write([compromisedKeysState.put('all', { complete: true })]);
}

/** The same for all encodings of a key: an EC point may be compressed. */
function idOfKey(spki: Uint8Array): string {
  const jwk = keyOfSpki(spki)?.export({ format: 'jwk' });
  return jwk ? idOfJwk(jwk) : createHash('sha256').update(spki).digest('hex');
}

/** @param jwk in the form of RFC 7518 §6, which needs no OpenSSL to compare */
function idOfJwk({ kty, crv, x, y, e, n }: webcrypto.JsonWebKey): string {
  return createHash('sha256')
    .update(JSON.stringify([kty, crv, x, y, e, n]))
    .digest('hex');
}
