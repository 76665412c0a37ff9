import { createSelfSigned, type KeyType, privateKeyPem, webcrypto } from '@acmex/certificate';
import { identifiers } from '@acmex/identifier';
import type { DefaultCertificate } from './servers.ts';

/**
 * Returns a certificate for the time until a CA has issued one: no client trusts it.
 * @param keyType that of the certificates to come: a client gets the one of a better type instead of
 * the one of the name that it asks for
 */
export async function selfSigned(
  name: string,
  keyType: KeyType = 'ec-p256',
): Promise<DefaultCertificate> {
  const key = await webcrypto().generate(keyType);
  const cert = await createSelfSigned({ identifiers: identifiers([name]), key });
  return { cert: [cert], key: [Buffer.from(await privateKeyPem(key)).toString()] };
}
