import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type Bind,
  describeWith,
  freePort,
  startBind,
  startNginx,
  type TemporaryFolder,
  temporaryFolder,
} from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { servingCa } from './serving-ca.testing.ts';
import { acmex } from './terminal.testing.ts';

describeWith(['named', 'nginx', 'openssl'], 'the OCSP responder of acmex ca serve', () => {
  let bind: Bind;
  let folder: TemporaryFolder;
  let repository: string;
  const at = (name: string) => join(folder.path, name);
  const env = { ACMEX_CA_PASSPHRASE: 'correct horse battery', PATH: process.env.PATH };
  const run = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await acmex(args, { env });
    if (code !== 0) throw new Error(`acmex ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const ca = async (...args: readonly string[]) =>
    await run('ca', ...args, '--storage', at('ca-data'));
  const openssl = async (...args: readonly string[]) => {
    const { stdout, stderr } = await promisify(execFile)('openssl', args, { cwd: folder.path });
    return `${stdout}${stderr}`;
  };

  beforeAll(async () => {
    bind = await startBind({ zones: { 'corp.test': [] } });
    folder = await temporaryFolder('ca-ocsp');
    repository = `127.0.0.1:${await freePort()}`;
    const dns = `[challenge.dns01]\nprovider = "bind"\n[[challenge.dns01.providers]]\nname = "bind"\ntype = "rfc2136"\nserver = "${bind.address}"\n`;
    await writeFile(at('acmex.toml'), dns, { mode: 0o600 });
    await writeFile(at('ocsp.toml'), '[ca]\nocsp = true\n', { mode: 0o600 });
    await ca(
      ...['init', '--name', 'Corp', '--domains', 'corp.test', '--addresses', '127.0.0.0/8'],
      ...['--key-type', 'ec-p256', '--root-certificate', at('root.pem')],
      ...['--root-key', at('root-key.pem')],
    );
  });
  afterAll(async () => {
    await bind?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  const serving = async (
    work: (directory: string) => Promise<void>,
    flags: readonly string[] = [],
  ) =>
    await servingCa(
      [
        ...['--dns-resolver', bind.address, '--repository-listen', repository],
        ...['--storage', at('ca-data'), ...flags],
      ],
      work,
    );
  /** Obtains a certificate as NAME.pem, with its key as NAME.key. @returns its serial number */
  const obtain = async (directory: string, name: string): Promise<string> => {
    await run(
      ...['obtain', '-d', `${name}.corp.test`, '--server', directory, '--accept-tos'],
      ...['--ca-certificate', at('root.pem'), '--storage', at('data')],
      ...['--config', at('acmex.toml'), '--challenge', 'dns-01', '--dns-resolver', bind.address],
      ...['--cert-path', at(`${name}.pem`), '-k', at(`${name}.key`)],
    );
    const [leaf = '', issuing = ''] = (await readFile(at(`${name}.pem`), 'utf8')).split(
      /(?<=-----END CERTIFICATE-----\n)/,
    );
    await writeFile(at('leaf.pem'), leaf);
    await writeFile(at('issuing.pem'), issuing);
    return (await openssl('x509', '-in', 'leaf.pem', '-noout', '-serial')).trim().split('=')[1]!;
  };
  const urlOf = async (name: string) =>
    (await openssl('x509', '-in', `${name}.pem`, '-noout', '-ocsp_uri')).trim();
  const ask = async (url: string, serial: string, ...args: readonly string[]) =>
    await openssl(
      ...['ocsp', '-issuer', 'issuing.pem', '-serial', `0x${serial}`, '-url', url, ...args],
      ...['-CAfile', 'root.pem', '-verify_other', 'issuing.pem'],
    );
  const check = async (target: string, ...args: readonly string[]) => {
    const trust = ['--check', '--anchors', at('root.pem'), '--allow', '127.0.0.0/8', '--json'];
    const { code, stdout } = await acmex(['info', target, ...trust, ...args], { env });
    const { checks, server } = JSON.parse(stdout);
    return { code, chain: checks.chain.status, revocation: checks.revocation, server };
  };
  const good = (source: string) => ({
    ...{ code: 0, chain: 'valid' },
    revocation: { status: 'good', source },
  });
  const revoked = (source: string, reason: string) => ({
    ...{ code: 3, chain: 'valid' },
    revocation: { status: 'revoked', source, reason },
  });

  it('is off by default, and the CRL proves the status of a certificate', async () => {
    await serving(async (directory) => {
      const serial = await obtain(directory, 'list');
      expect(await urlOf('list')).toBe('');
      expect((await fetch(`http://${repository}/ocsp`, { method: 'POST' })).status).toBe(404);
      expect(await check(at('list.pem'))).toMatchObject(good('crl'));
      await ca('revoke', serial, '--reason', 'superseded');
      expect(await check(at('list.pem'))).toMatchObject(revoked('crl', 'superseded'));
    });
    expect(await check(at('list.pem'))).toMatchObject({
      ...{ code: 4, chain: 'valid' },
      revocation: {
        status: 'unknown',
        reason: expect.stringContaining(`http://${repository}/crl`),
      },
    });
  });

  it('is on by the configuration, and what it answers can be stapled', async () => {
    const responses: Record<string, Buffer> = {};
    const keep = async (name: string, url: string, serial: string) => {
      await ask(url, serial, '-no_nonce', '-respout', 'response.der');
      responses[name] = await readFile(at('response.der'));
    };
    const serve = async (work: (directory: string) => Promise<void>) =>
      await serving(work, ['--config', at('ocsp.toml')]);
    await serve(async (directory) => {
      const serial = await obtain(directory, 'web');
      const url = await urlOf('web');
      expect(url).toBe(`http://${repository}/ocsp`);
      expect(await ask(url, serial)).toMatch(/: good\n[^]*Response verify OK\n/);
      expect(await ask(url, '41424344')).toMatch(/: unknown\n[^]*Response verify OK\n/);
      expect(await check(at('web.pem'))).toMatchObject(good('ocsp'));
      await keep('good', url, serial);
      await ca('revoke', serial, '--reason', 'keyCompromise');
      expect(await ask(url, serial)).toMatch(/: revoked\n[^]*Reason: keyCompromise\n/);
      expect(await check(at('web.pem'))).toMatchObject(revoked('ocsp', 'keyCompromise'));
      await keep('revoked', url, serial);
    });
    // No responder answers any more: what follows is proved by the stapled response alone.
    expect(await check(at('web.pem'))).toMatchObject({
      ...{ code: 4, chain: 'valid' },
      revocation: {
        status: 'unknown',
        reason: expect.stringContaining(`http://${repository}/ocsp`),
      },
    });
    const [chain, privateKey] = await Promise.all(
      ['web.pem', 'web.key'].map(async (file) => await readFile(at(file), 'utf8')),
    );
    for (const [name, expected] of [
      ['good', good('ocsp')],
      ['revoked', revoked('ocsp', 'keyCompromise')],
    ] as const) {
      const ocspResponse = responses[name]!;
      await using nginx = await startNginx({
        chain: chain!,
        privateKey: privateKey!,
        ocspResponse,
      });
      const served = await check(`127.0.0.1:${nginx.port}`, '--servername', 'web.corp.test');
      expect(served).toMatchObject({
        ...expected,
        server: { isStapled: true, ocspResponseBytes: ocspResponse.length },
      });
    }
  });
});
