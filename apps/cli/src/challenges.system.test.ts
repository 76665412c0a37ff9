import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCsr, parseChain, parseCsr, privateKeyPem, webcrypto } from '@acmex/certificate';
import { systemClock } from '@acmex/clock';
import { lookUp } from '@acmex/dns';
import {
  type Bind,
  describeWith,
  type Pebble,
  removeFolder,
  startBind,
  startPebble,
} from '@acmex/services';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { acmex, type AcmexOptions } from './terminal.testing.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-'));
});
afterEach(async () => {
  await removeFolder(folder);
});
const at = (file: string) => join(folder, file);
const obtain = ({ directory, caFile }: Pebble, args: readonly string[], options?: AcmexOptions) =>
  acmex(
    [
      'obtain',
      '--server',
      directory,
      '--ca-certificate',
      caFile,
      '--storage',
      at('data'),
      '--cert-path',
      at('certificate.pem'),
      '-k',
      at('private_key.pem'),
      '--accept-tos',
      ...args,
    ],
    options,
  );
const namesIn = async () =>
  parseChain(await readFile(at('certificate.pem'), 'utf8'))[0]
    ?.identifiers.map(({ value }) => value)
    .sort();

describeWith(
  ['pebble', 'pebble-challtestsrv', 'named', 'nsupdate'],
  'acmex obtain by dns-01',
  () => {
    let bind: Bind;
    let pebble: Pebble;
    beforeAll(async () => {
      bind = await startBind({
        zones: { 'a.test': ['_acme-challenge.alias IN CNAME delegated.b.test.'], 'b.test': [] },
      });
      pebble = await startPebble({ dnsServer: bind.address });
    });
    afterAll(async () => {
      await pebble?.[Symbol.asyncDispose]();
      await bind?.[Symbol.asyncDispose]();
    });
    const env = async () => {
      await writeFile(
        at('hook'),
        `#!/bin/sh
case "$1" in present) verb=add ttl=1;; cleanup) verb=delete ttl=;; *) exit 2;; esac
printf 'server 127.0.0.1 %s\\nupdate %s %s %s TXT "%s"\\nsend\\n' "$DNS_PORT" "$verb" "$2" "$ttl" "$3" | nsupdate
`,
      );
      await chmod(at('hook'), 0o755);
      return { PATH: process.env.PATH, EXEC_PATH: at('hook'), DNS_PORT: String(bind.port) };
    };
    const dns = () => [
      '-c',
      'dns-01',
      '--dns-provider',
      'exec',
      '--dns-env',
      'DNS_PORT',
      '--save-credentials',
      '--dns-resolver',
      bind.address,
    ];
    const left = (name: string) =>
      lookUp({ clock: systemClock, servers: [bind.address] }).txt(name);

    it('gets a name and its wildcard together, by two values at one name, and leaves neither behind', async () => {
      const { code, stderr } = await obtain(pebble, ['-d', 'a.test,*.a.test', ...dns()], {
        env: await env(),
      });
      expect([code, stderr]).toEqual([
        0,
        expect.stringContaining('*.a.test: dns-01 response ready'),
      ]);
      expect(await namesIn()).toEqual(['*.a.test', 'a.test']);
      expect(await left('_acme-challenge.a.test')).toEqual([]);
    });
    it('writes the record where an alias leads', async () => {
      const { code, stderr } = await obtain(pebble, ['-d', 'alias.a.test', ...dns()], {
        env: await env(),
      });
      expect([code, stderr]).toEqual([0, expect.stringContaining('all names are validated')]);
      expect(await left('delegated.b.test')).toEqual([]);
    });
    it('is not begun where a renewal would not see what this shell has; with it kept, a renewal in an empty environment succeeds', async () => {
      const shell = await env();
      const refused = await obtain(
        pebble,
        ['-d', 'shell.a.test', ...dns().filter((flag) => flag !== '--save-credentials')],
        { env: shell },
      );
      expect([refused.code, refused.stderr]).toEqual([
        2,
        expect.stringContaining('--save-credentials'),
      ]);
      expect(await readdir(folder)).toEqual(['hook']);
      await expect(
        obtain(pebble, ['-d', 'shell.a.test', ...dns()], { env: shell }),
      ).resolves.toMatchObject({ code: 0 });
      const renewed = await acmex(['renew', '--all', '--force', '--storage', at('data')], {
        env: { PATH: process.env.PATH },
      });
      expect([renewed.code, renewed.stdout]).toEqual([0, expect.stringContaining('renewed')]);
    });
    it('waits a fixed time where that is asked for', async () => {
      const { code } = await obtain(
        pebble,
        ['-d', 'waited.a.test', ...dns(), '--propagation-wait', '1'],
        { env: await env() },
      );
      expect(code).toBe(0);
    });
    it('says what the hook wrote that failed, and leaves nothing', async () => {
      const { code, stderr } = await obtain(pebble, ['-d', 'failed.a.test', ...dns()], {
        env: { ...(await env()), DNS_PORT: '1' },
      });
      expect([code, stderr]).toEqual([6, expect.stringContaining('ERR_DNS_HOOK')]);
      expect((await readdir(folder)).sort()).toEqual(['data', 'hook']);
    });
  },
);

describeWith(['pebble', 'pebble-challtestsrv'], 'acmex obtain, its other flags', () => {
  const accounts = { 'kid-1': 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' };
  let pebble: Pebble;
  beforeAll(async () => {
    pebble = await startPebble({ alternateRoots: 2, externalAccounts: accounts });
  });
  afterAll(async () => {
    await pebble?.[Symbol.asyncDispose]();
  });
  const bound = ['--eab-kid', 'kid-1'];
  const env = { ACMEX_EAB_HMAC_KEY: accounts['kid-1'] };
  const tls = () => ['-c', 'tls-alpn-01', '--tls-port', String(pebble.tlsPort)];

  it('gets names and an address by tls-alpn-01, with an external account', async () => {
    const { code, stderr } = await obtain(
      pebble,
      ['-d', 'a.test,b.test,127.0.0.1', ...tls(), ...bound],
      { env },
    );
    expect([code, stderr]).toEqual([0, expect.stringContaining('all names are validated')]);
    expect(await namesIn()).toEqual(['127.0.0.1', 'a.test', 'b.test']);
  });
  it('says that the CA asks for an external account', async () => {
    await expect(obtain(pebble, ['-d', 'a.test', ...tls()])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--eab-kid'),
    });
  });
  it('says that a wrong HMAC key is refused', async () => {
    const { code, stderr } = await obtain(pebble, [
      '-d',
      'a.test',
      ...tls(),
      ...bound,
      '--eab-hmac-key',
      'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    ]);
    expect(code).toBeGreaterThanOrEqual(5);
    expect(stderr).toMatch(/\[ERR_ACME_(UNAUTHORIZED|MALFORMED)\]/);
    expect(stderr).not.toContain('AAAAAAAA');
  });
  it('takes the chain that ends as wished, and says when there is none', async () => {
    const alternate =
      parseChain(await pebble.rootCertificate(2))[0]?.subject.replace(/^CN=/, '') ?? '';
    const wished = await obtain(
      pebble,
      ['-d', 'chain.test', ...tls(), ...bound, '--preferred-chain', alternate],
      { env },
    );
    expect(wished.code).toBe(0);
    expect(parseChain(await readFile(at('certificate.pem'), 'utf8')).at(-1)?.issuer).toBe(
      `CN=${alternate}`,
    );
    const list = await acmex(['cert', 'show', 'chain.test', '--storage', at('data')]);
    expect(list.stdout).toMatch(
      new RegExp(`chain +1: ${alternate}, in use\\nchain +2: .+\\nchain +3: `),
    );
    const second = await acmex([
      ...['cert', 'export', 'chain.test', '--chain', '2', '--storage', at('data')],
    ]);
    expect(parseChain(second.stdout).at(-1)?.issuer).not.toBe(`CN=${alternate}`);
    const { fingerprint = '' } =
      parseChain(await readFile(at('certificate.pem'), 'utf8')).at(-1) ?? {};
    await rm(at('certificate.pem'));
    await rm(at('private_key.pem'));
    const again = await obtain(pebble, [
      ...['-d', 'chain.test', ...tls(), '--preferred-chain', fingerprint],
    ]);
    expect([again.code, again.stderr]).toEqual([
      0,
      expect.stringContaining('changed preferred chain; ordered again'),
    ]);
    expect(parseChain(await readFile(at('certificate.pem'), 'utf8')).at(-1)).toMatchObject({
      fingerprint,
    });
    await expect(
      obtain(pebble, ['-d', 'chain.test', '--force', ...tls(), '--preferred-chain', 'Nobody']),
    ).resolves.toMatchObject({
      code: 0,
      stderr: expect.stringContaining('no chain of the CA ends in "Nobody"'),
    });
  });
  it("takes a request of the user's own, and writes no key", async () => {
    const key = await webcrypto().generate('rsa-2048');
    const csr = await createCsr({ identifiers: [{ type: 'dns', value: 'csr.test' }], key });
    await writeFile(
      at('mine.csr'),
      `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(csr).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`,
    );
    const { code, stdout } = await obtain(pebble, ['--csr', at('mine.csr'), ...tls(), ...bound], {
      env,
    });
    expect([code, stdout]).toEqual([0, expect.not.stringContaining('private key')]);
    expect((await readdir(folder)).sort()).toEqual(['certificate.pem', 'data', 'mine.csr']);
    expect(parseChain(await readFile(at('certificate.pem'), 'utf8'))[0]?.publicKey).toEqual(
      (await parseCsr(csr)).publicKey,
    );
    await expect(privateKeyPem(key)).resolves.toBeDefined();
  });
});
