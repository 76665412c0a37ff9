import { X509Certificate } from 'node:crypto';
import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import type { CompleteBundle, TargetMemory } from '@acmex/deploy';

/** Returns a certificate with a chain of one. */
export async function newBundle(name = 'a.test'): Promise<CompleteBundle> {
  const key = await webcrypto().generate('ec-p256');
  const chain = await createSelfSigned({ identifiers: [{ type: 'dns', value: name }], key });
  const { serialNumber, validTo } = new X509Certificate(chain);
  return {
    id: 'crt_01kax2b0000000000000000001',
    names: [name],
    serialNumber: serialNumber.toLowerCase(),
    notAfter: new Date(validTo).toISOString(),
    chain,
    privateKey: new TextDecoder().decode(await privateKeyPem(key)),
  };
}

/** A memory of a target, in this process. */
export function memory(): TargetMemory & { readonly text: () => string | undefined } {
  let stored: string | undefined;
  return {
    text: () => stored,
    read: async () => stored,
    write: async (next) => {
      stored = next;
    },
  };
}
