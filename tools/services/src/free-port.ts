import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Test files that run at the same time choose from ports of their own, as each has a worker. */
const shares = 4;
const firstPort = 16_000;
const portsOfShare = 4000;
/** Who has got a port may listen on it much later. */
const chosen = new Set<number>();

/**
 * Returns a port on which nothing listens, on any address of this machine, and which no test of another
 * worker gets. It is below the range that systems use for outgoing connections and for `listen(0)`, so that
 * none of these takes it first.
 */
export async function freePort(): Promise<number> {
  const [from, to] = range(process.env.JEST_WORKER_ID);
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(from, to);
    if (chosen.has(port)) continue;
    chosen.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`freePort: a hundred ports from ${from} to ${to - 1} were all in use`);
}

/** Without a worker, all ports: no test runs then. */
function range(worker: string | undefined): readonly [number, number] {
  if (worker === undefined) return [firstPort, firstPort + shares * portsOfShare];
  const from = firstPort + (Number(worker) % shares) * portsOfShare;
  return [from, from + portsOfShare];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
