import { generateKeyPairSync } from 'node:crypto';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import { virtualClock } from '@acmex/clock';
import { readConfig } from '@acmex/config';
import {
  type DeclaredIssuer,
  keepAccount,
  keepIssuer,
  saveCredentials,
  savedCredentials,
  storedAccounts,
} from '@acmex/manager';
import { fromConfig } from '@acmex/manager/from-config';
import type { CertificateSpec } from '@acmex/orchestrator';
import { type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { encryptedStorage, newEncryptionKey } from '@acmex/storage-encrypted';
import { fileStorage } from '@acmex/storage-file';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { acmex } from '../terminal.testing.ts';
import { readAcmex } from './acmex.ts';
import { importContents } from './import.ts';
import type { ImportOptions } from './options.ts';

const clock = virtualClock();
const directory = 'https://ca.example/directory';
const issuer: DeclaredIssuer = {
  ...{ name: 'team', directory, title: 'The CA', accountName: 'team' },
  caCertificate: 'PEM of the root',
};
const accountKey = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
const account = { key: accountKey(), account: 'https://ca.example/account/1' };

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder('import-acmex');
});
afterEach(async () => await folder[Symbol.asyncDispose]());
const source = () => join(folder.path, 'source');

async function configured(storage: Storage) {
  const configuration = await readConfig({
    ...{ cwd: folder.path, home: folder.path, environment: {} },
  });
  const options: ImportOptions = { output: 'text', logLevel: 'info', configuration };
  return { options, manager: fromConfig(configuration, { storage, environment: {}, clock }) };
}

const spec: Omit<CertificateSpec, 'names'> = {
  issuer: 'team',
  keyType: 'ec-p256',
  profile: 'short',
  reuseKey: true,
  proof: { challenge: 'dns-01', dnsProvider: 'cloudflare', dnsVariables: { CF_Token: null } },
  deploy: [{ certPath: '/srv/site.pem' }, { probe: { host: '127.0.0.1', port: 443 } }],
  servedAt: [{ host: 'site.example', port: 443 }],
  labels: { team: 'web' },
  renewBefore: 'P7D',
};

/** Fills a storage with an account and two certificates, one of which is paused. */
async function fill(storage: Storage): Promise<void> {
  const { manager } = await configured(storage);
  await keepIssuer(storage, issuer);
  await keepAccount(issuer, account, { storage });
  await saveCredentials(storage, { CF_Token: 'of the host', UNUSED: 'of another' });
  for (const [name, paused] of [
    ['site.example', false],
    ['api.example', true],
  ] as const) {
    const key = await webcrypto().generate('ec-p256');
    const identifiers = [{ type: 'dns' as const, value: name }];
    const obtained = {
      chain: await createSelfSigned({ identifiers, key, clock }),
      privateKey: Buffer.from(await privateKeyPem(key)).toString(),
    };
    const from = { ...obtained, source: 'the test', paused };
    await manager.provisioner.adopt({ ...spec, names: [name] }, from);
  }
}

/** What a storage has, without ids, moments, and what only the first storage needs. */
async function stateOf(storage: Storage) {
  const { manager } = await configured(storage);
  const store = manager.provisioner.certificates;
  const certificates = [];
  for await (const { id, createdAt: _, ...certificate } of store.list()) {
    const { renewal: __, ...rest } = certificate;
    const { privateKey, chain } = (await store.generation(id, certificate.current!.generation))!;
    certificates.push({ ...rest, privateKey, chain });
  }
  certificates.sort((a, b) => (a.names.join() < b.names.join() ? -1 : 1));
  const accounts = [];
  for await (const stored of storedAccounts(storage)) accounts.push(stored);
  const { CF_Token: credential } = await savedCredentials(storage);
  return { certificates, accounts, credential };
}

async function importing(storage: Storage, flags: Partial<ImportOptions> = {}) {
  const { manager, options } = await configured(storage);
  const terminal = { env: {}, signal: new AbortController().signal };
  const contents = await readAcmex(source(), { ...options, ...flags }, terminal);
  return await importContents(contents, { manager, options, terminal });
}

async function filesOf(path: string) {
  const names = await readdir(path, { recursive: true });
  return await Promise.all(
    ['.', ...names.sort()].map(async (name) => {
      const status = await stat(join(path, name));
      const text = status.isFile() ? await readFile(join(path, name), 'utf8') : '';
      return [name, status.mtimeMs, text];
    }),
  );
}

it('takes over certificates, accounts and settings of a storage, and changes none of its files', async () => {
  const from = fileStorage({ path: source() });
  await fill(from);
  const wanted = await stateOf(from);
  await from[Symbol.asyncDispose]();
  const files = await filesOf(source());
  const storage = memoryStorage();
  const first = await importing(storage);
  expect(first.certificates.map(({ result }) => result)).toEqual(['added', 'added']);
  expect(await stateOf(storage)).toEqual(wanted);
  expect(wanted).toMatchObject({
    certificates: [{ paused: true }, { paused: false, ...spec }],
    accounts: [{ account: account.account }],
    credential: 'of the host',
  });
  expect(await savedCredentials(storage)).toEqual({ CF_Token: 'of the host' });
  const again = await importing(storage);
  expect([...again.accounts, ...again.certificates].map(({ result }) => result)).toEqual(
    Array.from({ length: 3 }, () => 'unchanged'),
  );
  expect(await filesOf(source())).toEqual(files);
});

it('gives an account a name where the storage has another one in its place', async () => {
  const from = fileStorage({ path: source() });
  await fill(from);
  await from[Symbol.asyncDispose]();
  const storage = memoryStorage();
  const different = { key: accountKey(), account: 'https://ca.example/account/2' };
  await keepIssuer(storage, issuer);
  await keepAccount(issuer, different, { storage });
  await importing(storage);
  const { certificates, accounts } = await stateOf(storage);
  expect(accounts.map((stored) => stored.account).sort()).toEqual([
    account.account,
    different.account,
  ]);
  const issuers = new Set(certificates.map((certificate) => certificate.issuer));
  expect([...issuers]).toEqual([expect.stringMatching(/^ca-example-[0-9a-f]{12}$/)]);
});

it('reads an encrypted storage with its key, and one of schema version 1', async () => {
  const { key, text: keyText } = newEncryptionKey();
  const fixture = '../../../../packages/orchestrator/src/version-1.fixture.json';
  const text = await readFile(new URL(fixture, import.meta.url), 'utf8');
  const from = await encryptedStorage(fileStorage({ path: source() }), { keys: [key] });
  for (const [set, record] of Object.entries(JSON.parse(text) as object))
    await from.write([
      { set, value: record === null ? new Uint8Array() : Buffer.from(JSON.stringify(record)) },
    ]);
  await keepIssuer(from, { ...issuer, name: 'test' });
  await from[Symbol.asyncDispose]();
  await expect(importing(memoryStorage())).rejects.toMatchObject({
    code: 'ERR_IMPORT_DIRECTORY',
    message: expect.stringContaining('--source-key-file'),
  });
  const sourceKeyFile = join(folder.path, 'key');
  await writeFile(sourceKeyFile, keyText);
  const storage = memoryStorage();
  const { certificates } = await importing(storage, { sourceKeyFile });
  expect(certificates.map(({ result, error }) => [result, error ? 'error' : ''])).toEqual([
    ['failed', 'error'],
    ['added', ''],
    ['kept', ''],
  ]);
});

it('refuses a directory that has no storage', async () => {
  const outcome = await acmex([
    ...['import', 'acmex', source(), '--storage', join(folder.path, 'data')],
  ]);
  expect(outcome).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('ERR_IMPORT_DIRECTORY'),
  });
  expect(await readdir(folder.path)).toEqual([]);
});
