import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listIssued } from '@acmex/ca';
import { parseChain } from '@acmex/certificate';
import { describeWith, type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ownCa, type OwnCa } from '../own-ca.testing.ts';
import { acmex } from '../terminal.testing.ts';
import { certbot, clients, digestOf, writeAcmeSh } from './clients.testing.ts';

interface Imported {
  readonly accounts: readonly { readonly result: string; readonly account?: string }[];
  readonly certificates: readonly {
    readonly name: string;
    readonly result: string;
    readonly id?: string;
    readonly taken: readonly { readonly setting: string; readonly value: string }[];
    readonly notTaken: readonly { readonly setting: string }[];
  }[];
}

describeWith(['certbot', 'lego', 'dehydrated', 'caddy'], 'acmex import', () => {
  const caStorage = memoryStorage();
  let ca: OwnCa;
  let folder: TemporaryFolder;
  const at = (...names: readonly string[]) => join(folder.path, ...names);

  beforeAll(async () => {
    folder = await temporaryFolder('import');
    ca = await ownCa({ storage: caStorage });
    await mkdir(at('www/.well-known/acme-challenge'), { recursive: true });
    await writeFile(at('root.pem'), ca.root);
    const place = { directory: ca.directory, rootFile: at('root.pem'), webroot: at('www') };
    await Promise.all(
      Object.entries(clients).map(([client, obtain]) =>
        obtain({ ...place, folder: at(client) }, `${client}.test`),
      ),
    );
    await writeAcmeSh({ ...place, folder: at('acme.sh') }, { lego: at('lego'), name: 'lego.test' });
  });
  afterAll(async () => {
    await ca?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  const run = (storage: string, ...args: readonly string[]) =>
    acmex([...args, '--storage', at(storage)]);
  const importing = async (client: string, ...flags: readonly string[]) => {
    const root = ['--ca-certificate', at('root.pem')];
    const all = ['import', client, at(client), ...root, ...flags, '--json'];
    const { code, stdout, stderr } = await run(`${client}.data`, ...all);
    return { code, stderr, ...(JSON.parse(stdout) as Imported) };
  };
  const runCertbot = async (...args: readonly string[]) =>
    await certbot({ folder: at('certbot'), rootFile: at('root.pem') }, ...args);
  const list = async (storage: string) =>
    JSON.parse((await run(storage, 'cert', 'list', '--json')).stdout) as readonly object[];
  /** The accounts and certificates that the CA has. */
  const atCa = async () => {
    const accounts: string[] = [];
    for await (const { key } of caStorage.list(''))
      if (/(^|\/)account\//.test(key)) accounts.push(key);
    const serialNumbers = new Set<string>();
    for await (const { serialNumber } of listIssued(caStorage)) serialNumbers.add(serialNumber);
    return { accounts, certificates: serialNumbers.size };
  };

  it.each([
    ['certbot', ['certbot.test', 'www.certbot.test'], []],
    ['lego', ['lego.test'], ['webroot']],
    ['dehydrated', ['dehydrated.test'], []],
    ['acme.sh', ['lego.test'], []],
    ['caddy', ['caddy.test'], ['webroot']],
  ] as const)(
    'manages what %s has obtained, and renews it with the same account',
    async (client, names, needed) => {
      const flags = [
        ...(['lego', 'caddy'].includes(client) ? ['--server', ca.directory] : []),
        ...needed.flatMap((flag) => [`--${flag}`, at('www')]),
      ];
      const digest = await digestOf(at(client));
      await expect(importing(client, ...flags, '--dry-run')).resolves.toMatchObject({
        code: 0,
        accounts: [{ result: 'added' }],
        certificates: [{ names, result: 'added' }],
      });
      expect(await readdir(folder.path)).not.toContain(`${client}.data`);

      const first = await importing(client, ...flags);
      expect(first).toMatchObject({ code: 0, certificates: [{ result: 'added' }] });
      const taken = first.certificates[0]!.taken.map(({ setting }) => setting);
      expect(taken).toEqual(
        expect.arrayContaining(['certificate', 'CA', 'account', 'key type', 'challenge']),
      );
      expect(await list(`${client}.data`)).toMatchObject([
        { state: 'valid', names, current: { generation: 1 } },
      ]);
      await expect(importing(client, ...flags)).resolves.toMatchObject({
        code: 0,
        accounts: [{ result: 'unchanged' }],
        certificates: [{ result: 'unchanged', id: first.certificates[0]!.id }],
      });
      const accounts = await run(`${client}.data`, 'account', 'list', '--json');
      expect(JSON.parse(accounts.stdout)).toEqual([
        { directory: ca.directory, account: first.accounts[0]!.account },
      ]);

      const before = await atCa();
      const renewed = await run(`${client}.data`, 'renew', '--all', '--force', '--json');
      expect([renewed.code, JSON.parse(renewed.stdout)]).toEqual([
        0,
        [expect.objectContaining({ result: 'renewed', names: names.join(' ') })],
      ]);
      expect(await atCa()).toEqual({ ...before, certificates: before.certificates + 1 });
      expect(before.accounts).toHaveLength(4);
      expect(await digestOf(at(client))).toBe(digest);
      await expect(importing(client, ...flags)).resolves.toMatchObject({
        certificates: [{ result: 'unchanged' }],
      });
    },
  );

  it('asks for the CA where the client does not store it, and imports nothing of it', async () => {
    const { code, stdout, stderr } = await run('unknown', 'import', 'lego', at('lego'));
    expect([code, stdout, stderr]).toEqual([
      9,
      expect.stringMatching(/^certificate +lego\.test +failed +ERR_IMPORT_CA$/m),
      expect.stringContaining('use --server'),
    ]);
    expect(await list('unknown')).toEqual([]);
  });

  it('shows what was taken over and what was not', async () => {
    const { stdout, stderr } = await run('shown', 'import', 'certbot', at('certbot'));
    expect(stdout).toMatch(/^ {2}\+ challenge: http-01, webroot .*www$/m);
    expect(stdout).toMatch(/^ {2}\+ deploy: run \/bin\/true deployed$/m);
    expect(stdout).toMatch(/^ {2}- live: servers still read /m);
    expect(stderr).toContain('certbot still renews these certificates');
  });

  it('takes over the links of certbot, renews what they lead to, and gives them back to certbot', async () => {
    const live = at('certbot/live/certbot.test/fullchain.pem');
    const command = ['import', 'certbot', at('certbot'), '--ca-certificate', at('root.pem')];
    const serving = async () => parseChain(await readFile(live, 'utf8'))[0]!.serialNumber;
    const [digest, first] = [await digestOf(at('certbot')), await serving()];
    const taken = await run('taken', ...command, '--take-over');
    expect(taken).toMatchObject({ code: 0, stderr: expect.stringMatching(/certbot/) });
    expect(taken.stdout).toContain(`+ live: its links lead to ${at('acmex/live/certbot.test')}`);
    expect(await serving()).toBe(first);
    await expect(runCertbot('renew', '--force-renewal')).rejects.toThrow('Failed to renew');

    const renewed = await run('taken', 'renew', '--all', '--force');
    expect(renewed).toMatchObject({ code: 0 });
    expect(await serving()).not.toBe(first);
    await expect(run('taken', ...command, '--take-over')).resolves.toMatchObject({ code: 0 });

    await expect(run('taken', ...command, '--undo')).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^links +certbot\.test +given back/m),
    });
    expect(await digestOf(at('certbot'))).toBe(digest);
    expect(await readdir(folder.path)).not.toContain('acmex');
    await expect(run('taken', 'cert', 'list')).resolves.toMatchObject({
      stdout: expect.stringContaining('paused'),
    });
    await runCertbot('renew', '--force-renewal');
    expect(await serving()).not.toBe(first);
  });

  it('refuses a directory of another client', async () => {
    await expect(run('refused', 'import', 'acme.sh', at('certbot'))).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ERR_IMPORT_DIRECTORY'),
    });
  });
});
