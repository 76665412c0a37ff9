import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { removeFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { http01Webroot } from './index.ts';

let directory: string;
let folder: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'acmex-webroot-'));
  folder = join(directory, '.well-known', 'acme-challenge');
});
afterEach(async () => {
  await removeFolder(directory);
});

const challenge = (token: string) => ({
  type: 'http-01',
  identifier: { type: 'dns', value: 'a.test' },
  wildcard: false,
  token,
  keyAuthorization: `${token}.thumbprint`,
  account: { url: 'https://ca.test/account/1', thumbprint: 'thumbprint' },
  members: {},
  meta: {},
});
const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe('http01Webroot', () => {
  it.each(['../../escape', 'a/b', '', '.', '..', 'a\u0000b'])(
    'makes no path of a saved token "%s"',
    async (token) => {
      const solver = http01Webroot({ directory });
      const saved = { token, keyAuthorization: 'x', made: [] };
      await mkdir(folder, { recursive: true });
      await writeFile(join(directory, 'escape'), 'precious');
      for (const act of [solver.present, solver.visible, solver.remove])
        await expect(act(saved)).rejects.toMatchObject({ code: 'ERR_CHALLENGE_TOKEN' });
      expect(await readFile(join(directory, 'escape'), 'utf8')).toBe('precious');
      expect(await readdir(folder)).toEqual([]);
    },
  );
  it('checks before an order that it can write, and leaves nothing behind', async () => {
    const solver = http01Webroot({ directory });
    await solver.check?.([]);
    expect(await readdir(directory)).toEqual([]);
    await mkdir(join(directory, '.well-known'));
    await solver.check?.([]);
    expect(await readdir(join(directory, '.well-known'))).toEqual([]);
    await writeFile(join(directory, '.well-known', 'acme-challenge'), '');
    await expect(solver.check?.([])).rejects.toMatchObject({ code: 'ERR_CHALLENGE_WEBROOT' });
  });
  it('lets a web server of another user read, whatever the umask', async () => {
    const solver = http01Webroot({ directory });
    const before = process.umask(0o077);
    try {
      await solver.present(await solver.respond(challenge('abc')));
    } finally {
      process.umask(before);
    }
    expect(await Promise.all([dirname(folder), folder, join(folder, 'abc')].map(modeOf))).toEqual([
      0o755, 0o755, 0o644,
    ]);
  });
  it('leaves the mode of a folder that was there', async () => {
    await mkdir(dirname(folder), { mode: 0o750 });
    await http01Webroot({ directory }).present({ token: 'abc', keyAuthorization: 'x', made: [] });
    expect(await modeOf(dirname(folder))).toBe(0o750);
  });
  it('does not make the webroot itself', async () => {
    const absent = join(directory, 'absent');
    await expect(
      http01Webroot({ directory: absent }).present({
        token: 'abc',
        keyAuthorization: 'x',
        made: [],
      }),
    ).rejects.toMatchObject({ code: 'ERR_CHALLENGE_WEBROOT' });
    expect(await readdir(directory)).toEqual([]);
  });
  it('does not read through a link that replaces its file', async () => {
    const solver = http01Webroot({ directory });
    await mkdir(folder, { recursive: true });
    await writeFile(join(directory, 'elsewhere'), 'abc.thumbprint');
    await symlink(join(directory, 'elsewhere'), join(folder, 'abc'));
    await expect(
      solver.visible({ token: 'abc', keyAuthorization: 'abc.thumbprint', made: [] }),
    ).rejects.toMatchObject({ code: 'ERR_CHALLENGE_WEBROOT' });
  });
  it.each([
    ['.well-known', async () => await symlink(join(directory, 'elsewhere'), dirname(folder))],
    [
      'acme-challenge',
      async () => {
        await mkdir(dirname(folder));
        await symlink(join(directory, 'elsewhere'), folder);
      },
    ],
  ])('follows no link in place of %s', async (_, makeLink) => {
    const solver = http01Webroot({ directory });
    const elsewhere = join(directory, 'elsewhere');
    await mkdir(join(elsewhere, 'acme-challenge'), { recursive: true });
    for (const name of ['abc', 'acme-challenge/abc'])
      await writeFile(join(elsewhere, name), 'precious');
    await makeLink();
    const response = { token: 'abc', keyAuthorization: 'x', made: [] };
    for (const act of [solver.present, solver.visible, solver.remove])
      await expect(act(response)).rejects.toMatchObject({
        code: 'ERR_CHALLENGE_WEBROOT',
        cause: { code: 'ENOTDIR' },
      });
    for (const name of ['abc', 'acme-challenge/abc'])
      expect(await readFile(join(elsewhere, name), 'utf8')).toBe('precious');
  });
  it('is never half there, and leaves nothing beside it', async () => {
    const solver = http01Webroot({ directory });
    const response = await solver.respond(challenge('abc'));
    await solver.present(response);
    const read = async () => {
      for (let n = 0; n < 100; n++)
        expect(await readFile(join(folder, 'abc'), 'utf8')).toBe('abc.thumbprint');
    };
    const write = async () => {
      for (let n = 0; n < 50; n++) await solver.present(response);
    };
    await Promise.all([read(), read(), write(), write()]);
    expect(await readdir(folder)).toEqual(['abc']);
  });
  it('leaves no temporary file where it cannot write', async () => {
    await mkdir(join(folder, 'abc'), { recursive: true });
    await expect(
      http01Webroot({ directory }).present({ token: 'abc', keyAuthorization: 'x', made: [] }),
    ).rejects.toMatchObject({ code: 'ERR_CHALLENGE_WEBROOT' });
    expect(await readdir(folder)).toEqual(['abc']);
  });
  it('shows and removes while others make and remove the same folders, and leaves the directory as it was', async () => {
    const responses = await Promise.all(
      Array.from({ length: 3 }, (_, n) =>
        http01Webroot({ directory }).respond(challenge(`token-${n}`)),
      ),
    );
    await Promise.all(
      responses.map(async (response) => {
        for (let round = 0; round < 60; round++) {
          await http01Webroot({ directory }).present(response);
          await http01Webroot({ directory }).visible(response);
          await http01Webroot({ directory }).remove(response);
        }
      }),
    );
    expect(await readdir(directory)).toEqual([]);
  });
  it('removes the outer folder too when another has removed the inner one', async () => {
    const solver = http01Webroot({ directory });
    const response = await solver.respond(challenge('abc'));
    await solver.present(response);
    await removeFolder(folder);
    await solver.remove(response);
    expect(await readdir(directory)).toEqual([]);
  });
  it('keeps an empty folder that was there before, and one that is not empty', async () => {
    await mkdir(folder, { recursive: true });
    const solver = http01Webroot({ directory });
    const response = await solver.respond(challenge('abc'));
    await solver.present(response);
    await solver.remove({ ...response, made: [dirname(folder)] });
    expect(await readdir(folder)).toEqual([]);
  });
  it('says which directory it may not write, and keeps the reason', async () => {
    await chmod(directory, 0o555);
    const solver = http01Webroot({ directory });
    const response = await solver.respond(challenge('abc'));
    const user = process.geteuid?.();
    if (user === 0) process.seteuid?.(65_534); // no directory is closed to root
    try {
      await expect(solver.present(response)).rejects.toMatchObject({
        code: 'ERR_CHALLENGE_WEBROOT',
        message: expect.stringContaining(directory),
        cause: { code: 'EACCES' },
      });
    } finally {
      if (user === 0) process.seteuid?.(0);
      await chmod(directory, 0o755);
    }
  });
  it('does nothing under a signal that is aborted already', async () => {
    const solver = http01Webroot({ directory });
    const signal = AbortSignal.abort(new Error('ctrl-c'));
    await expect(
      solver.present(await solver.respond(challenge('abc')), { signal }),
    ).rejects.toThrow('ctrl-c');
    expect(await readdir(directory)).toEqual([]);
  });
});
