import { mkdtemp, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, removeFolder, startRedis } from '@acmex/services';
import type { Storage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { acmex } from './terminal.testing.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-storage-'));
});
afterEach(() => removeFolder(folder));
const at = (name: string) => join(folder, name);
const here = (name = 'data') => ['--storage', `file:${at(name)}`];
const bytes = (text: string) => new TextEncoder().encode(text);

async function filled(count: number, name = 'data'): Promise<void> {
  await using storage = fileStorage({ path: at(name) });
  for (let from = 0; from < count; from += 100) {
    await storage.write(
      Array.from({ length: Math.min(100, count - from) }, (_, index) => ({
        set: `k/${(from + index) % 7}/${from + index}`,
        value: bytes(`value ${from + index}`),
        secret: index % 2 === 0,
      })),
    );
  }
}

async function content(storage: Storage): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const { key, value, secret } of storage.list(''))
    all.push(`${key} ${Buffer.from(value).toString('base64')} ${secret}`);
  return all;
}

const newKey = async (name: string) => {
  await expect(acmex(['storage', 'new-key', at(name)])).resolves.toMatchObject({ code: 0 });
  return at(name);
};

describe('acmex storage', () => {
  it('makes keys for their owner alone, and writes over none', async () => {
    const key = await newKey('key');
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    expect(await readFile(key, 'utf8')).toMatch(/^[\w+/]{43}=\n$/);
    await expect(acmex(['storage', 'new-key', key])).resolves.toMatchObject({
      code: 3,
      stderr: expect.stringContaining('ERR_CLI_EXISTS'),
    });
  });

  it('checks a storage, and says which entries cannot be read', async () => {
    await filled(20);
    await expect(acmex(['storage', 'check', ...here()])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/all \d+ clauses; 20 entries/),
    });
    await truncate(at('data/k/0/0='), 2);
    await expect(acmex(['storage', 'check', ...here()])).resolves.toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/k\/0\/0 cannot be read.*ERR_CLI_STORAGE_CHECK/s),
    });
    await expect(
      acmex(['storage', 'check', '--storage', 'memory:', '--json']),
    ).resolves.toMatchObject({ code: 0, stdout: expect.stringContaining('"entries": 0') });
  });

  it('takes a backup while others write, which restores into a storage that passes the check', async () => {
    const key = await newKey('key');
    await filled(50);
    await using storage = fileStorage({ path: at('data') });
    let over = false;
    const writing = (async () => {
      for (let round = 0; !over; round += 1)
        await storage.write([
          { set: 'pair/a', value: bytes(`${round}`) },
          { set: 'pair/b', value: bytes(`${round}`) },
        ]);
    })();
    const taken = await acmex(['storage', 'backup', at('backup'), '--key-file', key, ...here()]);
    over = true;
    await writing;
    expect(taken).toMatchObject({ code: 0, stdout: expect.stringContaining('read back') });
    expect((await stat(at('backup'))).mode & 0o777).toBe(0o600);
    await expect(
      acmex(['storage', 'restore', at('backup'), '--key-file', key, ...here()]),
    ).resolves.toMatchObject({ code: 2, stderr: expect.stringContaining('not empty') });
    await expect(
      acmex(['storage', 'restore', at('backup'), '--key-file', key, ...here('restored')]),
    ).resolves.toMatchObject({ code: 0 });
    await expect(acmex(['storage', 'check', ...here('restored')])).resolves.toMatchObject({
      code: 0,
    });
    const restored = await content(fileStorage({ path: at('restored') }));
    const pair = restored
      .filter((line) => line.startsWith('pair/'))
      .map((line) => line.split(' ')[1]);
    expect(new Set(pair).size).toBeLessThanOrEqual(1);
    expect(restored.filter((line) => line.startsWith('k/'))).toHaveLength(50);
    await expect(
      acmex(['storage', 'backup', at('backup'), '--key-file', key, ...here()]),
    ).resolves.toMatchObject({ code: 3, stderr: expect.stringContaining('ERR_CLI_EXISTS') });
    await expect(acmex(['storage', 'backup', at('other'), ...here()])).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--key-file'),
    });
    expect((await readdir(folder)).sort()).toEqual(['backup', 'data', 'key', 'restored']);
  });

  it('encrypts in place, and goes over to another key', async () => {
    const [firstKey, secondKey] = [await newKey('one'), await newKey('two')];
    await filled(10);
    await expect(
      acmex(['storage', 'check', ...here(), '--encryption-key-file', firstKey]),
    ).resolves.toMatchObject({ code: 2, stderr: expect.stringContaining('acmex storage encrypt') });
    await expect(
      acmex(['storage', 'encrypt', ...here(), '--encryption-key-file', firstKey]),
    ).resolves.toMatchObject({ code: 0, stdout: expect.stringContaining('10 entries encrypted') });
    expect(await readFile(at('data/k/0/0='), 'utf8')).not.toContain('value 0');
    await expect(
      acmex([
        'storage',
        'rotate-key',
        ...here(),
        '--encryption-key-file',
        firstKey,
        '--new-key-file',
        secondKey,
      ]),
    ).resolves.toMatchObject({ code: 0, stdout: expect.stringContaining('10 entries encrypted') });
    await expect(
      acmex(['storage', 'check', ...here(), '--encryption-key-file', firstKey]),
    ).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ERR_STORAGE_ENCRYPTION'),
    });
    const { ACMEX_STORAGE_ENCRYPTION_KEY = (await readFile(secondKey, 'utf8')).trim() } = {};
    await expect(
      acmex(['storage', 'check', ...here()], { env: { ACMEX_STORAGE_ENCRYPTION_KEY } }),
    ).resolves.toMatchObject({ code: 0, stdout: expect.stringContaining('10 entries') });
  });

  it('copies again what a cut migration left, and says what it did not take along', async () => {
    await filled(30);
    await using target = fileStorage({ path: at('to') });
    await target.write([
      { set: 'k/0/0', value: bytes('value 0'), secret: true },
      { set: 'k/1/1', value: bytes('something else') },
    ]);
    const outcome = await acmex(['storage', 'migrate', ...here(), '--to', `file:${at('to')}`]);
    expect(outcome).toMatchObject({
      code: 9,
      stderr: expect.stringMatching(/k\/1\/1 was skipped/),
    });
    expect(await content(target)).toHaveLength(30);
  });

  it.each([
    [
      'a key that is none',
      ['check'],
      'ERR_STORAGE_ENCRYPTION',
      async () => {
        await writeFile(at('key'), 'my secret phrase\n', { mode: 0o600 });
      },
    ],
    [
      'an empty key file',
      ['check'],
      'ERR_CONFIG_CREDENTIAL',
      async () => {
        await writeFile(at('key'), '\n', { mode: 0o600 });
      },
    ],
    [
      'a key file that others can read',
      ['check'],
      'chmod 600',
      async () => {
        await writeFile(at('key'), 'x\n', { mode: 0o644 });
      },
    ],
    ['a key file that is not there', ['check'], 'ENOENT', async () => undefined],
  ])('refuses %s without quoting it', async (_, args, code, prepare) => {
    await prepare();
    const outcome = await acmex([
      'storage',
      ...args,
      ...here(),
      '--encryption-key-file',
      at('key'),
    ]);
    expect(outcome.stderr).toContain(code);
    expect(outcome.stderr).not.toMatch(/secret phrase/);
    expect(outcome.code).toBeGreaterThan(1);
  });
});

describeWith(['redis-server'], 'acmex storage with Redis', () => {
  const count = process.env.ACMEX_SOAK === 'storage' ? 10_000 : 1_000;

  it(`moves ${count} entries from files to encrypted Redis and back, byte by byte`, async () => {
    await using redis = await startRedis({ appendonly: true, appendfsync: 'always' });
    const key = await newKey('key');
    await filled(count);
    await expect(
      acmex(['storage', 'migrate', ...here(), '--to', redis.url]),
    ).resolves.toMatchObject({ code: 2, stderr: expect.stringContaining('ERR_STORAGE_SECRET') });
    await redis.command('flushall');
    await expect(
      acmex(['storage', 'migrate', ...here(), '--to', redis.url, '--to-key-file', key]),
    ).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`${count} entries copied`),
    });
    await expect(
      acmex([
        'storage',
        'migrate',
        '--storage',
        redis.url,
        '--encryption-key-file',
        key,
        '--to',
        `file:${at('back')}`,
      ]),
    ).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`${count} entries copied`),
    });
    expect(await content(fileStorage({ path: at('back') }))).toEqual(
      await content(fileStorage({ path: at('data') })),
    );
  }, 180_000);
});
