// What another user can reach who owns the webroot that root writes into.
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostileUserId, removeFolder, withHostileUser } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { http01Webroot } from './index.ts';

const rounds = 100;

let base: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'acmex-webroot-hostile-'));
  await chmod(base, 0o755);
});
afterEach(async () => {
  await removeFolder(base);
});
const at = (...names: string[]) => join(base, ...names);

// Another user needs root to start it, and /proc/self/fd is Linux.
const describeAsRoot =
  process.getuid?.() === 0 && process.platform === 'linux' ? describe : describe.skip;

describeAsRoot('http01Webroot in a directory of another user', () => {
  it.each(['.well-known', '.well-known/acme-challenge', '.well-known/acme-challenge/token'])(
    'changes nothing of root while %s is exchanged for a link',
    async (name) => {
      await mkdir(at('root', 'acme-challenge'), { recursive: true, mode: 0o700 });
      for (const file of [at('root', 'token'), at('root', 'acme-challenge', 'token')])
        await writeFile(file, 'of root', { mode: 0o600 });
      await mkdir(at('web', '.well-known', 'acme-challenge'), { recursive: true });
      for (const folder of ['web', 'web/.well-known', 'web/.well-known/acme-challenge'])
        await chown(at(folder), hostileUserId, hostileUserId);
      const solver = http01Webroot({ directory: at('web') });
      const response = { token: 'token', keyAuthorization: 'key', made: [] };
      const target = name.endsWith('token') ? at('root', 'token') : at('root');
      await withHostileUser({ action: 'exchange', path: at('web', name), target }, async () => {
        for (let round = 0; round < rounds; round += 1) {
          await solver.present(response).catch(() => undefined);
          await solver.remove(response).catch(() => undefined);
        }
      });
      expect((await readdir(at('root'))).sort()).toEqual(['acme-challenge', 'token']);
      expect((await lstat(at('root', 'acme-challenge'))).mode & 0o777).toBe(0o700);
      for (const file of [at('root', 'token'), at('root', 'acme-challenge', 'token')])
        expect([await readFile(file, 'utf8'), (await lstat(file)).mode & 0o777]).toEqual([
          'of root',
          0o600,
        ]);
    },
  );
});
