import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, createServer } from 'node:tls';
import { CertificateStore } from '@acmex/orchestrator';
import {
  describeWith,
  eventually,
  readOnlyFolder,
  removeFolder,
  startPebble,
} from '@acmex/services';
import { fileStorage } from '@acmex/storage-file';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { acmex, type AcmexOptions } from './terminal.testing.ts';

interface Row {
  readonly id: string;
  readonly state: string;
  readonly names: readonly string[];
  readonly current?: { readonly generation: number; readonly serialNumber: string };
}

describeWith(['pebble', 'pebble-challtestsrv'], 'a managed certificate with Pebble', () => {
  let pebble: Awaited<ReturnType<typeof startPebble>>;
  let folder: string;
  beforeAll(async () => {
    pebble = await startPebble({ blockedDomains: ['blocked.test'] });
  });
  afterAll(async () => {
    await pebble?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'acmex-'));
  });
  afterEach(async () => {
    await removeFolder(folder);
  });

  const at = (file: string) => join(folder, file);
  const run = (args: readonly string[], options?: AcmexOptions) =>
    acmex([...args, '--storage', at('data')], options);
  const obtain = (args: readonly string[], options?: AcmexOptions) =>
    run(
      [
        'obtain',
        '--server',
        pebble.directory,
        '--ca-certificate',
        pebble.caFile,
        '--accept-tos',
        '--cert-path',
        at('certificate.pem'),
        '-k',
        at('private_key.pem'),
        '--http-port',
        String(pebble.httpPort),
        ...args,
      ],
      options,
    );
  const list = async () =>
    JSON.parse((await run(['cert', 'list', '-o', 'json'])).stdout) as readonly Row[];
  const serial = async () => (await acmex(['info', '-c', at('certificate.pem'), '--json'])).stdout;

  it('is begun by obtain, shown by cert and order, and renewed by renew without another word', async () => {
    const first = await obtain(['-d', 'kept.test,www.kept.test']);
    expect([first.code, first.stdout]).toEqual([0, expect.stringContaining('managed as   crt_')]);
    const before = await serial();
    const [row] = await list();
    expect(row).toMatchObject({
      state: 'valid',
      names: ['kept.test', 'www.kept.test'],
      current: { generation: 1 },
    });
    await expect(run(['renew'])).resolves.toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining('nothing is due'),
    });
    const renewed = await run(['renew', '-d', 'www.kept.test', '--force', '-o', 'json']);
    expect([renewed.code, JSON.parse(renewed.stdout)]).toEqual([
      0,
      [expect.objectContaining({ certificate: row!.id, result: 'renewed' })],
    ]);
    expect(await serial()).not.toBe(before);
    expect((await list())[0]!.current).toMatchObject({ generation: 2 });
    const show = await run(['cert', 'show', 'kept.test']);
    expect(show.stdout).toMatch(/^deployed +yes$/m);
    const orders = JSON.parse((await run(['order', 'list', '-o', 'json'])).stdout) as readonly {
      readonly id: string;
      readonly state: string;
    }[];
    expect(orders.map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
    expect((await run(['order', 'show', orders[0]!.id])).stdout).toMatch(/ordered\n/);
    expect((await run(['cert', 'list', '-o', 'csv'])).stdout.split('\n')[0]).toBe(
      'id,state,expires,renews,issuer,names',
    );
    await expect(run(['status'])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining('ACMEX OK - 0 critical, 0 warning, 1 ok'),
    });
  });

  it('is issued without a name that the CA refuses, where this is permitted', async () => {
    const args = ['-d', 'some.test,blocked.test'];
    await expect(obtain(args)).resolves.toMatchObject({ code: 5 });
    const permitted = [...args, '--allow-subset-of-names'];
    await expect(obtain(permitted)).resolves.toMatchObject({ code: 0 });
    const show = (await run(['cert', 'show', 'some.test'])).stdout;
    expect(show).toMatch(/^names +some\.test.*blocked\.test$/m);
    expect(show).toMatch(/^left out +blocked\.test since .*rejectedIdentifier/m);
    await expect(run(['status'])).resolves.toMatchObject({
      code: 1,
      stdout: expect.stringContaining('without blocked.test'),
    });
    await expect(run(['renew'])).resolves.toMatchObject({
      code: 0,
      stderr: expect.stringContaining('nothing is due'),
    });
    expect(await list()).toMatchObject([{ current: { generation: 1 } }]);
  });

  it('is shown by info with what its server serves: the same, a different one, or unknown', async () => {
    // Like a server that reads its files again at each connection.
    const secure = createServer({
      SNICallback: (_, respond) => {
        const [cert, key] = ['certificate.pem', 'private_key.pem'].map((file) =>
          readFileSync(at(file)),
        );
        respond(null, createSecureContext({ cert, key }));
      },
    }).on('tlsClientError', () => undefined);
    await once(secure.listen(0, '127.0.0.1'), 'listening');
    const { port } = secure.address() as AddressInfo;
    await obtain(['-d', 'served.test', '--probe', `127.0.0.1:${port}`]);
    await writeFile(at('root.pem'), await pebble.rootCertificate());
    await writeFile(
      at('acmex.toml'),
      `[acme]\nca = "custom"\nca_custom_url = "${pebble.directory}"\ntrust_anchors = ["${at('root.pem')}"]\n`,
      { mode: 0o600 },
    );
    const configured = ['--config', at('acmex.toml')];
    await expect(run(['info', 'served.test', '--check'])).resolves.toMatchObject({ code: 3 });
    const served = async () => {
      const flags = ['--check', ...configured, '--json'];
      const { code, stdout } = await run(['info', 'served.test', ...flags]);
      return { code, ...(JSON.parse(stdout) as { readonly checks: object }) };
    };
    await expect(served()).resolves.toMatchObject({
      code: 4,
      managed: { names: ['served.test'] },
      certificates: [{ names: ['served.test'] }, { isCa: true }],
      checks: {
        chain: { status: 'valid', anchor: { source: 'issuer', issuer: 'custom' } },
        revocation: {
          status: 'unknown',
          reason: 'the certificate names no OCSP responder and no revocation list',
        },
        served: [{ status: 'same', port, address: '127.0.0.1' }],
      },
    });
    for (const command of ['verify', 'info --check'])
      await expect(
        acmex([...command.split(' '), '-c', at('certificate.pem'), ...configured]),
      ).resolves.toMatchObject({
        stdout: expect.stringContaining('that the configuration names for the CA custom'),
      });
    const previous = await readFile(at('certificate.pem'));
    const previousKey = await readFile(at('private_key.pem'));
    await run(['renew', '-d', 'served.test', '--force']);
    await writeFile(at('certificate.pem'), previous);
    await writeFile(at('private_key.pem'), previousKey);
    await expect(served()).resolves.toMatchObject({
      code: 10,
      checks: { served: [{ status: 'different', port }] },
    });
    secure.close();
    await once(secure, 'close');
    await expect(served()).resolves.toMatchObject({
      code: 4,
      checks: { served: [{ status: 'unknown', reason: expect.stringContaining('refuses') }] },
    });
  });

  it('is not ordered twice: where it is current, it goes into the files and no more', async () => {
    await obtain(['-d', 'once.test']);
    const before = await serial();
    await rm(at('certificate.pem'));
    await rm(at('private_key.pem'));
    const again = await obtain(['-d', 'once.test']);
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('not ordered again')]);
    expect(await serial()).toBe(before);
    await obtain(['-d', 'once.test', '--force']);
    expect(await serial()).not.toBe(before);
    expect(await list()).toHaveLength(1);
  });

  it('is ordered again when obtain asks for another type of key, and says so', async () => {
    const remove = async () => {
      await rm(at('certificate.pem'));
      await rm(at('private_key.pem'));
    };
    await obtain(['-d', 'changed.test']);
    await remove();
    const changed = await obtain(['-d', 'changed.test', '--key-type', 'rsa-2048']);
    expect([changed.code, changed.stderr]).toEqual([
      0,
      expect.stringContaining('changed key type; ordered again'),
    ]);
    expect(await serial()).toContain('rsa-2048');
    await remove();
    const same = await obtain(['-d', 'changed.test', '--key-type', 'rsa-2048']);
    expect(same.stderr).toContain('not ordered again');
    expect(await list()).toMatchObject([{ current: { generation: 2 } }]);
  });

  it('is one certificate where the same is obtained twice at the same moment', async () => {
    const both = await Promise.all([
      obtain(['-d', 'at-once.test,www.at-once.test']),
      obtain(['-d', 'www.at-once.test,at-once.test']),
    ]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(await list()).toMatchObject([{ current: { generation: 1 } }]);
  });

  it('is paused, resumed, exported and removed', async () => {
    await obtain(['-d', 'moved.test']);
    const pem = await readFile(at('certificate.pem'), 'utf8');
    await run(['cert', 'pause', 'moved.test']);
    expect((await list())[0]!.state).toBe('paused');
    await expect(run(['renew', '--all'])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining('not due'),
    });
    await run(['cert', 'resume', 'moved.test']);
    await expect(run(['cert', 'export', 'moved.test'])).resolves.toMatchObject({ stdout: pem });
    await run(['cert', 'export', 'moved.test', '-k', at('exported.pem')]);
    expect(await readFile(at('exported.pem'), 'utf8')).toBe(
      await readFile(at('private_key.pem'), 'utf8'),
    );
    const keystore = [
      'cert',
      'export',
      'moved.test',
      '--format',
      'pkcs12',
      '--out',
      at('site.p12'),
    ];
    const env = { ACMEX_OUT_PASSPHRASE: 'correct horse', ACMEX_PASSPHRASE: 'correct horse' };
    await expect(run(keystore, { env })).resolves.toMatchObject({
      code: 0,
      stdout: `${at('site.p12')}\n`,
    });
    await expect(run(keystore, { env })).resolves.toMatchObject({ code: 3, stdout: '' });
    const back = await acmex(['convert', at('site.p12'), '-', '--format', 'pem'], { env });
    expect(back.stdout).toBe(pem);
    await expect(run([...keystore, '--force'])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ACMEX_OUT_PASSPHRASE'),
    });
    await expect(run(['cert', 'remove', 'moved.test'])).resolves.toMatchObject({ code: 0 });
    expect(await list()).toEqual([]);
    expect(await readdir(at('data'))).not.toContain('generation');
    await expect(run(['cert', 'show', 'moved.test'])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no managed certificate has the name moved.test'),
    });
  });

  it('is listed, watched and exported from a storage where nothing may be written', async () => {
    await obtain(['-d', 'read.test']);
    const pem = await readFile(at('certificate.pem'), 'utf8');
    await using storage = await readOnlyFolder(at('data'));
    expect(storage).toBeDefined();
    expect(await list()).toMatchObject([{ names: ['read.test'], state: 'valid' }]);
    await expect(run(['status'])).resolves.toMatchObject({ code: 0 });
    await expect(run(['cert', 'export', 'read.test'])).resolves.toMatchObject({ stdout: pem });
    await run(['cert', 'export', 'read.test', '-k', at('exported.pem')]);
    expect(await readFile(at('exported.pem'), 'utf8')).toBe(
      await readFile(at('private_key.pem'), 'utf8'),
    );
    await writeFile(at('audited.toml'), '[audit]\nenabled = true\n', { mode: 0o600 });
    const audited = ['--config', at('audited.toml'), '-k', at('refused.pem')];
    await expect(run(['cert', 'export', 'read.test', ...audited])).resolves.toMatchObject({
      code: 3,
      stderr: expect.stringContaining('ERR_STORAGE_UNAVAILABLE'),
    });
    await expect(readFile(at('refused.pem'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(run(['cert', 'pause', 'read.test'])).resolves.toMatchObject({
      code: 3,
      stderr: expect.stringContaining('ERR_STORAGE_UNAVAILABLE'),
    });
  });

  it('leaves nothing behind where the CA refuses it, but the order and its reason', async () => {
    const { code } = await obtain(['-d', 'blocked.test']);
    expect([code, await list()]).toEqual([5, []]);
    const [order] = JSON.parse((await run(['order', 'list', '-o', 'json'])).stdout) as readonly {
      readonly state: string;
      readonly failure: { readonly code: string };
    }[];
    expect(order).toMatchObject({
      state: 'failed',
      failure: { code: 'ERR_ACME_REJECTED_IDENTIFIER' },
    });
  });

  it('of 120 names that the CA refuses reports the reason, and leaves nothing to renew: C3', async () => {
    const names = Array.from({ length: 119 }, (_, index) => `n${index}.many.test`);
    const { code, stderr } = await obtain(['-d', [...names, 'blocked.test'].join(',')]);
    expect(stderr).toContain('[ERR_ACME_REJECTED_IDENTIFIER]');
    expect(stderr).toContain('blocked.test');
    expect([code, await list()]).toEqual([5, []]);
    await using storage = fileStorage({ path: at('data') });
    const kinds = new Set<string | undefined>();
    for await (const { key } of storage.list('')) kinds.add(key.split('/')[0]);
    kinds.delete('lock');
    expect([...kinds].sort()).toEqual(['account', 'events', 'issuer', 'order']);
    await expect(run(['renew'])).resolves.toMatchObject({
      code: 0,
      stderr: expect.stringContaining('nothing is due'),
    });
  });

  it('that cannot be written where it is used is issued all the same, says so by its exit code, and is not ordered again', async () => {
    await obtain(['-d', 'deployed.test']);
    await rm(at('certificate.pem'));
    await rm(at('private_key.pem'));
    const data = await list();
    await run([
      'obtain',
      '--server',
      pebble.directory,
      '--ca-certificate',
      pebble.caFile,
      '-d',
      'deployed.test',
      '--cert-path',
      at('sub-certificate.pem'),
      '-k',
      at('sub-key.pem'),
      '--http-port',
      String(pebble.httpPort),
    ]);
    await rm(at('sub-key.pem'));
    await rm(at('sub-certificate.pem'));
    await mkdir(at('sub-key.pem'));
    const { code, stderr } = await run(['renew', '-d', 'deployed.test', '--force']);
    expect([code, stderr]).toEqual([8, expect.stringContaining('not deployed')]);
    expect((await list())[0]!.current!.generation).toBe(data[0]!.current!.generation + 1);
    await expect(run(['status'])).resolves.toMatchObject({ code: 1 });
    await rm(at('sub-key.pem'), { recursive: true });
    await expect(run(['renew', '-d', 'deployed.test'])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining('deployed'),
    });
    expect((await list())[0]!.current!.generation).toBe(data[0]!.current!.generation + 1);
    expect(await readFile(at('sub-certificate.pem'), 'utf8')).toContain('BEGIN CERTIFICATE');
  });

  it('is tried without its end by a dry run, which changes nothing', async () => {
    await obtain(['-d', 'tried.test']);
    const [before, files] = [await list(), await serial()];
    const tried = await run([
      'renew',
      '--all',
      '--dry-run',
      '--server',
      pebble.directory,
      '--ca-certificate',
      pebble.caFile,
    ]);
    expect([tried.code, tried.stdout]).toEqual([0, expect.stringContaining('could be renewed')]);
    expect([await list(), await serial()]).toEqual([before, files]);
    expect(JSON.parse((await run(['order', 'list', '-o', 'json'])).stdout)).toHaveLength(1);
    await expect(run(['renew', '--all', '--dry-run'])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no staging environment'),
    });
    await expect(run(['renew', '--server', pebble.directory])).resolves.toMatchObject({ code: 2 });
  });

  it('is deployed to a directory, and a hook runs', async () => {
    await writeFile(
      at('hook'),
      `#!/bin/sh\necho "$ACMEX_EVENT $ACMEX_NAMES $RENEWED_LINEAGE $TOKEN $1" >> ${at('hook.log')}\n`,
      { mode: 0o700 },
    );
    const { code } = await obtain(
      [
        '-d',
        'hooked.test',
        '--deploy-directory',
        at('tls'),
        '--deploy-hook',
        `${at('hook')} reload`,
      ],
      { env: { PATH: process.env.PATH, TOKEN: 'canary' } },
    );
    expect([code, await readFile(at('hook.log'), 'utf8')]).toEqual([
      0,
      `deploy hooked.test ${at('tls/live/hooked.test')}  reload\n`,
    ]);
    expect(await readFile(at('tls/live/hooked.test/fullchain.pem'), 'utf8')).toBe(
      await readFile(at('certificate.pem'), 'utf8'),
    );
    await writeFile(at('hook'), '#!/bin/sh\nexit 1\n', { mode: 0o700 });
    const renew = () => run(['renew', '-d', 'hooked.test', '--force']);
    const failed = await renew();
    expect([failed.code, failed.stderr]).toEqual([8, expect.stringContaining('the hook')]);
    expect(await list()).toMatchObject([{ current: { generation: 2 } }]);
    await rm(at('hook'));
    const absent = await renew();
    expect([absent.code, absent.stderr]).toEqual([3, expect.stringContaining('the hook')]);
    expect(await list()).toMatchObject([{ current: { generation: 2 } }]);
  });

  it('is renewed by a daemon when something says that it is due, and two daemons renew it once', async () => {
    for (const name of ['d1.test', 'd2.test', 'd3.test']) await obtain(['-d', name, '--force']);
    const stop = new AbortController();
    const said: string[] = [];
    const daemons = [0, 1].map((n) =>
      run(['daemon', '--check-interval', '1'], {
        signal: stop.signal,
        onStderr: (text) => {
          said.push(`${n} ${text}`);
        },
      }),
    );
    await eventually(
      () => said.filter((text) => text.includes('renewing certificates')).length === 2,
    );
    // What a CA's window or the end of a life does, done by hand: due now.
    await using storage = fileStorage({ path: at('data') });
    const store = new CertificateStore({ storage });
    for (const { id } of await list())
      await store.change(id, (summary) => ({
        ...summary,
        renewal: { at: '2026-01-01T00:00:00Z' },
      }));
    await eventually(async () => (await list()).every(({ current }) => current?.generation === 2));
    stop.abort('SIGTERM');
    expect((await Promise.all(daemons)).map(({ code }) => code)).toEqual([0, 0]);
    expect(said.filter((text) => text.includes(': renewed'))).toHaveLength(3);
    const orders = JSON.parse(
      (await run(['order', 'list', '-o', 'json'])).stdout,
    ) as readonly unknown[];
    expect(orders).toHaveLength(6);
  });

  it('keeps an order that was cancelled from taking place', async () => {
    const stop = new AbortController();
    const killed = await obtain(['-d', 'ended.test'], {
      signal: stop.signal,
      onStderr: (text) => {
        if (text.startsWith('order')) stop.abort('SIGINT');
      },
    });
    expect([killed.code, await list()]).toEqual([130, []]);
    const [order] = JSON.parse((await run(['order', 'list', '-o', 'json'])).stdout) as readonly {
      readonly id: string;
      readonly state: string;
    }[];
    expect(order!.state).toBe('cancelled');
    await expect(run(['order', 'cancel', order!.id])).resolves.toMatchObject({ code: 0 });
    await expect(run(['order', 'show', 'ord_x'])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ERR_ORCHESTRATOR_NOT_FOUND'),
    });
  });
});
