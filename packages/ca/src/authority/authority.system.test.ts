import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { webcrypto } from '@acmex/certificate';
import { systemClock } from '@acmex/clock';
import { identifier } from '@acmex/identifier';
import { describeWith, removeFolder } from '@acmex/services';
import { afterAll, expect, it } from '@jest/globals';
import {
  type AuthorityRequest,
  createAuthority,
  createDevelopmentAuthority,
  type NewAuthority,
  newSerialNumber,
} from './authority.ts';
import { issuerOf } from './issuer.ts';

const folder = mkdtempSync(join(tmpdir(), 'acmex-ca-'));
afterAll(() => removeFolder(folder));
const now = systemClock.now();

function openssl(args: readonly string[], input?: Uint8Array | string) {
  const { status, stdout, stderr } = spawnSync('openssl', args, {
    input,
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, text: stdout + stderr };
}
const passphrase = 'correct horse battery';
const corp = { domains: ['corp.example'], addresses: ['10.0.0.0/8', 'fd00::/8'] };
const request = (more: Partial<AuthorityRequest> = {}) =>
  createAuthority({ name: 'Example', passphrase, constraints: corp, ...more } as AuthorityRequest);

async function issuerOfNew({ issuing, issuingKey }: NewAuthority) {
  return issuerOf({ chain: issuing, key: await webcrypto().import(issuingKey) });
}

/**
 * What OpenSSL says of a certificate for these names, as a server's, with the whole chain and the
 * list of revoked certificates.
 */
async function verdict(
  authority: NewAuthority,
  names: readonly string[],
  { revoked = false }: { readonly revoked?: boolean } = {},
) {
  const issuer = await issuerOfNew(authority);
  const { publicKey } = await webcrypto().generate('ec-p256');
  const serialNumber = newSerialNumber();
  const [chain = ''] = await issuer.issue({
    serialNumber,
    publicKey,
    identifiers: names.map((name) => identifier(name)),
    rsa: false,
    notBefore: now.subtract({ hours: 1 }),
    notAfter: now.add({ hours: 24 }),
    usages: ['serverAuth'],
    mustStaple: false,
    issuerUrl: 'http://ca.test/issuer',
    crlUrl: 'http://ca.test/crl',
  });
  const crl = await issuer.crl({
    number: 1,
    thisUpdate: now.subtract({ hours: 1 }),
    nextUpdate: now.add({ hours: 24 }),
    revoked: revoked ? [{ serialNumber, at: now, reason: 1 }] : [],
  });
  writeFileSync(join(folder, 'root.pem'), authority.root);
  writeFileSync(join(folder, 'chain.pem'), chain);
  writeFileSync(
    join(folder, 'crl.pem'),
    openssl(['crl', '-inform', 'DER', '-outform', 'PEM'], crl).text,
  );
  return openssl([
    'verify',
    '-x509_strict',
    '-purpose',
    'sslserver',
    '-crl_check',
    '-CAfile',
    'root.pem',
    '-CRLfile',
    'crl.pem',
    '-untrusted',
    'chain.pem',
    'chain.pem',
  ]).text;
}

describeWith(['openssl'], 'a CA, as OpenSSL sees it', () => {
  it.each(['ec-p256', 'ec-p384', 'rsa-2048'] as const)(
    'with keys of type %s issues what verifies strictly',
    async (keyType) => {
      await expect(
        verdict(await request({ keyType }), [
          'a.corp.example',
          '*.corp.example',
          '10.1.2.3',
          'fd00::1',
        ]),
      ).resolves.toBe('chain.pem: OK\n');
    },
  );
  it.each([
    ['a name outside of its domains', corp, 'evil.example', /permitted subtree violation/],
    [
      'a name that only ends like its domain',
      corp,
      'evilcorp.example',
      /permitted subtree violation/,
    ],
    ['an address outside of its ranges', corp, '192.0.2.1', /permitted subtree violation/],
    ['an IPv6 address outside of its ranges', corp, '2001:db8::1', /permitted subtree violation/],
    [
      'an IPv6 address, where it has IPv4 ranges alone',
      { domains: [], addresses: ['10.0.0.0/8'] },
      '2001:db8::1',
      /subtree violation/,
    ],
    [
      'an address, where it has domains alone',
      { domains: ['corp.example'], addresses: [] },
      '10.0.0.1',
      /excluded subtree violation/,
    ],
    [
      'a name, where it has addresses alone',
      { domains: [], addresses: ['10.0.0.0/8'] },
      'corp.example',
      /excluded subtree violation/,
    ],
  ])('with constraints is refused for %s', async (_, constraints, name, words) => {
    await expect(verdict(await request({ constraints }), [name])).resolves.toMatch(words);
  });
  it('without constraints issues for any name, once that was said', async () => {
    await expect(
      verdict(
        await createAuthority({
          name: 'Example',
          passphrase,
          unconstrained: true,
          keyType: 'ec-p256',
        }),
        ['any.example', '192.0.2.1'],
      ),
    ).resolves.toBe('chain.pem: OK\n');
  });
  it('lists what is revoked, with the reason', async () => {
    await expect(verdict(await request(), ['a.corp.example'], { revoked: true })).resolves.toMatch(
      /certificate revoked/,
    );
    expect(openssl(['crl', '-in', 'crl.pem', '-noout', '-text']).text).toMatch(/Key Compromise/);
  });
  it('of development names itself so, lasts a week, and issues for names that lead nowhere else', async () => {
    const development = await createDevelopmentAuthority();
    await expect(verdict(development, ['localhost', 'a.test', '127.0.0.1', '::1'])).resolves.toBe(
      'chain.pem: OK\n',
    );
    await expect(verdict(development, ['example.com'])).resolves.toMatch(
      /permitted subtree violation/,
    );
    const { text } = openssl([
      'x509',
      '-in',
      'root.pem',
      '-noout',
      '-subject',
      '-checkend',
      String(7 * 86_400 + 60),
    ]);
    expect(text).toMatch(/do not trust[^]*Certificate will expire/);
    expect(development.rootKey).toBeUndefined();
  });
  it("gives its root's key out encrypted with the passphrase alone", async () => {
    const { rootKey } = await request();
    expect(openssl(['pkey', '-noout', '-passin', `pass:${passphrase}`], rootKey).status).toBe(0);
    expect(
      openssl(['pkey', '-noout', '-passin', 'pass:another passphrase'], rootKey).status,
    ).not.toBe(0);
    expect(Buffer.from(rootKey ?? []).toString()).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    // 600,000 rounds (S12)
    expect(openssl(['asn1parse'], rootKey).text).toMatch(/INTEGER +:0927C0/);
  });
});
