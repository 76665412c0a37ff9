// An order as @acmex/https makes it, without a client that waits for it: the manager, on files, with
// tls-alpn-01.
import { certificateManager } from '@acmex/manager';
import { fileStorage } from '@acmex/storage-file';

/** @param options `tlsPort`: where the CA asks; `folder`: of the storage */
export async function open({ directory, tlsPort, folder }) {
  const storage = fileStorage({ path: folder });
  const { provisioner, maintain } = certificateManager({
    storage,
    issuers: [{ name: 'ca', directory, agreed: true, contact: [] }],
    challenge: { challenge: 'tls-alpn-01', tlsPort },
  });
  return {
    async issue(names) {
      const { certificate } = await provisioner.declare({
        names,
        issuer: 'ca',
        keyType: 'ec-p256',
      });
      const { outcome } = await maintain(certificate.id);
      if (outcome?.state !== 'succeeded') throw outcome?.error ?? new Error('it was not issued');
    },
    async close() {
      await storage[Symbol.asyncDispose]();
    },
  };
}
