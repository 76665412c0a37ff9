import { join } from 'node:path';
import {
  bundledProgram,
  describeWith,
  eventually,
  type Pebble,
  type Program,
  startPebble,
  startProgram,
  type TemporaryFolder,
  temporaryFolder,
} from '@acmex/services';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { handshake } from './autocert.testing.ts';
import type { IssuingTask } from './issuing-program.testing.ts';

describeWith(['pebble', 'pebble-challtestsrv'], 'processes that share a storage', () => {
  let program: string;
  let pebble: Pebble;
  let root: string;
  let folder: TemporaryFolder;
  const open: AsyncDisposable[] = [];
  beforeAll(async () => {
    [program, pebble] = await Promise.all([
      bundledProgram(join(import.meta.dirname, 'issuing-program.testing.ts')),
      startPebble(),
    ]);
    root = await pebble.rootCertificate();
  });
  afterAll(async () => await pebble?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    folder = await temporaryFolder('https-processes');
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map(async (opened) => await opened[Symbol.asyncDispose]()));
    await folder[Symbol.asyncDispose]();
  });

  async function start(host: string, waitsAt?: string): Promise<Program> {
    const { directory, caCertificate } = pebble;
    const ports = { https: pebble.tlsPort, http: pebble.httpPort };
    const task: IssuingTask = {
      ...{ folder: folder.path, host, ports, directory, caCertificate },
      ...(waitsAt === undefined ? {} : { waitsAt }),
    };
    const started = await startProgram({
      command: process.execPath,
      args: [program, JSON.stringify(task)],
      ready: (log) => log.includes(waitsAt === undefined ? 'listening' : `before ${waitsAt}`),
    });
    open.push(started);
    return started;
  }

  const presentedBy = async (host: string) => {
    const options = { host, ca: root, servername: 'example.test' };
    const { certificate, isTrusted } = await handshake(pebble.tlsPort, options);
    return { serial: certificate.serialNumber, isTrusted };
  };
  const isServedBy = async (host: string) =>
    await eventually(async () => (await presentedBy(host)).isTrusted);
  /** How many times Pebble was asked. */
  const requests = (path: string) => pebble.log().split(`POST /${path} `).length - 1;

  it('have one order where both start at once with an empty storage, and both serve it', async () => {
    const hosts = ['127.0.0.1', '127.0.0.2'];
    const before = requests('order-plz');
    const programs = await Promise.all(hosts.map(async (host) => await start(host)));
    await Promise.all(hosts.map(isServedBy));
    const serials = await Promise.all(hosts.map(async (host) => (await presentedBy(host)).serial));
    expect(new Set(serials).size).toBe(1);
    expect(requests('order-plz') - before).toBe(1);
    expect(programs.map((started) => started.log())).toEqual(['listening\n', 'listening\n']);
  });

  it('take over what a killed process has begun, at once in a living one', async () => {
    // This one has the order, and the CA does not reach it.
    const { pid } = await start('127.0.0.2', 'response');
    const { log } = await start('127.0.0.1');
    process.kill(pid, 'SIGKILL');
    await isServedBy('127.0.0.1');
    expect(log()).toBe('listening\n');
  });

  it('continue after each kill, wherever it comes', async () => {
    const before = [requests('order-plz'), requests('finalize-order/')];
    for (const waitsAt of ['order-key', 'account', 'response', 'generation']) {
      const { pid } = await start('127.0.0.1', waitsAt);
      process.kill(pid, 'SIGKILL');
    }
    const { log } = await start('127.0.0.1');
    await isServedBy('127.0.0.1');
    expect(log()).toBe('listening\n');
    const after = [requests('order-plz'), requests('finalize-order/')];
    expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([1, 1]);
  });
});
