// Runs our CA in a separate process. Prints its URL and its root, then answers each line on standard
// input with its cost so far.
import { createInterface } from 'node:readline';
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

// The port of the web server that answers http-01, and Redis: without, the storage is in memory.
const [web, url] = process.argv.slice(2);
const storage =
  url === undefined ? memoryStorage() : redisStorage({ url, allowPlaintextSecrets: true });
await saveAuthority(storage, await createDevelopmentAuthority());
const { issuer, root } = await loadAuthority(storage, { kind: 'development' });
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
      ports: { http: Number(web), https: Number(web) },
    }),
    onError: ({ during, error }) => console.error(during, error),
  },
  { hostname: 'localhost', limits: { maxConnections: 100_000 } },
);
console.log(JSON.stringify({ directory: acme.directory, root }));
const commands = createInterface({ input: process.stdin });
commands.on('line', () => {
  globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  console.log(
    JSON.stringify({ cpu: (user + system) / 1000, heap: process.memoryUsage().heapUsed / 2 ** 20 }),
  );
});
commands.on('close', () => process.exit());
