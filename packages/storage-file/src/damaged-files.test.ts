import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { errorCode } from '@acmex/errors';
import { removeFolder, reportSoak } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fileStorage } from './index.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const journal = '.acmex/journal';
const draft = 'a'.repeat(18);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-storage-'));
  await using storage = fileStorage({ path: join(folder, 'whole') });
  await storage.write([{ set: 'a', value: bytes('1') }]);
  await storage.write([{ set: 'b/c', value: bytes('2') }]);
});
afterAll(async () => await removeFolder(folder));

/** A storage with one of its files changed by another program. */
async function changed(name: string, content: string | Uint8Array): Promise<string> {
  const path = await mkdtemp(join(folder, 'copy-'));
  await cp(join(folder, 'whole'), path, { recursive: true });
  await mkdir(dirname(join(path, name)), { recursive: true });
  await writeFile(join(path, name), content);
  return path;
}

describe('the journal of a write', () => {
  it.each([
    ['is cut off', '[{"to":"a="'],
    ['is empty', ''],
    ['is of a newer version', '{"v":2,"moves":[]}'],
    ['is null', 'null'],
    ['has a step that is null', '[null]'],
    ['has a step without a place', '[{}]'],
    ['has a step that is not known', '[{"to":"a=","copy":true}]'],
    ['leads out of the storage', '[{"to":"../outside="}]'],
    ['leads out of the storage by an absolute path', '[{"to":"/tmp/outside="}]'],
    ['takes a file from elsewhere', '[{"from":"../../FORMAT","to":"a="}]'],
    ['leads to a file of the storage itself', '[{"to":"FORMAT"}]'],
    ['leads to the journal', '[{"to":".acmex/journal"}]'],
  ])('that %s is named, with what to do, and moves nothing', async (_, text) => {
    const path = await changed(journal, text);
    await using storage = fileStorage({ path });
    for (const use of [
      async () => await storage.get('a'),
      async () => await storage.write([{ set: 'a', value: bytes('new') }]),
    ])
      await expect(use()).rejects.toMatchObject({
        code: 'ERR_STORAGE_CORRUPT',
        message: expect.stringContaining(journal),
      });
    expect(await readFile(join(path, journal), 'utf8')).toBe(text);
    // As the message says: without it the storage can be used.
    await rm(join(path, journal));
    expect((await storage.get('a'))?.value).toEqual(bytes('1'));
  });

  it('is carried out where it is whole', async () => {
    const path = await changed(journal, `[{"from":"${draft}","to":"a="},{"to":"b/c="}]`);
    await writeFile(join(path, '.acmex/new', draft), 'acmex1 x\nnew');
    await using storage = fileStorage({ path });
    expect((await storage.get('a'))?.value).toEqual(bytes('new'));
    expect(await storage.get('b/c')).toBeUndefined();
  });
});

const size = process.env.ACMEX_SOAK === 'storage' ? 10_000 : 80;
/** Reads and writes a storage, and ends its use. @returns what was thrown */
async function errorsOf(path: string): Promise<readonly unknown[]> {
  await using storage = fileStorage({ path });
  const errors: unknown[] = [];
  const attempt = async (use: () => Promise<unknown>) =>
    await use().catch((error: unknown) => errors.push(error));
  await attempt(async () => await storage.get('a'));
  await attempt(async () => {
    for await (const entry of storage.list('')) expect(entry.key).not.toBe('');
  });
  await attempt(
    async () => await storage.write(['a', 'd'].map((set) => ({ set, value: bytes('3') }))),
  );
  await attempt(async () => {
    for await (const entry of storage.snapshot()) expect(entry.key).not.toBe('');
  });
  return errors;
}

it(
  'fails only with a code, whatever another program writes into its files',
  async () => {
    const seed = Number(process.env.ACMEX_SEED ?? 20_261_128);
    const mutex = (await readdir(join(folder, 'whole/.acmex/commit'))).at(-1) ?? '1';
    const name = fc.constantFrom(
      ...[journal, 'FORMAT', 'a=', 'b/c=', '.acmex/new/x', '.acmex/snapshot/1-x', 'stray'],
      ...[mutex, mutex.replace('.free', ''), '999', 'waiting-1-x'].map(
        (file) => `.acmex/commit/${file}`,
      ),
    );
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc.json({ maxDepth: 2 }).map(bytes),
      fc.constantFrom('acmex1 x\n', 'acmex storage 2\n', '[{"to":"a="}]').map(bytes),
    );
    let [count, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(name, content, async (file, value) => {
        const path = await changed(file, value);
        const errors = await errorsOf(path);
        count += 1;
        refused += errors.length > 0 ? 1 : 0;
        for (const error of errors) if (!/^ERR_STORAGE_/.test(errorCode(error) ?? '')) throw error;
        await removeFolder(path);
      }),
      { numRuns: size, seed },
    );
    reportSoak(`${count} damaged files were read, ${refused} refused (ACMEX_SEED=${seed})`);
    expect(count).toBe(size);
  },
  20_000 + size * 300,
);
