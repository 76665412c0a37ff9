// A user's ES module: it uses each package for something real.
import assert from 'node:assert/strict';
import { createCsr, parseCsr, webcrypto } from '@acmex/certificate';
import { dns01 } from '@acmex/challenge/dns-01';
import { http01Handler } from '@acmex/challenge/http-01';
import { tlsAlpn01 } from '@acmex/challenge/tls-alpn-01';
import { AcmeClient } from '@acmex/client';
import { identifiers } from '@acmex/identifier';
import { acmeSession, generateAccountKey, keyAuthorization } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';

const names = identifiers(['Example.com', '*.example.com', '192.0.2.1']);
const csr = await createCsr({ identifiers: names, key: await webcrypto().generate('ec-p256') });
assert.deepEqual((await parseCsr(csr)).identifiers, names);

const { key } = await generateAccountKey();
const challenge = { type: 'http-01', url: 'https://ca.test/1', status: 'pending', token: 'abc' };
const mounted = http01Handler();
const response = await mounted.respond({
  ...challenge,
  identifier: names[0],
  wildcard: false,
  keyAuthorization: await keyAuthorization(key, challenge),
});
await mounted.present(response);
await mounted.visible(response);
await mounted.remove(response);
await assert.rejects(mounted.visible(response), { code: 'ERR_CHALLENGE_NOT_VISIBLE' });

const solvers = [
  mounted,
  tlsAlpn01(),
  dns01({ provider: { name: 'none', append: async () => {}, remove: async () => {} } }),
];
assert.deepEqual(
  solvers.map((solver) => solver.supports(names[0], true)),
  [false, false, true],
);

const unreachable = acmeSession({
  directory: 'https://127.0.0.1:1/directory',
  key,
  fetch: nodeFetch(),
  random: () => 0,
});
await assert.rejects(
  new AcmeClient({ session: unreachable, solvers }).issue({ identifiers: names, csr }),
  { code: 'ERR_ACME_UNREACHABLE' },
);
