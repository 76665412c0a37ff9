// What another user can reach who owns the folder that root deploys to.
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostileUserId, removeFolder, withHostileUser } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Bundle, deployFiles } from './index.ts';

const rounds = 60;
const owner = String(hostileUserId);

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'acmex-deploy-hostile-'));
  await chmod(base, 0o755);
  if (process.getuid?.() !== 0) return;
  await mkdir(join(base, 'app'));
  await mkdir(join(base, 'root'));
  for (const name of ['01', '02', '03', '04', '05', '06']) {
    await mkdir(join(base, 'root', name));
    await writeFile(join(base, 'root', name, 'privkey.pem'), 'of root', { mode: 0o600 });
  }
  await chown(join(base, 'app'), hostileUserId, hostileUserId);
});
afterEach(async () => {
  await removeFolder(base);
});
const at = (...names: string[]) => join(base, ...names);
const bundle = (round: number): Bundle => ({
  id: 'crt_x',
  names: ['a.test'],
  serialNumber: round.toString(16).padStart(4, '0'),
  notAfter: '2027-01-01T00:00:00Z',
  chain: `chain ${round}`,
  privateKey: `key ${round}`,
});
const withCode = (code: string) => expect.objectContaining({ code });

async function expectRootUntouched(): Promise<void> {
  expect((await readdir(at('root'))).sort()).toEqual(['01', '02', '03', '04', '05', '06']);
  for (const name of await readdir(at('root'))) {
    const file = at('root', name, 'privkey.pem');
    expect([(await lstat(file)).uid, await readFile(file, 'utf8')]).toEqual([0, 'of root']);
  }
}

async function deployOften(target: Parameters<typeof deployFiles>[0]): Promise<void> {
  for (let round = 0; round < rounds; round += 1)
    await deployFiles(target, bundle(round)).catch((error: unknown) => {
      expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_DEPLOY_/) });
    });
}

// Another user needs root to start it, and /proc/self/fd is Linux.
const describeAsRoot =
  process.getuid?.() === 0 && process.platform === 'linux' ? describe : describe.skip;

describeAsRoot('a deployment by root into a folder of another user', () => {
  it('does not overwrite or give away a file of root by a link in place of the key', async () => {
    const target = { keyPath: at('app', 'key.pem'), owner };
    await deployFiles(target, bundle(1));
    expect((await lstat(at('app', 'key.pem'))).uid).toBe(hostileUserId);
    await rm(at('app', 'key.pem'));
    await symlink(at('root', '01', 'privkey.pem'), at('app', 'key.pem'));
    await expect(deployFiles(target, bundle(2))).rejects.toEqual(withCode('ERR_DEPLOY_UNSAFE'));
    await expectRootUntouched();
  });
  it('does not prune a folder of root by a link in place of the archive', async () => {
    const target = { directory: at('app'), owner };
    await deployFiles(target, bundle(1));
    await rm(at('app', 'archive', 'a.test'), { recursive: true });
    await symlink(at('root'), at('app', 'archive', 'a.test'));
    await expect(deployFiles(target, bundle(2))).rejects.toEqual(withCode('ERR_DEPLOY_UNSAFE'));
    await expectRootUntouched();
  });
  it.each(['archive', 'live', 'archive/a.test'])(
    'does not reach root while %s is exchanged for a link',
    async (name) => {
      await deployFiles({ directory: at('app'), owner }, bundle(1));
      for (const folder of ['archive', 'live', 'archive/a.test'])
        await chown(at('app', folder), hostileUserId, hostileUserId);
      await withHostileUser(
        { action: 'exchange', path: at('app', name), target: at('root') },
        async () => await deployOften({ directory: at('app'), owner }),
      );
      // The archive is called a.test; whatever was made beside root's folders would be an escape.
      await expectRootUntouched();
    },
  );
  it('does not reach root while the key is exchanged for a link', async () => {
    await withHostileUser(
      {
        action: 'exchange',
        path: at('app', 'key.pem'),
        target: at('root', '01', 'privkey.pem'),
      },
      async () => await deployOften({ keyPath: at('app', 'key.pem'), owner }),
    );
    await expectRootUntouched();
  });
});
