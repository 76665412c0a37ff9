import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Test files that run at the same time choose from ports of their own, as each has a worker. */
const shares = 4;
const firstPort = 16_000;
const portsOfShare = 4000;
/** Who has got a port may listen on it much later. */
const chosen = new Set<number>();

/**
 * Returns a port on which nothing listens, on any address of this machine, and which no other test has
 * got. It is below the range that systems use for outgoing connections and for `listen(0)`, so that
 * none of these takes it first.
 */
export async function freePort(): Promise<number> {
  const share = Number(process.env.JEST_WORKER_ID ?? 0) % shares;
  const from = firstPort + share * portsOfShare;
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(from, from + portsOfShare);
    if (chosen.has(port)) continue;
    chosen.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(
    `freePort: a hundred ports from ${from} to ${from + portsOfShare - 1} were all in use`,
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
