import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type CompleteBundle, deployToTarget, servedSerialNumber } from '@acmex/deploy';
import { deployTargetContract } from '@acmex/deploy/contract';
import { describeWith, eventually, startApache, startNginx, type TlsServer } from '@acmex/services';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { memory, newBundle, newPair, servedTo } from './deployment.testing.ts';
import { apache, nginx, type WebServerOptions } from './index.ts';

/** A web server, and the commands that find it in its folder. */
const servers = [
  {
    name: 'nginx',
    program: 'nginx',
    start: startNginx,
    open: nginx,
    names: ['key.pem', 'chain.pem'],
    second: (folder: string) =>
      [
        'ssl_certificate',
        `ssl_certificate ${folder}/chain-rsa.pem; ssl_certificate_key ${folder}/key-rsa.pem; ssl_certificate`,
      ] as const,
    test: (folder: string) =>
      ['nginx', '-t', '-p', folder, '-c', `${folder}/configuration`, '-e', 'stderr'] as const,
    reload: (folder: string) =>
      ['nginx', '-s', 'reload', '-p', folder, '-c', `${folder}/configuration`] as const,
  },
  {
    name: 'apache',
    program: 'apache2',
    start: startApache,
    open: apache,
    names: ['site.pem'],
    second: (folder: string) =>
      ['SSLStaplingCache', `SSLCertificateFile ${folder}/site-rsa.pem\nSSLStaplingCache`] as const,
    test: (folder: string) =>
      ['apache2', '-t', '-d', '/', '-f', `${folder}/configuration`] as const,
    // apache2 -k graceful would start a second server if this one had ended.
    reload: (folder: string) => ['sh', '-c', 'kill -USR1 "$(cat "$0")"', `${folder}/pid`] as const,
  },
];

for (const { name, program, start, open, names, second, test, reload } of servers)
  describeWith([program], `${name}, a deploy target`, () => {
    const PATH = `${process.env.PATH}:/usr/sbin`;
    let server: TlsServer;
    let former: CompleteBundle;
    let bundle: CompleteBundle;
    const begin = async () => {
      [former, bundle] = await Promise.all([newBundle(), newBundle()]);
      server = await start(former);
    };
    const end = async () => await server[Symbol.asyncDispose]();
    const at = (file: string) => join(server.folder, file);
    const target = (options: Partial<WebServerOptions> = {}) =>
      open({
        fullchainPath: at(names.at(-1) ?? ''),
        keyPath: names.length === 1 ? undefined : at('key.pem'),
        test: [...test(server.folder)],
        reload: [...reload(server.folder)],
        env: { PATH },
        ...options,
      });
    const probe = (within = 'PT60S') => ({
      host: '127.0.0.1',
      port: server.port,
      serverName: 'a.test',
      within,
    });
    const served = async () => await servedSerialNumber(probe());
    const files = async () => await Promise.all(names.map((file) => readFile(at(file), 'utf8')));
    /** What the files have with a certificate. */
    const filesWith = ({ chain, privateKey }: CompleteBundle) =>
      names.length === 1 ? [privateKey + chain] : [privateKey, chain];

    describe('under the contract', () => {
      beforeAll(begin);
      afterAll(end);
      it.each(deployTargetContract.filter(({ live }) => live))('$title', async ({ check }) => {
        await (check as (subject: object) => Promise<void>)({
          target: target(),
          secrets: [],
          inUse: async () => {
            const text = (await files()).join('');
            const begin = text.indexOf('-----BEGIN CERTIFICATE');
            return { chain: text.slice(begin), privateKey: text.slice(0, begin) };
          },
        });
      });
      it('refuses a path that is not absolute', () => {
        expect(() => target({ fullchainPath: 'chain.pem' })).toThrow(RangeError);
        expect(() => target({ keyPath: 'key.pem' })).toThrow(/"key.pem" is not an absolute path/);
      });
    });

    describe('in a transaction', () => {
      beforeEach(begin);
      afterEach(end);
      it('serves the new certificate, and the files keep their modes', async () => {
        await chmod(at(names.at(-1) ?? ''), 0o640);
        const place = memory();
        await deployToTarget(target(), bundle, { name: 'web', memory: place, probe: probe() });
        expect(await files()).toEqual(filesWith(bundle));
        const modes = names.map(async (file) => (await stat(at(file))).mode & 0o777);
        expect((await Promise.all(modes)).at(-1)).toBe(0o640);
        expect(place.text()).toBe('');
      });
      it('reloads nothing where the configuration is broken, and says what the server wrote', async () => {
        const configuration = await readFile(at('configuration'), 'utf8');
        await writeFile(at('configuration'), `${configuration}\nNonsense \u001b[31m;\n`);
        const failure = await deployToTarget(
          target({ reload: ['touch', at('reloaded')] }),
          bundle,
          {
            name: 'web',
            memory: memory(),
          },
        ).catch((error: unknown) => error);
        expect(failure).toMatchObject({
          code: 'ERR_DEPLOY_REFUSED',
          message: expect.stringMatching(
            new RegExp(
              `^the deploy target web: ${name}: the test of .*Nonsense.*former certificate ${former.serialNumber} is back$`,
            ),
          ),
        });
        expect(inspect(failure)).not.toContain('\u001b[31m');
        expect(await files()).toEqual(filesWith(former));
        await expect(stat(at('reloaded'))).rejects.toMatchObject({ code: 'ENOENT' });
        expect(await served()).toBe(former.serialNumber);
      });
      it('puts the former files back where the server keeps serving them', async () => {
        await expect(
          deployToTarget(target({ reload: ['true'] }), bundle, {
            name: 'web',
            memory: memory(),
            probe: probe('PT0.1S'),
          }),
        ).rejects.toMatchObject({
          code: 'ERR_DEPLOY_PROBE',
          message: expect.stringContaining(`${former.serialNumber} is back`),
        });
        expect(await files()).toEqual(filesWith(former));
      });
      it('puts the former certificate in use again where a hook fails after the reload', async () => {
        let runs = 0;
        const hook = async () => {
          runs += 1;
          if (runs > 1) return;
          await eventually(async () => (await served()) === bundle.serialNumber);
          throw new Error('no');
        };
        const options = { name: 'web', memory: memory(), hook, probe: probe() };
        await expect(deployToTarget(target(), bundle, options)).rejects.toMatchObject({
          message: expect.stringContaining(`no; the former certificate ${former.serialNumber}`),
        });
        // A process of the server that has not ended yet may answer for a moment.
        await eventually(async () => (await served()) === former.serialNumber);
      });
      it('puts the former pair back after a process that ended between two files', async () => {
        const place = memory();
        const staged = await target({ test: ['false'] }).stage(bundle, { memory: place });
        await expect(staged.apply({})).rejects.toMatchObject({ code: 'ERR_DEPLOY_REFUSED' });
        expect(await files()).toEqual(filesWith(former));
        await writeFile(
          at(names[0] ?? ''),
          filesWith({ ...former, privateKey: bundle.privateKey })[0] ?? '',
        );
        const again = await target().stage(bundle, { memory: place });
        expect(await again.rollBack({})).toEqual({ serialNumber: former.serialNumber });
        expect(await files()).toEqual(filesWith(former));
      });
      it('deploys both keys of a certificate, and puts both back', async () => {
        const [first, next] = await Promise.all([newPair(), newPair()]);
        const options = { name: 'web', memory: memory(), probe: probe() };
        await deployToTarget(target(), first, options);
        const configuration = await readFile(at('configuration'), 'utf8');
        const [before, after] = second(server.folder);
        await writeFile(at('configuration'), configuration.replace(before, after));
        const servedBoth = async () =>
          await Promise.all(
            (['ECDSA', 'RSA'] as const).map((kind) => servedTo(kind, probe()).catch(String)),
          );
        const serials = (pair: typeof next) => [pair.serialNumber, pair.second.serialNumber];
        const serves = async (pair: typeof next) =>
          await eventually(async () => `${await servedBoth()}` === `${serials(pair)}`);
        await deployToTarget(target(), next, { ...options, former: first });
        await serves(next);
        let runs = 0;
        const hook = async () => {
          runs += 1;
          if (runs === 1) throw new Error('no');
        };
        await expect(
          deployToTarget(target(), first, { ...options, former: next, hook }),
        ).rejects.toMatchObject({
          message: expect.stringContaining(`${next.serialNumber} is back`),
        });
        await serves(next);
        const mixed = { ...first, second: { ...first.second, privateKey: next.second.privateKey } };
        await expect(deployToTarget(target(), mixed, options)).rejects.toMatchObject({
          message: expect.stringMatching(/private key for \S*-rsa\.pem is not that of its/),
        });
        await serves(next);
      });
      it('never lets the server read a certificate with the key of another one', async () => {
        const mixed = { ...bundle, privateKey: former.privateKey };
        await expect(
          deployToTarget(target(), mixed, { name: 'web', memory: memory(), probe: probe() }),
        ).rejects.toMatchObject({ code: 'ERR_DEPLOY_TARGET' });
        expect(await files()).toEqual(filesWith(former));
        await writeFile(
          at(names[0] ?? ''),
          filesWith({ ...former, privateKey: bundle.privateKey })[0] ?? '',
        );
        const staged = await target({ reload: ['false'] }).stage(bundle, { memory: memory() });
        await expect(staged.apply({})).rejects.toMatchObject({ code: 'ERR_DEPLOY_HOOK' });
        await expect(staged.rollBack({})).rejects.toMatchObject({ code: 'ERR_DEPLOY_TARGET' });
        expect(await served()).toBe(former.serialNumber);
      });
      it('writes certificate and key to one file, and removes a first one that is put back', async () => {
        const single = target({ fullchainPath: at('{name}.pem'), keyPath: undefined });
        const staged = await single.stage(bundle, { memory: memory() });
        await staged.apply({});
        expect(await readFile(at('a.test.pem'), 'utf8')).toBe(bundle.privateKey + bundle.chain);
        expect((await stat(at('a.test.pem'))).mode & 0o777).toBe(0o600);
        expect(await staged.rollBack({})).toEqual({ serialNumber: undefined });
        await expect(stat(at('a.test.pem'))).rejects.toMatchObject({ code: 'ENOENT' });
      });
    });
  });
