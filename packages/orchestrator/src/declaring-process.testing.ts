// A separate process that declares twenty certificates in each storage that its parent names. The
// test bundles it.
import { fileStorage } from '@acmex/storage-file';
import { type Issuer, Provisioner } from './index.ts';

const issuer: Issuer = {
  name: 'test',
  issue: () => Promise.reject(new Error('nothing is issued here')),
  abandon: async () => undefined,
};

process.on('message', (path: string) => {
  void declareIn(path).then((changes) => process.send?.(changes));
});

async function declareIn(path: string): Promise<readonly string[]> {
  const provisioner = new Provisioner({ storage: fileStorage({ path }), issuers: [issuer] });
  const entries = Array.from({ length: 20 }, (_, n) => ({
    spec: {
      names: [`n${n}.test`, `www.n${n}.test`],
      issuer: 'test',
      keyType: 'ec-p256' as const,
      declared: true,
    },
  }));
  return (await provisioner.declareAll(entries)).map(({ change }) => change);
}
