import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  createDevelopmentAuthority,
  listIssued,
  loadAuthority,
  noLimits,
  saveAuthority,
} from '@acmex/ca';
import { serveAcme } from '@acmex/ca/node';
import { freePort, startProgram, type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { acmex } from './terminal.testing.ts';

const names = ['www.pair.test', 'pair.test'];
const caStorage = memoryStorage();
let folder: TemporaryFolder;
let ca: Awaited<ReturnType<typeof startCa>>;
const at = (...path: string[]) => join(folder.path, ...path);

async function startCa() {
  await saveAuthority(caStorage, await createDevelopmentAuthority());
  const { issuer, root } = await loadAuthority(caStorage, { kind: 'development' });
  const acme = await serveAcme({
    ...{ storage: caStorage, issuer, rateLimiter: noLimits() },
    onError: () => {
      /* the client hears of it */
    },
    validate: async () => ({ valid: true }),
  });
  return { ...acme, root };
}

beforeAll(async () => {
  folder = await temporaryFolder('key-pair');
  ca = await startCa();
  await writeFile(at('root.pem'), ca.root);
  await mkdir(at('webroot'));
}, 60_000);
afterAll(async () => {
  await ca?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});
beforeEach(async () => await rm(at('data'), { recursive: true, force: true }));

/** Writes a configuration with one certificate. */
const configured = async (certificate: string) =>
  await writeFile(
    at('acmex.toml'),
    `[acme]\nca = "custom"\nca_custom_url = "${ca.directory}"\nca_certificate = "${at('root.pem')}"\ntos_agreed = true
[storage]\nurl = "file:${at('data')}"
[challenge.http01]\nwebroot = "${at('webroot')}"\n${certificate}`,
    { mode: 0o600 },
  );
const run = async (...args: readonly string[]) =>
  await acmex([...args, '--config', at('acmex.toml')], { env: { PATH: process.env.PATH } });
/** The certificate of a file with its key beside it, after both are found to belong together. */
async function leafOf(certificate: string, key: string): Promise<X509Certificate> {
  const leaf = new X509Certificate(await readFile(certificate));
  expect(leaf.checkPrivateKey(createPrivateKey(await readFile(key)))).toBe(true);
  return leaf;
}

/** Returns what a server shows to a client that knows only some signatures. */
async function servedTo(port: number, signatures: string): Promise<X509Certificate> {
  const connection = promisify(execFile)('openssl', [
    ...['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'pair.test'],
    ...['-sigalgs', signatures, '-CAfile', at('root.pem'), '-verify_return_error'],
    ...['-verify_hostname', 'pair.test'],
  ]);
  connection.child.stdin?.end();
  const { stdout } = await connection;
  return new X509Certificate(
    /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(stdout)![0],
  );
}

/** Serves both certificates by OpenSSL, and returns what clients get: an old one, then a new one. */
async function servedSerials(live: (file: string) => string): Promise<readonly string[]> {
  const port = await freePort();
  await using server = await startProgram({
    command: 'openssl',
    args: [
      ...['s_server', '-www', '-accept', `127.0.0.1:${port}`],
      ...['-cert', live('cert.pem'), '-key', live('privkey.pem')],
      ...['-cert_chain', live('chain.pem')],
      ...['-dcert', live('cert-rsa.pem'), '-dkey', live('privkey-rsa.pem')],
      ...['-dcert_chain', live('chain-rsa.pem')],
    ],
    ready: (log) => log.includes('ACCEPT'),
  });
  expect(server).toBeDefined();
  const served = [
    await servedTo(port, 'RSA-PSS+SHA256:RSA+SHA256'),
    await servedTo(port, 'ECDSA+SHA256'),
  ];
  return served.map(({ serialNumber }) => serialNumber);
}

describe('a certificate with key_types', () => {
  it('is issued, served to old and new clients, renewed and revoked as one', async () => {
    await configured(`[[certificates]]
names = ${JSON.stringify(names)}
key_types = ["ec-p256", "rsa-2048"]
deploy = [{ directory = "${at('tls')}" }, { fullchain_path = "${at('a.pem')}", key_path = "${at('a.key')}", second_fullchain_path = "${at('b.pem')}", second_key_path = "${at('b.key')}" }]
hooks.deploy = ["${at('hook')}"]
`);
    await writeFile(
      at('hook'),
      `#!/bin/sh\necho "$ACMEX_SERIAL $ACMEX_CERT_PATH $ACMEX_SECOND_SERIAL $ACMEX_SECOND_CERT_PATH $ACMEX_SECOND_KEY_PATH" >> ${at('hooked')}\n`,
      { mode: 0o700 },
    );
    const first = await run('renew');
    expect([first.code, first.stderr]).toEqual([0, expect.any(String)]);
    const live = (file: string) => at('tls', 'live', 'www.pair.test', file);
    const [ec, rsa] = [
      await leafOf(live('fullchain.pem'), live('privkey.pem')),
      await leafOf(live('fullchain-rsa.pem'), live('privkey-rsa.pem')),
    ];
    expect([ec, rsa].map(({ publicKey }) => publicKey.asymmetricKeyType)).toEqual(['ec', 'rsa']);
    expect([ec, rsa].map(({ subjectAltName }) => subjectAltName)).toEqual(
      Array(2).fill('DNS:www.pair.test, DNS:pair.test'),
    );
    const separate = [
      await leafOf(at('a.pem'), at('a.key')),
      await leafOf(at('b.pem'), at('b.key')),
    ];
    expect(separate.map(({ serialNumber }) => serialNumber)).toEqual([
      ec.serialNumber,
      rsa.serialNumber,
    ]);
    expect(await readFile(at('hooked'), 'utf8')).toBe(
      `${ec.serialNumber.toLowerCase()} ${at('a.pem')} ${rsa.serialNumber.toLowerCase()} ${at('b.pem')} ${at('b.key')}\n`,
    );

    expect(await servedSerials(live)).toEqual([rsa.serialNumber, ec.serialNumber]);

    const show = await run('cert', 'show', 'pair.test');
    expect(show.stdout).toMatch(
      new RegExp(
        `key type +ec-p256 and rsa-2048[^]*serial +${ec.serialNumber}[^]*second +serial ${rsa.serialNumber}`,
        'i',
      ),
    );
    const info = await run('info', 'pair.test', '--check');
    expect(info.stdout).toMatch(
      new RegExp(
        `key +ec-p256[^]*serial +${ec.serialNumber}[^]*second key [^]*key +rsa-2048[^]*serial +${rsa.serialNumber}[^]*trust +valid[^]*of the second key: valid`,
        'i',
      ),
    );
    const { second, checks } = JSON.parse(
      (await run('info', 'pair.test', '--check', '--json')).stdout,
    );
    expect(second.certificates[0]).toMatchObject({ keyType: 'rsa-2048', role: 'leaf' });
    expect(checks.second.chain).toMatchObject({ status: 'valid' });
    const exported = await run('cert', 'export', 'pair.test', '--key-type', 'rsa-2048');
    expect(new X509Certificate(exported.stdout).serialNumber).toBe(rsa.serialNumber);
    await expect(run('renew')).resolves.toMatchObject({ code: 0 });
    expect((await leafOf(live('cert.pem'), live('privkey.pem'))).serialNumber).toBe(
      ec.serialNumber,
    );

    await expect(run('renew', '-d', 'pair.test', '--force')).resolves.toMatchObject({ code: 0 });
    const renewed = [
      await leafOf(live('cert.pem'), live('privkey.pem')),
      await leafOf(live('cert-rsa.pem'), live('privkey-rsa.pem')),
    ].map(({ serialNumber }) => serialNumber.toLowerCase());
    expect(renewed).not.toContain(ec.serialNumber.toLowerCase());
    expect(renewed).not.toContain(rsa.serialNumber.toLowerCase());

    await expect(run('cert', 'revoke', '--serial', renewed[1]!)).resolves.toMatchObject({
      code: 0,
    });
    const revoked: string[] = [];
    for await (const issued of listIssued(caStorage))
      if (issued.revoked) revoked.push(issued.serialNumber);
    expect(revoked.sort()).toEqual(renewed.sort());
  });

  it('is obtained by --key-type given twice, into two pairs of files', async () => {
    await configured('');
    const obtained = await run(
      ...['obtain', '-d', 'twice.test', '--key-type', 'rsa-2048', '--key-type', 'ec-p384'],
      ...['--cert-path', at('c.pem'), '--key-path', at('c.key'), '--webroot', at('webroot')],
    );
    expect([obtained.code, obtained.stderr]).toEqual([0, expect.any(String)]);
    const leaves = [
      await leafOf(at('c.pem'), at('c.key')),
      await leafOf(at('c-ec.pem'), at('c-ec.key')),
    ];
    expect(leaves.map(({ publicKey }) => publicKey.asymmetricKeyType)).toEqual(['rsa', 'ec']);
    expect(obtained.stdout).toContain(at('c-ec.pem'));
  });

  it.each([
    [['--key-type', 'ec-p256', '--key-type', 'ec-p384'], 'use an RSA type and an EC type'],
    [['--key-type', 'ec-p256', '--key-type', 'rsa-2048', '--no-manage'], 'a single --key-type'],
    [['--key-type', 'ec-p256', '--key-type', 'rsa-2048', '--key-type', 'rsa-4096'], 'at most two'],
    [['--key-type', 'dsa'], 'Allowed choices are'],
  ])('is refused where %j do not go together', async (flags, cure) => {
    await configured('');
    const outcome = await run('obtain', '-d', 'no.test', '--cert-path', at('no.pem'), ...flags);
    expect([outcome.code, outcome.stderr]).toEqual([2, expect.stringContaining(cure)]);
    await expect(access(at('no.pem'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each([
    ['key_type = "ec-p256"\nkey_types = ["ec-p256", "rsa-2048"]', 'does not go with key_type'],
    ['key_types = ["ec-p256", "ec-p384"]', 'two types of the same kind'],
    ['key_types = ["rsa-2048", "rsa-2048"]', 'two types of the same kind'],
    ['key_types = ["ec-p256", "rsa-2048", "ec-p384"]', 'write one type or two'],
    ['deploy = [{ key_path = "/a", second_key_path = "/b" }]', 'has a single one'],
  ])('is refused with %j', async (entry, problem) => {
    await configured(`[[certificates]]\nnames = ["no.test"]\n${entry}\n`);
    const outcome = await run('renew');
    expect([outcome.code, outcome.stderr]).toEqual([2, expect.stringContaining(problem)]);
  });
});
