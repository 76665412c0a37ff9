import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lutimes, readdir, readlink, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundledProgram, type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openFolder, replaceFile, replaceLinkIn, reserveFile } from './index.ts';

let program: string;
let folder: TemporaryFolder;
beforeAll(async () => {
  program = await bundledProgram(join(import.meta.dirname, 'writer.testing.ts'));
});
beforeEach(async () => {
  folder = await temporaryFolder('killed-writer');
});
afterEach(async () => await folder[Symbol.asyncDispose]());
const at = (name: string) => join(folder.path, name);

/** Lets a process begin to write a file, kills it, and returns the name of what it leaves. */
async function leftByKilledWriter(): Promise<string> {
  const before = new Set(await readdir(folder.path));
  const child = spawn(process.execPath, [program, at('key.pem')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await closed;
  const left = (await readdir(folder.path)).filter((name) => !before.has(name));
  expect(left).toEqual([expect.stringMatching(/^\.acmex-[0-9a-f]{16}$/)]);
  return left[0] ?? '';
}
const makeOld = async (name: string) =>
  await utimes(at(name), new Date('2026-01-01'), new Date('2026-01-01'));

describe('what a killed writer leaves beside a file', () => {
  it('is removed by the next write in the folder when it is old, and nothing else is', async () => {
    const old = await leftByKilledWriter();
    // Its writer may live, on this host or another one.
    const recent = await leftByKilledWriter();
    const names = ['.acmex-notes', '.acmex-0123456789abcdef.pem'];
    for (const name of names) await writeFile(at(name), 'of a person');
    for (const name of [old, ...names]) await makeOld(name);
    await replaceFile(at('key.pem'), 'whole', { mode: 0o600 });
    expect((await readdir(folder.path)).sort()).toEqual([recent, 'key.pem', ...names].sort());
  });

  it('is removed also by a file that is only reserved', async () => {
    await makeOld(await leftByKilledWriter());
    await using file = await reserveFile(at('key.pem'), { mode: 0o600 });
    expect(await readdir(folder.path)).toEqual([file.temporaryPath.split('/').at(-1)]);
  });

  it('is removed by a link that replaces another one, as are abandoned links', async () => {
    const old = [await leftByKilledWriter(), `.acmex-${'0'.repeat(16)}`, 'live'];
    for (const name of old.slice(1)) await symlink('archive/1', at(name));
    for (const name of old) await lutimes(at(name), new Date('2026-01-01'), new Date('2026-01-01'));
    const recent = `.acmex-${'1'.repeat(16)}`;
    await symlink('archive/1', at(recent));
    await using opened = await openFolder(folder.path);
    await replaceLinkIn(opened, 'live', 'archive/2');
    expect((await readdir(folder.path)).sort()).toEqual([recent, 'live']);
    expect(await readlink(at('live'))).toBe('archive/2');
  });
});
