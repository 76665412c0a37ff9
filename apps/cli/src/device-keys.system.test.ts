import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { parseChain } from '@acmex/certificate';
import {
  type Bind,
  describeWith,
  freePort,
  type Pebble,
  type SoftToken,
  softToken,
  startBind,
  startPebble,
  startProgram,
  type TemporaryFolder,
  temporaryFolder,
} from '@acmex/services';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { acmex, type AcmexOptions } from './terminal.testing.ts';

let folder: TemporaryFolder;
let token: SoftToken;
beforeEach(async () => {
  folder = await temporaryFolder('device-keys');
});
afterEach(async () => await folder[Symbol.asyncDispose]());
const at = (...names: string[]) => join(folder.path, ...names);
const keyOf = (label: string) => `pkcs11:token=${token.label};object=${label}`;
/** A configuration that signs with the token. */
const configured = async (toml: string) => {
  await writeFile(at('pin'), token.pin, { mode: 0o600 });
  const keys = `[keys.pkcs11]\nmodule = "${token.module}"\nenv = ["SOFTHSM2_CONF"]\npin = { file = "${at('pin')}" }\n`;
  await writeFile(at('acmex.toml'), `[storage]\nurl = "file:${at('data')}"\n${keys}${toml}`, {
    mode: 0o600,
  });
};
const run = async (args: readonly string[], options: AcmexOptions = {}) =>
  await acmex([...args, '--config', at('acmex.toml')], { ...options, env: { ...token.env } });
/** Every file of the storage as text. */
const stored = async () => {
  const entries = await readdir(at('data'), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'latin1'));
  return (await Promise.all(texts)).join('\n');
};

/** Serves a certificate by OpenSSL, whose engine signs with the token; returns what is served. */
async function servedWith(label: string, chain: string): Promise<string> {
  const port = await freePort();
  const key = `${keyOf(label)};type=private?pin-source=file:${at('pin')}`;
  const server = await startProgram({
    command: 'openssl',
    args: [
      ...['s_server', '-www', '-engine', 'pkcs11', '-keyform', 'engine', '-key', key],
      ...['-cert', chain, '-cert_chain', chain, '-accept', `127.0.0.1:${port}`],
    ],
    env: { ...token.env, PKCS11_MODULE_PATH: token.module },
    ready: (log) => log.includes('ACCEPT'),
  });
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: 'www.a.test',
    rejectUnauthorized: false,
  });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerCertificate().serialNumber.toLowerCase();
  } finally {
    socket.destroy();
    await server[Symbol.asyncDispose]();
  }
}

const serialIn = async (path: string) =>
  parseChain(await readFile(path, 'utf8'))[0]?.serialNumber ?? '';

describeWith(
  ['pebble', 'pebble-challtestsrv', 'softhsm2-util', 'pkcs11-tool', 'openssl-pkcs11'],
  'keys in a PKCS#11 token, with Pebble',
  () => {
    let pebble: Pebble;
    beforeAll(async () => {
      [pebble, token] = await Promise.all([startPebble(), softToken()]);
      await token.generate({ label: 'account', id: '01', type: 'EC:prime256v1' });
      await token.generate({ label: 'web', id: '02', type: 'EC:secp384r1' });
      await token.generate({ label: 'rsa', id: '03', type: 'rsa:2048' });
    });
    afterAll(async () => {
      await pebble?.[Symbol.asyncDispose]();
      await token?.[Symbol.asyncDispose]();
    });
    const ca = () =>
      `[acme]\nca = "custom"\nca_custom_url = "${pebble.directory}"\nca_certificate = "${pebble.caFile}"\ntos_agreed = true\naccount_key = "${keyOf('account')}"\n[challenge]\nchallenge_type = "http-01"\n[challenge.http01]\nlisten_addr = "127.0.0.1:${pebble.httpPort}"\n`;

    it('sign from the registration of the account to a certificate that is served and renewed', async () => {
      await configured(
        `${ca()}[[certificates]]\nnames = ["www.a.test"]\nkey = "${keyOf('web')}"\ndeploy = [{ directory = "${at('tls')}" }]\n`,
      );
      await expect(run(['account', 'register'])).resolves.toMatchObject({ code: 0 });
      await expect(run(['account', 'show'])).resolves.toMatchObject({
        code: 0,
        stdout: expect.stringContaining('valid'),
      });
      const renew = await run(['renew']);
      expect([renew.code, renew.stderr]).toEqual([
        0,
        expect.stringMatching(
          /www\.a\.test.*its key stays in pkcs11:.*object=web, and no file has it/,
        ),
      ]);
      const chain = at('tls', 'live', 'www.a.test', 'fullchain.pem');
      const first = await serialIn(chain);
      await expect(servedWith('web', chain)).resolves.toBe(first);
      const again = await run(['renew', '-d', 'www.a.test', '--force']);
      expect(again.code).toBe(0);
      const second = await serialIn(chain);
      expect(second).not.toBe(first);
      await expect(servedWith('web', chain)).resolves.toBe(second);
      expect(await readdir(at('tls', 'live', 'www.a.test'))).not.toContain('privkey.pem');
      expect(await stored()).not.toContain('PRIVATE KEY');
      const show = await run(['cert', 'show', 'www.a.test']);
      expect(show.stdout).toMatch(/^key type +ec-p384$/m);
      expect(show.stdout).toMatch(/^key +pkcs11:.*object=web; it stays there/m);
      await expect(
        run(['cert', 'export', 'www.a.test', '--key-path', at('key.pem')]),
      ).resolves.toMatchObject({
        code: 3,
        stderr: expect.stringContaining('ERR_KEY_NOT_EXPORTABLE'),
      });
      await expect(run(['cert', 'revoke', 'www.a.test'])).resolves.toMatchObject({ code: 0 });
    });

    it.each([[[]], [['--no-manage']]])(
      'sign a request of obtain %j, which writes the certificate and no key',
      async (flags) => {
        await configured(ca());
        const files = ['--cert-path', at('cert.pem'), '-k', at('key.pem')];
        const result = await run([
          ...['obtain', '-d', 'rsa.test', '--key', keyOf('rsa'), ...files, ...flags],
          ...['--http-port', String(pebble.httpPort)],
        ]);
        expect([result.code, result.stdout]).toEqual([
          0,
          expect.stringMatching(/^private key +pkcs11:.*object=rsa; it stays there, and no file/m),
        ]);
        expect(parseChain(await readFile(at('cert.pem'), 'utf8'))[0]?.keyType).toBe('rsa-2048');
        expect(await readdir(folder.path)).not.toContain('key.pem');
      },
    );

    it('are refused with a wrong PIN once, and with nothing that says how to sign', async () => {
      await configured(ca());
      await writeFile(at('pin'), '00000000');
      await expect(run(['account', 'register'])).resolves.toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/^(?![^]*00000000)[^]*ERR_SIGNER_PIN/),
      });
      const obtain = ['obtain', '-d', 'a.test', '--key'];
      await expect(run([...obtain, '/etc/key.pem'])).resolves.toMatchObject({ code: 2 });
      await writeFile(at('acmex.toml'), '', { mode: 0o600 });
      await expect(
        run([
          ...obtain,
          keyOf('web'),
          '--no-manage',
          '--storage',
          'memory:',
          '--cert-path',
          at('c'),
        ]),
      ).resolves.toMatchObject({
        code: 2,
        stderr: expect.stringMatching(
          /\[keys\.pkcs11\].*ERR_SIGNER_REFERENCE|ERR_SIGNER_REFERENCE/,
        ),
      });
    });
  },
);

describeWith(
  ['named', 'openssl', 'softhsm2-util', 'pkcs11-tool'],
  'a CA whose keys are in a PKCS#11 token',
  () => {
    let bind: Bind;
    beforeAll(async () => {
      [bind, token] = await Promise.all([startBind({ zones: { 'a.test': [] } }), softToken()]);
      await token.generate({ label: 'root', id: '01', type: 'EC:secp384r1' });
      await token.generate({ label: 'issuing', id: '02', type: 'EC:prime256v1' });
      await token.generate({ label: 'next', id: '03', type: 'rsa:2048' });
    });
    afterAll(async () => {
      await bind?.[Symbol.asyncDispose]();
      await token?.[Symbol.asyncDispose]();
    });

    it('issues, lists what is revoked, and gets another issuing certificate', async () => {
      await configured(
        `[challenge.dns01]\nprovider = "bind"\nresolvers = ["${bind.address}"]\n[[challenge.dns01.providers]]\nname = "bind"\ntype = "rfc2136"\nserver = "${bind.address}"\n`,
      );
      const root = ['--root-certificate', at('root.pem'), '--root-key', keyOf('root')];
      const init = await run([
        ...['ca', 'init', '--name', 'Corp', '--domains', 'a.test', '--addresses', '127.0.0.0/8'],
        ...[...root, '--key', keyOf('issuing')],
      ]);
      expect([init.code, init.stderr]).toEqual([
        0,
        expect.not.stringContaining('without encryption'),
      ]);
      expect(init.stdout).toMatch(/^issuing key +pkcs11:.*object=issuing: it stays there$/m);
      const stop = new AbortController();
      let started: (url: string) => void = () => undefined;
      const url = new Promise<string>((resolve) => {
        started = resolve;
      });
      const serving = run(
        ['ca', 'serve', '--listen', '127.0.0.1:0', '--dns-resolver', bind.address],
        {
          signal: stop.signal,
          onStdout: (text) => {
            const [, written] = /directory +(\S+)/.exec(text) ?? [];
            if (written !== undefined) started(written);
          },
        },
      );
      try {
        const directory = await Promise.race([
          url,
          serving.then(({ stderr }) => {
            throw new Error(stderr);
          }),
        ]);
        const files = ['--cert-path', at('cert.pem'), '-k', at('key.pem')];
        const trust = ['--server', directory, '--ca-certificate', at('root.pem')];
        const obtain = await run([
          ...['obtain', '-d', 'www.a.test', '-c', 'dns-01', '--no-manage', ...files, ...trust],
          ...['--storage', 'memory:'],
        ]);
        expect([obtain.code, obtain.stderr]).toEqual([0, expect.any(String)]);
      } finally {
        stop.abort('SIGTERM');
        await serving;
      }
      const serial = await serialIn(at('cert.pem'));
      await expect(run(['ca', 'revoke', serial])).resolves.toMatchObject({ code: 0 });
      await expect(run(['ca', 'crl', at('crl.der')])).resolves.toMatchObject({ code: 0 });
      expect(verdict()).toMatch(/certificate revoked/);
      expect(await stored()).not.toContain('PRIVATE KEY');
      await expect(
        run(['ca', 'replace-issuing', '--root-key', keyOf('root'), '--key', keyOf('next')]),
      ).resolves.toMatchObject({ code: 0, stdout: expect.stringContaining('Corp Issuing 2') });
    });

    /** What OpenSSL says of the certificate, with the CA's list. */
    function verdict(): string {
      const openssl = (...args: readonly string[]) => {
        const { stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
        return stdout + stderr;
      };
      openssl('crl', '-inform', 'DER', '-in', at('crl.der'), '-out', at('crl.pem'));
      return openssl(
        ...['verify', '-crl_check', '-CAfile', at('root.pem'), '-CRLfile', at('crl.pem')],
        ...['-untrusted', at('cert.pem'), at('cert.pem')],
      );
    }
  },
);
