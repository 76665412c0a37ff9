import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * A port that nothing listens on, on any address of this machine.
 * It lies below those that systems give to outgoing connections and to `listen(0)`, so that none of these takes it before its user does.
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
