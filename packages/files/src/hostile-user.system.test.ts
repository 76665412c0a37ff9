// What another user can reach who owns the folder that root writes into.
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostileUserId, removeFolder, withHostileUser } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openFolder, readFileIn, replaceFile, reserveFile } from './index.ts';

/** Each attack races against so many writes. */
const rounds = 150;
const attributes = { mode: 0o600 };
const forApp = { ...attributes, uid: hostileUserId, gid: hostileUserId };

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'acmex-hostile-'));
  await chmod(base, 0o755);
  if (process.getuid?.() !== 0) return;
  await mkdir(join(base, 'app'));
  await chown(join(base, 'app'), hostileUserId, hostileUserId);
  await mkdir(join(base, 'root'), { mode: 0o755 });
  await writeFile(join(base, 'root', 'key.pem'), 'of root', { mode: 0o600 });
});
afterEach(async () => {
  await removeFolder(base);
});
const at = (...names: string[]) => join(base, ...names);

async function expectRootUntouched(): Promise<void> {
  const { uid, mode } = await lstat(at('root', 'key.pem'));
  expect({ uid, mode: mode & 0o777, text: await readFile(at('root', 'key.pem'), 'utf8') }).toEqual({
    uid: 0,
    mode: 0o600,
    text: 'of root',
  });
}

/** @returns how many of the writes succeeded */
async function writeOften(path: string): Promise<number> {
  let successes = 0;
  for (let round = 0; round < rounds; round += 1)
    successes += await replaceFile(path, `key ${round}`, forApp).then(
      () => 1,
      () => 0,
    );
  return successes;
}

// Another user needs root to start it, and /proc/self/fd is Linux.
const describeAsRoot =
  process.getuid?.() === 0 && process.platform === 'linux' ? describe : describe.skip;

describeAsRoot('a folder of another user, written by root', () => {
  it('gets a file for its owner', async () => {
    await replaceFile(at('app', 'key.pem'), 'key', forApp);
    const { uid, gid, mode } = await lstat(at('app', 'key.pem'));
    expect([uid, gid, mode & 0o777]).toEqual([hostileUserId, hostileUserId, 0o600]);
  });
  it('does not lead to a file of root by a link in place of the file', async () => {
    await symlink(at('root', 'key.pem'), at('app', 'key.pem'));
    await expect(replaceFile(at('app', 'key.pem'), 'key', forApp)).rejects.toMatchObject({
      code: 'ERR_FILES_UNSAFE',
      message: expect.stringContaining('symbolic link'),
    });
    await expect(reserveFile(at('app', 'key.pem'), forApp)).rejects.toMatchObject({
      code: 'ERR_FILES_UNSAFE',
    });
    await expectRootUntouched();
  });
  it('does not lead to a folder of root by a link in place of a folder', async () => {
    await symlink(at('root'), at('app', 'tls'));
    await expect(replaceFile(at('app', 'tls', 'key.pem'), 'key', forApp)).rejects.toMatchObject({
      code: 'ERR_FILES_UNSAFE',
    });
    await expectRootUntouched();
  });
  it('does not decide who reads a key that is not for its owner', async () => {
    await writeFile(at('app', 'key.pem'), 'bait', { mode: 0o640 });
    await chown(at('app', 'key.pem'), hostileUserId, hostileUserId);
    await replaceFile(at('app', 'key.pem'), 'key', { mode: 0o600, keepModeWithin: 0o640 });
    const { uid, gid, mode } = await lstat(at('app', 'key.pem'));
    expect([uid, gid, mode & 0o777]).toEqual([0, 0, 0o600]);
  });
  it('does not change a file of root that has a second name there', async () => {
    await link(at('root', 'key.pem'), at('app', 'key.pem'));
    await replaceFile(at('app', 'key.pem'), 'key', forApp);
    await expectRootUntouched();
  });
  it('does not lead to a file of root while its owner exchanges the file for a link', async () => {
    await withHostileUser(
      {
        action: 'exchange',
        path: at('app', 'key.pem'),
        target: at('root', 'key.pem'),
      },
      async () => {
        expect(await writeOften(at('app', 'key.pem'))).toBeGreaterThan(0);
      },
    );
    await expectRootUntouched();
  });
  it('does not lead to a folder of root while its owner exchanges a folder for a link', async () => {
    await mkdir(at('app', 'tls'));
    await chown(at('app', 'tls'), hostileUserId, hostileUserId);
    await withHostileUser(
      {
        action: 'exchange',
        path: at('app', 'tls'),
        target: at('root'),
      },
      async () => {
        await writeOften(at('app', 'tls', 'key.pem'));
      },
    );
    await expectRootUntouched();
  });
  it('does not lead to a file of root while its owner replaces files that are being written', async () => {
    await withHostileUser(
      {
        action: 'replace-new',
        path: at('app'),
        target: at('root', 'key.pem'),
      },
      async () => {
        await writeOften(at('app', 'key.pem'));
      },
    );
    await expectRootUntouched();
  });
  it('does not lose a folder of root while its owner exchanges one that is removed for a link', async () => {
    await using app = await openFolder(at('app'));
    await withHostileUser(
      {
        action: 'exchange',
        path: at('app', 'old'),
        target: at('root'),
      },
      async () => {
        for (let round = 0; round < rounds; round += 1) {
          await mkdir(at('app', 'old', 'inner'), { recursive: true }).catch(() => undefined);
          await app.removeTree('old').catch(() => undefined);
        }
      },
    );
    await expectRootUntouched();
  });
  it('does not show root a file by a link', async () => {
    await symlink(at('root', 'key.pem'), at('app', 'state'));
    await using app = await openFolder(at('app'));
    await expect(readFileIn(app, 'state')).rejects.toMatchObject({ code: 'ELOOP' });
  });
  it('is refused where the system has no descriptors of folders', async () => {
    await expect(
      replaceFile(at('app', 'key.pem'), 'key', forApp, { byDescriptor: false }),
    ).rejects.toMatchObject({ code: 'ERR_FILES_UNSAFE' });
  });
});

describeAsRoot('a folder with the sticky bit, written by root', () => {
  it('does not follow the link of another user, and follows that of root', async () => {
    await mkdir(at('tmp'));
    await chmod(at('tmp'), 0o1777);
    await symlink(at('root', 'new.pem'), at('tmp', 'root.pem'));
    await replaceFile(at('tmp', 'root.pem'), 'key', attributes);
    expect(await readFile(at('root', 'new.pem'), 'utf8')).toBe('key');
    process.seteuid?.(hostileUserId);
    try {
      await symlink(at('root', 'key.pem'), at('tmp', 'other.pem'));
    } finally {
      process.seteuid?.(0);
    }
    await expect(replaceFile(at('tmp', 'other.pem'), 'key', attributes)).rejects.toMatchObject({
      code: 'ERR_FILES_UNSAFE',
    });
    await expectRootUntouched();
  });
});
