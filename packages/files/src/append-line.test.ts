import { readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@acmex/services';
import { expect, it } from '@jest/globals';
import { appendLine } from './append-line.ts';

it('appends lines, ends one that was cut, and follows no link', async () => {
  await using folder = await temporaryFolder('append');
  const path = join(folder.path, 'log');
  await appendLine(path, 'first', { mode: 0o640 });
  await appendLine(path, 'second', { mode: 0o600 });
  await writeFile(path, 'cu', { flag: 'a' });
  await appendLine(path, 'third', { mode: 0o600 });
  expect(await readFile(path, 'utf8')).toBe('first\nsecond\ncu\nthird\n');
  expect((await stat(path)).mode & 0o777).toBe(0o640 & ~process.umask());
  await symlink(path, join(folder.path, 'link'));
  await expect(
    appendLine(join(folder.path, 'link'), 'fourth', { mode: 0o600 }),
  ).rejects.toMatchObject({ code: 'ELOOP' });
});
