// Runs our CA in a separate process, with a web server whose responses are set over HTTP, like
// pebble-challtestsrv. Prints its URLs, then answers each line on standard input with its cost so
// far.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import {
  createDevelopmentAuthority,
  loadAuthority,
  networkValidator,
  noLimits,
  saveAuthority,
} from '@acmex/ca';
import { serveAcme } from '@acmex/ca/node';
import { addressPolicy } from '@acmex/egress';
import { memoryStorage } from '@acmex/storage';
import { redisStorage } from '@acmex/storage-redis';

const [url] = process.argv.slice(2);
const storage =
  url === undefined ? memoryStorage() : redisStorage({ url, allowPlaintextSecrets: true });
await saveAuthority(storage, await createDevelopmentAuthority());
const { issuer, root } = await loadAuthority(storage, { kind: 'development' });
const responses = new Map();
const web = await listening(
  createServer(async (request, response) => {
    if (request.method !== 'POST')
      return response.end(responses.get(request.url.split('/').at(-1)));
    const { token, content } = JSON.parse(await text(request));
    if (request.url === '/add-http01') responses.set(token, content);
    else responses.delete(token);
    response.end();
  }),
);
const acme = await serveAcme(
  {
    storage,
    issuer,
    rateLimiter: noLimits(),
    validate: networkValidator({
      egress: {
        policy: addressPolicy({ allow: ['127.0.0.0/8'] }),
        resolver: async () => ['127.0.0.1'],
      },
      ports: { http: web, https: web },
    }),
    onError: ({ during, error }) => console.error(during, error),
  },
  { hostname: 'localhost', limits: { maxConnections: 100_000 } },
);
console.log(
  JSON.stringify({ directory: acme.directory, root, managementUrl: `http://127.0.0.1:${web}` }),
);
const commands = createInterface({ input: process.stdin });
commands.on('line', () => {
  globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  console.log(
    JSON.stringify({ cpu: (user + system) / 1000, heap: process.memoryUsage().heapUsed / 2 ** 20 }),
  );
});
commands.on('close', () => process.exit());

async function listening(server) {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server.address().port;
}
