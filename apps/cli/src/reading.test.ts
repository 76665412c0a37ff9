import { mkdir, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { acmex } from './terminal.testing.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-reading-'));
  await mkdir(join(folder, 'client/accounts'), { recursive: true });
});
afterAll(async () => await removeFolder(folder));

it.each([
  [0, 'account list'],
  [0, 'cert list'],
  [2, 'cert show site.example'],
  [0, 'order list'],
  [0, 'queue show'],
  [0, 'notify list'],
  [0, 'server key list'],
  [0, 'server session list'],
  [0, 'server agents'],
  [0, 'renew --dry-run'],
  [0, 'status'],
])('exits with %i and makes no storage to read: acmex %s', async (code, words) => {
  const outcome = await acmex([...words.split(' '), '--storage', join(folder, 'data')]);
  expect([outcome.stderr, outcome.code]).toEqual([expect.any(String), code]);
  expect(await readdir(folder)).toEqual(['client']);
});

it('makes no storage to read where it would be encrypted', async () => {
  const env = { ACMEX_STORAGE_PASSPHRASE: 'twelve words of the tests' };
  const outcome = await acmex(['cert', 'list', '--storage', join(folder, 'data')], { env });
  expect(outcome).toMatchObject({ code: 0 });
  expect(await readdir(folder)).toEqual(['client']);
});
