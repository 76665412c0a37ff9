import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import {
  cp,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import { storedAccounts } from '@acmex/manager';
import { CertificateStore } from '@acmex/orchestrator';
import { bundledProgram, reportSoak, type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { fileStorage } from '@acmex/storage-file';
import { afterAll, beforeAll, expect, it } from '@jest/globals';

/** Each change to a file in the soak; a sample of them in each run of the tests. */
const whole = process.env.ACMEX_SOAK === 'import';
const samples = 4;
const directory = 'https://ca.example/acme/directory';
const names = ['site.example', 'api.example'];

let folder: TemporaryFolder;
let program: string;
beforeAll(async () => {
  folder = await temporaryFolder('import-kills');
  [program] = await Promise.all([
    bundledProgram(join(import.meta.dirname, 'killed-import.testing.ts')),
    writeCertbot(),
  ]);
});
afterAll(async () => {
  await folder?.[Symbol.asyncDispose]();
});

/** A directory as certbot makes it, with one account and two certificates. */
async function writeCertbot(): Promise<void> {
  const write = async (path: string, content: string) => {
    const file = join(folder.path, 'template/letsencrypt', path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  };
  const { privateKey: account } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const place = 'accounts/ca.example/acme/directory/a1';
  await write(`${place}/private_key.json`, JSON.stringify(account.export({ format: 'jwk' })));
  await write(
    `${place}/regr.json`,
    JSON.stringify({ body: {}, uri: 'https://ca.example/acme/account/1' }),
  );
  for (const name of names) {
    const key = await webcrypto().generate('ec-p256');
    const chain = await createSelfSigned({ identifiers: [{ type: 'dns', value: name }], key });
    const live = join(folder.path, 'template/letsencrypt/live', name);
    await mkdir(live, { recursive: true });
    for (const file of ['cert', 'chain', 'fullchain', 'privkey']) {
      const content = file === 'privkey' ? Buffer.from(await privateKeyPem(key)).toString() : chain;
      await write(`archive/${name}/${file}1.pem`, content);
      await symlink(`../../archive/${name}/${file}1.pem`, join(live, `${file}.pem`));
    }
    const lines = ['version = 2.1.0', '[renewalparams]', 'account = a1', `server = ${directory}`];
    const more = ['key_type = ecdsa', 'authenticator = webroot', 'webroot_path = /srv/www,'];
    await write(`renewal/${name}.conf`, `${[...lines, ...more].join('\n')}\n`);
  }
}

/** A copy of the directory, with a storage beside it. */
async function placeOf(name: string): Promise<string> {
  const path = join(folder.path, name);
  await cp(join(folder.path, 'template'), path, { recursive: true, verbatimSymlinks: true });
  return path;
}

/** Imports in a process of its own. @param change before which it is killed; 0 for none */
async function importing(path: string, change: number) {
  const args = [join(path, 'letsencrypt'), `file:${join(path, 'data')}`, String(change)];
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [stderr, [code, signal]] = await Promise.all([
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, string | null]>,
  ]);
  return { stderr, code, signal };
}

/** Ends the leases of a killed process, as the time does. */
async function endLeases(path: string): Promise<void> {
  await using storage = fileStorage({ path: join(path, 'data') });
  for await (const { key } of storage.list('lock')) await storage.write([{ remove: key }]);
}

/** What is managed, and the files and links of certbot and of AcmeX, without ids and times. */
async function stateOf(path: string) {
  await using storage = fileStorage({ path: join(path, 'data') });
  const store = new CertificateStore({ storage });
  const certificates = [];
  for await (const certificate of store.list()) {
    const { id, names: all, issuer, proof, deploy, current, paused } = certificate;
    const { chain, privateKey } = (await store.generation(id, 1))!;
    const { serialNumber, generation } = current!;
    const content = { chain, privateKey, serialNumber, generation };
    certificates.push({ all, issuer, proof, deploy, paused, content });
  }
  const accounts = [];
  for await (const account of storedAccounts(storage)) accounts.push(account);
  const keys = [];
  for await (const { key } of storage.list('')) keys.push(key.replace(/\/.*/s, ''));
  const state = {
    certificates: certificates.sort((a, b) => (a.all.join() < b.all.join() ? -1 : 1)),
    accounts,
    kinds: [...new Set(keys)],
    files: [...(await tree(path, 'letsencrypt')), ...(await tree(path, 'acmex'))],
  };
  return JSON.parse(JSON.stringify(state).replaceAll(path, '')) as typeof state;
}

/**
 * Every file and link below a folder. What a killed process was writing stays beside its place under
 * a name that no one reads: no other user can read it either.
 */
async function tree(path: string, part: string): Promise<readonly unknown[]> {
  const entries = await readdir(join(path, part), { recursive: true });
  const all = await Promise.all(
    entries.sort().map(async (entry) => {
      const file = join(path, part, entry);
      const status = await lstat(file);
      if (status.isSymbolicLink()) return [entry, await readlink(file)];
      if (!/^\.acmex-[0-9a-f]{16}$/.test(basename(entry)))
        return [entry, status.mode, status.isFile() ? await readFile(file, 'utf8') : ''];
      expect(status.mode & 0o777).toBe(0o600);
      return undefined;
    }),
  );
  return all.filter((entry) => entry !== undefined);
}

it(
  'an import that takes over the links of certbot, killed before any change to a file, is completed by the next one',
  async () => {
    const uninterrupted = await placeOf('whole');
    const first = await importing(uninterrupted, 0);
    expect(first).toMatchObject({ code: 0, signal: null });
    const count = Number(/changes to files: (\d+)/.exec(first.stderr)?.[1]);
    const wanted = await stateOf(uninterrupted);
    expect(wanted.certificates).toMatchObject([
      { all: ['api.example'] },
      { all: ['site.example'] },
    ]);
    expect(wanted.accounts).toHaveLength(1);
    const step = whole ? 1 : Math.ceil(count / samples);
    expect(count).toBeGreaterThan(10 * samples);
    for (let change = 1; change <= count; change += step) {
      const place = await placeOf(`killed-${change}`);
      await expect(importing(place, change)).resolves.toMatchObject({ signal: 'SIGKILL' });
      await endLeases(place);
      const again = await importing(place, -1);
      expect([change, again]).toEqual([
        change,
        { code: 0, signal: null, stderr: expect.any(String) },
      ]);
      expect([change, await stateOf(place)]).toEqual([change, wanted]);
    }
    reportSoak(
      `killed before ${Math.ceil(count / step)} of ${count} changes to files, and completed each time`,
    );
  },
  whole ? 1_800_000 : 120_000,
);
