import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith } from '@acmex/services';
import { afterAll, describe, expect, it } from '@jest/globals';
import { createCsr, keyTypes, nodeCrypto, parseCsr, privateKeyPem, webcrypto } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'acmex-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));
const backends = [webcrypto(), nodeCrypto()];
const identifiers = [{ type: 'dns', value: 'a.test' }, { type: 'dns', value: '*.a.test' }, { type: 'ip', value: '192.0.2.1' }, { type: 'ip', value: '2001:db8::1' }];

function openssl(args: readonly string[], input?: Uint8Array | string): string {
  const { status, stdout, stderr } = spawnSync('openssl', args, { input, cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
  return stdout + stderr;
}

describeWith(['openssl'], 'a key, as OpenSSL sees it', () => {
  it.each(backends.flatMap((backend) => keyTypes.map((type) => [type, backend] as const)))('of type %s signs a request with all its names', async (type, backend) => {
    const key = await backend.generate(type);
    const csr = await createCsr({ identifiers, key, mustStaple: true });
    const text = openssl(['req', '-inform', 'DER', '-verify', '-noout', '-text'], csr);
    expect(text).toContain('verify OK');
    expect(text).toContain('DNS:a.test, DNS:*.a.test, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1');
    expect(text).toMatch(/TLS Feature:\s+status_request/);
    expect(text).toMatch(/Subject: *\n/);
    await expect(parseCsr(csr)).resolves.toMatchObject({ identifiers, keyType: type, publicKey: key.publicKey, mustStaple: true });
    const pem = await privateKeyPem(key);
    openssl(['pkey', '-check', '-noout'], pem);
    await expect(backend.import(pem)).resolves.toMatchObject({ type, publicKey: key.publicKey });
  });
  it('signs a request of more names than one length byte holds, and a common name where it is asked for', async () => {
    const key = await webcrypto().generate('ec-p256');
    const many = Array.from({ length: 100 }, (_, n) => ({ type: 'dns', value: `name-${n}.a.test` }));
    expect(openssl(['req', '-inform', 'DER', '-verify', '-noout', '-text'], await createCsr({ identifiers: many, key, commonName: 'a.test' }))).toMatch(/CN ?= ?a\.test[\s\S]*DNS:name-99\.a\.test[\s\S]*verify OK/);
  });
  it.each([
    ['PKCS#8', 'genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256', undefined, 'ec-p256'],
    ['SEC1', 'ecparam -name secp384r1 -genkey', undefined, 'ec-p384'],
    ['PKCS#1', 'genrsa -traditional 2048', undefined, 'rsa-2048'],
    ['encrypted PKCS#8', 'genpkey -algorithm ED25519 -aes-256-cbc -pass pass:secret', 'secret', 'ed25519'],
    ['encrypted PKCS#1', 'genrsa -traditional -aes128 -passout pass:secret 3072', 'secret', 'rsa-3072'],
  ])('in %s is read by both backends', async (_, command, passphrase, type) => {
    const [program = '', ...more] = command.split(' ');
    openssl([program, '-out', 'key.pem', ...more]);
    for (const backend of backends) await expect(backend.import(readFileSync(join(folder, 'key.pem')), passphrase)).resolves.toMatchObject({ type });
  });
  it.each([
    ['an encrypted key without its passphrase', 'genpkey -algorithm ED25519 -aes-256-cbc -pass pass:secret', undefined, 'ERR_KEY_PASSPHRASE'],
    ['an encrypted key with another passphrase', 'genpkey -algorithm ED25519 -aes-256-cbc -pass pass:secret', 'sesame', 'ERR_KEY_PASSPHRASE'],
    ['a curve that no CA takes', 'ecparam -name secp256k1 -genkey -noout', undefined, 'ERR_KEY_TYPE'],
    ['an RSA key of 1024 bits', 'genrsa 1024', undefined, 'ERR_KEY_TYPE'],
    ['a certificate', 'req -x509 -newkey ed25519 -nodes -keyout other.pem -subj /CN=a', undefined, 'ERR_KEY_FORMAT'],
  ])('%s is refused without a word of its content', async (_, command, passphrase, code) => {
    const [program = '', ...more] = command.split(' ');
    openssl([program, '-out', 'key.pem', ...more]);
    for (const backend of backends) await expect(backend.import(readFileSync(join(folder, 'key.pem')), passphrase)).rejects.toMatchObject({ code, message: expect.not.stringMatching(/secret|sesame|[A-Za-z0-9+/]{40}/) });
  });
});

describe('a backend', () => {
  it('refuses what is no key', async () => {
    for (const backend of backends) for (const text of ['', 'hello', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----', 'x'.repeat(100_000)]) {
      writeFileSync(join(folder, 'none'), text);
      await expect(backend.import(readFileSync(join(folder, 'none')))).rejects.toMatchObject({ code: 'ERR_KEY_FORMAT' });
    }
  });
  it('does not start outside FIPS mode where that is asked for', () => {
    expect(() => nodeCrypto({ fips: true, fipsMode: () => false })).toThrow(expect.objectContaining({ code: 'ERR_KEY_FIPS' }));
    expect(nodeCrypto({ fips: true, fipsMode: () => true }).name).toContain('FIPS');
  });
  it.each(backends.map((backend) => [backend.name, backend] as const))('%s lets others work while it makes an RSA key', async (_, backend) => {
    let turns = 0;
    let done = false;
    const turn = () => { if (!done) { turns++; setImmediate(turn); } };
    turn();
    await backend.generate('rsa-3072');
    done = true;
    expect(turns).toBeGreaterThan(50);
  });
  it('says when a key cannot leave', async () => {
    const key = await webcrypto().generate('ec-p256');
    await expect(privateKeyPem({ type: key.type, publicKey: key.publicKey, sign: key.sign })).rejects.toMatchObject({ code: 'ERR_KEY_NOT_EXPORTABLE' });
  });
});
