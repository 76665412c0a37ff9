import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { findIssuer, keepIssuer } from './issuer-record.ts';

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
