import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer, type Server as TlsServer, TLSSocket } from 'node:tls';
import { createAuthority, issuerOf } from '@acmex/ca';
import { createSelfSigned, parseCsr, privateKeyPem, webcrypto } from '@acmex/certificate';
import { type VirtualClock, virtualClock } from '@acmex/clock';
import { readConfig, servedProtocols } from '@acmex/config';
import { type AcmexEvent, type Issuer, outbox, Provisioner } from '@acmex/orchestrator';
import { startTlsProtocols } from '@acmex/probe';
import { inProcessQueue } from '@acmex/scheduler';
import { temporaryFolder } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fromConfig, reconcileDeclared } from './from-config.ts';
import { certificateManager, checkServed, servedTargets, worker } from './index.ts';
import { servedAtRecord } from './served-targets.ts';

interface Pair {
  readonly cert: string;
  readonly key: string;
}

let clock: VirtualClock;
let storage: Storage;
let provisioner: Provisioner;
let server: TlsServer;
let port: number;
let names: string[];
const errors: string[] = [];
const { signal } = new AbortController();

/** An issuer with the key of a real CA, without ACME. */
async function realIssuer(): Promise<Issuer> {
  const { issuing, issuingKey } = await createAuthority({
    ...{ name: 'Test', passphrase: 'correct horse battery', keyType: 'ec-p256', clock },
    constraints: { domains: ['test'], addresses: [] },
  });
  const key = await webcrypto().import(issuingKey);
  const authority = issuerOf({ chain: issuing, alternates: [], key, clock });
  let serial = 0;
  return {
    name: 'test',
    async issue({ csr }) {
      const { identifiers, publicKey } = await parseCsr(csr);
      const now = clock.now();
      serial += 1;
      const [chain = ''] = await authority.issue({
        ...{ identifiers, publicKey, rsa: false, usages: ['serverAuth'], mustStaple: false },
        serialNumber: `4${serial}`.padEnd(32, '0'),
        notBefore: now,
        notAfter: now.add({ hours: 90 * 24 }),
        issuerUrl: 'http://ca.test/issuer',
        crlUrl: 'http://ca.test/crl',
      });
      return { chain, alternates: [] };
    },
    abandon: async () => undefined,
  };
}

async function listening<S extends Server>(started: S): Promise<S> {
  started.on('connection', (socket: Socket) => void socket.on('error', () => undefined));
  started.on('tlsClientError', () => undefined);
  started.on('secureConnection', (socket: Socket) => void socket.on('error', () => undefined));
  await once(started.listen(0, '127.0.0.1'), 'listening');
  return started;
}

async function closed(ended: Server): Promise<void> {
  const close = once(ended, 'close');
  ended.close();
  await close;
}

beforeEach(async () => {
  clock = virtualClock({ now: '2026-11-01T00:00:00Z' });
  storage = memoryStorage();
  provisioner = new Provisioner({ storage, issuers: [await realIssuer()], clock });
  errors.length = 0;
  names = [];
  server = await listening(
    createTlsServer({
      SNICallback(name, done) {
        names.push(name);
        done(null);
      },
    }),
  );
  ({ port } = server.address() as AddressInfo);
});
afterEach(async () => {
  if (server.listening) await closed(server);
});

/** Obtains a certificate that servers on this machine serve. */
async function obtained(servers = servedAtRecord([{ host: '127.0.0.1', port }])): Promise<string> {
  const certificate = {
    ...{ names: ['www.test'], issuer: 'test', keyType: 'ec-p256' as const, servedAt: servers },
  };
  return await ordered(await provisioner.submit({ certificate }));
}

async function ordered(order: string): Promise<string> {
  await provisioner.execute(order);
  return (await provisioner.status(order)).certificate;
}

async function generation(id: string, number: number): Promise<Pair> {
  const listed = await provisioner.certificates.generation(id, number);
  return { cert: listed!.chain, key: listed!.privateKey };
}

/** A certificate of someone else for the same name. */
async function selfSigned(at = clock): Promise<Pair> {
  const key = await webcrypto().generate('ec-p256');
  const identifiers = [{ type: 'dns' as const, value: 'www.test' }];
  const cert = await createSelfSigned({ identifiers, key, clock: at });
  return { cert, key: Buffer.from(await privateKeyPem(key)).toString() };
}

/** A queue that takes tasks and never does them. */
const lostQueue = () =>
  Object.assign(inProcessQueue({ clock }), { process: () => () => undefined });

async function checkOnce(): Promise<void> {
  const managers = () => new Map([['', { storage, provisioner }]]);
  const onError = (what: string, error: unknown) => errors.push(`${what}: ${String(error)}`);
  await checkServed({ managers, clock, onError }, { signal });
  expect(errors).toEqual([]);
}

async function check(times = 1): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    await clock.advance({ minutes: 15 });
    await checkOnce();
  }
}

async function alarms(): Promise<readonly AcmexEvent[]> {
  const listed: AcmexEvent[] = [];
  for await (const event of outbox(storage).list())
    if (event.type.startsWith('served_') || event.type === 'alarm_resolved') listed.push(event);
  return listed;
}
const types = async () => (await alarms()).map(({ type }) => type);

describe('the check of what servers serve', () => {
  it('gives a new certificate an hour, then reports the old one, and once when it is over', async () => {
    const id = await obtained();
    server.setSecureContext(await generation(id, 1));
    await check(5);
    await expect(types()).resolves.toEqual([]);
    await ordered(await provisioner.submit({ certificate: id }));
    await check(3);
    await expect(types()).resolves.toEqual([]);
    await check(3);
    const [alarm, ...further] = await alarms();
    expect(further).toEqual([]);
    expect(alarm).toMatchObject({
      type: 'served_certificate_differs',
      certificate: id,
      message: `127.0.0.1:${port}: serves another certificate at 127.0.0.1: serial 41${'0'.repeat(30)}, valid until 2027-01-30T00:00:00Z. generation 2 is in use: serial 42${'0'.repeat(30)}, valid until 2027-01-30T01:15:00Z`,
    });
    server.setSecureContext(await generation(id, 2));
    await check(2);
    await expect(types()).resolves.toEqual(['served_certificate_differs', 'alarm_resolved']);
    expect(new Set(names)).toEqual(new Set(['www.test']));
  });

  it('reports a certificate of someone else, and one that has expired, of a paused certificate too', async () => {
    server.setSecureContext(await selfSigned(virtualClock({ now: '2025-01-01T00:00:00Z' })));
    const id = await obtained();
    await provisioner.certificates.change(id, (summary) => ({ ...summary, paused: true }));
    await check(5);
    await expect(alarms()).resolves.toMatchObject([
      { type: 'served_certificate_differs', message: expect.stringContaining('EXPIRED at 2025-') },
    ]);
    await provisioner.certificates.remove(id);
    await expect(types()).resolves.toEqual(['served_certificate_differs', 'alarm_resolved']);
  });

  it('reports a server that does not answer after three checks, and not as a different certificate', async () => {
    const id = await obtained();
    const pair = await generation(id, 1);
    server.setSecureContext(pair);
    await check();
    await closed(server);
    await check(2);
    await expect(types()).resolves.toEqual([]);
    await check(2);
    await expect(alarms()).resolves.toMatchObject([
      {
        type: 'served_certificate_unreachable',
        message: expect.stringMatching(/^127\.0\.0\.1:\d+: .*refuses the connection/),
      },
    ]);
    await once(server.listen(port, '127.0.0.1'), 'listening');
    await check();
    await expect(types()).resolves.toEqual(['served_certificate_unreachable', 'alarm_resolved']);
    await expect(provisioner.certificates.get(id)).resolves.toMatchObject({
      served: [{ place: `127.0.0.1:${port}`, state: 'same' }],
    });
  });

  it('speaks STARTTLS where the configuration names the protocol', async () => {
    const pair = await selfSigned();
    const mail = await listening(
      createServer((socket) => {
        socket.write('220 mail.test ESMTP\r\n');
        socket.on('data', function answer(text) {
          if (text.toString().startsWith('EHLO')) return void socket.write('250 STARTTLS\r\n');
          socket.off('data', answer).pause();
          socket.write('220 go ahead\r\n');
          new TLSSocket(socket, { isServer: true, ...pair }).on('error', () => undefined);
        });
      }),
    );
    const { port: smtp } = mail.address() as AddressInfo;
    await obtained(servedAtRecord([{ host: '127.0.0.1', port: smtp, startTls: 'smtp' }]));
    await check(5);
    await closed(mail);
    await expect(alarms()).resolves.toMatchObject([
      {
        type: 'served_certificate_differs',
        message: expect.stringContaining(`smtp://127.0.0.1:${smtp}: serves another certificate`),
      },
    ]);
  });

  it('is done by a worker whose queue does nothing', async () => {
    const id = await obtained();
    server.setSecureContext(await generation(id, 1));
    const manager = { ...certificateManager({ storage, clock }), provisioner };
    const connected = once(server, 'connection');
    const running = worker({
      managers: () => new Map([['', manager]]),
      queue: lostQueue(),
      concurrency: 1,
      clock,
      onError: (what, error) => errors.push(`${what}: ${String(error)}`),
    });
    await connected;
    await running.stop({ within: { hours: 0 } });
    expect(errors).toEqual([]);
  });

  it('is done by one of several processes', async () => {
    const id = await obtained();
    server.setSecureContext(await generation(id, 1));
    await Promise.all([checkOnce(), checkOnce(), checkOnce()]);
    expect(names).toHaveLength(1);
    await check();
    expect(names).toHaveLength(2);
  });
});

describe('served_at', () => {
  const managed = async (toml: string) => {
    await using folder = await temporaryFolder('served');
    const file = join(folder.path, 'acmex.toml');
    await writeFile(file, toml, { mode: 0o600 });
    const options = { cwd: folder.path, home: folder.path, environment: {}, file };
    const manager = fromConfig(await readConfig(options), { storage, environment: {}, clock });
    await reconcileDeclared(manager);
    for await (const certificate of manager.provisioner.certificates.list()) return certificate;
    throw new Error('there is no certificate');
  };

  it('and probe name the servers, with the name of the certificate for the handshake', async () => {
    const certificate = await managed(
      '[[certificates]]\nnames = ["www.example.com", "example.com"]\nprobe = "127.0.0.1:8443"\nserved_at = ["[::1]:443", "smtp://mail.internal:25", "example.com:443", "127.0.0.1:8443"]\n',
    );
    expect(servedTargets(certificate)).toEqual([
      { host: '127.0.0.1', port: 8443, serverName: 'www.example.com' },
      { host: '::1', port: 443, serverName: 'www.example.com' },
      { host: 'mail.internal', port: 25, startTls: 'smtp', serverName: 'www.example.com' },
      { host: 'example.com', port: 443, serverName: 'example.com' },
    ]);
  });

  it.each(['example.com', 'https://example.com:443', 'example.com:443/x', 'ftp://a.test:21'])(
    'is refused as %s',
    async (text) => {
      const toml = `[[certificates]]\nnames = ["example.com"]\nserved_at = ["${text}"]\n`;
      await expect(managed(toml)).rejects.toThrow(/served_at\[0\].*write HOST:PORT/s);
    },
  );

  it('takes every protocol that the probe speaks', () => {
    expect(servedProtocols).toEqual(startTlsProtocols);
  });
});
