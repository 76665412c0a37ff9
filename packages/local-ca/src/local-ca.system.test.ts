import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createAuthority, issuerOf } from '@acmex/ca';
import { parseCertificate, parseChain, webcrypto } from '@acmex/certificate';
import { virtualClock } from '@acmex/clock';
import { removeFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { localCa, type LocalCa, storedLocalCa } from './index.ts';

const run = promisify(execFile);
const dayMs = 86_400_000;
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-local-ca-'));
  path = join(folder, 'a', 'local-ca');
});
afterEach(async () => {
  await removeFolder(folder);
});

/** Verifies a chain as a client does that trusts the root alone. */
async function verify(ca: LocalCa, cert: string, name: string): Promise<string> {
  const [leafFile, issuingFile] = [join(folder, 'leaf.pem'), join(folder, 'issuing.pem')];
  const [leaf, issuing] = parseChain(cert);
  await writeFile(leafFile, leaf?.pem ?? '');
  await writeFile(issuingFile, issuing?.pem ?? '');
  const subject = /^[\d.]+$|:/.test(name) ? '-verify_ip' : '-verify_hostname';
  const files = ['-CAfile', ca.rootFile, '-untrusted', issuingFile, leafFile];
  const wanted = ['-x509_strict', '-purpose', 'sslserver', subject, name];
  return await run('openssl', ['verify', ...wanted, ...files]).then(
    () => 'OK',
    ({ stderr }: { stderr: string }) => /error \d+ at .*?: (.*)/.exec(stderr)?.[1] ?? stderr,
  );
}

describe('localCa', () => {
  it('issues for localhost, names below it and the addresses of the machine, as OpenSSL verifies', async () => {
    const addresses = () => ['127.0.0.1', '192.168.1.7', 'fe80::1', '203.0.113.9', '2001:db8::1'];
    const ca = await localCa({ path, addresses });
    const { cert, key, names, notAfter } = await ca.issue();
    const usual = ['localhost', '*.localhost', '127.0.0.1', '::1'];
    expect(ca.usualNames()).toEqual(names);
    expect(names).toEqual([...usual, '192.168.1.7', 'fe80::1']);
    for (const name of ['localhost', '127.0.0.1', '::1', '192.168.1.7', 'fe80::1'])
      await expect(verify(ca, cert, name)).resolves.toBe('OK');
    await expect(verify(ca, cert, '10.0.0.1')).resolves.toBe('IP address mismatch');
    // Clients accept no wildcard of a top-level domain, so each name has a certificate.
    await expect(verify(ca, cert, 'a.localhost')).resolves.toBe('hostname mismatch');
    const { cert: named } = await ca.issue(['b.a.localhost']);
    await expect(verify(ca, named, 'b.a.localhost')).resolves.toBe('OK');
    const leaf = parseCertificate(cert);
    expect(notAfter - leaf.notBefore.epochMilliseconds).toBe(30 * dayMs - 1000);
    expect(ca.notAfter - leaf.notBefore.epochMilliseconds).toBeLessThanOrEqual(825 * dayMs);
    const { stdout } = await run('openssl', [
      'x509',
      '-noout',
      '-text',
      '-in',
      join(folder, 'leaf.pem'),
    ]);
    expect(stdout).not.toMatch(/CRL Distribution|Authority Information Access|URI:/);
    expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  });

  it('issues for no public name, and clients refuse what its stolen key would sign', async () => {
    const ca = await localCa({ path });
    for (const name of [
      'example.com',
      'localhost.example.com',
      '203.0.113.9',
      'a b',
      '2001:db8::1',
    ])
      await expect(ca.issue(['localhost', name])).rejects.toMatchObject({
        code: 'ERR_LOCAL_CA_NAME',
        message: expect.stringContaining(name),
      });
    const file = await readFile(join(path, 'authority-1.pem'), 'latin1');
    const [, issuing] = parseChain(file);
    const key = await webcrypto().import(
      Buffer.from(/-----BEGIN PRIVATE.*/s.exec(file)?.[0] ?? ''),
    );
    const stolen = issuerOf({ chain: issuing?.pem ?? '', key });
    const sign = async (type: 'dns' | 'ip', value: string) => {
      const { publicKey } = await webcrypto().generate('ec-p256');
      const { notBefore, notAfter } = parseCertificate((await ca.issue()).cert);
      const [chain = ''] = await stolen.issue({
        ...{ serialNumber: '4a', identifiers: [{ type, value }], publicKey, rsa: false },
        ...{ notBefore, notAfter, usages: ['serverAuth'], mustStaple: false },
      });
      return await verify(ca, chain, value);
    };
    await expect(sign('dns', 'a.localhost')).resolves.toBe('OK');
    for (const [type, name] of [
      ['dns', 'example.com'],
      ['ip', '203.0.113.9'],
      ['ip', '2001:db8::1'],
    ] as const)
      await expect(sign(type, name)).resolves.toBe('permitted subtree violation');
  });

  it('is for its user only, and is the same in the next process', async () => {
    await expect(storedLocalCa({ path })).resolves.toBeUndefined();
    const ca = await localCa({ path });
    expect(ca).toMatchObject({ made: 'first', path, rootFile: join(path, 'root.pem') });
    const modes = [path, ca.rootFile, join(path, 'authority-1.pem')].map(async (name) =>
      ((await stat(name)).mode & 0o777).toString(8),
    );
    await expect(Promise.all(modes)).resolves.toEqual(['700', '600', '600']);
    await expect(readFile(ca.rootFile, 'utf8')).resolves.toBe(ca.root);
    expect(parseCertificate(ca.root).subject).toMatch(/^CN=AcmeX local CA of \S+ on \S+ Root$/);
    const { root } = ca;
    await rm(ca.rootFile);
    await expect(localCa({ path })).resolves.toMatchObject({ made: 'earlier', root });
    await expect(readFile(ca.rootFile, 'utf8')).resolves.toBe(root);
    await expect(storedLocalCa({ path })).resolves.toMatchObject({ made: 'earlier', root });
  });

  it('is made once, however many programs start together', async () => {
    const all = await Promise.all([1, 2, 3, 4].map(async () => await localCa({ path })));
    expect(new Set(all.map(({ root }) => root)).size).toBe(1);
    expect(all.map(({ made }) => made).sort()).toEqual(['earlier', 'earlier', 'earlier', 'first']);
    await expect(readdir(path)).resolves.toEqual(['authority-1.pem', 'root.pem']);
  });

  it('makes a new root 30 days before the end, and issues nothing with an expired one', async () => {
    const clock = virtualClock({ now: '2026-11-30T12:00:00Z' });
    const ca = await localCa({ path, clock });
    await clock.advance({ hours: 794 * 24 });
    await expect(localCa({ path, clock })).resolves.toMatchObject({ made: 'earlier' });
    const { notAfter } = await ca.issue();
    expect(notAfter).toBeLessThan(ca.notAfter);
    await clock.advance({ hours: 40 * 24 });
    const expired = await storedLocalCa({ path, clock });
    expect(expired?.root).toBe(ca.root);
    await expect(expired?.issue()).rejects.toMatchObject({ code: 'ERR_LOCAL_CA_EXPIRED' });
    const next = await localCa({ path, clock });
    expect([next.made, next.root === ca.root]).toEqual(['again', false]);
    await expect(readFile(next.rootFile, 'utf8')).resolves.toBe(next.root);
    await expect(localCa({ path, clock })).resolves.toMatchObject({
      made: 'earlier',
      root: next.root,
    });
  });

  it('says which file is damaged, missing its rights or open to others, and what to do', async () => {
    const { root } = await localCa({ path });
    const file = join(path, 'authority-1.pem');
    const whole = await readFile(file, 'latin1');
    const strange = await createAuthority({
      ...{ name: 'Strange', constraints: { domains: ['localhost'], addresses: [] } },
      rootKey: await webcrypto().generate('ec-p256'),
    });
    const swapped = whole.replace(root, strange.root);
    for (const damaged of ['', whole.slice(0, 900), whole.replace(/MII/, 'MIA'), swapped]) {
      await writeFile(file, damaged);
      const refusal = { code: 'ERR_LOCAL_CA_DAMAGED', message: expect.stringContaining(path) };
      await expect(localCa({ path })).rejects.toMatchObject(refusal);
      await expect(storedLocalCa({ path })).rejects.toMatchObject(refusal);
    }
    await writeFile(file, whole);
    for (const [name, wide, usual] of [
      [file, 0o640, 0o600],
      [path, 0o720, 0o700],
    ] as const) {
      await chmod(name, wide);
      await expect(localCa({ path })).rejects.toMatchObject({
        code: 'ERR_LOCAL_CA_UNSAFE',
        message: expect.stringContaining(`chmod go= ${name}`),
      });
      await chmod(name, usual);
    }
    await expect(localCa({ path: join(file, 'below') })).rejects.toMatchObject({
      code: 'ERR_LOCAL_CA_FILE',
      message: expect.stringContaining('part of the path is not a directory'),
    });
  });
});
