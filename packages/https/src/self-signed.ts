import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import { identifiers } from '@acmex/identifier';
import type { DefaultCertificate } from './servers.ts';

/** Returns a certificate for the time until a CA has issued one: no client trusts it. */
export async function selfSigned(name: string): Promise<DefaultCertificate> {
  const key = await webcrypto().generate('ec-p256');
  const cert = await createSelfSigned({ identifiers: identifiers([name]), key });
  return { cert: [cert], key: [Buffer.from(await privateKeyPem(key)).toString()] };
}
