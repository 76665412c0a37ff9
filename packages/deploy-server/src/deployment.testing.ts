import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:tls';
import { createSelfSigned, type KeyType, privateKeyPem, webcrypto } from '@acmex/certificate';
import type { CompleteBundle, TargetMemory } from '@acmex/deploy';

/** Returns a certificate with a chain of one. */
export async function newBundle(
  name = 'a.test',
  keyType: KeyType = 'ec-p256',
): Promise<CompleteBundle> {
  const key = await webcrypto().generate(keyType);
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

/** Returns a certificate with two keys, an EC key and an RSA key. */
export async function newPair(name?: string) {
  const [first, second] = await Promise.all([newBundle(name), newBundle(name, 'rsa-2048')]);
  return { ...first, second: { algorithm: 'rsa', ...second } } as const;
}

/** Returns the serial number that a server shows to a client which knows one kind of keys alone. */
export async function servedTo(
  algorithm: 'RSA' | 'ECDSA',
  { port, serverName }: { readonly port: number; readonly serverName: string },
): Promise<string> {
  const socket = connect({
    ...{ host: '127.0.0.1', port, servername: serverName, rejectUnauthorized: false },
    ...{ maxVersion: 'TLSv1.2', ciphers: `ECDHE-${algorithm}-AES128-GCM-SHA256` },
  });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber.toLowerCase();
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
