import { EventEmitter, once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { systemClock, virtualClock } from '@acmex/clock';
import {
  acmeSession,
  type Fetch,
  generateAccountKey,
  type HttpAnswer,
  newAccount,
} from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import { eventually, freePort } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  createDevelopmentAuthority,
  type Issuer,
  loadAuthority,
  noLimits,
  saveAuthority,
  type ServerFailure,
} from '../index.ts';
import { type ListenOptions, serveAcme } from './index.ts';

describe('an ACME server over HTTPS', () => {
  let issuer: Issuer;
  let root: string;
  const storage = memoryStorage();
  beforeAll(async () => {
    await saveAuthority(storage, await createDevelopmentAuthority());
    ({ issuer, root } = await loadAuthority(storage, { kind: 'development' }));
  });
  const failures: ServerFailure[] = [];
  const serve = async (listen: ListenOptions = {}, by = issuer) =>
    await serveAcme(
      {
        storage,
        issuer: by,
        rateLimiter: noLimits(),
        validate: async () => ({ valid: true }),
        onError: (failure) => failures.push(failure),
      },
      listen,
    );
  const tls = async (port: number, rejectUnauthorized = true): Promise<TLSSocket> => {
    const socket = connectTls({ port, host: '127.0.0.1', ca: root, rejectUnauthorized });
    socket.on('error', () => {
      /* the server may reset the connection instead of ending it */
    });
    await once(socket, 'secureConnect');
    return socket;
  };
  const get = async (fetch: Fetch, url: string) =>
    await fetch(url, {
      method: 'GET',
      headers: {},
      redirect: 'manual',
      signal: new AbortController().signal,
    });
  const text = async ({ body }: HttpAnswer) => await new Response(body as ReadableStream).text();
  /** Everything that the server sends until it closes the connection. */
  const untilClosed = async (socket: Socket): Promise<string> => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await once(socket, 'close');
    return text;
  };
  /**
   * Long enough that a test fails where another limit than the tested one closes the connection.
   */
  const long = { minutes: 5 };
  const patient = {
    handshakeTimeout: long,
    headersTimeout: long,
    requestTimeout: long,
    keepAliveTimeout: long,
    idleTimeout: long,
  };

  it('has the issuer and the CRL over plain http on a port of their own, and certificates name it (C36)', async () => {
    await using server = await serve({ repository: {} });
    expect(server.repositoryUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const at = async (path: string) => await fetch(`${server.repositoryUrl}${path}`);
    const crl = await at('/crl');
    expect([crl.status, crl.headers.get('content-type')]).toEqual([200, 'application/pkix-crl']);
    expect(crl.headers.get('replay-nonce')).toBeNull();
    const certificate = Buffer.from(await (await at('/issuer')).arrayBuffer());
    expect(certificate).toEqual(Buffer.from(issuer.certificate));
    for (const path of ['/directory', '/acme/directory', '/new-nonce'])
      expect((await at(path)).status).toBe(404);
    const socket = await tls(server.port);
    const text = socket.getPeerCertificate().raw.toString('latin1');
    socket.destroy();
    expect(text).toContain(`${server.repositoryUrl}/crl`);
    expect(text).toContain(`${server.repositoryUrl}/issuer`);
    expect(text).not.toContain('https:');
  });
  it('closes both servers, also if the second cannot listen', async () => {
    await using server = await serve();
    const port = await freePort();
    await expect(serve({ port, repository: { port: server.port } })).rejects.toMatchObject({
      code: 'ERR_CA_LISTEN',
    });
    await using again = await serve({ port, repository: { url: 'http://pki.example' } });
    expect(again.repositoryUrl).toBe('http://pki.example');
  });
  it('serves a client that trusts the root, by name and by address', async () => {
    await using server = await serve({ hostname: 'localhost' });
    using fetch = nodeFetch({ ca: root });
    expect(server.directory).toBe(`https://localhost:${server.port}/acme/directory`);
    const byAddress = server.directory.replace('localhost', '127.0.0.1');
    const { status } = await get(fetch, byAddress);
    expect(status).toBe(200);
    const { key } = await generateAccountKey();
    const session = acmeSession({ directory: server.directory, key, fetch });
    await expect(newAccount(session)).resolves.toMatchObject({ status: 'valid' });
  });

  it('passes every request to the wrapped handler', async () => {
    await using server = await serveAcme({
      storage,
      issuer,
      validate: async () => ({ valid: true }),
      onError: (failure) => failures.push(failure),
      wrap: () => async () => new Response('replaced'),
    });
    using fetch = nodeFetch({ ca: root });
    await expect(text(await get(fetch, server.directory))).resolves.toBe('replaced');
  });

  it('gets a new certificate after half of the life of its certificate', async () => {
    const clock = virtualClock({ now: systemClock.now().toString() });
    await using server = await serve({ clock });
    const served = async () => {
      // By the real time, the next certificate is not valid yet.
      const socket = await tls(server.port, false);
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const before = await served();
    await clock.advance({ hours: 3 * 24 });
    expect(await served()).toBe(before);
    await clock.advance({ hours: 12 });
    await eventually(async () => (await served()) !== before);
  });

  it('closes a connection that does not start its TLS handshake', async () => {
    await using server = await serve({
      limits: { ...patient, handshakeTimeout: { milliseconds: 100 } },
    });
    await expect(untilClosed(connectTcp(server.port, '127.0.0.1'))).resolves.toBe('');
  });

  it.each(['', 'GET /acme/directory HTTP/1.1\r\nHost: localhost\r\nX-Slow: '])(
    'closes a connection whose headers do not end: %j',
    async (start) => {
      await using server = await serve({
        limits: { ...patient, headersTimeout: { milliseconds: 200 } },
      });
      const socket = await tls(server.port);
      if (start !== '') socket.write(start);
      await expect(untilClosed(socket)).resolves.toMatch(/^(HTTP\/1\.1 408 |$)/);
    },
  );

  it('closes a connection whose body does not end', async () => {
    await using server = await serve({
      limits: {
        ...patient,
        headersTimeout: { milliseconds: 200 },
        requestTimeout: { milliseconds: 200 },
      },
    });
    const socket = await tls(server.port);
    socket.write(
      'POST /acme/new-account HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/jose+json\r\nContent-Length: 1000\r\n\r\n{',
    );
    await expect(untilClosed(socket)).resolves.toMatch(/^(HTTP\/1\.1 408 |$)/);
  });

  it('closes a connection that sends no further request', async () => {
    await using server = await serve({
      limits: { ...patient, keepAliveTimeout: { milliseconds: 100 } },
    });
    const socket = await tls(server.port);
    socket.write('GET /acme/directory HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await expect(untilClosed(socket)).resolves.toMatch(/^HTTP\/1\.1 200 /);
  });

  it('closes connections beyond the limit, and accepts a client when another has gone', async () => {
    await using server = await serve({ limits: { ...patient, maxConnections: 2 } });
    const [first, second] = [await tls(server.port), await tls(server.port)];
    await untilClosed(connectTcp(server.port, '127.0.0.1'));
    first.destroy();
    await eventually(async () => {
      const socket = connectTls({ port: server.port, host: '127.0.0.1', ca: root });
      return await once(socket, 'secureConnect').then(
        () => {
          socket.destroy();
          return true;
        },
        () => false,
      );
    });
    second.destroy();
  });

  it.each(['waits for its answer', 'has gone'])(
    'is closed after the requests that it handles, when a client %s',
    async (client) => {
      const events = new EventEmitter();
      const server = await serveAcme({
        storage,
        issuer,
        rateLimiter: noLimits(),
        validate: async () => ({ valid: true }),
        onError: (failure) => failures.push(failure),
        wrap: () => async () => {
          const written = once(events, 'written');
          events.emit('begun');
          await written;
          return new Response('written');
        },
      });
      const begun = once(events, 'begun');
      const socket = await tls(server.port);
      socket.write('GET /acme/directory HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await begun;
      let received = '';
      socket.setEncoding('utf8').on('data', (text: string) => {
        received += text;
      });
      if (client === 'has gone') socket.destroy();
      const order: string[] = [];
      const ended = once(socket, 'close');
      const closed = server[Symbol.asyncDispose]().then(() => order.push('closed'));
      // Time for a server that does not wait to close.
      await systemClock.sleep({ milliseconds: 300 });
      order.push('written');
      events.emit('written');
      await Promise.all([closed, ended]);
      expect([order, received.includes('written')]).toEqual([
        ['written', 'closed'],
        client !== 'has gone',
      ]);
    },
  );
  it('ends every connection when it is closed, also one without a TLS handshake', async () => {
    const server = await serve({ limits: patient });
    const [plain, secure] = [connectTcp(server.port, '127.0.0.1'), await tls(server.port)];
    const closed = Promise.all([untilClosed(plain), untilClosed(secure)]);
    await server[Symbol.asyncDispose]();
    await expect(closed).resolves.toEqual(['', '']);
  });

  it('names the address and the cure where another program uses the port', async () => {
    await using server = await serve();
    await expect(serve({ port: server.port })).rejects.toMatchObject({
      code: 'ERR_CA_LISTEN',
      message: `cannot listen on 127.0.0.1 port ${server.port}: another program uses it: stop that program, or use another port`,
    });
  });

  it('refuses a name that the CA may not issue for, and stops listening', async () => {
    const { port } = await (async () => {
      await using server = await serve();
      return { port: server.port };
    })();
    await expect(serve({ port }, { ...issuer, permits: () => false })).rejects.toMatchObject({
      code: 'ERR_CA_CONSTRAINTS',
    });
    const socket = connectTcp(port, '127.0.0.1');
    const [error] = await once(socket, 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    expect(failures).toEqual([]);
  });
});
