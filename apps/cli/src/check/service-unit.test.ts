import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  findServiceUnit,
  type ServiceUnit,
  userOf,
  wordsOf,
  writeBarrier,
} from './service-unit.ts';

const delivered = join(import.meta.dirname, '../../deploy/systemd');
let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder('units');
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});
const systemd = (...path: readonly string[]) => join(folder.path, 'etc/systemd/system', ...path);
const write = async (path: string, text: string) => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
};
const install = async () => await cp(delivered, systemd(), { recursive: true });
const find = async () => await findServiceUnit({ root: folder.path });
const installed = async (): Promise<ServiceUnit> => {
  await install();
  const unit = await find();
  if (!unit) throw new Error('the units of this package are not found');
  return unit;
};

describe('the unit that renews', () => {
  it('is none where none is installed, or where it is masked', async () => {
    expect(await find()).toBeUndefined();
    await write(systemd('acmex-renew.service'), '');
    expect(await find()).toBeUndefined();
  });
  it('is not taken to be absent where a part of it cannot be read', async () => {
    await install();
    await mkdir(systemd('acmex-server.service.d/a.conf'), { recursive: true });
    await expect(find()).rejects.toMatchObject({
      code: 'ERR_CLI_SERVICE_USER',
      message: expect.stringMatching(/a\.conf.* cannot be read: .*--service-user$/),
    });
  });
  it('is one that is enabled, else the first that is installed', async () => {
    expect((await installed()).name).toBe('acmex-server.service');
    await mkdir(systemd('timers.target.wants'));
    await symlink('../acmex-renew.timer', systemd('timers.target.wants/acmex-renew.timer'));
    const unit = (await find())!;
    expect([unit.name, userOf(unit)]).toEqual(['acmex-renew.service', 'acmex']);
    expect(wordsOf(unit, 'Environment')).toEqual(['XDG_STATE_HOME=/var/lib']);
  });
  it('has what drop-ins say, in the order of their names, and without what they empty', async () => {
    await install();
    await write(systemd('acmex-server.service.d/b.conf'), '[Service]\nUser=certs\n');
    await write(
      join(folder.path, 'usr/lib/systemd/system/acmex-server.service.d/a.conf'),
      '[Service]\nUser=daemon\nLoadCredential=\nLoadCredential=one two:/x\n[Unit]\nUser=x\n# User=y\n',
    );
    await mkdir(systemd('multi-user.target.wants'));
    await symlink('../x', systemd('multi-user.target.wants/acmex-server.service'));
    const unit = (await find())!;
    expect(userOf(unit)).toBe('certs');
    expect(wordsOf(unit, 'LoadCredential')).toEqual(['one', 'two:/x']);
  });
  it('is not chosen where the units have different users', async () => {
    await install();
    await write(systemd('acmex-renew.service.d/user.conf'), '[Service]\nUser=certs\n');
    await expect(find()).rejects.toMatchObject({
      code: 'ERR_CLI_SERVICE_USER',
      message: expect.stringContaining('acmex-renew.service (certs)'),
    });
  });
  it.each([
    ['/var/lib/acmex/FORMAT', undefined],
    ['/etc/nginx/certificates/a.pem', 'ProtectSystem=strict'],
    ['/srv/web', 'ProtectSystem=strict'],
    ['/var/lib/acmex-other', 'ProtectSystem=strict'],
    ['/home/a/web', 'ProtectHome=yes'],
    ['/tmp/a.pem', 'PrivateTmp=yes'],
  ])('lets the service write to %s: %s', async (path, setting) => {
    expect(writeBarrier(await installed(), path)).toBe(setting);
  });
  it('lets the service write where a drop-in permits it', async () => {
    await install();
    await write(
      systemd('acmex-server.service.d/paths.conf'),
      '[Service]\nReadWritePaths=/etc/nginx/certificates/ \\\n  "-/srv/web root"\nProtectHome=off\n',
    );
    await mkdir(systemd('multi-user.target.wants'));
    await symlink('../x', systemd('multi-user.target.wants/acmex-server.service'));
    const unit = (await find())!;
    expect(
      ['/etc/nginx/certificates/a.pem', '/srv/web root/x', '/etc/nginx', '/home/a'].map((path) =>
        writeBarrier(unit, path),
      ),
    ).toEqual([undefined, undefined, 'ProtectSystem=strict', 'ProtectSystem=strict']);
  });
});
