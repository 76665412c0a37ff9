// A proxy between a client and Pebble that counts requests and can delay each answer. It keeps the
// Host header, from which Pebble makes its URLs, so that every request passes through the proxy.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createSecureServer } from 'node:http2';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The kinds of requests, by Pebble's paths. */
const kinds = {
  dir: 'directory',
  'nonce-plz': 'newNonce',
  'sign-me-up': 'newAccount',
  'order-plz': 'newOrder',
  authZ: 'authorization',
  chalZ: 'challenge',
  'my-order': 'order',
  'finalize-order': 'finalize',
  certZ: 'certificate',
};

/**
 * @param options the Pebble, the services, and the milliseconds by which each answer is held back
 * @returns the directory's URL through the proxy, the file of its CA's certificate, and
 * `counted()`: requests by kind and connections since `reset()`
 */
export async function startProxy(
  pebble,
  { localCertificate, temporaryFolder },
  { delay = 0 } = {},
) {
  const folder = await temporaryFolder('bench-proxy');
  const { caCertificate, certificate, privateKey } = await localCertificate();
  const ca = join(folder.path, 'ca.pem');
  await writeFile(ca, caCertificate);
  const upstream = new Agent({ keepAlive: true, ca: pebble.caCertificate });
  let requests = {};
  let connections = 0;
  const sockets = new Set();

  const server = createSecureServer(
    { cert: certificate, key: privateKey, allowHTTP1: true },
    (incoming, outgoing) => {
      const kind = kinds[incoming.url.split('/')[1]] ?? incoming.url;
      requests[kind] = (requests[kind] ?? 0) + 1;
      forward({ incoming, outgoing, upstream, port: pebble.port, delay });
    },
  );
  server.on('secureConnection', (socket) => {
    connections++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    directory: `https://localhost:${server.address().port}/dir`,
    ca,
    counted: () => ({
      requests,
      total: Object.values(requests).reduce((sum, count) => sum + count, 0),
      connections,
    }),
    reset() {
      requests = {};
      connections = 0;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      upstream.destroy();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function forward({ incoming, outgoing, upstream, port, delay }) {
  const { method, url } = incoming;
  const host = incoming.headers[':authority'] ?? incoming.headers.host;
  const headers = { ...sharedFields(incoming.headers), host };
  const passed = request(
    {
      agent: upstream,
      host: '127.0.0.1',
      servername: 'localhost',
      port,
      method,
      path: url,
      headers,
    },
    async (answer) => {
      if (delay > 0) await sleep(delay);
      outgoing.writeHead(answer.statusCode, sharedFields(answer.headers));
      answer.pipe(outgoing);
    },
  );
  passed.once('error', () => outgoing.destroy());
  incoming.pipe(passed);
}

/** The fields that HTTP/1.1 and HTTP/2 share. RFC 9113 sections 8.2.2 and 8.3 */
const sharedFields = (fields) =>
  Object.fromEntries(
    Object.entries(fields).filter(
      ([name]) =>
        !name.startsWith(':') && !['connection', 'keep-alive', 'transfer-encoding'].includes(name),
    ),
  );

/** A fresh Pebble behind a proxy, for as long as the work lasts. */
export async function behindProxy(services, { authorizationReuse = 0, delay }, work) {
  const pebble = await services.startPebble({ http01: 'challtestsrv', authorizationReuse });
  try {
    const proxy = await startProxy(pebble, services, { delay });
    try {
      return await work(proxy, {
        directory: proxy.directory,
        ca: proxy.ca,
        managementUrl: pebble.challenges.managementUrl,
      });
    } finally {
      await proxy[Symbol.asyncDispose]();
    }
  } finally {
    await pebble[Symbol.asyncDispose]();
  }
}

/**
 * A fresh Pebble without one; and another one if the work fails, a few times: the store of Pebble
 * 2.4 locks itself up now and then if orders are made while certificates are stored.
 */
export async function withPebble(services, work, attempts = 5) {
  try {
    return await withOnePebble(services, work);
  } catch (error) {
    if (attempts === 1) throw error;
    console.error(`${error.message}: once more, with another Pebble`);
    return await withPebble(services, work, attempts - 1);
  }
}

async function withOnePebble({ startPebble }, work) {
  const pebble = await startPebble({ http01: 'challtestsrv' });
  try {
    return await work(
      {
        directory: pebble.directory,
        ca: pebble.caFile,
        managementUrl: pebble.challenges.managementUrl,
      },
      pebble,
    );
  } finally {
    await pebble[Symbol.asyncDispose]();
  }
}
