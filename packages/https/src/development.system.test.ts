import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { connect as connectHttp2, createSecureServer } from 'node:http2';
import { createServer, get } from 'node:https';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { type Clock, systemClock } from '@acmex/clock';
import { localCa } from '@acmex/local-ca';
import { eventually, removeFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { handshake } from './autocert.testing.ts';
import { autocert, type Autocert, type AutocertEvents, type AutocertOptions } from './index.ts';
import { listenOn, redirectTo } from './listen.ts';

const run = promisify(execFile);
const hello: RequestListener = (_, response) => void response.end('hello');
let folder: string;
let addresses: string[];
let lines: string[];
const open: AsyncDisposable[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-https-'));
  addresses = ['192.168.1.7'];
  lines = [];
  jest.spyOn(console, 'error').mockImplementation((line) => void lines.push(String(line)));
});
afterEach(async () => {
  for (const opened of open.splice(0).reverse()) await opened[Symbol.asyncDispose]();
  jest.restoreAllMocks();
  await removeFolder(folder);
});

const caOptions = () => ({ path: join(folder, 'ca'), addresses: () => addresses });

async function started(options: AutocertOptions = {}): Promise<Autocert> {
  const tls = await autocert({
    ...{ localCa: caOptions(), storage: join(folder, 'storage'), host: '127.0.0.1' },
    ...options,
  });
  open.push(tls);
  return tls;
}

/** A clock whose sleeper wakes when a test says so: it sleeps too often for a virtual clock. */
function steppedClock(): Clock & { wake(after: { readonly hours: number }): Promise<void> } {
  let now = systemClock.now();
  let waking: (() => void) | undefined;
  return {
    now: () => now,
    monotonic: () => now.epochMilliseconds,
    sleep: async (_, { signal } = {}) =>
      await new Promise<void>((resolve, reject) => {
        waking = resolve;
        signal?.addEventListener('abort', () => reject(signal.reason as Error));
      }),
    async wake(after) {
      await eventually(() => waking !== undefined);
      now = now.add(after);
      waking?.();
      waking = undefined;
    },
  };
}

/** What a client of OpenSSL gets, and what its verification with the root says. */
async function client(port: number, options: readonly string[]): Promise<string> {
  const { rootFile } = await localCa(caOptions());
  const connection = run('openssl', [
    ...['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', rootFile, ...options],
  ]);
  connection.child.stdin?.end();
  const { stdout } = await connection;
  return [/^(?:New|Reused), (TLSv[\d.]+)/m, /Verify return code: \d+ \((.*)\)/]
    .map((pattern) => pattern.exec(stdout)?.[1])
    .join(', ');
}

describe('autocert in development', () => {
  it('serves localhost, names below it and the machine to clients that trust the local CA', async () => {
    const tls = await started({ names: ['example.com'], ports: { https: 0, http: 0 } });
    const listening = await tls.listen(hello);
    open.push(listening);
    const { port } = listening.https.address() as AddressInfo;
    const { rootFile, root } = await localCa(caOptions());
    const noName = ['-noservername', '-verify_ip'];
    const named = (name: string) => ['-servername', name, '-verify_hostname', name];
    for (const [version, protocol] of [
      ['-tls1_2', 'TLSv1.2'],
      ['-tls1_3', 'TLSv1.3'],
    ] as const)
      for (const [options, outcome] of [
        [named('localhost'), 'ok'],
        [named('a.localhost'), 'ok'],
        [[...noName, '127.0.0.1'], 'ok'],
        [[...noName, '192.168.1.7'], 'ok'],
        [named('example.com'), 'hostname mismatch'],
      ] as const)
        await expect(client(port, [version, ...options])).resolves.toBe(`${protocol}, ${outcome}`);
    for (const host of ['localhost', 'b.localhost', '127.0.0.1']) {
      const options = ['--silent', '--ipv4', '--noproxy', '*', '--cacert', rootFile];
      const { stdout } = await run('curl', [...options, `https://${host}:${port}/`]);
      expect(stdout).toBe('hello');
    }
    const [response] = await once(get(listening.url, { ca: root, agent: false }), 'response');
    await expect(text(response)).resolves.toBe('hello');
    await expect(tls.ready()).resolves.toBeUndefined();
    const { certificate } = await handshake(port);
    await expect(tls.status()).resolves.toMatchObject([
      { state: 'valid', serialNumber: certificate.serialNumber.toLowerCase() },
    ]);
    await expect(readdir(folder)).resolves.toEqual(['ca']);
    expect(lines).toEqual([
      `autocert: https://127.0.0.1:${port}/ has a certificate of your local CA; it is new: no client trusts it before you run npx acmex trust; with NODE_ENV=production, your names get those of a public CA`,
    ]);
  });

  it('serves with a server of your own, and leads http to its port', async () => {
    const tls = await started({ host: '::' });
    const http1 = createServer(tls.options, hello);
    const http2 = createSecureServer(tls.http2Options, (incoming, response) =>
      response.end(incoming.httpVersion),
    );
    for (const server of [http1, http2]) {
      tls.attach(server);
      await once(server.listen(0, '127.0.0.1'), 'listening');
    }
    const { port } = http2.address() as AddressInfo;
    const { root: ca } = await localCa(caOptions());
    const session = connectHttp2(`https://localhost:${port}`, { ca, servername: 'a.localhost' });
    const [chunk] = (await once(session.request({ ':path': '/' }), 'data')) as [Buffer];
    session.destroy();
    const location = await new Promise((resolve) => {
      const response = { writeHead: (_: number, headers: object) => resolve(headers), end() {} };
      const request = { url: '/x', headers: { host: 'a.localhost:80' } };
      tls.http()(request as never, response as never);
    });
    for (const server of [http1, http2]) server.close();
    expect([String(chunk), location]).toMatchObject([
      '2.0',
      { location: `https://a.localhost:${port}/x` },
    ]);
    expect(lines.at(-1)).toMatch(`https://localhost:${port}/ has a certificate of your local CA`);
  });

  it('renews its certificates, has one for a new address of the machine, and says when trust is needed again', async () => {
    const clock = steppedClock();
    const tls = await started({ clock });
    const server = createServer(tls.options, hello);
    tls.attach(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const presented = async (servername: string) =>
      (await handshake(port, { servername })).certificate;
    const certificates: AutocertEvents['certificate'][0][] = [];
    tls.on('certificate', (certificate) => certificates.push(certificate));
    const advance = async (hours: number) => {
      const { length } = certificates;
      await clock.wake({ hours });
      await eventually(() => certificates.length > length);
    };
    const before = await presented('a.localhost');
    addresses = ['10.1.2.3'];
    await advance(0);
    expect(certificates.at(-1)?.names).toContain('10.1.2.3');
    expect((await presented('localhost')).subjectaltname).toMatch('IP Address:10.1.2.3');
    await expect(presented('a.localhost')).resolves.toMatchObject({
      serialNumber: before.serialNumber,
    });
    await advance(20 * 24);
    const after = await presented('a.localhost');
    expect([after.subjectaltname, after.serialNumber === before.serialNumber]).toEqual([
      'DNS:a.localhost',
      false,
    ]);
    lines.length = 0;
    await advance(790 * 24);
    await eventually(() => lines.length > 0);
    server.close();
    expect(lines).toEqual([expect.stringContaining('it is new: no client trusts it before')]);
  });

  it('uses other ports where those of HTTPS cannot be listened on, and leads http there', async () => {
    const [taken, alsoTaken] = [createSocketServer(), createSocketServer()];
    for (const server of [taken, alsoTaken]) await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port: https } = taken.address() as AddressInfo;
    const { port: alternative } = alsoTaken.address() as AddressInfo;
    const tls = await started();
    let port = 0;
    await using listening = await listenOn(hello, {
      ...{ tls: tls.options, environment: {}, pid: 0, http: redirectTo(() => port) },
      attach: (server) =>
        server.once('listening', () => {
          port = (server.address() as AddressInfo).port;
        }),
      place: {
        ...{ https, http: https, host: '127.0.0.1' },
        alternatives: { https: alternative, http: alternative },
      },
    });
    const plain = (listening.http.address() as AddressInfo).port;
    const { headers } = await fetch(`http://127.0.0.1:${plain}/x`, { redirect: 'manual' });
    taken.close();
    alsoTaken.close();
    expect(headers.get('location')).toBe(`https://127.0.0.1:${port}/x`);
    expect([port > alternative, plain > alternative, plain === port]).toEqual([true, true, false]);
  });

  it('is what a program gets without NODE_ENV=production, unless it says otherwise', async () => {
    const variables = { ...process.env };
    const isProduction = async (options: AutocertOptions = {}) =>
      await started(options).then(
        () => false,
        (error: Error) => error.message.includes('acceptTerms: true'),
      );
    try {
      await expect(isProduction()).resolves.toBe(false);
      await expect(isProduction({ development: false })).resolves.toBe(true);
      process.env.NODE_ENV = 'production';
      await expect(isProduction()).resolves.toBe(true);
      await expect(isProduction({ development: true })).resolves.toBe(false);
    } finally {
      process.env.NODE_ENV = variables.NODE_ENV;
    }
  });
});
