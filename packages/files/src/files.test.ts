import { execFileSync } from 'node:child_process';
import {
  chmod,
  chown,
  lchown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  fileErrorText,
  openFolder,
  type FileAttributes,
  readFileIn,
  readTrustedFile,
  removeTrustedFile,
  replaceFile,
  reserveFile,
  trustedFile,
  trustedProgram,
  writeNewFile,
} from './index.ts';

let base: string;
beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'acmex-files-')));
});
afterEach(async () => {
  await removeFolder(base);
});
const at = (...names: string[]) => join(base, ...names);
const modeOf = async (path: string) => (await stat(path)).mode & 0o7777;
const itAsRoot = process.getuid?.() === 0 ? it : it.skip;

describe.each([
  ['by descriptor', process.platform === 'linux'],
  ['by path', false],
])('a file that is replaced %s', (_, byDescriptor) => {
  const write = async (path: string, text: string, attributes = { mode: 0o600 }) =>
    await replaceFile(path, text, attributes, { byDescriptor });

  it('is whole at every moment, and nothing is left beside it', async () => {
    await write(at('key.pem'), 'a'.repeat(100_000));
    const reading = (async () => {
      for (let round = 0; round < 100; round += 1)
        expect(await readFile(at('key.pem'), 'utf8')).toMatch(/^(a{100000}|b{100000})$/);
    })();
    for (let round = 0; round < 20; round += 1)
      await write(at('key.pem'), (round % 2 === 0 ? 'b' : 'a').repeat(100_000));
    await reading;
    expect(await readdir(base)).toEqual(['key.pem']);
  });
  it('is left alone when it has these bytes and this mode', async () => {
    await expect(write(at('key.pem'), 'key')).resolves.toBe(true);
    await expect(write(at('key.pem'), 'key')).resolves.toBe(false);
    await expect(write(at('key.pem'), 'key', { mode: 0o640 })).resolves.toBe(true);
    expect(await modeOf(at('key.pem'))).toBe(0o640);
  });
  it('is written where links lead', async () => {
    await mkdir(at('real'));
    await symlink('real', at('folder'));
    await symlink('../real/key.pem', at('real', 'link.pem'));
    await write(at('folder', 'link.pem'), 'key');
    expect(await readFile(at('real', 'key.pem'), 'utf8')).toBe('key');
    expect(await readlink(at('real', 'link.pem'))).toBe('../real/key.pem');
  });
  it('is not written over a folder or a pipe', async () => {
    await mkdir(at('folder'));
    execFileSync('mkfifo', [at('pipe')]);
    for (const name of ['folder', 'pipe'])
      await expect(write(at(name), 'key')).rejects.toMatchObject({
        code: 'ERR_FILES_NOT_REGULAR',
      });
    expect((await readdir(base)).sort()).toEqual(['folder', 'pipe']);
  });
  it('is not written in a folder that does not exist, or through links in a circle', async () => {
    await expect(write(at('none', 'key.pem'), 'key')).rejects.toMatchObject({ code: 'ENOENT' });
    await symlink(at('b'), at('a'));
    await symlink(at('a'), at('b'));
    await expect(write(at('a'), 'key')).rejects.toMatchObject({ code: 'ELOOP' });
    await expect(write(at('a', 'key.pem'), 'key')).rejects.toMatchObject({ code: 'ELOOP' });
  });
});

describe('owner, group and mode of a replaced file', () => {
  itAsRoot('are kept, the mode within what was asked for', async () => {
    await writeFile(at('key.pem'), 'old');
    await chmod(at('key.pem'), 0o664);
    await chown(at('key.pem'), 1234, 4321);
    await replaceFile(at('key.pem'), 'new', { mode: 0o600, keepModeWithin: 0o640 });
    const { uid, gid } = await stat(at('key.pem'));
    expect([uid, gid, await modeOf(at('key.pem'))]).toEqual([1234, 4321, 0o640]);
  });
  itAsRoot('are those that are asked for', async () => {
    await writeFile(at('key.pem'), 'old', { mode: 0o640 });
    await replaceFile(at('key.pem'), 'new', { mode: 0o600, uid: 77, gid: 78 });
    const { uid, gid } = await stat(at('key.pem'));
    expect([uid, gid, await modeOf(at('key.pem'))]).toEqual([77, 78, 0o600]);
  });
  itAsRoot('become narrower where this process may not give the file away', async () => {
    await chown(base, 65_534, 65_534);
    await writeFile(at('key.pem'), 'old');
    await chmod(at('key.pem'), 0o640);
    await chown(at('key.pem'), 1234, 4321);
    process.seteuid?.(65_534);
    try {
      await replaceFile(at('key.pem'), 'new', { mode: 0o600, keepModeWithin: 0o640 });
    } finally {
      process.seteuid?.(0);
    }
    const { uid } = await stat(at('key.pem'));
    expect([uid, await modeOf(at('key.pem'))]).toEqual([65_534, 0o600]);
  });
});

describe('a reserved file', () => {
  it('is there only when it is committed', async () => {
    {
      await using file = await reserveFile(at('key.pem'), { mode: 0o600 });
      await file.append('half');
    }
    expect(await readdir(base)).toEqual([]);
    {
      await using file = await reserveFile(at('key.pem'), { mode: 0o644 });
      await file.append('ho');
      await file.append('le');
      expect(await readFile(file.temporaryPath, 'utf8')).toBe('hole');
      await file.commit();
    }
    expect(await readFile(at('key.pem'), 'utf8')).toBe('hole');
    expect(await modeOf(at('key.pem'))).toBe(0o644);
    expect(await readdir(base)).toEqual(['key.pem']);
  });
  itAsRoot(
    'is rehearsed without a change, and refused where it could not be put in place',
    async () => {
      await writeFile(at('of-root.pem'), 'old');
      await chmod(base, 0o1777);
      const user = 65_534;
      const rehearse = async (name: string, attributes: FileAttributes) => {
        await using file = await reserveFile(at(name), attributes);
        await file.rehearse();
      };
      process.seteuid?.(user);
      try {
        await rehearse('new.pem', { mode: 0o600 });
        for (const [name, attributes] of [
          ['of-root.pem', { mode: 0o600 }],
          ['new.pem', { mode: 0o600, uid: 0 }],
        ] as const)
          await expect(rehearse(name, attributes)).rejects.toMatchObject({ code: 'EPERM' });
      } finally {
        process.seteuid?.(0);
      }
      await rehearse('of-root.pem', { mode: 0o600, uid: user });
      expect(await readdir(base)).toEqual(['of-root.pem']);
      expect((await stat(at('of-root.pem'))).uid).toBe(0);
    },
  );
  it('does not replace a file where it must be new', async () => {
    await writeFile(at('key.pem'), 'old');
    await using file = await reserveFile(at('key.pem'), { mode: 0o600 });
    await file.append('new');
    await expect(file.commitNew()).resolves.toBe(false);
    expect(await readFile(at('key.pem'), 'utf8')).toBe('old');
  });
  it('is refused in a folder that cannot be written', async () => {
    await expect(reserveFile(at('none', 'key.pem'), { mode: 0o600 })).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });
});

describe('a file that is read or removed', () => {
  it('is where links lead that no other user can have made', async () => {
    await mkdir(at('archive'));
    await writeFile(at('archive', 'key1.pem'), 'key');
    await symlink('archive/key1.pem', at('key.pem'));
    expect((await readTrustedFile(at('key.pem')))?.toString()).toBe('key');
    await removeTrustedFile(at('key.pem'));
    expect(await readdir(at('archive'))).toEqual([]);
  });
  it('need not be there', async () => {
    expect(await readTrustedFile(at('key.pem'))).toBeUndefined();
    await expect(removeTrustedFile(at('key.pem'))).resolves.toBeUndefined();
  });
  it('is not a pipe, which would wait for a writer', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    await expect(readTrustedFile(at('pipe'))).rejects.toMatchObject({
      code: 'ERR_FILES_NOT_REGULAR',
    });
  });
  itAsRoot('does not follow a link of another user', async () => {
    await mkdir(at('shared'));
    await chmod(at('shared'), 0o1777);
    await writeFile(at('secret'), 'secret');
    await symlink(at('secret'), at('shared', 'link'));
    await lchown(at('shared', 'link'), 1000, 1000);
    for (const work of [readTrustedFile, removeTrustedFile])
      await expect(work(at('shared', 'link'))).rejects.toMatchObject({ code: 'ERR_FILES_UNSAFE' });
    expect(await readFile(at('secret'), 'utf8')).toBe('secret');
  });
});

describe('a new file', () => {
  it.each(['all', 'data', 'nothing'] as const)('is written when flushing %s', async (flush) => {
    await writeNewFile(at('new'), 'text', { mode: 0o600, flush });
    expect([await readFile(at('new'), 'utf8'), await modeOf(at('new'))]).toEqual(['text', 0o600]);
  });
  it('is not written through a link', async () => {
    await symlink(at('elsewhere'), at('new'));
    await expect(
      writeNewFile(at('new'), 'text', { mode: 0o600, flush: 'nothing' }),
    ).rejects.toMatchObject({ code: 'EEXIST' });
  });
});

describe('an open folder', () => {
  it('stays the same when its path is given to another', async () => {
    await mkdir(at('first'));
    await using folder = await openFolder(at('first'));
    await mkdir(at('second'));
    await writeFile(at('first', 'file'), 'first');
    await writeFile(at('second', 'file'), 'second');
    await rm(at('moved'), { force: true });
    execFileSync('mv', [at('first'), at('moved')]);
    execFileSync('mv', [at('second'), at('first')]);
    expect((await readFileIn(folder, 'file'))?.toString()).toBe(
      process.platform === 'linux' ? 'first' : 'second',
    );
  });
  it.each(['', '.', '..', 'a/b', 'a\0b'])('has no entry with the name "%s"', async (name) => {
    await using folder = await openFolder(base);
    expect(() => folder.entry(name)).toThrow(RangeError);
  });
  it('is made with the folders above it if requested', async () => {
    await using folder = await openFolder(at('a', 'b'), { make: 0o700 });
    expect(folder.path).toBe(at('a', 'b'));
    expect(await modeOf(at('a'))).toBe(0o700);
  });
  it('removes a tree without following its links', async () => {
    await mkdir(at('precious'));
    await writeFile(at('precious', 'file'), 'precious');
    await mkdir(at('tree', 'inner'), { recursive: true });
    await symlink(at('precious'), at('tree', 'inner', 'link'));
    await using folder = await openFolder(base);
    await folder.removeTree('tree');
    expect((await readdir(base)).sort()).toEqual(['precious']);
    expect(await readFile(at('precious', 'file'), 'utf8')).toBe('precious');
    await symlink(at('precious'), at('tree'));
    await expect(folder.removeTree('tree')).rejects.toMatchObject({ code: 'ENOTDIR' });
    expect(await readFile(at('precious', 'file'), 'utf8')).toBe('precious');
  });
});

describe('a trusted path', () => {
  it('is the real path of a file that only root and this user can change', async () => {
    await writeFile(at('real'), '', { mode: 0o755 });
    await symlink(at('real'), at('link'));
    await expect(trustedFile(at('link'))).resolves.toBe(at('real'));
    await expect(trustedFile(at('none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
  it.each([
    ['the file', 'folder/program', 0o775],
    ['its folder', 'folder', 0o777],
    ['its folder, also with the sticky bit', 'folder', 0o1777],
    ['a folder above', '.', 0o777],
  ])('is refused where others can write %s', async (_, name, mode) => {
    await mkdir(at('folder'));
    await writeFile(at('folder', 'program'), '', { mode: 0o755 });
    await chmod(at(name), mode);
    await expect(trustedFile(at('folder', 'program'))).rejects.toMatchObject({
      code: 'ERR_FILES_UNSAFE',
      message: expect.stringContaining('chmod go-w'),
    });
  });
  itAsRoot('is refused where it belongs to another user', async () => {
    await writeFile(at('program'), '', { mode: 0o755 });
    await chown(at('program'), 65_534, 65_534);
    await expect(trustedFile(at('program'))).rejects.toMatchObject({
      code: 'ERR_FILES_UNSAFE',
      message: expect.stringContaining('belongs to the user 65534'),
    });
  });
  it('leads to a program by its name in PATH, or from a folder', async () => {
    await mkdir(at('bin'));
    await writeFile(at('bin', 'hook'), '', { mode: 0o755 });
    await mkdir(at('other', 'hook'), { recursive: true });
    const path = `relative:${at('none')}:${at('other')}:${at('bin')}`;
    await expect(trustedProgram('hook', { path })).resolves.toBe(at('bin', 'hook'));
    await expect(trustedProgram('./bin/hook', { from: base })).resolves.toBe(at('bin', 'hook'));
    for (const [name, search] of [
      ['./bin/hook', { path }],
      ['none', { path }],
      [at('bin'), {}],
    ] as const)
      await expect(trustedProgram(name, search)).rejects.toMatchObject({
        code: 'ERR_FILES_PROGRAM',
      });
  });
});

describe('the text of a file error', () => {
  it('is in words where the code is known', () => {
    const error = (code: string) => Object.assign(new Error('raw'), { code });
    expect(
      [error('ENOSPC'), error('EWHAT'), new Error('plain'), 'text'].map((thrown) =>
        fileErrorText(thrown),
      ),
    ).toEqual(['the disk is full', 'EWHAT', 'plain', 'text']);
  });
});
