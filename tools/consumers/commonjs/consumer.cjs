// A stranger's CommonJS program: require() brings the packages in, ES modules though they are.
const assert = require('node:assert/strict');
const { createCsr, parseCsr, webcrypto } = require('@acmex/certificate');
const { dns01 } = require('@acmex/challenge/dns-01');
const { http01, http01Webroot } = require('@acmex/challenge/http-01');
const { tlsAlpn01 } = require('@acmex/challenge/tls-alpn-01');
const { AcmeClient } = require('@acmex/client');
const { identifiers } = require('@acmex/identifier');
const { acmeSession, generateAccountKey } = require('@acmex/protocol');
const { nodeFetch } = require('@acmex/protocol/node');

async function main() {
  const names = identifiers(['example.com', '2001:db8::1']);
  const csr = await createCsr({ identifiers: names, key: await webcrypto().generate('ed25519') });
  assert.deepEqual((await parseCsr(csr)).identifiers, names);

  const provider = { name: 'none', append: async () => {}, remove: async () => {} };
  const solvers = [
    http01(),
    http01Webroot({ directory: '/nowhere' }),
    tlsAlpn01(),
    dns01({ provider }),
  ];
  assert.deepEqual(
    solvers.map(({ type }) => type),
    ['http-01', 'http-01', 'tls-alpn-01', 'dns-01'],
  );

  const { key } = await generateAccountKey();
  const nobody = acmeSession({
    directory: 'https://127.0.0.1:1/directory',
    key,
    fetch: nodeFetch(),
    random: () => 0,
  });
  await assert.rejects(
    new AcmeClient({ session: nobody, solvers }).issue({ identifiers: names, csr }),
    { code: 'ERR_ACME_UNREACHABLE' },
  );
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
