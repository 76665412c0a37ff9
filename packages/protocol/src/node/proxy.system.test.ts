import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  describeWith,
  type LocalCertificate,
  localCertificate,
  startTinyproxy,
  type Tinyproxy,
} from '@acmex/services';
import { network, type Network } from './index.ts';

const credentials = { user: 'corp-user', password: 'pass-w0rd' };

describeWith(['tinyproxy'], 'a network with a proxy', () => {
  let proxy: Tinyproxy;
  let certificate: LocalCertificate;
  let stop: (() => Promise<void>)[] = [];
  /** The addresses that connected to the targets, and the paths that they requested. */
  let connections: string[];
  let requests: IncomingMessage[];
  let target: { readonly https: string; readonly http: string };

  async function listening(server: Server): Promise<number> {
    server.on('connection', ({ remoteAddress = '' }) => connections.push(remoteAddress));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    stop.push(async () => {
      if ('closeAllConnections' in server) (server.closeAllConnections as () => void)();
      server.close();
      await once(server, 'close');
    });
    return (server.address() as AddressInfo).port;
  }

  beforeAll(async () => {
    stop = [];
    [connections, requests] = [[], []];
    certificate = await localCertificate();
    proxy = await startTinyproxy({ credentials, refusedHosts: ['refused.example'] });
    const { certificate: cert, privateKey: key } = certificate;
    const serve = createServer({ cert, key });
    const plain = createHttpServer();
    for (const server of [serve, plain])
      server.on('request', (request, response) => {
        requests.push(request);
        request.pipe(response);
      });
    target = {
      https: `https://localhost:${await listening(serve)}/`,
      http: `http://127.0.0.1:${await listening(plain)}/`,
    };
  });
  afterAll(async () => {
    await Promise.all(stop.map(async (close) => await close()));
    await proxy[Symbol.asyncDispose]();
  });

  const url = (password = credentials.password) =>
    `http://${credentials.user}:${password}@127.0.0.1:${proxy.port}`;
  const behind = (more: Parameters<typeof network>[0] = {}): Network =>
    network({
      httpsProxy: url(),
      httpProxy: url(),
      roots: [certificate.caCertificate],
      ...more,
    });
  const post = async ({ webFetch }: Network, place: string) =>
    await (await webFetch(place, { method: 'POST', body: 'hello' })).text();

  it('reaches https and http targets through it, and none directly', async () => {
    const { fetch, webFetch } = behind();
    const signal = new AbortController().signal;
    using acme = fetch();
    for (const place of [target.https, target.http]) {
      const answer = await acme(place, { method: 'GET', headers: {}, redirect: 'manual', signal });
      expect(answer.status).toBe(200);
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>)
        expect(chunk).toHaveLength(0);
      expect(await post({ fetch, webFetch } as Network, place)).toBe('hello');
    }
    expect([...new Set(connections)]).toEqual([proxy.outgoingAddress]);
    expect(proxy.requests()).toEqual(
      expect.arrayContaining([
        `CONNECT ${new URL(target.https).host}`,
        `GET ${target.http}`,
        `POST ${target.http}`,
      ]),
    );
    expect(requests.map(({ headers }) => headers['proxy-authorization'])).toEqual(
      requests.map(() => undefined),
    );
  });
  it('keeps a tunnel for requests that follow each other', async () => {
    const before = proxy.requests().length;
    const through = behind();
    for (let count = 0; count < 4; count++) await post(through, target.https);
    expect(proxy.requests()).toHaveLength(before + 1);
  });
  it('reaches what NO_PROXY names directly', async () => {
    const before = proxy.requests().length;
    connections.length = 0;
    await post(behind({ noProxy: ['localhost', '127.0.0.1'] }), target.https);
    await post(behind({ noProxy: ['localhost', '127.0.0.1'] }), target.http);
    expect(connections).toEqual(['127.0.0.1', '127.0.0.1']);
    expect(proxy.requests()).toHaveLength(before);
  });
  it('fails clearly, and never connects directly, when the proxy refuses or is gone', async () => {
    connections.length = 0;
    const wrong = url('wr0ng-pass');
    const cases: readonly (readonly [Parameters<typeof network>[0], string, RegExp])[] = [
      [{ httpsProxy: wrong }, target.https, /refuses the user or password .*40[17]/],
      [{ httpsProxy: proxy.url }, target.https, /wants a user and a password .*407/],
      [{ httpProxy: proxy.url }, target.http, /wants a user and a password .*407/],
      [{}, 'https://refused.example/', /does not connect to refused\.example:443 \(403/],
      [{}, 'https://127.0.0.1:1/', /does not connect to 127\.0\.0\.1:1 \(500/],
      [{ httpsProxy: 'http://127.0.0.1:1' }, target.https, /cannot be reached \(ECONNREFUSED\)/],
      [{ httpProxy: 'http://127.0.0.1:1' }, target.http, /cannot be reached \(ECONNREFUSED\)/],
    ];
    for (const [options, place, message] of cases) {
      const error: unknown = await post(behind(options), place).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: 'ERR_ACME_PROXY',
        message: expect.stringMatching(message),
      });
      expect(String(error)).not.toMatch(/wr0ng-pass|pass-w0rd|corp-user/);
    }
    expect(connections).toEqual([]);
  });
  it('leaves TLS to the target: its certificate is checked behind the tunnel', async () => {
    await expect(post(behind({ roots: [] }), target.https)).rejects.toMatchObject({
      code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO/),
    });
  });
  it('speaks TLS with a proxy whose URL begins with https', async () => {
    const { certificate: cert, privateKey: key } = certificate;
    const secure = createServer({ cert, key });
    secure.on('connect', (_, socket) => socket.end('HTTP/1.1 418 Teapot\r\n\r\n'));
    const port = await listening(secure);
    await expect(
      post(behind({ httpsProxy: `https://localhost:${port}` }), target.https),
    ).rejects.toMatchObject({ message: expect.stringContaining('(418 Teapot)') });
  });
  it('ends with the signal while the proxy is silent', async () => {
    const silent = createTcpServer((socket) => socket.on('error', () => undefined).resume());
    const port = await listening(silent);
    const stopped = new AbortController();
    const opened = once(silent, 'connection');
    const { webFetch } = behind({ httpsProxy: `http://127.0.0.1:${port}` });
    const answer = webFetch(target.https, { signal: stopped.signal });
    const [socket] = await opened;
    stopped.abort(new Error('enough'));
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    socket.destroy();
  });
});
