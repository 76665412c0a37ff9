import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseChain } from '@acmex/certificate';
import {
  type Bind,
  describeWith,
  freePort,
  startBind,
  type TemporaryFolder,
  temporaryFolder,
} from '@acmex/services';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { servingCa } from './serving-ca.testing.ts';
import { acmex } from './terminal.testing.ts';

describeWith(['named', 'openssl'], 'the status of certificates of acmex ca serve', () => {
  let bind: Bind;
  let folder: TemporaryFolder;
  let repository: string;
  const at = (name: string) => join(folder.path, name);
  const read = async (name: string) => await readFile(at(name), 'utf8');
  const env = { ACMEX_CA_PASSPHRASE: 'correct horse battery', PATH: process.env.PATH };

  beforeAll(async () => {
    bind = await startBind({ zones: { 'corp.test': [] } });
  });
  afterAll(async () => {
    await bind?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    folder = await temporaryFolder('ca-status');
    repository = `127.0.0.1:${await freePort()}`;
    await writeFile(
      at('acmex.toml'),
      `[challenge.dns01]\nprovider = "bind"\n[[challenge.dns01.providers]]\nname = "bind"\ntype = "rfc2136"\nserver = "${bind.address}"\n`,
      { mode: 0o600 },
    );
    await ca(
      ...['init', '--name', 'Corp', '--domains', 'corp.test', '--addresses', '127.0.0.0/8'],
      ...['--key-type', 'ec-p256', '--root-certificate', at('root.pem')],
      ...['--root-key', at('root-key.pem')],
    );
  });
  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
  });

  const run = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await acmex(args, { env });
    if (code !== 0) throw new Error(`acmex ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const ca = async (command: string, ...args: readonly string[]) =>
    await run('ca', ...command.split(' '), ...args, '--storage', at('ca-data'));
  const serving = async (
    work: (directory: string) => Promise<void>,
    flags: readonly string[] = [],
  ) => {
    const resolver = ['--dns-resolver', bind.address, '--repository-listen', repository];
    return await servingCa([...resolver, '--storage', at('ca-data'), ...flags], work);
  };
  /** Obtains a certificate as NAME.pem, with its key as NAME.key. */
  const obtain = async (directory: string, name: string) => {
    await run(
      ...['obtain', '-d', `${name}.corp.test`, '--server', directory, '--accept-tos'],
      ...['--ca-certificate', at('root.pem'), '--storage', at('data')],
      ...['--config', at('acmex.toml'), '--challenge', 'dns-01', '--dns-resolver', bind.address],
      ...['--cert-path', at(`${name}.pem`), '-k', at(`${name}.key`)],
    );
    const [leaf, issuing] = parseChain(await read(`${name}.pem`));
    return {
      serial: leaf!.serialNumber,
      issuer: leaf!.issuer,
      issuingSerial: issuing!.serialNumber,
    };
  };
  /** Returns what openssl says, also when it fails. */
  const openssl = async (...args: readonly string[]) => {
    const result = await promisify(execFile)('openssl', args).catch(
      (error: { readonly stdout: string; readonly stderr: string }) => error,
    );
    return `${result.stdout}${result.stderr}`;
  };
  const verify = async (name: string, ...flags: readonly string[]) =>
    await openssl(
      ...['verify', '-CAfile', at('root.pem'), '-untrusted', at(`${name}.pem`)],
      ...flags,
      at(`${name}.pem`),
    );
  /** Verifies a certificate with the CRL that it names. */
  const verifyOnline = async (name: string) => {
    const [url = ''] =
      /http:\S+\/crl\S*/.exec(
        await openssl('x509', '-in', at(`${name}.pem`), '-noout', '-ext', 'crlDistributionPoints'),
      ) ?? [];
    await writeFile(at('fetched.crl'), Buffer.from(await (await fetch(url)).arrayBuffer()));
    return await verify(name, '-crl_check', '-CRLfile', at('fetched.crl'));
  };

  it('goes over to a new issuing certificate while it runs, with the CRLs of both', async () => {
    const { stderr } = await serving(async (directory) => {
      const old = await obtain(directory, 'old');
      await ca('replace-issuing', '--root-key', at('root-key.pem'), '--key-type', 'ec-p256');
      const renewed = await obtain(directory, 'new');
      expect([old.issuer, renewed.issuer]).toEqual(['CN=Corp Issuing', 'CN=Corp Issuing 2']);
      for (const name of ['old', 'new']) expect(await verifyOnline(name)).toMatch(/pem: OK$/m);
      await ca('revoke', old.serial);
      expect(await verifyOnline('old')).toContain('certificate revoked');
      expect(await verifyOnline('new')).toMatch(/pem: OK$/m);
      await ca('revoke', renewed.serial);
      expect(await verifyOnline('new')).toContain('certificate revoked');
      // The root has a list only where its key is at hand to sign one.
      expect((await fetch(`http://${repository}/crl/root`)).status).toBe(404);
      await ca('root-crl', '--root-key', at('root-key.pem'));
      expect((await fetch(`http://${repository}/crl/root`)).status).toBe(200);
    });
    expect(stderr).not.toContain('failed');
  });

  it('writes the CRLs of all issuers and of the root for those who check offline', async () => {
    const serials: string[] = [];
    await serving(async (directory) => {
      serials.push((await obtain(directory, 'old')).issuingSerial);
      await ca('replace-issuing', '--root-key', at('root-key.pem'), '--key-type', 'ec-p256');
      serials.push((await obtain(directory, 'new')).issuingSerial);
    });
    await ca('crl', at('list.crl'));
    for (const [file, issuer] of [
      ['list.crl', 'Corp Issuing 2'],
      ['list-1.crl', 'Corp Issuing'],
    ] as const)
      expect(await openssl('crl', '-in', at(file), '-inform', 'DER', '-noout', '-issuer')).toMatch(
        new RegExp(`CN ?= ?${issuer}$`, 'm'),
      );
    await ca('root-crl', '--root-key', at('root-key.pem'));
    const verifyAll = async (name: string) => {
      await ca('crl', at('all.pem'));
      return await verify(name, '-crl_check_all', '-CRLfile', at('all.pem'));
    };
    for (const name of ['old', 'new']) expect(await verifyAll(name)).toMatch(/pem: OK$/m);
    const [old = '', present = ''] = serials;
    await ca('root-crl', '--root-key', at('root-key.pem'), '--revoke', old);
    expect(await verifyAll('old')).toContain('certificate revoked');
    expect(await verifyAll('new')).toMatch(/pem: OK$/m);
    for (const [serial, code] of [
      [present, 'ERR_CA_IN_USE'],
      ['00', 'ERR_CA_NO_CERTIFICATE'],
    ] as const)
      await expect(
        ca('root-crl', '--root-key', at('root-key.pem'), '--revoke', serial),
      ).rejects.toThrow(code);
  });
});
