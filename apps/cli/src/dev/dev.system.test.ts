import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import { buffer, text } from 'node:stream/consumers';
import { connect, type TLSSocket } from 'node:tls';
import { freePort, temporaryFolder, type TemporaryFolder } from '@acmex/services';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { acmex } from '../terminal.testing.ts';
import { dev } from './dev.ts';

const name = 'example.localhost';
let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder('acmex-dev');
});
afterAll(async () => await folder[Symbol.asyncDispose]());

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** Starts the command for a program. */
async function started(
  words: readonly string[],
): Promise<{ readonly port: number; readonly ca: string }> {
  const stop = new AbortController();
  const port = await freePort();
  let written = '';
  let onServing: () => void;
  const serving = new Promise<void>((resolve) => {
    onServing = resolve;
  });
  const stream = {
    write(chunk: string) {
      written += chunk;
      if (written.includes(`https://${name}:${port} is served from`)) onServing();
    },
  };
  const terminal = { stdout: stream, stderr: stream, env: process.env, signal: stop.signal };
  const localCa = { path: folder.path };
  const ended = dev([name, ...words], { port, localCa }, terminal as never);
  open.push(async () => {
    stop.abort();
    expect(await ended).toBe(0);
  });
  await Promise.race([
    ended.then((code) => Promise.reject(new Error(`${code}: ${written}`))),
    serving,
  ]);
  const { localCa: opened } = await import('@acmex/local-ca');
  return { port, ca: (await opened(localCa)).root };
}

/** Starts a program at a port. */
async function program(port: number, onRequest: RequestListener): Promise<Server> {
  const server = createServer(onRequest);
  await once(server.listen(port, '127.0.0.1'), 'listening');
  open.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

async function http2(port: number, ca: string): Promise<ClientHttp2Session> {
  const session = connectHttp2(`https://${name}:${port}`, {
    createConnection: () =>
      connect({ port, host: '127.0.0.1', servername: name, ca, ALPNProtocols: ['h2'] }),
  });
  await once(session, 'connect');
  open.push(async () => session.destroy());
  return session;
}

async function answerOf(port: number, ca: string, headers: Record<string, string> = {}) {
  const asked = request({
    ...{ port, host: '127.0.0.1', servername: name, ca, agent: false },
    headers: { host: `${name}:${port}`, ...headers },
  });
  const [response] = (await once(asked.end(), 'response')) as [IncomingMessage];
  return {
    status: response.statusCode,
    type: response.headers['content-type'],
    body: await text(response),
  };
}

describe('acmex dev', () => {
  it('serves a program by HTTP/2 and HTTP/1.1 with a certificate of the local CA', async () => {
    const target = await freePort();
    await program(target, ({ headers, httpVersion }, response) =>
      response.end(JSON.stringify({ httpVersion, ...headers })),
    );
    const { port, ca } = await started([String(target)]);
    const session = await http2(port, ca);
    const stream = session.request({ ':path': '/', 'x-forwarded-for': '192.0.2.1', cookie: 'a=b' });
    const expected = {
      httpVersion: '1.1',
      host: `${name}:${port}`,
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-port': String(port),
      'x-forwarded-proto': 'https',
      'x-forwarded-host': `${name}:${port}`,
    };
    expect(JSON.parse(await text(stream))).toMatchObject({ ...expected, cookie: 'a=b' });
    const { body } = await answerOf(port, ca, { 'x-forwarded-host': 'evil.test' });
    expect(JSON.parse(body)).toMatchObject(expected);
  });

  it('streams large bodies both ways, without waiting for their end', async () => {
    const target = await freePort();
    await program(target, (incoming, response) => void incoming.pipe(response));
    const { port, ca } = await started([String(target)]);
    const session = await http2(port, ca);
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    stream.write('first');
    // The program has answered before the request has ended.
    const [chunk] = (await once(stream, 'data')) as [Buffer];
    expect(String(chunk)).toBe('first');
    const large = randomBytes(20 * 1024 * 1024);
    const received = buffer(stream);
    stream.end(large);
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(digest(await received)).toBe(digest(large));
  });

  it('passes WebSockets on', async () => {
    const target = await freePort();
    const server = await program(target, (_, response) => response.end());
    server.on('upgrade', ({ headers }, socket) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
      );
      socket.write(`${headers.host} ${headers['x-forwarded-for']} `);
      socket.pipe(socket);
    });
    const { port, ca } = await started([String(target)]);
    const asked = request({
      ...{ port, host: '127.0.0.1', servername: name, ca, agent: false },
      headers: { host: name, connection: 'Upgrade', upgrade: 'websocket' },
    });
    const [, socket] = (await once(asked.end(), 'upgrade')) as [IncomingMessage, TLSSocket];
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString();
    });
    socket.write('ping');
    while (!received.endsWith('ping')) await once(socket, 'data');
    socket.destroy();
    expect(received).toBe(`${name} 127.0.0.1 ping`);
  });

  it('waits for a program that starts, and shows a page while it does not listen', async () => {
    const target = await freePort();
    const { port, ca } = await started([String(target)]);
    const waiting = answerOf(port, ca);
    await program(target, (_, response) => response.end('hello'));
    await expect(waiting).resolves.toMatchObject({ status: 200, body: 'hello' });
    for (const close of open.splice(1)) await close();
    const [page, plain] = await Promise.all([
      answerOf(port, ca, { accept: 'text/html' }),
      answerOf(port, ca),
    ]);
    expect(page).toMatchObject({ status: 502, type: 'text/html; charset=utf-8' });
    expect(page.body).toContain(`localhost:${target} does not answer: nothing listens there`);
    expect(page.body).toContain('http-equiv="refresh"');
    expect(plain).toEqual({
      status: 502,
      type: 'text/plain; charset=utf-8',
      body: `localhost:${target} does not answer: nothing listens there\n`,
    });
    await program(target, (_, response) => response.end('hello again'));
    await expect(answerOf(port, ca)).resolves.toMatchObject({ status: 200, body: 'hello again' });
  });

  it('starts the program with its port in PORT', async () => {
    const script = `require('node:http').createServer((_, r) => r.end('started')).listen(process.env.PORT)`;
    const { port, ca } = await started([process.execPath, '-e', script]);
    await expect(answerOf(port, ca)).resolves.toMatchObject({ status: 200, body: 'started' });
  });

  it('ends with the exit code of the program, and says nothing is served by one that cannot start', async () => {
    const options = { env: { HOME: folder.path, PATH: process.env.PATH } };
    const run = async (...words: readonly string[]) =>
      await acmex(['dev', name, '--port', String(await freePort()), ...words], options);
    await expect(run('--', process.execPath, '-e', 'process.exit(3)')).resolves.toMatchObject({
      code: 3,
      stdout: expect.stringContaining('is served from'),
    });
    await expect(run('abc')).resolves.toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('abc is neither a port nor a program that is installed'),
    });
    await expect(run(folder.path, 'start')).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot be started: permission denied'),
    });
  });

  it('serves names of this machine only, and says what is wrong with others', async () => {
    await expect(acmex(['dev', 'example.com', '3000'])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('use a name such as example.localhost'),
    });
    await expect(acmex(['dev', 'example.localhost', '70000'])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('70000 is not a port'),
    });
    await expect(acmex(['dev', 'example.localhost'])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('add its port'),
    });
  });
});
