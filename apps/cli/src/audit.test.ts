import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { virtualClock } from '@acmex/clock';
import { auditedStorage } from '@acmex/observability/audit';
import { eventChange } from '@acmex/orchestrator';
import {
  canMount,
  freePort,
  smallDisk,
  temporaryFolder,
  type TemporaryFolder,
} from '@acmex/services';
import { fileStorage } from '@acmex/storage-file';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type OwnCa, ownCa } from './own-ca.testing.ts';
import { servingCa } from './serving-ca.testing.ts';
import { acmex } from './terminal.testing.ts';

let ca: OwnCa;
let folder: TemporaryFolder;
const at = (name: string) => join(folder.path, name);
const run = async (...args: readonly string[]) =>
  await acmex([...args, '--config', at('acmex.toml')], { env: { SUDO_USER: 'alice' } });

beforeAll(async () => {
  [ca, folder] = await Promise.all([
    ownCa({ arrange: (chain) => chain }),
    temporaryFolder('audit'),
  ]);
  await writeFile(at('root.pem'), ca.root);
  await writeFile(
    at('acmex.toml'),
    `[storage.file]\npath = "${at('data')}"\n[audit]\nenabled = true\ncheckpoint_file = "${at('checkpoints')}"\n`,
    { mode: 0o600 },
  );
  const obtained = await run(
    ...['obtain', '-d', 'www.example.test', '--server', ca.directory],
    ...['--ca-certificate', at('root.pem'), '--accept-tos', '--webroot', folder.path],
    ...['--cert-path', at('c.pem'), '-k', at('k.pem')],
  );
  expect(obtained).toMatchObject({ code: 0, stderr: expect.any(String) });
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
  await ca[Symbol.asyncDispose]();
});

interface ListedRecord {
  readonly origin: object;
  readonly actions: readonly { readonly type: string; readonly certificate?: string }[];
}
const listed = async (...args: readonly string[]) =>
  JSON.parse((await run('audit', 'list', '-o', 'json', ...args)).stdout) as ListedRecord[];

describe('acmex audit', () => {
  it('lists who did what, and signs it at the end of each command', async () => {
    const records = await listed();
    const types = records.flatMap(({ actions }) => actions.map(({ type }) => type));
    expect(types).toEqual(expect.arrayContaining(['account_registered', 'certificate_obtained']));
    for (const { origin } of records)
      expect(origin).toEqual({ program: 'acmex obtain', host: hostname(), user: 'alice' });
    expect((await run('audit', 'list')).stdout).toContain('certificate_obtained');
    expect((await readFile(at('checkpoints'), 'utf8')).trim().split('\n')).toHaveLength(1);
  });

  it('has the export of a private key, and of no certificate', async () => {
    const [id] = (await listed()).flatMap(({ actions }) =>
      actions.flatMap(({ certificate = [] }) => certificate),
    );
    await run('cert', 'export', id ?? '');
    await run('cert', 'export', id ?? '', '--key-path', at('exported.pem'));
    const read = (await listed('--certificate', id ?? '')).filter(({ actions }) =>
      actions.some(({ type }) => type === 'private_key_read'),
    );
    expect(read).toMatchObject([{ origin: { program: 'acmex cert export', user: 'alice' } }]);
  });

  it('writes the log as JSON lines to a new file or to standard output, without a secret', async () => {
    expect(await run('audit', 'export', at('audit.jsonl'))).toMatchObject({ code: 0 });
    const lines = (await readFile(at('audit.jsonl'), 'utf8')).trim().split('\n');
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.map((line) => (JSON.parse(line) as { v?: number; id: string }).id)).toEqual(
      [...lines.map((line) => (JSON.parse(line) as { id: string }).id)].sort(),
    );
    expect((await run('audit', 'export', '-')).stdout.trim().split('\n')).toEqual(lines);
    expect(lines.join('')).not.toContain('PRIVATE');
    expect(await run('audit', 'export', at('audit.jsonl'))).toMatchObject({ code: 3 });
  });

  it('verifies the log, also with the checkpoints outside of the storage', async () => {
    const { code, stdout } = await run('audit', 'verify', '--checkpoint', at('checkpoints'));
    expect(stdout).toContain('nothing was changed, and nothing is missing');
    expect(code).toBe(0);
    expect(await run('audit', 'checkpoint', at('another'))).toMatchObject({ code: 0 });
    expect(await run('audit', 'verify', '--checkpoint', at('acmex.toml'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has no checkpoint of an audit log'),
    });
    expect(await run('audit', 'verify', '--checkpoint', at('absent'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot be read'),
    });
  });

  it('says how many checkpoints wait for a destination that does not accept them', async () => {
    const port = await freePort();
    const toml = await readFile(at('acmex.toml'), 'utf8');
    const config = at('syslog.toml');
    await writeFile(config, `${toml}checkpoint_syslog = "tcp://127.0.0.1:${port}"\n`, {
      mode: 0o600,
    });
    const [{ actions }] = (await listed()) as [ListedRecord];
    const id = actions[0]?.certificate ?? 'www.example.test';
    const exported = await acmex([
      ...['cert', 'export', id, '--key-path', at('sent.pem'), '--config', config],
    ]);
    expect(exported).toMatchObject({ code: 0, stderr: expect.stringContaining('ECONNREFUSED') });
    for (const command of ['list', 'verify'])
      expect(await acmex(['audit', command, '--config', config])).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(
          /syslog: \d+ checkpoints wait to be sent, since .*ECONNREFUSED/,
        ),
      });
  });

  it('removes what is older than audit.retention_days, and with --dry-run only counts it', async () => {
    const data = at('old-data');
    const config = at('retention.toml');
    const clock = virtualClock({ now: '2025-01-01T00:00:00Z' });
    await using old = auditedStorage(fileStorage({ path: data }), { origin: {}, clock });
    const event = { type: 'private_key_read', actor: 'key_1' } as const;
    for (const message of ['first', 'second'])
      await old.write([eventChange({ ...event, message }, clock)]);
    const toml = `[storage.file]\npath = "${data}"\n[audit]\nenabled = true\n`;
    const prune = async (keys: string, ...args: readonly string[]) => {
      await writeFile(config, `${toml}${keys}`, { mode: 0o600 });
      return await acmex(['audit', 'prune', '--config', config, ...args]);
    };
    expect(await prune('')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('audit.retention_days is not set'),
    });
    const keys = 'retention_days = 30\n';
    for (let attempt = 0; attempt < 2; attempt += 1)
      expect((await prune(keys, '--dry-run')).stdout).toMatch(
        /^2 records from before .*, in 1 chains, would be removed/,
      );
    expect(await prune(keys)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^2 records from before .* were removed/),
    });
    expect(await acmex(['audit', 'verify', '--config', config])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^1 records in 2 chains/),
    });
    expect((await acmex(['audit', 'list', '--config', config])).stdout).toContain('audit_sealed');
  });

  it('leaves out a checkpoint that a crash has cut, and ends its line before the next one', async () => {
    await writeFile(at('checkpoints'), 'eyJhbGciOiJFUzI1', { flag: 'a' });
    const [{ actions }] = (await listed()) as [ListedRecord];
    const id = actions[0]?.certificate ?? 'www.example.test';
    await run('cert', 'export', id, '--key-path', at('again.pem'));
    expect(await run('audit', 'verify', '--checkpoint', at('checkpoints'))).toMatchObject({
      code: 0,
    });
  });

  it('has what a CA of its own does, and for whom', async () => {
    const config = at('ca.toml');
    const toml = await readFile(at('acmex.toml'), 'utf8');
    await writeFile(config, toml.replace(at('data'), at('ca-data')), { mode: 0o600 });
    const env = { ACMEX_CA_PASSPHRASE: 'correct horse battery', SUDO_USER: 'alice' };
    const onCa = async (...args: readonly string[]) =>
      await acmex([...args, '--config', config], { env });
    const files = ['--root-certificate', at('ca-root.pem'), '--root-key', at('ca-key.pem')];
    const init = ['--name', 'Corp', '--key-type', 'ec-p256', '--addresses', '127.0.0.0/8'];
    expect(await onCa('ca', 'init', ...init, ...files)).toMatchObject({ code: 0 });
    const { stdout } = await onCa('ca', 'eab', 'create', '--json');
    const { kid, hmacKey } = JSON.parse(stdout) as {
      readonly kid: string;
      readonly hmacKey: string;
    };
    await servingCa(['--config', config, '--eab-required'], async (directory) => {
      const registered = await acmex([
        ...['account', 'register', '--storage', 'memory:', '--server', directory],
        ...['--ca-certificate', at('ca-root.pem')],
        ...['--eab-kid', kid, '--eab-hmac-key', hmacKey, '--accept-tos'],
      ]);
      expect(registered).toMatchObject({ code: 0 });
    });
    const log = await onCa('audit', 'list', '-o', 'json');
    expect(JSON.parse(log.stdout)).toMatchObject([
      { origin: { program: 'acmex ca init', user: 'alice' }, actions: [{ type: 'ca_created' }] },
      {
        origin: { program: 'acmex ca eab create', user: 'alice' },
        actions: [{ type: 'ca_external_account_created', event: `ca/external-account/${kid}` }],
      },
      {
        origin: { program: 'acmex ca serve', address: '127.0.0.1' },
        actions: [{ type: 'ca_account_created', message: kid }],
      },
    ]);
    expect(log.stdout).not.toContain(hmacKey);
    expect(await onCa('audit', 'verify')).toMatchObject({ code: 0 });
  });

  (canMount ? it : it.skip)(
    `refuses what it cannot record on a full disk${canMount ? '' : ' (skipped: mounting a small disk needs root)'}`,
    async () => {
      await mkdir(at('disk'));
      await using disk = smallDisk(at('disk'), '2m');
      await cp(at('data'), at('disk/data'), { recursive: true });
      const toml = await readFile(at('acmex.toml'), 'utf8');
      const config = at('disk.toml');
      await writeFile(config, toml.replace(at('data'), at('disk/data')), { mode: 0o600 });
      const onDisk = async (...args: readonly string[]) =>
        await acmex([...args, '--config', config]);
      const records = async () => (await onDisk('audit', 'export', '-')).stdout;
      const before = await records();
      const [{ actions }] = (await listed()) as [ListedRecord];
      const id = actions[0]?.certificate ?? 'www.example.test';
      const exportKey = async () =>
        await onDisk('cert', 'export', id, '--key-path', at('full.pem'));

      await disk.fill(true);
      const { code, stdout, stderr } = await exportKey();
      expect(code).toBe(3);
      expect(stderr).toContain('the disk is full: free some space');
      expect(stdout + stderr).not.toContain('PRIVATE KEY');
      await expect(readFile(at('full.pem'))).rejects.toMatchObject({ code: 'ENOENT' });
      expect(await onDisk('cert', 'pause', id)).toMatchObject({ code: 3 });
      expect(await records()).toBe(before);

      await disk.fill(false);
      expect(await onDisk('audit', 'verify')).toMatchObject({ code: 0 });
      expect(await exportKey()).toMatchObject({ code: 0 });
      expect((await records()).split('\n').length).toBe(before.split('\n').length + 1);
      expect(await onDisk('audit', 'verify')).toMatchObject({ code: 0 });
    },
  );

  it('names what was changed, and ends with 3', async () => {
    await using storage = fileStorage({ path: at('data') });
    for await (const { key } of storage.list('audit/record')) {
      await storage.write([{ remove: key }]);
      break;
    }
    const { code, stdout, stderr } = await run('audit', 'verify');
    expect(code).toBe(3);
    expect(stdout).toMatch(/wri_[0-9a-z]{26}: record 2 .* follows record 0/);
    expect(stderr).toContain('the audit log has 1 fault');
  });
});
