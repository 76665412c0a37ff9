import { once } from 'node:events';
import { createServer as createPlain, get as getPlain, type IncomingMessage } from 'node:http';
import { connect as connectHttp2, createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Agent, createServer, request, type Server as SecureServer } from 'node:https';
import { createExternalAccount } from '@acmex/ca';
import { scaledClock, systemClock, virtualClock } from '@acmex/clock';
import { httpsMetrics, Metrics } from '@acmex/observability';
import { type CertificateStore, Provisioner } from '@acmex/orchestrator';
import { errorCode } from '@acmex/errors';
import { freePort } from '@acmex/services';
import { memoryStorage, type Storage, StorageError } from '@acmex/storage';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { handshake, type TestCa, testCa } from './autocert.testing.ts';
import { autocert, type Autocert, type AutocertOptions } from './index.ts';

let ports: { readonly https: number; readonly http: number };
let ca: TestCa;
let storage: Storage;
const errors: unknown[] = [];
const open: AsyncDisposable[] = [];
beforeEach(async () => {
  errors.length = 0;
  ports = { https: await freePort(), http: await freePort() };
  ca = await testCa({ ports });
  storage = memoryStorage();
});
afterEach(async () => {
  for (const opened of open.splice(0).reverse()) await opened[Symbol.asyncDispose]();
  await ca[Symbol.asyncDispose]();
});

async function started(options: Partial<AutocertOptions> = {}): Promise<Autocert> {
  const { directory, fetch } = ca;
  const usual = {
    development: false,
    acceptTerms: true,
    directory,
    fetch,
    storage,
    ports,
    host: '127.0.0.1',
  };
  const tls = await autocert({ ...usual, ...options });
  tls.on('error', (error) => errors.push(error));
  open.push(tls);
  return tls;
}

/** Resolves when the next certificate is served. */
async function served(tls: Autocert): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      tls.off('certificate', done);
      resolve();
    };
    tls.on('certificate', done);
  });
}

/** Resolves with the next failure. */
async function failed(tls: Autocert): Promise<unknown> {
  return await new Promise((resolve) => {
    tls.on('error', resolve);
  });
}

async function listening(tls: Autocert): Promise<void> {
  open.push(await tls.listen((_, response) => void response.end('hello')));
}

const issuerOf = async (servername?: string) =>
  (await handshake(ports.https, servername === undefined ? {} : { servername })).certificate.issuer
    .CN;

describe('autocert', () => {
  it('orders from the next CA what the first one refuses', async () => {
    await using second = await testCa({ ports, host: 'second.test' });
    const tls = await started({
      names: ['example.test'],
      fallbacks: [{ directory: second.directory, email: 'admin@example.test' }],
      fetch: async (url, request) =>
        await (new URL(url).hostname === 'second.test' ? second : ca).fetch(url, request),
    });
    ca.refuses = true;
    await listening(tls);
    await served(tls);
    expect([ca.orders, second.orders]).toEqual([1, 1]);
    expect((await tls.status())[0]?.state).toBe('valid');
  });

  it('binds its account to one at the CA, and orders with a profile', async () => {
    const profiles = { usual: {}, short: { validity: { hours: 48 } } };
    await ca[Symbol.asyncDispose]();
    ca = await testCa({ ports, settings: { externalAccountRequired: true, profiles } });
    const options = { names: ['example.test'], profile: 'short' };
    const unbound = await started(options);
    await expect(failed(unbound)).resolves.toMatchObject({ code: 'ERR_MANAGER_EXTERNAL_ACCOUNT' });
    await unbound[Symbol.asyncDispose]();
    const { kid, hmacKey } = await createExternalAccount(ca.storage);
    storage = memoryStorage();
    const tls = await started({ ...options, externalAccount: { kid, hmacKey } });
    await listening(tls);
    await served(tls);
    const [{ notAfter = '' } = {}] = await tls.status();
    expect(Date.parse(notAfter) - systemClock.now().epochMilliseconds).toBeLessThan(48 * 3_600_000);
  });

  it('serves a self-signed certificate at first, and that of the CA after it is issued', async () => {
    const tls = await started({ names: ['example.test', 'www.example.test'] });
    await listening(tls);
    await expect(issuerOf('example.test')).resolves.toBe('self-signed');
    await served(tls);
    const { certificate, isTrusted } = await handshake(ports.https, {
      servername: 'www.example.test',
      ca: ca.root,
    });
    expect([certificate.subjectaltname, isTrusted]).toEqual([
      'DNS:example.test, DNS:www.example.test',
      true,
    ]);
    // A client without a server name, such as a health check, and one with an odd name.
    for (const options of [{}, { servername: 'odd_name!.test' }])
      await expect(handshake(ports.https, options)).resolves.toMatchObject({
        certificate: { serialNumber: certificate.serialNumber },
      });
    expect(errors).toEqual([]);
  });

  it('asks the CA only when its response is served, so that a program may listen late', async () => {
    const tls = await started({ names: ['example.test'] });
    await ca.ordered;
    await listening(tls);
    await served(tls);
    expect([ca.orders, errors]).toEqual([1, []]);
  });

  it('starts while the CA is away, and obtains the certificate when it is back', async () => {
    ca.isUp = false;
    const tls = await started({ names: ['example.test'] });
    await listening(tls);
    await expect(failed(tls)).resolves.toMatchObject({ code: 'ERR_ACME_UNREACHABLE' });
    await expect(issuerOf('example.test')).resolves.toBe('self-signed');
  });

  it('orders the certificate when the storage works again that has failed meanwhile', async () => {
    let isAway = false;
    const sometimes: Storage = {
      ...storage,
      async write(changes, options) {
        if (isAway) throw new StorageError('ERR_STORAGE_UNAVAILABLE', 'it is away');
        return await storage.write(changes, options);
      },
    };
    const clock = scaledClock({ origin: systemClock.now(), factor: 20 });
    const tls = await started({ names: ['example.test'], storage: sometimes, clock });
    isAway = true;
    await expect(failed(tls)).resolves.toMatchObject({ code: 'ERR_STORAGE_UNAVAILABLE' });
    isAway = false;
    await listening(tls);
    await served(tls);
    expect(ca.orders).toBe(1);
  });

  it('serves the stored certificate at once after a restart, also while the CA is away', async () => {
    const before = await started({ names: ['example.test'] });
    await listening(before);
    await served(before);
    for (const opened of open.splice(0).reverse()) await opened[Symbol.asyncDispose]();
    ca.isUp = false;
    await listening(await started({ names: ['example.test'] }));
    for (const name of ['example.test', undefined])
      await expect(issuerOf(name)).resolves.not.toBe('self-signed');
    expect(ca.orders).toBe(1);
  });

  it('has one order for two processes that start with an empty storage, and both serve it', async () => {
    const first = await started({ names: ['example.test'] });
    const second = await started({ names: ['example.test'] });
    await listening(first);
    await Promise.all([served(first), served(second)]);
    const port = await freePort();
    const server = createServer(second.options);
    second.attach(server);
    await once(server.listen(port, '127.0.0.1'), 'listening');
    const serials = await Promise.all(
      [ports.https, port].map(async (at) => (await handshake(at)).certificate.serialNumber),
    );
    server.close();
    expect([ca.orders, new Set(serials).size]).toEqual([1, 1]);
  });

  it('answers http-01 and leads every other request to HTTPS', async () => {
    const tls = await started({ names: ['example.test'] });
    await listening(tls);
    const answer = async (path: string, host: string) => {
      const options = { port: ports.http, host: '127.0.0.1', path, headers: { host } };
      const [response] = (await once(getPlain(options), 'response')) as [IncomingMessage];
      response.resume();
      return [response.statusCode, response.headers.location];
    };
    const at = `https://example.test:${ports.https}`;
    await expect(answer('/a/../b?c=d', 'example.test')).resolves.toEqual([308, `${at}/b?c=d`]);
    await expect(answer('//evil.test/x', 'example.test:80')).resolves.toEqual([
      308,
      `${at}//evil.test/x`,
    ]);
    await expect(answer('/', 'a b')).resolves.toEqual([400, undefined]);
    await expect(answer('/.well-known/acme-challenge/x', 'a.test')).resolves.toEqual([
      404,
      undefined,
    ]);
  });

  it('answers port 80 beside a server of your own, until it is disposed of', async () => {
    const tls = await started({ names: ['example.test'] });
    await tls.listenHttp((_, response) => void response.end('plain'));
    const body = async () =>
      await (await fetch(`http://127.0.0.1:${ports.http}/`, { keepalive: false })).text();
    await expect(body()).resolves.toBe('plain');
    const second = await started({ names: ['example.test'] });
    await expect(second.listenHttp()).rejects.toMatchObject({ code: 'ERR_HTTPS_LISTEN' });
    await tls[Symbol.asyncDispose]();
    await expect(body()).rejects.toThrow();
    await expect(second.listenHttp()).resolves.toBeUndefined();
  });

  it('refuses a server that does not serve HTTPS', async () => {
    const tls = await started({ names: ['example.test'] });
    const plain = createPlain() as unknown as SecureServer;
    expect(() => tls.attach(plain)).toThrow('create it with options or http2Options');
  });

  it('uses the other port where the CA cannot validate on the first', async () => {
    await ca[Symbol.asyncDispose]();
    ca = await testCa({ ports, cannotValidate: 'tls-alpn-01' });
    const tls = await started({ names: ['example.test'] });
    await listening(tls);
    await expect(failed(tls)).resolves.toMatchObject({ code: 'ERR_CLIENT_VALIDATION_FAILED' });
    await makeDue((certificate) => ({
      ...certificate,
      failure: certificate.failure && { ...certificate.failure, retryAt: past },
    }));
    // A process that starts finds it due.
    await started({ names: ['example.test'] });
    await served(tls);
  });

  it('serves HTTP/2, and HTTP/1.1 to clients without it', async () => {
    const tls = await started({ names: ['example.test'] });
    const server = createSecureServer(tls.http2Options, (incoming, response) =>
      response.end(incoming.httpVersion),
    );
    tls.attach(server);
    await once(server.listen(ports.https, '127.0.0.1'), 'listening');
    await served(tls);
    const client = connectHttp2(`https://127.0.0.1:${ports.https}`, {
      ca: ca.root,
      servername: 'example.test',
    });
    const stream = client.request({ ':path': '/' });
    const [chunk] = (await once(stream, 'data')) as [Buffer];
    client.destroy();
    const older = await handshake(ports.https, { ALPNProtocols: ['http/1.1'] });
    server.close();
    expect([String(chunk), older.protocol]).toEqual(['2.0', 'http/1.1']);
  });

  it('drops no connection when a renewed certificate takes over', async () => {
    const tls = await started({ names: ['example.test'] });
    await listening(tls);
    await served(tls);
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: ca.root });
    const ask = async () => {
      const asked = request({
        ...{ host: '127.0.0.1', port: ports.https, servername: 'example.test', agent },
      });
      const [response] = (await once(asked.end(), 'response')) as [IncomingMessage];
      response.resume();
      await once(response, 'end');
      return asked.reusedSocket;
    };
    await ask();
    const { serialNumber } = (await handshake(ports.https)).certificate;
    await makeDue((certificate) => ({ ...certificate, renewal: { at: past } }));
    // A process that starts finds it due.
    await started({ names: ['example.test'] });
    await served(tls);
    for (const servername of [undefined, 'example.test'])
      expect(
        (await handshake(ports.https, servername === undefined ? {} : { servername })).certificate
          .serialNumber,
      ).not.toBe(serialNumber);
    await expect(ask()).resolves.toBe(true);
    agent.destroy();
  });

  it('shows what it serves, and is ready when each name has a certificate of the CA', async () => {
    const tls = await started({ names: [['example.test', 'www.example.test'], ['b.test']] });
    await listening(tls);
    await tls.ready();
    const { certificate } = await handshake(ports.https, { servername: 'www.example.test' });
    const [first, second] = await tls.status();
    expect([first?.names, second?.names]).toEqual([
      ['example.test', 'www.example.test'],
      ['b.test'],
    ]);
    expect(first).toMatchObject({
      state: 'valid',
      serialNumber: certificate.serialNumber.toLowerCase(),
      notAfter: new Date(certificate.valid_to).toISOString().replace('.000Z', 'Z'),
      renewAt: expect.any(String),
      failure: undefined,
    });
  });

  it('records handshakes, new names, orders and requests as metrics', async () => {
    const metrics = new Metrics({ includesProcess: false });
    const watch = httpsMetrics(metrics);
    const tls = await started({ watch, allow: ({ name }) => name === 'shop.test' });
    await listening(tls);
    // With TLS 1.2, a server has ended its handshake before its client.
    const options = { servername: 'shop.test', maxVersion: 'TLSv1.2' } as const;
    for (let count = 0; count < 2; count += 1) await handshake(ports.https, options);
    for (let count = 0; count < 2; count += 1)
      await expect(handshake(ports.https, { servername: 'evil.test' })).rejects.toThrow();
    const scrape = await metrics.text();
    expect(scrape.split('\n')).toEqual(
      expect.arrayContaining([
        'acmex_new_names_total{outcome="succeeded"} 1',
        'acmex_new_names_total{outcome="ERR_HTTPS_NOT_PERMITTED"} 2',
        'acmex_order_transitions_total{issuer="autocert",challenge="tls-alpn-01",transition="issued"} 1',
        'acmex_ca_requests_total{issuer="autocert",operation="newOrder",problem="none"} 1',
      ]),
    );
    // Beside those of the CA, and of the program itself.
    expect(scrape).toMatch(/acmex_tls_handshakes_total\{outcome="succeeded"\} [2-9]/);
    expect(scrape).toContain('acmex_tls_handshakes_total{outcome="ERR_HTTPS_NOT_PERMITTED"} 2');
    expect(scrape).toContain('acmex_storage_duration_seconds_count{operation="write"}');
  });

  it('shows what has failed, and is not ready until its signal aborts or it is closed', async () => {
    ca.isUp = false;
    const tls = await started({ names: ['example.test'] });
    const waiting = tls.ready();
    await listening(tls);
    await failed(tls);
    await expect(tls.status()).resolves.toMatchObject([
      {
        state: 'failing',
        notAfter: undefined,
        failure: { code: 'ERR_ACME_UNREACHABLE', retryAt: expect.any(String) },
      },
    ]);
    const reason = new Error('too late');
    await expect(tls.ready({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const closed = expect(waiting).rejects.toMatchObject({ code: 'ERR_HTTPS_CLOSED' });
    await tls[Symbol.asyncDispose]();
    await closed;
  });

  it('serves a certificate on that is not renewed, and reports it before its end and each day after', async () => {
    const before = await started({ names: ['example.test'] });
    await listening(before);
    await before.ready();
    const [{ notAfter = '', serialNumber = '' } = {}] = await before.status();
    ca.isUp = false;
    for (const opened of open.splice(0).reverse()) await opened[Symbol.asyncDispose]();
    for (const [hours, text] of [
      [-50, 'ends in 2 days'],
      [60, 'ended 2 days ago'],
    ] as const) {
      const now = new Date(Date.parse(notAfter) + hours * 3_600_000).toISOString();
      const clock = virtualClock({ now });
      const options = { acceptTerms: true, storage, ports, host: '127.0.0.1', clock };
      const { directory, fetch } = ca;
      const usual = { development: false, names: ['example.test'], directory, fetch };
      const tls = await autocert({ ...usual, ...options });
      const report = new Promise<string>((resolve) => {
        tls.on('error', (error) => {
          if (errorCode(error) === 'ERR_HTTPS_NOT_RENEWED') resolve((error as Error).message);
        });
      });
      const servers = await tls.listen((_, response) => void response.end());
      const subject = 'the certificate of example.test';
      await expect(clock.run(report)).resolves.toContain(
        `${subject} ${text} and is not renewed; it is served on; `,
      );
      const { certificate } = await handshake(ports.https, { servername: 'example.test' });
      expect(certificate.serialNumber.toLowerCase()).toBe(serialNumber);
      await servers[Symbol.asyncDispose]();
      await clock.run(Promise.resolve(tls[Symbol.asyncDispose]()));
    }
  });

  it('obtains what clients ask for where allow permits it, once for all that ask together', async () => {
    const asked: unknown[] = [];
    const tls = await started({
      allow: ({ name, remoteAddress }) => {
        asked.push([name, remoteAddress]);
        return name === 'shop.test';
      },
    });
    await listening(tls);
    const presented = await Promise.all(
      ['shop.test', 'SHOP.test', 'shop.test'].map(
        async (servername) => await handshake(ports.https, { servername, ca: ca.root }),
      ),
    );
    expect(presented.map(({ isTrusted }) => isTrusted)).toEqual([true, true, true]);
    for (let count = 0; count < 3; count += 1)
      await expect(handshake(ports.https, { servername: 'evil.test' })).rejects.toThrow();
    expect(asked).toEqual([
      ['shop.test', '127.0.0.1'],
      ['evil.test', '127.0.0.1'],
    ]);
    expect([ca.orders, errors.map(errorCode)]).toEqual([1, ['ERR_HTTPS_NOT_PERMITTED']]);
  });

  it('does not ask allow about a name with a stored certificate, so that its failure ends nothing', async () => {
    await listening(await started({ allow: () => true }));
    await handshake(ports.https, { servername: 'shop.test' });
    for (const opened of open.splice(0).reverse()) await opened[Symbol.asyncDispose]();
    const tls = await started({
      allow: async () => {
        throw new Error('the database is away');
      },
    });
    await listening(tls);
    await expect(issuerOf('shop.test')).resolves.not.toBe('self-signed');
    await expect(handshake(ports.https, { servername: 'new.test' })).rejects.toThrow();
    expect(errors).toMatchObject([{ message: 'the database is away' }]);
  });

  it('obtains no more than its limits allow, of a domain and for an address', async () => {
    const allowed: string[] = [];
    const onDemandLimits = { perDomain: 2, perAddress: 5 };
    const tls = await started({
      onDemandLimits,
      allow: ({ name }) => {
        allowed.push(name);
        return name.endsWith('.shop.test');
      },
    });
    await listening(tls);
    const outcomes = [];
    for (const name of ['a.shop', 'b.shop', 'c.shop', 'd.other', 'e.other', 'f.other'])
      outcomes.push(
        await handshake(ports.https, { servername: `${name}.test` }).then(
          () => 'issued',
          () => errorCode(errors.at(-1)),
        ),
      );
    expect(outcomes).toEqual([
      ...['issued', 'issued', 'ERR_HTTPS_LIMIT'],
      ...['ERR_HTTPS_NOT_PERMITTED', 'ERR_HTTPS_NOT_PERMITTED', 'ERR_HTTPS_LIMIT'],
    ]);
    expect([ca.orders, allowed.length]).toEqual([2, 5]);
  });

  it('serves an RSA certificate to clients that know no ECDSA, beside that of all others', async () => {
    const names = [['first.test'], ['example.test']];
    const tls = await started({ names, keyTypes: ['ec-p256', 'rsa-2048'] });
    await listening(tls);
    await tls.ready();
    const keyWith = async (options: { readonly sigalgs: string; readonly servername?: string }) => {
      const { certificate } = await handshake(ports.https, { maxVersion: 'TLSv1.2', ...options });
      return [certificate.subjectaltname, certificate.asn1Curve ?? certificate.bits];
    };
    for (const [name, named] of [
      ['example.test', { servername: 'example.test' }],
      ['first.test', {}],
    ] as const) {
      const ofName = `DNS:${name}`;
      expect(await keyWith({ sigalgs: 'ECDSA+SHA256', ...named })).toEqual([ofName, 'prime256v1']);
      const rsa = await keyWith({ sigalgs: 'RSA-PSS+SHA256:RSA+SHA256', ...named });
      expect(rsa).toEqual([ofName, 2048]);
    }
    expect(ca.orders).toBe(4);
  });

  it('serves RSA certificates alone to clients that prefer ECDSA', async () => {
    const tls = await started({ allow: () => true, keyTypes: ['rsa-2048'] });
    await listening(tls);
    const { certificate } = await handshake(ports.https, { servername: 'example.test' });
    expect([certificate.subjectaltname, certificate.bits]).toEqual(['DNS:example.test', 2048]);
  });

  it('resumes a TLS session of another process that shares the storage', async () => {
    const first = await started({ names: ['example.test'] });
    await listening(first);
    await served(first);
    const second = await started({ names: ['example.test'] });
    const server = createServer(second.options);
    second.attach(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const options = { servername: 'example.test', maxVersion: 'TLSv1.2' } as const;
    const { session } = await handshake(ports.https, options);
    const resumed = await handshake(port, { ...options, session });
    const strange = await handshake(port, options);
    server.close();
    expect([resumed.isResumed, strange.isResumed]).toEqual([true, false]);
  });

  it('does not start with options that cannot work, and says what to change', async () => {
    const options = { development: false, acceptTerms: true, storage };
    await expect(autocert(options)).rejects.toMatchObject({ code: 'ERR_HTTPS_OPTION' });
    await expect(
      autocert({ ...options, names: ['a.test'], acceptTerms: false }),
    ).rejects.toMatchObject({ message: expect.stringContaining('acceptTerms: true') });
    await expect(autocert({ ...options, names: ['*.a.test'] })).rejects.toMatchObject({
      message: expect.stringContaining('dnsProvider'),
    });
    await expect(autocert({ ...options, names: ['a b'] })).rejects.toMatchObject({
      code: 'ERR_HTTPS_OPTION',
    });
    await expect(
      autocert({ ...options, names: ['a.test'], keyTypes: ['ec-p256', 'ec-p384'] }),
    ).rejects.toMatchObject({ code: 'ERR_HTTPS_OPTION' });
    await expect(
      autocert({ ...options, names: ['a.test'], fallbacks: [{ directory: 'ca.test' }] }),
    ).rejects.toMatchObject({ message: expect.stringContaining('"ca.test" is not a URL') });
  });
});

const past = new Date(0).toISOString();

/** Changes the record of each certificate of the storage, as time would. */
async function makeDue(change: Parameters<CertificateStore['change']>[1]): Promise<void> {
  const { certificates } = new Provisioner({ storage, issuers: async () => undefined });
  const ids = [];
  for await (const { id } of certificates.list()) ids.push(id);
  for (const id of ids) await certificates.change(id, change);
}
