// A test of a stranger's, in Jest as it comes: CommonJS.
const { createCsr, parseCsr, webcrypto } = require('@acmex/certificate');
const { dns01 } = require('@acmex/challenge/dns-01');
const { http01 } = require('@acmex/challenge/http-01');
const { tlsAlpn01 } = require('@acmex/challenge/tls-alpn-01');
const { AcmeClient } = require('@acmex/client');
const { identifiers } = require('@acmex/identifier');
const { acmeSession, generateAccountKey } = require('@acmex/protocol');
const { nodeFetch } = require('@acmex/protocol/node');

const names = identifiers(['example.com', '192.0.2.1']);

it('makes and reads a certificate signing request', async () => {
  const csr = await createCsr({ identifiers: names, key: await webcrypto().generate('ec-p256') });
  expect((await parseCsr(csr)).identifiers).toEqual(names);
});

it('says that a CA cannot be reached', async () => {
  const { key } = await generateAccountKey();
  const session = acmeSession({
    directory: 'https://127.0.0.1:1/directory',
    key,
    fetch: nodeFetch(),
    random: () => 0,
  });
  const solvers = [
    http01(),
    tlsAlpn01(),
    dns01({ provider: { name: 'none', append: async () => {}, remove: async () => {} } }),
  ];
  await expect(
    new AcmeClient({ session, solvers }).issue({ identifiers: names, csr: new Uint8Array() }),
  ).rejects.toMatchObject({ code: 'ERR_ACME_UNREACHABLE' });
});
