import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { readTrustAnchors } from '@acmex/certificate';
import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { certificateManager } from './certificate-manager.ts';
import { declareCertificate, findIssuer, keepIssuer } from './issuer-record.ts';
import { declaredIssuer, findIssuerSettings } from './issuers.ts';

const issuer = { directory: 'https://ca.test/directory', title: 'the test CA' };

it('finds an issuer with the account that certificates use', async () => {
  const storage = memoryStorage();
  const name = await keepIssuer(storage, { ...issuer, name: 'team', accountName: 'team' });
  await expect(findIssuer(storage, name)).resolves.toMatchObject({
    ...issuer,
    accountName: 'team',
  });
});

it('keeps the field of the account in the storage as earlier versions wrote it', async () => {
  const storage = memoryStorage();
  await keepIssuer(storage, { ...issuer, name: 'team', accountName: 'team' });
  const entry = await storage.get('issuer/team');
  expect(Buffer.from(entry?.value ?? []).toString()).toContain('"own":"team"');
});

it('keeps the certificates that are trusted for what the CA issues', async () => {
  const storage = memoryStorage();
  const [first = '', second = ''] = rootCertificates;
  const settings = {
    ...issuer,
    name: 'corp',
    trustAnchors: async () => [first, new X509Certificate(second).raw],
  };
  await keepIssuer(storage, await declaredIssuer(settings));
  const stored = await findIssuerSettings('corp', { issuers: [], storage });
  const anchors = readTrustAnchors((await stored?.trustAnchors?.()) ?? []);
  expect(anchors.certificates.map(({ der }) => new X509Certificate(der).toString())).toEqual(
    [first, second].map((pem) => new X509Certificate(pem).toString()),
  );
});

it('reads a record of an earlier version, without trusted certificates', async () => {
  const storage = memoryStorage();
  await keepIssuer(storage, { ...issuer, name: 'team' });
  const entry = await storage.get('issuer/team');
  expect(Buffer.from(entry?.value ?? []).toString()).not.toContain('trustAnchors');
  const stored = await findIssuerSettings('team', { issuers: [], storage });
  expect(stored).toEqual({ ...issuer, name: 'team' });
});

it('stores an issuer again that another process has changed since a certificate was declared', async () => {
  const storage = memoryStorage();
  const manager = certificateManager({ storage });
  const declare = async (name: string) =>
    await declareCertificate(manager, {
      names: [name],
      keyType: 'ec-p256',
      issuer: { ...issuer, name: 'team' },
    });
  const first = await declare('a.test');
  expect(first.change).toBe('created');
  for (const [name, change] of [
    ['b.test', 'created'],
    ['a.test', 'unchanged'],
  ] as const) {
    await keepIssuer({ ...storage }, { ...issuer, name: 'team', title: 'another title' });
    const declared = await declare(name);
    expect(declared.change).toBe(change);
    await expect(findIssuer(storage, 'team')).resolves.toMatchObject(issuer);
  }
});
