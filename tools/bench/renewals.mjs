// Certificates that are managed, renewed one after the other: all that the orchestrator does, with
// its storage in memory.
import { acmeIssuer } from '@acmex/manager';
import { Provisioner, CertificateMaintenance } from '@acmex/orchestrator';
import { acmeSession, generateAccountKey, newAccount } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import { memoryStorage } from '@acmex/storage';
import { http01 } from './http01.mjs';

/** @param options `managed`: how many certificates take turns */
export async function open({ directory, managementUrl, managed }) {
  const fetch = nodeFetch();
  const { key } = await generateAccountKey();
  const session = acmeSession({ directory, key, fetch });
  await newAccount(session, { termsOfServiceAgreed: true });
  const web = http01(managementUrl);
  const solver = {
    type: 'http-01',
    supports: (_, wildcard) => !wildcard,
    respond: async ({ token, keyAuthorization }) => ({ token, keyAuthorization }),
    present: ({ token, keyAuthorization }) => web.add(token, keyAuthorization),
    visible: async () => {
      /* the web server answers at once */
    },
    remove: ({ token }) => web.remove(token),
  };
  const storage = memoryStorage();
  const provisioner = new Provisioner({
    storage,
    issuers: [
      acmeIssuer({ name: 'pebble', session: async () => session, solvers: async () => [solver] }),
    ],
  });
  const maintenance = new CertificateMaintenance({ storage, provisioner });
  const renew = async (id) => {
    const { outcome } = await maintenance.maintain(id, { force: 'renewal' });
    if (outcome?.state !== 'succeeded') throw outcome?.error ?? new Error(`${id} was not renewed`);
  };
  const idle = [];
  for (let at = 0; at < managed; at += 1) {
    const { id } = await provisioner.certificates.add({
      names: [`managed-${at}.test`],
      issuer: 'pebble',
      keyType: 'ec-p256',
    });
    await renew(id);
    idle.push(id);
  }
  return {
    async issue() {
      const id = idle.shift();
      await renew(id);
      idle.push(id);
    },
    close() {
      web.close();
      fetch[Symbol.dispose]();
    },
  };
}
