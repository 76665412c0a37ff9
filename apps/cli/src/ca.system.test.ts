import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { describeWith, freePort, removeFolder } from '@acmex/services';
import { fileStorage } from '@acmex/storage-file';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { servingCa } from './serving-ca.testing.ts';
import { acmex } from './terminal.testing.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-ca-'));
});
afterEach(() => removeFolder(folder));
const at = (name: string) => join(folder, name);
const storage = () => ['--storage', `file:${at('data')}`];
const env = { ACMEX_CA_PASSPHRASE: 'correct horse battery' };

describe('acmex demo', () => {
  it('gets a certificate with nothing but Node, and leaves the files', async () => {
    const { code, stdout, stderr } = await acmex(['demo', '--directory', at('demo')]);
    expect([code, stderr.includes('fault')]).toEqual([0, false]);
    expect(stdout).toContain('www.demo.test');
    expect(stdout).toContain('acmex ca init');
    expect((await readdir(at('demo'))).sort()).toEqual([
      'ca-root.pem',
      'certificate.pem',
      'private_key.pem',
    ]);
    expect((await stat(at('demo/private_key.pem'))).mode & 0o777).toBe(0o600);
    await expect(acmex(['demo', '--directory', at('demo')])).resolves.toMatchObject({
      code: 3,
      stderr: expect.stringContaining('ERR_CLI_EXISTS'),
    });
  });
});

async function getJson(url: string, ca: string): Promise<Record<string, unknown>> {
  return await new Promise((resolve, reject) => {
    get(url, { ca }, (response) => {
      json(response).then((value) => resolve(value as Record<string, unknown>), reject);
    }).on('error', reject);
  });
}

describeWith(['openssl'], 'acmex ca', () => {
  it('makes a CA whose root key is encrypted, serves it, and issues, lists, revokes', async () => {
    const init = await acmex(
      [
        'ca',
        'init',
        ...storage(),
        '--name',
        'Example Corp',
        '--domains',
        'corp.test',
        '--addresses',
        '127.0.0.0/8',
        '--root-certificate',
        at('root.pem'),
        '--root-key',
        at('root-key.pem'),
      ],
      { env },
    );
    expect(init).toMatchObject({ code: 0, stdout: expect.stringContaining('acmex ca serve') });
    expect(await readFile(at('root-key.pem'), 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    await expect(
      acmex(
        [
          'ca',
          'init',
          ...storage(),
          '--name',
          'Second',
          '--domains',
          'corp.test',
          '--root-certificate',
          at('r2.pem'),
          '--root-key',
          at('k2.pem'),
        ],
        { env },
      ),
    ).resolves.toMatchObject({ code: 3, stderr: expect.stringContaining('ERR_CA_EXISTS') });

    const { stdout } = await acmex([
      'ca',
      'eab',
      'create',
      ...storage(),
      '--description',
      'host 1',
      '--json',
    ]);
    const { kid, hmacKey } = JSON.parse(stdout) as { kid: string; hmacKey: string };
    await servingCa(
      [...storage(), '--eab-required', '--reach', '127.0.0.0/8'],
      async (directory) => {
        const obtain = (...more: string[]) =>
          acmex([
            'obtain',
            '--server',
            directory,
            '--ca-certificate',
            at('root.pem'),
            '--storage',
            'memory:',
            '--cert-path',
            at('c.pem'),
            '-k',
            at('k.pem'),
            '--http-port',
            '15999',
            ...more,
          ]);
        await expect(obtain('-d', '127.0.0.1')).resolves.toMatchObject({
          code: 2,
          stderr: expect.stringContaining('--eab-kid'),
        });
        await expect(
          obtain('-d', 'www.elsewhere.test', '--eab-kid', kid, '--eab-hmac-key', hmacKey),
        ).resolves.toMatchObject({
          code: 5,
          stderr: expect.stringContaining('ERR_ACME_REJECTED_IDENTIFIER'),
        });
      },
    );
    await expect(acmex(['ca', 'eab', 'list', ...storage()])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining(kid),
    });
    await expect(acmex(['ca', 'eab', 'revoke', kid, ...storage()])).resolves.toMatchObject({
      code: 0,
    });
    await expect(acmex(['ca', 'eab', 'revoke', 'eab_x', ...storage()])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ERR_CA_EXTERNAL_ACCOUNT'),
    });
    await expect(acmex(['ca', 'list', ...storage()])).resolves.toMatchObject({
      code: 0,
      stdout: '',
    });
    await expect(acmex(['ca', 'revoke', 'abcd', ...storage()])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ERR_CA_NO_CERTIFICATE'),
    });
    await expect(acmex(['ca', 'crl', at('crl.der'), ...storage()])).resolves.toMatchObject({
      code: 0,
    });
    const { stdout: crl } = await promisify(execFile)('openssl', [
      'crl',
      '-inform',
      'DER',
      '-in',
      at('crl.der'),
      '-noout',
      '-issuer',
    ]);
    expect(crl).toContain('Example Corp Issuing');
  });

  it('serves its CRL over plain http, moves renewal windows, and replaces its issuing certificate', async () => {
    const files = ['--root-certificate', at('root.pem'), '--root-key', at('root-key.pem')];
    const domains = ['--domains', 'corp.test', '--addresses', '127.0.0.0/8'];
    const run = async (...args: string[]) => await acmex(['ca', ...args, ...storage()], { env });
    await expect(
      run('init', '--name', 'Corp', '--key-type', 'ec-p256', ...domains, ...files),
    ).resolves.toMatchObject({ code: 0 });
    const subjectOf = async (path: string) => {
      await writeFile(at('fetched.der'), Buffer.from(await (await fetch(path)).arrayBuffer()));
      const args = ['x509', '-inform', 'DER', '-in', at('fetched.der'), '-noout', '-subject'];
      return (await promisify(execFile)('openssl', args)).stdout;
    };
    const port = await freePort();
    const repository = ['--repository-listen', `127.0.0.1:${port}`];
    await servingCa([...storage(), ...repository], async (directory) => {
      const { meta } = await getJson(directory, await readFile(at('root.pem'), 'utf8'));
      expect(meta).toMatchObject({
        profiles: { serverAuth: 'for TLS servers', clientAuth: 'for TLS clients' },
      });
      expect(await subjectOf(`http://127.0.0.1:${port}/issuer`)).toMatch(/Corp Issuing$/m);
      expect((await fetch(`http://127.0.0.1:${port}/crl`)).status).toBe(200);
    });
    await expect(
      run('replace-issuing', '--root-key', at('root-key.pem'), '--key-type', 'ec-p256'),
    ).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Corp Issuing 2 issues until'),
    });
    await servingCa([...storage(), ...repository], async () => {
      expect(await subjectOf(`http://127.0.0.1:${port}/issuer`)).toMatch(/Corp Issuing$/m);
      expect(await subjectOf(`http://127.0.0.1:${port}/issuer/2`)).toMatch(/Corp Issuing 2$/m);
    });
    const window = ['--start', '2027-01-01T00:00:00Z', '--end', '2027-01-02T00:00:00Z'];
    await expect(run('renewal-window', ...window)).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining('renew between 2027-01-01T00:00:00Z'),
    });
    const movedWindows = async () => {
      const windows: unknown[] = [];
      for await (const { value } of fileStorage({ path: at('data') }).list('ca/renewal-window'))
        windows.push(JSON.parse(Buffer.from(value).toString()));
      return windows;
    };
    const [start, end] = [window[1], window[3]];
    expect(await movedWindows()).toEqual([expect.objectContaining({ start, end })]);
    await expect(run('renewal-window', '--restore')).resolves.toMatchObject({ code: 0 });
    expect(await movedWindows()).toEqual([]);
    for (const wrong of [[], ['--start', '2027-01-01T00:00:00Z'], ['--restore', ...window]])
      await expect(run('renewal-window', ...wrong)).resolves.toMatchObject({
        code: 2,
        stderr: expect.stringContaining('use --start and --end; or --restore alone'),
      });
  });

  it('issues for development on any port of this machine, and for nothing else', async () => {
    await servingCa(
      ['--development', '--http-port', '15998', '--root-certificate', at('root.pem')],
      async (directory) => {
        const obtain = (...more: string[]) =>
          acmex([
            'obtain',
            '--server',
            directory,
            '--ca-certificate',
            at('root.pem'),
            '--storage',
            'memory:',
            '--accept-tos',
            '--http-port',
            '15998',
            '--cert-path',
            at('c.pem'),
            '-k',
            at('k.pem'),
            ...more,
          ]);
        await expect(obtain('-d', 'www.dev.test')).resolves.toMatchObject({
          code: 0,
          stdout: expect.stringContaining('www.dev.test'),
        });
        await expect(obtain('-d', 'example.com', '--force')).resolves.toMatchObject({ code: 5 });
        await expect(
          obtain('-d', 'client.test', '--force', '--no-manage', '--profile', 'clientAuth'),
        ).resolves.toMatchObject({ code: 0 });
        const certificate = new X509Certificate(await readFile(at('c.pem')));
        expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
        await obtain('-d', 'www.dev.test', '--force');
      },
    );
    const { stdout } = await promisify(execFile)('openssl', [
      'verify',
      '-CAfile',
      at('root.pem'),
      '-untrusted',
      at('c.pem'),
      at('c.pem'),
    ]);
    expect(stdout).toContain('OK');
  });

  it.each([
    ['no constraints', ['init', '--name', 'X'], 'ERR_CLI_USAGE', '--unconstrained'],
    [
      'constraints and none',
      ['init', '--name', 'X', '--domains', 'a.test', '--unconstrained'],
      'ERR_CLI_USAGE',
      'either',
    ],
    ['no name', ['init', '--domains', 'a.test'], 'ERR_CLI_USAGE', '--name'],
    [
      'a development CA for others',
      ['serve', '--development', '--listen', '0.0.0.0:0'],
      'ERR_CLI_USAGE',
      'only listens on this machine',
    ],
    [
      'other ports for a real one',
      ['serve', '--http-port', '8080'],
      'ERR_CLI_USAGE',
      '--development',
    ],
    [
      'an admin list without a key',
      ['serve', '--listen', '127.0.0.1:0', '--development', '--admin'],
      'ERR_CLI_USAGE',
      'ACMEX_CA_ADMIN_KEY',
    ],
    ['no CA there', ['serve', '--listen', '127.0.0.1:0'], 'ERR_CA_MISSING', 'no CA'],
  ])('refuses %s', async (_, args, code, words) => {
    const outcome = await acmex(['ca', ...args, ...storage()], { env });
    expect(outcome.stderr).toContain(code);
    expect(outcome.stderr).toContain(words);
    expect(outcome.code).toBeGreaterThan(1);
  });

  it('warns that the issuing key is in clear, unless the storage is encrypted: L21', async () => {
    const keys = at('storage.keys');
    await acmex(['storage', 'new-key', keys]);
    const init = async (name: string, ...flags: readonly string[]) =>
      await acmex(
        [
          ...['ca', 'init', '--name', 'X', '--domains', 'a.test', '--storage', at(name), ...flags],
          ...['--root-certificate', at(`${name}.pem`), '--root-key', at(`${name}.key`)],
        ],
        { env },
      );
    const inClear = await init('clear');
    expect([inClear.code, inClear.stderr]).toEqual([
      0,
      expect.stringContaining('the issuing key is in the storage without encryption'),
    ]);
    expect(inClear.stderr).toContain('acmex storage encrypt');
    const encrypted = await init('encrypted', '--encryption-key-file', keys);
    expect([encrypted.code, encrypted.stderr]).toEqual([
      0,
      expect.not.stringContaining('without encryption'),
    ]);
  });

  it('refuses a root key without a passphrase', async () => {
    await expect(
      acmex(['ca', 'init', '--name', 'X', '--domains', 'a.test', ...storage()]),
    ).resolves.toMatchObject({ code: 2, stderr: expect.stringContaining('ACMEX_CA_PASSPHRASE') });
  });
});
