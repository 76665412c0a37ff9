// A CA in a process of its own, until it is killed. Arguments: the storage's folder, its port, the
// port where http-01 is answered. Bundled by the test.
import { createServer, type RequestListener } from 'node:http';
import { addressPolicy } from '@acmex/egress';
import { fileStorage } from '@acmex/storage-file';
import { acmeServer, loadAuthority, networkValidator, nodeHandler, noLimits } from './index.ts';

const [path = '', port = '0', httpPort = '0'] = process.argv.slice(2);
const storage = fileStorage({ path });
const { issuer } = await loadAuthority(storage, { kind: 'private' });
const { handler } = acmeServer({
  url: `http://127.0.0.1:${port}/acme`,
  storage,
  issuer,
  rateLimiter: noLimits(),
  validate: networkValidator({
    egress: {
      policy: addressPolicy({ allow: ['127.0.0.0/8'] }),
      resolver: async () => ['127.0.0.1'],
    },
    ports: { http: Number(httpPort), https: Number(httpPort) },
  }),
  onError: ({ during, error }) => {
    process.stderr.write(`${during}: ${String(error)}\n`);
  },
});
createServer(nodeHandler(handler) as RequestListener)
  .on('request', () => process.stdout.write('request\n'))
  .listen(Number(port), '127.0.0.1', () => process.stdout.write('ready\n'));
