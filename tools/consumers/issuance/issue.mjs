// A user's program, in any runtime: it gets a certificate from the CA on its command line.
import { createCsr, verifyIssued, webcrypto } from '@acmex/certificate';
import { AcmeClient } from '@acmex/client';
import { identifiers } from '@acmex/identifier';
import { acmeSession, generateAccountKey, newAccount } from '@acmex/protocol';

const [directory, webServer] = process.argv.slice(2);

async function manage(path, body) {
  const { status } = await fetch(`${webServer}/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  if (status !== 200) throw new Error(`${path} was answered with ${status}`);
}

const solver = {
  type: 'http-01',
  supports: (_, wildcard) => !wildcard,
  respond: async ({ token, keyAuthorization }) => ({ token, content: keyAuthorization }),
  present: (response) => manage('add-http01', response),
  visible: async () => {
    /* the web server answers at once */
  },
  remove: ({ token }) => manage('del-http01', { token }),
};

const { key } = await generateAccountKey();
const session = acmeSession({ directory, key });
await newAccount(session, { termsOfServiceAgreed: true });

const names = identifiers(['a.test', 'b.test']);
const certificateKey = await webcrypto().generate('ec-p256');
const client = new AcmeClient({ session, solvers: [solver] });
const { pem } = await client.issue({
  identifiers: names,
  csr: () => createCsr({ identifiers: names, key: certificateKey }),
});
const { leaf } = await verifyIssued(pem, {
  identifiers: names,
  publicKey: certificateKey.publicKey,
});
console.log(`issued ${leaf.identifiers.map(({ value }) => value).join(' and ')}`);
