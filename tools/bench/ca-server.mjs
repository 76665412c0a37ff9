// Runs our CA in a separate process. Prints its URL and its root, then answers each line on standard
// input with the memory that its heap takes.
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
import { fileStorage } from '@acmex/storage-file';
import { redisStorage } from '@acmex/storage-redis';

// The port of the web server that answers http-01, and where the storage is: a URL of Redis, a folder,
// or nothing, which is in memory.
const [web, place] = process.argv.slice(2);
const storage = openStorage();
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
  console.log(JSON.stringify({ heap: process.memoryUsage().heapUsed / 2 ** 20 }));
});
commands.on('close', () => process.exit());

function openStorage() {
  if (place === undefined) return memoryStorage();
  return place.startsWith('redis:')
    ? redisStorage({ url: place, allowPlaintextSecrets: true })
    : fileStorage({ path: place });
}
