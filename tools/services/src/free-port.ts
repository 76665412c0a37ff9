import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Returns a port on which nothing listens, on any address of this machine. It is below the range
 * that systems use for outgoing connections and for `listen(0)`, so that none of these takes it
 * first.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(16_000, 32_000);
    if (await isFree(port)) return port;
  }
  throw new Error('freePort: a hundred ports between 16000 and 32000 were all in use');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
