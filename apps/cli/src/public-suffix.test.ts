import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, issuerOf } from '@acmex/ca';
import { webcrypto } from '@acmex/certificate';
import { systemClock } from '@acmex/clock';
import { removeFolder } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { acmex } from './terminal.testing.ts';

let folder: string;
let issue: (name: string) => Promise<string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-suffix-'));
  const backend = webcrypto();
  const authority = await createAuthority({
    name: 'Test',
    passphrase: 'correct horse battery',
    keyType: 'ec-p256',
    unconstrained: true,
  });
  const issuer = issuerOf({
    chain: authority.issuing,
    key: await backend.import(authority.issuingKey),
  });
  await writeFile(join(folder, 'root.pem'), authority.root);
  const { publicKey } = await backend.generate('ec-p256');
  const now = systemClock.now();
  issue = async (name) => {
    const [chain = ''] = await issuer.issue({
      serialNumber: '4142434445464748',
      identifiers: [{ type: 'dns', value: name }],
      publicKey,
      ...{ rsa: false, notBefore: now, notAfter: now.add({ hours: 1 }), mustStaple: false },
      usages: ['serverAuth'],
      ...{ issuerUrl: 'http://ca.test/issuer', crlUrl: 'http://ca.test/crl' },
    });
    const file = join(folder, 'chain.pem');
    await writeFile(file, chain);
    return file;
  };
});
afterAll(async () => await removeFolder(folder));

const verify = async (file: string, profile: string) =>
  await acmex([
    ...['verify', '-c', file, '--anchors', join(folder, 'root.pem'), '--profile', profile],
  ]);

it.each([
  ['a registry of countries', '*.co.uk'],
  ['a registry below each name of a domain', '*.name.kawasaki.jp'],
  ['a registry in A-labels', '*.xn--55qx5d.cn'],
  ['a company that gives names to others', '*.github.io'],
  ['a storage service', '*.s3.amazonaws.com'],
])('acmex verify --profile webpki refuses a wildcard below %s: %s', async (_, name) => {
  const file = await issue(name);
  const { code, stdout } = await verify(file, 'webpki');
  expect(stdout).toContain(`webpki: expected a wildcard below a registered domain, found ${name}`);
  expect(code).toBe(3);
  await expect(verify(file, 'rfc5280')).resolves.toMatchObject({ code: 0 });
});

it.each(['*.example.co.uk', 'co.uk', '*.city.kobe.jp', '*.name.github.io', '*.example.com'])(
  'acmex verify --profile webpki accepts %s',
  async (name) => {
    await expect(verify(await issue(name), 'webpki')).resolves.toMatchObject({ code: 0 });
  },
);
