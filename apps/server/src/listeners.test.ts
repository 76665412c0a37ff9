import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createDevelopmentAuthority, loadAuthority, saveAuthority } from '@acmex/ca';
import { serveAcme } from '@acmex/ca/node';
import { http01Answers } from '@acmex/challenge/http-01';
import { tlsAlpn01Answers } from '@acmex/challenge/tls-alpn-01';
import { serveMetrics } from '@acmex/observability';
import { freePort, localCertificate, temporaryFolder } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { afterAll, describe, expect, it } from '@jest/globals';
import { serving, startCa } from './serving.testing.ts';

interface Listener {
  readonly speaks: 'http' | 'https' | 'tls';
  /** Opens the listener, which is closed after the tests. */
  readonly open: () => Promise<number>;
}

const opened: AsyncDisposable[] = [];
afterAll(async () => {
  for (const listener of opened.reverse()) await listener[Symbol.asyncDispose]();
});
const none = { find: async () => undefined };

/** Every listener of this software that answers callers whom it does not know. */
const listeners: Readonly<Record<string, Listener>> = {
  'the REST API': { speaks: 'http', open: async () => await openServer('') },
  'the REST API with TLS': {
    speaks: 'https',
    open: async () => await openServer(await tlsTable()),
  },
  'the CA': {
    speaks: 'https',
    open: async () => {
      const ca = await startCa();
      opened.push(ca);
      return Number(new URL(ca.directory).port);
    },
  },
  'the repository of the CA, with OCSP': {
    speaks: 'http',
    open: async () => Number(new URL((await openRepository()).repositoryUrl).port),
  },
  'the metrics': {
    speaks: 'http',
    open: async () => {
      const listener = await serveMetrics({ host: '127.0.0.1', port: 0, text: async () => '' });
      opened.push(listener);
      return Number(new URL(listener.url).port);
    },
  },
  'the answers of http-01': {
    speaks: 'http',
    open: async () => {
      const port = await freePort();
      opened.push(await http01Answers({ shared: none, port, host: '127.0.0.1' }));
      return port;
    },
  },
  'the answers of tls-alpn-01': {
    speaks: 'tls',
    open: async () => {
      const port = await freePort();
      opened.push(await tlsAlpn01Answers({ shared: none, port, host: '127.0.0.1' }));
      return port;
    },
  },
};

/** A CA that serves revocation lists and OCSP responses at a port of its own. */
async function openRepository() {
  const storage = memoryStorage();
  await saveAuthority(storage, await createDevelopmentAuthority());
  const { issuer } = await loadAuthority(storage, { kind: 'development' });
  const server = await serveAcme(
    {
      storage,
      issuer,
      ocsp: true,
      validate: async () => ({ valid: true }),
      onError: ({ error }) => {
        throw error;
      },
    },
    { repository: {} },
  );
  opened.push(server);
  return server;
}

async function openServer(toml: string): Promise<number> {
  const server = await serving({ toml });
  opened.push(server);
  return Number(new URL(server.url).port);
}

/** The table of a server with a certificate in files. */
async function tlsTable(): Promise<string> {
  const folder = await temporaryFolder('listeners');
  opened.push(folder);
  const { certificate, privateKey } = await localCertificate();
  const [certificateFile, keyFile] = ['cert.pem', 'key.pem'].map((name) =>
    join(folder.path, name),
  ) as [string, string];
  await writeFile(certificateFile, certificate);
  await writeFile(keyFile, privateKey);
  return `[server.tls]\ncertificate = "${certificateFile}"\nkey = "${keyFile}"`;
}

/** The longest that an unauthenticated client may take for each part, in milliseconds. */
const longest = { headers: 10_000, request: 30_000, handshake: 10_000, idle: 120_000 };

describe.each(Object.entries(listeners))('%s', (_, { speaks, open }) => {
  it('limits the time and the number of connections, and closes those of slow clients', async () => {
    const port = await open();
    const server = await serverAt(port);
    expect(server.maxConnections).toBeGreaterThan(0);
    if (speaks !== 'tls') {
      expect(server.headersTimeout).toBeLessThanOrEqual(longest.headers);
      expect(server.requestTimeout).toBeLessThanOrEqual(longest.request);
      for (const time of [server.headersTimeout, server.requestTimeout, server.timeout])
        expect(time).toBeGreaterThan(0);
      expect(server.timeout).toBeLessThanOrEqual(longest.idle);
    }
    if (speaks !== 'http') {
      expect(handshakeTimeout(server).value).toBeLessThanOrEqual(longest.handshake);
      handshakeTimeout(server).set(100);
    }
    server.headersTimeout = 100;
    server.requestTimeout = 200;
    const slow = ['', 'GET / HTTP/1.1\r\nhost: x\r\nx-slow: '].map(async (text) => {
      const client = connect({ host: '127.0.0.1', port });
      client.on('error', () => undefined).resume();
      client.write(text);
      await once(client, 'close');
    });
    await Promise.all(slow);
  });
});

/** Returns the server in this process that accepts the connections of a port. */
async function serverAt(port: number): Promise<Server> {
  const accepted: Socket[] = [];
  const onSocket = (message: unknown) => {
    accepted.push((message as { readonly socket: Socket }).socket);
  };
  subscribe('net.server.socket', onSocket);
  const client = connect({ host: '127.0.0.1', port });
  client.on('error', () => undefined);
  await once(client, 'connect');
  while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve));
  unsubscribe('net.server.socket', onSocket);
  client.destroy();
  return (accepted[0] as unknown as { readonly server: Server }).server;
}

/** The time for a handshake, which Node.js gives no name. */
function handshakeTimeout(server: Server) {
  const symbol = Object.getOwnPropertySymbols(server).find(
    ({ description }) => description === 'handshake-timeout',
  )!;
  const values = server as unknown as Record<symbol, number>;
  return {
    value: values[symbol] ?? Infinity,
    set: (milliseconds: number) => {
      values[symbol] = milliseconds;
    },
  };
}
