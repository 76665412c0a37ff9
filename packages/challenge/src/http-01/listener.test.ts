import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { systemClock } from '@acmex/clock';
import { freePort } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { http01 } from './index.ts';

const first = { token: 'token-1', keyAuthorization: 'token-1.thumbprint' };
const second = { token: 'token-2', keyAuthorization: 'token-2.thumbprint' };
const path = `/.well-known/acme-challenge/${first.token}`;
const asking = `GET ${path} HTTP/1.1\r\nhost: a.test\r\nconnection: keep-alive\r\n\r\n`;

let port: number;
let solver: ReturnType<typeof http01>;
let sockets: Socket[];
beforeEach(async () => {
  port = await freePort();
  solver = http01({ port });
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all([solver.remove(first), solver.remove(second)]);
});

/** A connection whose client never closes its side. */
async function held(): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {
    /* it is cut off */
  });
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}
const refused = () =>
  once(connect(port, '127.0.0.1'), 'connect').then(
    () => 'open',
    (error: NodeJS.ErrnoException) => error.code,
  );

describe('http01', () => {
  it.each([
    ['silent', '', false],
    ['slow', 'GET / HTTP/1.1\r\nhost: a.te', false],
    [
      'still sending a body',
      'POST / HTTP/1.1\r\nhost: a.test\r\ncontent-length: 99\r\n\r\nx',
      true,
    ],
    ['answered and kept alive', asking, true],
  ])('is gone with its last token though a client is %s', async (_, bytes, hasAnswer) => {
    await solver.present(first);
    const socket = await held();
    socket.write(bytes);
    if (hasAnswer) expect(String((await once(socket, 'data'))[0])).toContain('connection: close');
    await solver.remove(first);
    expect(await refused()).toBe('ECONNREFUSED');
  });
  it('keeps what it shows when another solver, which shows nothing, removes it', async () => {
    await solver.present(first);
    await http01({ port }).remove(first);
    await solver.visible(first);
  });
  it('does not call visible what has another content, or was never presented', async () => {
    await expect(solver.visible(first)).rejects.toMatchObject({
      code: 'ERR_CHALLENGE_NOT_VISIBLE',
    });
    await solver.present(first);
    await expect(
      solver.visible({ ...first, keyAuthorization: 'token-1.other' }),
    ).rejects.toMatchObject({ code: 'ERR_CHALLENGE_NOT_VISIBLE' });
    await expect(solver.visible(second)).rejects.toMatchObject({
      code: 'ERR_CHALLENGE_NOT_VISIBLE',
    });
  });
  it('ends looking with the reason of the signal', async () => {
    await solver.present(first);
    const stop = new AbortController();
    const looking = solver.visible(first, { signal: stop.signal });
    stop.abort(new Error('ctrl-c'));
    await expect(looking).rejects.toThrow('ctrl-c');
  });
  it('looks no longer than its time limit, and says what it was looking for', async () => {
    solver = http01({
      port,
      clock: {
        ...systemClock,
        sleep: async () => {
          /* over at once */
        },
      },
    });
    await solver.present(first);
    await expect(solver.visible(first)).rejects.toMatchObject({
      code: 'ERR_CHALLENGE_NOT_VISIBLE',
      message: expect.stringContaining(String(port)),
      cause: { code: 'ERR_TIME_LIMIT' },
    });
  });
  it('shows nothing for a signal that is aborted already', async () => {
    await expect(
      solver.present(first, { signal: AbortSignal.abort(new Error('ctrl-c')) }),
    ).rejects.toThrow('ctrl-c');
    expect(await refused()).toBe('ECONNREFUSED');
  });
  const denied = process.getuid?.() === 0 && lowestFreePort() > 80; // else this user may listen on port 80
  (denied ? it : it.skip)(
    'says that ports below 1024 need a right which this user lacks',
    async () => {
      const low = http01({ port: 80 });
      process.seteuid?.(65_534);
      try {
        await expect(low.present(first)).rejects.toMatchObject({
          code: 'ERR_CHALLENGE_PORT_DENIED',
          message: expect.stringContaining('CAP_NET_BIND_SERVICE'),
        });
      } finally {
        process.seteuid?.(0);
        await low.remove(first);
      }
    },
  );
  it('opens nothing later for what could not be shown on an occupied port', async () => {
    const blocker = createServer().listen(port, '::');
    await once(blocker, 'listening');
    const failed = { status: 'rejected', reason: { code: 'ERR_CHALLENGE_PORT_IN_USE' } };
    expect(await Promise.allSettled([solver.present(first), solver.present(second)])).toMatchObject(
      [failed, failed],
    );
    blocker.close();
    await once(blocker, 'close');
    expect(await refused()).toBe('ECONNREFUSED');
  });
});

function lowestFreePort(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  } catch {
    return 1024;
  }
}
