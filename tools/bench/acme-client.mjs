// npm acme-client as its documentation shows it, with P-256 keys, a fast back-off, and no look of
// its own at the challenge.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { http01 } from './http01.mjs';

export async function open({ directory, managementUrl, peer }) {
  const acme = createRequire(join(peer, 'package.json'))('acme-client');
  const client = new acme.Client({
    directoryUrl: directory,
    accountKey: await acme.crypto.createPrivateEcdsaKey('P-256'),
    backoffMin: 50,
  });
  await client.createAccount({ termsOfServiceAgreed: true });
  const web = http01(managementUrl);
  return {
    async issue(names) {
      const [, csr] = await acme.crypto.createCsr(
        { altNames: names },
        await acme.crypto.createPrivateEcdsaKey('P-256'),
      );
      const chain = await client.auto({
        csr,
        challengePriority: ['http-01'],
        skipChallengeVerification: true,
        challengeCreateFn: (_, { token }, keyAuthorization) => web.add(token, keyAuthorization),
        challengeRemoveFn: (_, { token }) => web.remove(token),
      });
      if (!chain.includes('BEGIN CERTIFICATE')) throw new Error('acme-client gave no certificate');
    },
    close: () => web.close(),
  };
}
