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
  const pebble = atPebble({ directory, managementUrl });
  const { renew } = await pebble.manage(managed);
  return { issue: renew, close: pebble.close };
}

/** What renews certificates at Pebble. */
export function atPebble({ directory, managementUrl }) {
  const fetch = nodeFetch();
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
  return {
    /** Issues so many certificates. @param watch what watches them, as a certificate manager has it */
    async manage(count, watch = {}) {
      const { watchStorage = same, watchIssuer = same, watchTask = untraced, onExchange } = watch;
      const { key } = await generateAccountKey();
      const session = acmeSession({
        directory,
        key,
        fetch,
        onExchange: onExchange && ((exchange) => onExchange(exchange, 'pebble')),
      });
      await newAccount(session, { termsOfServiceAgreed: true });
      const issuer = acmeIssuer({
        name: 'pebble',
        session: async () => session,
        solvers: async () => [solver],
      });
      const storage = watchStorage(memoryStorage());
      const provisioner = new Provisioner({ storage, issuers: [watchIssuer(issuer)] });
      const maintenance = new CertificateMaintenance({ storage, provisioner });
      const idle = [];
      const renewed = async (id) => {
        const { outcome } = await watchTask({ certificate: id }, () =>
          maintenance.maintain(id, { force: 'renewal' }),
        );
        if (outcome?.state !== 'succeeded')
          throw outcome?.error ?? new Error(`${id} was not renewed`);
        idle.push(id);
      };
      for (let at = 0; at < count; at += 1) {
        const { id } = await provisioner.certificates.add({
          names: [`managed-${at}.test`],
          issuer: 'pebble',
          keyType: 'ec-p256',
        });
        await renewed(id);
      }
      return { renew: async () => await renewed(idle.shift()), storage };
    },
    close() {
      web.close();
      fetch[Symbol.dispose]();
    },
  };
}

const same = (value) => value;
const untraced = async (_, work) => await work();
