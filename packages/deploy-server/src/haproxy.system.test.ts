import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type CompleteBundle, deployToTarget, servedSerialNumber } from '@acmex/deploy';
import { deployTargetContract } from '@acmex/deploy/contract';
import { describeWith, freePort, startHaproxy, type TlsServer } from '@acmex/services';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { memory, newBundle, newPair, servedTo } from './deployment.testing.ts';
import { haproxy, type HaproxyOptions } from './index.ts';

describe('haproxy', () => {
  it('refuses a path that is not a word of a command', () => {
    for (const path of ['certs/a.pem', '/certs/a b.pem', '/certs/a;quit.pem', '/certs/a\n.pem'])
      expect(() => haproxy({ path })).toThrow(RangeError);
  });
  it('sends no key to another machine', () => {
    const open = (socket: string) => haproxy({ path: '/certs/a.pem', socket });
    for (const socket of ['10.0.0.1:9999', 'balancer.test:9999', 'socket', '127.0.0.1'])
      expect(() => open(socket)).toThrow(/this machine/);
    for (const socket of ['127.0.0.1:9999', '[::1]:9999', 'localhost:9999', '/run/socket'])
      expect(open(socket).name).toBe('haproxy');
  });
});

describeWith(['haproxy', 'openssl'], 'haproxy, a deploy target', () => {
  let server: TlsServer;
  let statsPort: number;
  beforeAll(async () => {
    statsPort = await freePort();
    server = await startHaproxy({ ...(await newBundle('site.test')), statsPort });
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  const at = (...names: string[]) => join(server.folder, ...names);
  const target = (options: Partial<HaproxyOptions> = {}) =>
    haproxy({ path: at('certificates', '{name}.pem'), socket: at('socket'), ...options });
  const probe = (serverName = 'a.test') => ({
    host: '127.0.0.1',
    port: server.port,
    serverName,
    within: 'PT0.1S',
  });
  const served = async (name?: string) => await servedSerialNumber(probe(name));
  /** The text of openssl, with every certificate that HAProxy sends. */
  const servedChain = () =>
    spawnSync('openssl', ['s_client', '-showcerts', '-connect', `127.0.0.1:${server.port}`], {
      input: '',
      encoding: 'utf8',
    }).stdout;
  /** What HAProxy answers to a command. */
  const answer = async (command: string) => {
    const socket = connect(at('socket')).setEncoding('utf8');
    let text = '';
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.write(`${command}\n`);
    await once(socket, 'close');
    return text.trim();
  };

  it.each(deployTargetContract.filter(({ live }) => live))('$title', async ({ check }) => {
    await (check as (subject: object) => Promise<void>)({
      target: target({ path: at('certificates/site.pem') }),
      secrets: [],
      inUse: async () => ({ chain: servedChain() }),
    });
  });

  describe('with a certificate that it has', () => {
    let former: CompleteBundle;
    let bundle: CompleteBundle;
    const path = () => at('certificates/site.pem');
    beforeEach(async () => {
      [former, bundle] = await Promise.all([newBundle(), newBundle()]);
      await deployToTarget(target({ path: path() }), former, { name: 'lb', memory: memory() });
    });

    it('serves the new one at once, over a port too, and has it after a restart', async () => {
      const socket = `127.0.0.1:${statsPort}`;
      const options = { name: 'lb', memory: memory(), probe: probe() };
      await deployToTarget(target({ path: path(), socket }), bundle, options);
      expect(await served()).toBe(bundle.serialNumber);
      expect(await readFile(path(), 'utf8')).toBe(bundle.privateKey + bundle.chain);
      expect((await stat(path())).mode & 0o777).toBe(0o600);
    });
    it('serves the former one where a later step fails', async () => {
      const hook = async () => {
        if ((await served()) === bundle.serialNumber) throw new Error('no');
      };
      const options = { name: 'lb', memory: memory(), hook, probe: probe() };
      await expect(deployToTarget(target({ path: path() }), bundle, options)).rejects.toMatchObject(
        {
          message: `the deploy target lb: no; the former certificate ${former.serialNumber} is back`,
        },
      );
      expect(await readFile(path(), 'utf8')).toBe(former.privateKey + former.chain);
    });
    it('changes nothing where HAProxy refuses it, and shows no key', async () => {
      const broken = { ...bundle, chain: bundle.chain.replace(/\n.{64}\n/, '\n\n') };
      const failure = await deployToTarget(target({ path: path() }), broken, {
        name: 'lb',
        memory: memory(),
      }).catch((error: unknown) => error);
      expect(failure).toMatchObject({
        code: 'ERR_DEPLOY_REFUSED',
        message: expect.stringMatching(/set ssl cert .*unable to load certificate/),
      });
      expect(inspect(failure, { depth: 9 })).not.toContain(bundle.privateKey.split('\n')[1]);
      expect(await served()).toBe(former.serialNumber);
      expect(await readFile(path(), 'utf8')).toBe(former.privateKey + former.chain);
      expect(await answer('show ssl cert')).not.toContain('*');
    });
    it('waits for a transaction of another certificate, and leaves it alone', async () => {
      const blank = at('certificates/blank.pem');
      await answer(`new ssl cert ${blank}`);
      await answer(`set ssl cert ${blank} <<\n${former.privateKey}${former.chain}`);
      const waiting = target({ path: path(), patience: 'PT0S' });
      await expect(
        deployToTarget(waiting, bundle, { name: 'lb', memory: memory() }),
      ).rejects.toMatchObject({
        code: 'ERR_DEPLOY_REFUSED',
        message: expect.stringContaining('blank.pem is open'),
      });
      const work = deployToTarget(target({ path: path(), patience: 'PT60S' }), bundle, {
        name: 'lb',
        memory: memory(),
      });
      expect(await answer(`abort ssl cert ${blank}`)).toContain('aborted');
      await work;
      expect(await served()).toBe(bundle.serialNumber);
      await answer(`del ssl cert ${blank}`);
    });
    it('says that the socket permits no changes, and that HAProxy does not run', async () => {
      const attempt = async (socket: string) =>
        await deployToTarget(target({ path: path(), socket }), bundle, {
          name: 'lb',
          memory: memory(),
        });
      await expect(attempt(at('reader'))).rejects.toMatchObject({
        code: 'ERR_DEPLOY_CREDENTIALS',
        message: expect.stringContaining('level admin'),
      });
      await expect(attempt(at('nothing'))).rejects.toMatchObject({
        code: 'ERR_DEPLOY_UNREACHABLE',
        message: expect.stringContaining('start HAProxy'),
      });
      expect(await readFile(path(), 'utf8')).toBe(former.privateKey + former.chain);
    });
    it('says what does not fit into a command', async () => {
      const long = { ...bundle, chain: bundle.chain.repeat(60) };
      await expect(
        deployToTarget(target({ path: path() }), long, { name: 'lb', memory: memory() }),
      ).rejects.toMatchObject({ message: expect.stringContaining('tune.bufsize') });
      expect(await served()).toBe(former.serialNumber);
    });
  });

  describe('with a certificate that is new to it', () => {
    it('adds it to its folder, and removes it where a later step fails', async () => {
      const bundle = await newBundle('new.test');
      const options = { name: 'lb', memory: memory(), probe: probe('new.test') };
      const before = await answer('show ssl cert');
      const hook = async () => {
        if ((await served('new.test')) === bundle.serialNumber) throw new Error('no');
      };
      await expect(deployToTarget(target(), bundle, { ...options, hook })).rejects.toMatchObject({
        message: expect.stringContaining('no; the certificate is removed again'),
      });
      expect(await answer('show ssl cert')).toBe(before);
      await expect(stat(at('certificates/new.test.pem'))).rejects.toMatchObject({ code: 'ENOENT' });
      await deployToTarget(target(), bundle, options);
      expect(await served('new.test')).toBe(bundle.serialNumber);
      const next = await newBundle('new.test');
      await deployToTarget(target(), next, options);
      expect(await served('new.test')).toBe(next.serialNumber);
    });
    it('adds both keys of a certificate, and removes or puts back both', async () => {
      const [pair, next] = await Promise.all([newPair('two.test'), newPair('two.test')]);
      const options = { name: 'lb', memory: memory(), probe: probe('two.test') };
      const before = await answer('show ssl cert');
      const both = async () =>
        await Promise.all(
          (['ECDSA', 'RSA'] as const).map((kind) =>
            servedTo(kind, probe('two.test')).catch(String),
          ),
        );
      const hook = async () => {
        if (`${await both()}` === `${serials}`) throw new Error('no');
      };
      let serials = [pair.serialNumber, pair.second.serialNumber];
      await expect(deployToTarget(target(), pair, { ...options, hook })).rejects.toMatchObject({
        message: expect.stringContaining('no; the certificate is removed again'),
      });
      expect(await answer('show ssl cert')).toBe(before);
      await deployToTarget(target(), pair, options);
      expect(await both()).toEqual(serials);
      expect(await readFile(at('certificates/two.test-rsa.pem'), 'utf8')).toBe(
        pair.second.privateKey + pair.second.chain,
      );
      serials = [next.serialNumber, next.second.serialNumber];
      await expect(
        deployToTarget(target(), next, { ...options, former: pair, hook }),
      ).rejects.toMatchObject({ message: expect.stringContaining(`${pair.serialNumber} is back`) });
      expect(await both()).toEqual([pair.serialNumber, pair.second.serialNumber]);
      await deployToTarget(target(), next, options);
      expect(await both()).toEqual(serials);
    });
    it('refuses one that no bind line reads', async () => {
      await writeFile(at('other.pem'), 'by hand');
      await expect(
        deployToTarget(target({ path: at('other.pem') }), await newBundle(), {
          name: 'lb',
          memory: memory(),
        }),
      ).rejects.toMatchObject({
        code: 'ERR_DEPLOY_REFUSED',
        message: expect.stringContaining('no bind line names'),
      });
      expect(await readFile(at('other.pem'), 'utf8')).toBe('by hand');
    });
  });
});
