import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@acmex/clock';
import { describeWith, removeFolder } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createCsr, keyTypes, nodeCrypto, parseCsr, privateKeyPem, webcrypto } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'acmex-keys-'));
afterAll(() => removeFolder(folder));
const backends = [webcrypto(), nodeCrypto()];
const identifiers = [
  { type: 'dns', value: 'a.test' },
  { type: 'dns', value: '*.a.test' },
  { type: 'ip', value: '192.0.2.1' },
  { type: 'ip', value: '2001:db8::1' },
  { type: 'ip', value: '::ffff:c633:6401' },
];

function openssl(args: readonly string[], input?: Uint8Array | string): string {
  const { status, stdout, stderr } = spawnSync('openssl', args, {
    input,
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr}`);
  return stdout + stderr;
}

/**
 * A file that openssl makes, with `-out` right behind the name of the command: genrsa wants the
 * size last.
 */
function made(command: string): Uint8Array {
  const [program = '', ...more] = command.split(' ');
  openssl([program, '-out', 'made.pem', ...more]);
  return readFileSync(join(folder, 'made.pem'));
}

/** How often a timer of 2 ms gets its turn while `work` is under way. */
async function turnsDuring<T>(
  work: () => Promise<T>,
): Promise<{ readonly turns: number; readonly result: T }> {
  let turns = 0;
  let done = false;
  const end = () => {
    done = true;
  };
  const working = work();
  working.then(end, end);
  for (; !done; turns++) await systemClock.sleep({ milliseconds: 2 });
  return { turns, result: await working };
}

describeWith(['openssl'], 'a key, as OpenSSL sees it', () => {
  beforeAll(() => {
    for (const command of [
      'genrsa -out rsa.pem 2048',
      'ecparam -out sec1.pem -name secp521r1 -genkey -noout',
      'genpkey -out plain.pem -algorithm ED25519',
      'genpkey -out dsa.pem -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 -pkeyopt dsa_paramgen_q_bits:160',
    ])
      openssl(command.split(' '));
  });
  it.each(
    backends.flatMap((backend) => keyTypes.map((type) => [type, backend.name, backend] as const)),
  )(
    'of type %s, made by %s, signs a request with all its names, and leaves the event loop free',
    async (type, _, backend) => {
      const { turns, result: key } = await turnsDuring(() => backend.generate(type));
      // Made on the event loop, a key would let the timer have one turn at most.
      if (type === 'rsa-4096') expect(turns).toBeGreaterThan(5);
      const csr = await createCsr({ identifiers, key, mustStaple: true });
      const text = openssl(['req', '-inform', 'DER', '-verify', '-noout', '-text'], csr);
      expect(text).toContain('verify OK');
      // sha256WithRSAEncryption with the NULL that RFC 4055 §5 demands, and that OpenSSL does not
      // miss
      if (type.startsWith('rsa'))
        expect(Buffer.from(csr).toString('hex')).toContain('300d06092a864886f70d01010b0500');
      expect(text).toContain(
        'DNS:a.test, DNS:*.a.test, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1, IP Address:0:0:0:0:0:FFFF:C633:6401',
      );
      expect(text).toMatch(/TLS Feature:\s+status_request/);
      expect(text).toMatch(/Subject: *\n/);
      await expect(parseCsr(csr)).resolves.toMatchObject({
        identifiers,
        keyType: type,
        publicKey: key.publicKey,
        mustStaple: true,
      });
      const pem = await privateKeyPem(key);
      openssl(['pkey', '-check', '-noout'], pem);
      await expect(backend.import(pem)).resolves.toMatchObject({ type, publicKey: key.publicKey });
    },
  );
  it('signs a request of more names than one length byte holds, and a common name where it is asked for', async () => {
    const key = await webcrypto().generate('ec-p256');
    const many = Array.from({ length: 100 }, (_, n) => ({
      type: 'dns',
      value: `name-${n}.a.test`,
    }));
    const text = openssl(
      ['req', '-inform', 'DER', '-verify', '-noout', '-text'],
      await createCsr({ identifiers: many, key, commonName: 'a.test' }),
    );
    for (const part of [/verify OK/, /CN ?= ?a\.test/, /DNS:name-99\.a\.test/])
      expect(text).toMatch(part);
  });
  it('of its own making signs a request that is read here', async () => {
    openssl([
      'req',
      '-new',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      'other.pem',
      '-subj',
      '/CN=a.test',
      '-addext',
      'subjectAltName=DNS:A.test,IP:2001:db8::1',
      '-out',
      'made.csr',
    ]);
    await expect(parseCsr(readFileSync(join(folder, 'made.csr')))).resolves.toMatchObject({
      identifiers: [
        { type: 'dns', value: 'a.test' },
        { type: 'ip', value: '2001:db8::1' },
      ],
      keyType: 'ec-p256',
      mustStaple: false,
    });
  });
  it.each([
    ['PKCS#8', 'genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256', undefined, 'ec-p256'],
    [
      'SEC1, with its parameters before it',
      'ecparam -name secp384r1 -genkey',
      undefined,
      'ec-p384',
    ],
    ['PKCS#1', 'rsa -in rsa.pem -traditional', undefined, 'rsa-2048'],
    [
      'encrypted PKCS#8',
      'genpkey -algorithm ED25519 -aes-256-cbc -pass pass:secret',
      'secret',
      'ed25519',
    ],
    [
      'encrypted PKCS#1',
      'rsa -in rsa.pem -traditional -aes128 -passout pass:secret',
      'secret',
      'rsa-2048',
    ],
    ['encrypted SEC1', 'ec -in sec1.pem -aes256 -passout pass:secret', 'secret', 'ec-p521'],
    [
      'PKCS#8, where a passphrase is given that it does not need',
      'genpkey -algorithm ED25519',
      'secret',
      'ed25519',
    ],
  ])('in %s is read by both backends', async (_, command, passphrase, type) => {
    const pem = made(command);
    for (const backend of backends) {
      const key = await backend.import(pem, passphrase);
      expect(key.type).toBe(type);
      expect(
        openssl(
          ['req', '-inform', 'DER', '-verify', '-noout'],
          await createCsr({ identifiers, key }),
        ),
      ).toContain('verify OK');
    }
  });
  it.each([
    [
      'an encrypted key without its passphrase',
      'genpkey -algorithm ED25519 -aes-256-cbc -pass pass:secret',
      undefined,
      'ERR_KEY_PASSPHRASE_MISSING',
    ],
    [
      'an encrypted key with another passphrase',
      'genpkey -algorithm ED25519 -aes-256-cbc -pass pass:secret',
      'sesame',
      'ERR_KEY_PASSPHRASE',
    ],
    [
      'an encrypted key with an empty passphrase',
      'genpkey -algorithm ED25519 -aes-256-cbc -pass pass:secret',
      '',
      'ERR_KEY_PASSPHRASE',
    ],
    [
      'an encrypted PKCS#1 key with another passphrase',
      'rsa -in rsa.pem -traditional -aes128 -passout pass:secret',
      'sesame',
      'ERR_KEY_PASSPHRASE',
    ],
    [
      'a curve that no CA takes',
      'ecparam -name secp256k1 -genkey -noout',
      undefined,
      'ERR_KEY_TYPE',
    ],
    ['an RSA key of 1024 bits', 'genrsa 1024', undefined, 'ERR_KEY_TYPE'],
    ['a DSA key', 'genpkey -paramfile dsa.pem', undefined, 'ERR_KEY_TYPE'],
    ['a key that cannot sign', 'genpkey -algorithm X25519', undefined, 'ERR_KEY_TYPE'],
    [
      'a certificate',
      'req -x509 -newkey ed25519 -nodes -keyout other.pem -subj /CN=a',
      undefined,
      'ERR_KEY_NOT_PRIVATE',
    ],
    [
      'a request',
      'req -new -newkey ed25519 -nodes -keyout other.pem -subj /CN=a',
      undefined,
      'ERR_KEY_NOT_PRIVATE',
    ],
    ['a public key', 'pkey -in plain.pem -pubout', undefined, 'ERR_KEY_NOT_PRIVATE'],
  ])('%s is refused without a word of its content', async (_, command, passphrase, code) => {
    const pem = made(command);
    for (const backend of backends)
      await expect(backend.import(pem, passphrase)).rejects.toMatchObject({
        code,
        message: expect.not.stringMatching(/secret|sesame|[A-Za-z0-9+/]{40}/),
      });
  });
});
