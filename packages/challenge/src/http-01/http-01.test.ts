import { once } from 'node:events';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, removeFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { http01, http01Handler, http01Webroot } from './index.ts';

const well = '/.well-known/acme-challenge/';
const first = { token: 'token-1', keyAuthorization: 'token-1.thumbprint' };
const second = { token: 'token_2', keyAuthorization: 'token_2.thumbprint' };

async function opened(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect(port, host);
  await once(socket, 'connect');
  return socket;
}

/** The raw answer to raw bytes. */
async function raw(port: number, bytes: string, host?: string): Promise<string> {
  const socket = await opened(port, host);
  socket.setEncoding('latin1').on('error', () => {
    /* the server may close while we write */
  });
  socket.end(bytes);
  const chunks: string[] = [];
  socket.on('data', (part: string) => chunks.push(part));
  await once(socket, 'close');
  return chunks.join('');
}
const asking = (
  port: number,
  target: string,
  { method = 'GET', host }: { method?: string; host?: string } = {},
) => raw(port, `${method} ${target} HTTP/1.1\r\nhost: a.test\r\n\r\n`, host);
const refused = (port: number) =>
  opened(port).then(
    () => 'open',
    (error: NodeJS.ErrnoException) => error.code,
  );

describe('http01', () => {
  it('shows any number of tokens on one listener, over IPv4 and IPv6, and is gone with the last', async () => {
    const port = await freePort();
    const solver = http01({ port });
    await Promise.all([solver.present(first), solver.present(second), solver.present(first)]);
    await Promise.all([solver.visible(first), solver.visible(second)]);
    for (const host of ['127.0.0.1', '::1'])
      for (const { token, keyAuthorization } of [first, second]) {
        const text = await asking(port, well + token, { host });
        expect(text).toMatch(/^HTTP\/1\.1 200 /);
        expect(text.endsWith(`\r\n\r\n${keyAuthorization}`)).toBe(true);
      }
    await solver.remove(first);
    expect(await asking(port, well + first.token)).toMatch(/^HTTP\/1\.1 404 /);
    expect(await asking(port, well + second.token)).toMatch(/^HTTP\/1\.1 200 /);
    await solver.remove(second);
    expect(await refused(port)).toBe('ECONNREFUSED');
    await solver.remove(second);
  });
  it('opens and closes in turn, however fast it is asked to', async () => {
    const port = await freePort();
    const solver = http01({ port });
    await Promise.all([
      solver.present(first),
      solver.remove(first),
      solver.present(second),
      solver.remove(second),
      solver.present(first),
    ]);
    await solver.visible(first);
    await solver.remove(first);
    expect(await refused(port)).toBe('ECONNREFUSED');
  });
  it('answers nothing but the exact path of a live token', async () => {
    const port = await freePort();
    const solver = http01({ port });
    await solver.present(first);
    const otherTargets = [
      '/',
      well,
      `${well}token-`,
      `${well}token-11`,
      `${well}token-1/`,
      `${well}token-1?x=1`,
      `${well}%74oken-1`,
      `/${well}token-1`,
      `${well}../acme-challenge/token-1`,
      `${well}./token-1`,
      `http://a.test${well}token-1`,
      `${well.toUpperCase()}token-1`,
      `${well}__proto__`,
      `${well}${'a'.repeat(10_000)}`,
      '*',
    ];
    for (const target of otherTargets)
      expect(await asking(port, target)).toMatch(/^HTTP\/1\.1 404 [\s\S]*not found\n$/);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect(await asking(port, well + first.token, { method })).toMatch(/^HTTP\/1\.1 405 /);
    expect(await asking(port, well + first.token, { method: 'HEAD' })).toMatch(
      /^HTTP\/1\.1 200 [\s\S]*\r\n\r\n$/,
    );
    expect(await raw(port, '\u0000\u0001 garbage\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    await solver.remove(first);
  });
  it('closes at once though clients hold their connections', async () => {
    const port = await freePort();
    const solver = http01({ port });
    await solver.present(first);
    const slow = await opened(port);
    slow.on('error', () => {
      /* it is cut off */
    });
    slow.write('GET / HT');
    await solver.remove(first);
    expect(await refused(port)).toBe('ECONNREFUSED');
    slow.destroy();
  });
  it('says which port is in use, keeps no token, and can be tried again', async () => {
    const blocker = createServer().listen(0, '::');
    await once(blocker, 'listening');
    const { port } = blocker.address() as AddressInfo;
    const solver = http01({ port });
    await expect(solver.present(first)).rejects.toMatchObject({
      code: 'ERR_CHALLENGE_PORT_IN_USE',
      message: expect.stringContaining(String(port)),
    });
    await expect(solver.visible(first)).rejects.toMatchObject({
      code: 'ERR_CHALLENGE_NOT_VISIBLE',
    });
    blocker.close();
    await once(blocker, 'close');
    await solver.present(first);
    await solver.visible(first);
    await solver.remove(first);
  });
  it('listens on one address if configured, and says which it cannot use', async () => {
    const port = await freePort();
    const solver = http01({ port, host: '127.0.0.1' });
    await solver.present(first);
    await solver.visible(first);
    await solver.remove(first);
    await expect(http01({ port, host: '192.0.2.1' }).present(first)).rejects.toMatchObject({
      code: 'ERR_CHALLENGE_LISTEN',
    });
  });
  it('proves names and addresses, not wildcards', () => {
    const solver = http01();
    expect([
      solver.supports({ type: 'dns', value: 'a.test' }, false),
      solver.supports({ type: 'ip', value: '::1' }, false),
      solver.supports({ type: 'dns', value: 'a.test' }, true),
    ]).toEqual([true, true, false]);
  });
});

describe('http01Handler', () => {
  it('answers in an existing server, and leaves all else to it', async () => {
    const solver = http01Handler();
    const server = createHttpServer((request, response) => {
      if (!solver.handle(request, response)) response.end('hello');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(solver.visible(first)).rejects.toMatchObject({
      code: 'ERR_CHALLENGE_NOT_VISIBLE',
    });
    await solver.present(first);
    await solver.visible(first);
    expect(await asking(port, well + first.token)).toContain(first.keyAuthorization);
    expect(await asking(port, `${well}another`)).toMatch(/^HTTP\/1\.1 404 /);
    const [hello] = await Promise.all([(await fetch(`http://127.0.0.1:${port}/`)).text()]);
    expect(hello).toBe('hello');
    await solver.remove(first);
    expect(await asking(port, well + first.token)).toMatch(/^HTTP\/1\.1 404 /);
    server.closeAllConnections();
    server.close();
  });
});

describe('http01Webroot', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'acmex-webroot-'));
  });
  afterEach(async () => {
    await removeFolder(directory);
  });
  const challenge = (token: string) => ({
    type: 'http-01',
    identifier: { type: 'dns', value: 'a.test' },
    wildcard: false,
    token,
    keyAuthorization: `${token}.thumbprint`,
    account: { url: 'https://ca.test/account/1', thumbprint: 'thumbprint' },
    members: {},
    meta: {},
  });
  const file = (token: string) => join(directory, '.well-known', 'acme-challenge', token);

  it('shows a file, and leaves the directory as it was, by another process too', async () => {
    const response = await http01Webroot({ directory }).respond(challenge('abc'));
    const solver = http01Webroot({ directory });
    await solver.present(response);
    await solver.present(response);
    await solver.visible(response);
    expect(await readFile(file('abc'), 'utf8')).toBe('abc.thumbprint');
    const secondSolver = http01Webroot({ directory });
    await secondSolver.remove(JSON.parse(JSON.stringify(response)) as typeof response);
    await secondSolver.remove(response);
    expect(await readdir(directory)).toEqual([]);
  });
  it('keeps folders that were there, and those that others still use', async () => {
    await mkdir(join(directory, '.well-known'));
    const solver = http01Webroot({ directory });
    const [first, second] = [
      await solver.respond(challenge('abc')),
      await solver.respond(challenge('def')),
    ];
    await Promise.all([solver.present(first), solver.present(second)]);
    await solver.remove(first);
    await solver.visible(second);
    await solver.remove(second);
    expect(await readdir(directory)).toEqual(['.well-known']);
    expect(await readdir(join(directory, '.well-known'))).toEqual([]);
  });
  it('replaces a link in its place, and does not follow it', async () => {
    const solver = http01Webroot({ directory });
    const response = await solver.respond(challenge('abc'));
    await mkdir(join(directory, '.well-known', 'acme-challenge'), { recursive: true });
    await writeFile(join(directory, 'precious'), 'precious');
    await symlink(join(directory, 'precious'), file('abc'));
    await solver.present(response);
    expect((await lstat(file('abc'))).isSymbolicLink()).toBe(false);
    expect(await readFile(join(directory, 'precious'), 'utf8')).toBe('precious');
  });
  it('sees when another file is there', async () => {
    const solver = http01Webroot({ directory });
    const response = await solver.respond(challenge('abc'));
    await solver.present(response);
    await writeFile(file('abc'), 'something else');
    await expect(solver.visible(response)).rejects.toMatchObject({ code: 'ERR_CHALLENGE_WEBROOT' });
  });
  it('says which directory it cannot use', async () => {
    await expect(
      http01Webroot({ directory: '/nowhere' }).respond(challenge('abc')),
    ).rejects.toMatchObject({
      code: 'ERR_CHALLENGE_WEBROOT',
      message: expect.stringContaining('/nowhere'),
    });
    await writeFile(join(directory, 'file'), '');
    await expect(
      http01Webroot({ directory: join(directory, 'file') }).respond(challenge('abc')),
    ).rejects.toMatchObject({ code: 'ERR_CHALLENGE_WEBROOT' });
    await writeFile(join(directory, '.well-known'), 'a file where a folder should be');
    const solver = http01Webroot({ directory });
    await expect(solver.present(await solver.respond(challenge('abc')))).rejects.toMatchObject({
      code: 'ERR_CHALLENGE_WEBROOT',
    });
    await chmod(directory, 0o755);
  });
  it.each(['../escape', 'a/b', '', '.', 'a\u0000b'])(
    'makes no path of the token "%s"',
    async (token) => {
      const solver = http01Webroot({ directory });
      await expect(solver.respond(challenge(token))).rejects.toMatchObject({
        code: 'ERR_CHALLENGE_TOKEN',
      });
      await expect(solver.remove({ token, keyAuthorization: '', made: [] })).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_CHALLENGE_/),
      });
    },
  );
});
