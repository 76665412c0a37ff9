// AcmeX as a program would use it: key, CSR, issuance, and a look at what came.
import { createCsr, verifyIssued, webcrypto } from '@acmex/certificate';
import { AcmeClient } from '@acmex/client';
import { identifiers as identifiersOf } from '@acmex/identifier';
import { acmeSession, generateAccountKey, importAccountKey, newAccount } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import { http01 } from './http01.mjs';

/** @param options `fetch`: 'node' for that of @acmex/protocol/node, 'global' for Node's ours */
export async function open({
  directory,
  managementUrl,
  fetch: kind = 'node',
  concurrency,
  account,
  accountKey,
}) {
  const ours = kind === 'node' ? nodeFetch() : undefined;
  const { key, pem } =
    accountKey === undefined
      ? await generateAccountKey()
      : { key: await importAccountKey(accountKey), pem: accountKey };
  const session = acmeSession({ directory, key, account, fetch: ours ?? fetch });
  if (account === undefined) await newAccount(session, { termsOfServiceAgreed: true });
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
  const client = new AcmeClient({
    session,
    solvers: [solver],
    ...(concurrency === undefined ? {} : { concurrency }),
  });
  const backend = webcrypto();
  return {
    account: session.account,
    accountKey: pem,
    async issue(names) {
      const identifiers = identifiersOf(names);
      const certificateKey = await backend.generate('ec-p256');
      const { pem: chain } = await client.issue({
        identifiers,
        csr: () => createCsr({ identifiers, key: certificateKey }),
      });
      await verifyIssued(chain, { identifiers, publicKey: certificateKey.publicKey });
    },
    close() {
      web.close();
      ours?.[Symbol.dispose]();
    },
  };
}
