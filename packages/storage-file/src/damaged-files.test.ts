import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { errorCode } from '@acmex/errors';
import { removeFolder, reportSoak } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fileStorage } from './index.ts';
import { journalBytes } from './journal.ts';
import { boot } from './process-identity.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const journal = '.acmex/journal';
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

/** A journal with one record, whose line and checksum are right. */
function journalOf(line: string, content = ''): Buffer {
  const [head] = journalBytes([], { seed: 7 }).toString('latin1').split('\n');
  const record = Buffer.concat([Buffer.alloc(8), bytes(`${line}\n${content}`)]);
  record.writeUInt32BE(record.length - 8, 0);
  record.writeUInt32BE(crc32(record.subarray(8), 7), 4);
  return Buffer.concat([bytes(`${head}\n`), record]);
}

const file = (text: string) => bytes(`acmex1 x\n${text}`);
const twoCommits = [
  [{ to: 'a=', bytes: file('first') }, { to: 'b/c=' }],
  [{ to: 'a=', bytes: file('second') }],
];

describe('the journal', () => {
  it.each([
    ['is empty', bytes('')],
    ['is of another version', bytes('acmex journal 3\n')],
    ['is of another program', bytes('[{"to":"a="}]')],
    ['is damaged in the middle', journalBytes(twoCommits, { seed: 7 }).fill(0x61, 70, 75)],
    ['has a record that is not JSON', journalOf('[{"to":')],
    ['has a record that is not a list', journalOf('{"to":"a="}')],
    ['has a step that is null', journalOf('[null]')],
    ['has a step without a place', journalOf('[{}]')],
    ['has a step that is not known', journalOf('[{"to":"a=","copy":true}]')],
    ['has a size below zero', journalOf('[{"to":"a=","size":-1}]')],
    ['has more bytes than its sizes say', journalOf('[{"to":"a=","size":1}]', 'abc')],
    ['has fewer bytes than its sizes say', journalOf('[{"to":"a=","size":9}]', 'abc')],
    ['leads out of the storage', journalOf('[{"to":"../outside="}]')],
    ['leads out of the storage by an absolute path', journalOf('[{"to":"/outside="}]')],
    ['leads to a file of the storage itself', journalOf('[{"to":"FORMAT"}]')],
    ['leads to the journal', journalOf('[{"to":".acmex/journal"}]')],
  ])('that %s is named, with what to do, and changes nothing', async (_, content) => {
    const path = await changed(journal, content);
    await using storage = fileStorage({ path });
    for (const use of [
      async () => await storage.get('a'),
      async () => await storage.write([{ set: 'a', value: bytes('new') }]),
    ])
      await expect(use()).rejects.toMatchObject({
        code: 'ERR_STORAGE_CORRUPT',
        message: expect.stringContaining(journal),
      });
    expect(await readFile(join(path, journal))).toEqual(Buffer.from(content));
    // As the message says: without it the storage can be used.
    await rm(join(path, journal));
    expect((await storage.get('a'))?.value).toEqual(bytes('1'));
  });

  it.each([
    ['', 0],
    [' up to where it was cut off', -3],
    [' up to the zeros behind it', 40],
  ])('is carried out%s', async (_, change) => {
    const whole = journalBytes(
      [...twoCommits, [{ to: 'd=', bytes: file('third') }], [{ to: 'a=' }]].slice(
        0,
        change < 0 ? 4 : 3,
      ),
      { seed: 7, boot: 'before' },
    );
    const path = await changed(
      journal,
      Buffer.concat([
        whole.subarray(0, whole.length + Math.min(change, 0)),
        Buffer.alloc(Math.max(change, 0)),
      ]),
    );
    await using storage = fileStorage({ path });
    expect((await storage.get('a'))?.value).toEqual(bytes('second'));
    expect(await storage.get('b/c')).toBeUndefined();
    expect((await storage.get('d'))?.value).toEqual(bytes('third'));
    await storage.write([{ set: 'a', value: bytes('new') }]);
    expect((await storage.get('a'))?.value).toEqual(bytes('new'));
  });

  it('of a process that died is carried out from its last commit on', async () => {
    const path = await changed(journal, journalBytes(twoCommits, { seed: 7 }));
    await using storage = fileStorage({ path });
    expect((await storage.get('a'))?.value).toEqual(bytes('second'));
    // The first was carried out before the second was begun, and what came since is right.
    expect((await storage.get('b/c'))?.value).toEqual(bytes('2'));
  });

  it('continues behind what another process has written', async () => {
    const path = await changed('.acmex/new/left', '');
    await using first = fileStorage({ path });
    await using second = fileStorage({ path });
    for (let at = 0; at < 3; at += 1)
      for (const [name, storage] of Object.entries({ first, second })) {
        await storage.write([{ set: `${name}/${at}`, value: bytes(name) }]);
        expect(await readFile(join(path, journal), 'latin1')).toContain(`${name}/${at}=`);
      }
    const copy = await changed('.acmex/new/left', '');
    await writeFile(
      join(copy, journal),
      (await readFile(join(path, journal))).toString('latin1').replace(boot(), 'before'),
      'latin1',
    );
    const keys: string[] = [];
    for await (const { key } of fileStorage({ path: copy }).list('')) keys.push(key);
    expect(keys).toEqual([
      'a',
      'b/c',
      ...[0, 1, 2].map((at) => `first/${at}`),
      ...[0, 1, 2].map((at) => `second/${at}`),
    ]);
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
      fc.constantFrom('acmex1 x\n', 'acmex storage 2\n', 'acmex journal 2 x 00000007\n').map(bytes),
      fc.nat(100).map((length) => journalBytes(twoCommits, { seed: 7 }).subarray(0, length)),
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
