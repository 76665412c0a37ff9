import {
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { createSelfSigned, parseChain, privateKeyPem, webcrypto } from '@acmex/certificate';
import { virtualClock } from '@acmex/clock';
import { readConfig } from '@acmex/config';
import { keepIssuer } from '@acmex/manager';
import { fromConfig } from '@acmex/manager/from-config';
import { type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { serversReading } from './certbot-servers.ts';
import { howToStopCertbot } from './certbot-timer.ts';
import { continueTakeOvers, giveLinksBack, takeOverLinks } from './take-over.ts';

const clock = virtualClock();
const name = 'site.example';
const files = ['cert', 'chain', 'fullchain', 'privkey'];
let pair: { readonly chain: string; readonly privateKey: string };
let folder: TemporaryFolder;
beforeAll(async () => {
  const key = await webcrypto().generate('ec-p256');
  pair = {
    chain: await createSelfSigned({ identifiers: [{ type: 'dns', value: name }], key, clock }),
    privateKey: Buffer.from(await privateKeyPem(key)).toString(),
  };
});
beforeEach(async () => {
  folder = await temporaryFolder('take-over');
  await makeCertbot();
});
afterEach(async () => await folder[Symbol.asyncDispose]());
const at = (...names: readonly string[]) => join(folder.path, ...names);
const directory = () => at('etc/letsencrypt');

async function makeCertbot(): Promise<void> {
  await rm(at('etc'), { recursive: true, force: true });
  const live = join(directory(), 'live', name);
  await mkdir(join(directory(), 'archive', name), { recursive: true });
  await mkdir(live, { recursive: true, mode: 0o700 });
  for (const file of files) {
    const text = file === 'privkey' ? pair.privateKey : pair.chain;
    const mode = file === 'privkey' ? 0o600 : 0o644;
    await writeFile(join(directory(), 'archive', name, `${file}1.pem`), text, { mode });
    await symlink(`../../archive/${name}/${file}1.pem`, join(live, `${file}.pem`));
  }
}

/** Every file and link below a folder, with its mode and its bytes. */
async function tree(): Promise<readonly unknown[]> {
  const names = await readdir(at('etc'), { recursive: true });
  return await Promise.all(
    names.sort().map(async (path) => {
      const status = await lstat(at('etc', path));
      if (status.isSymbolicLink()) return [path, await readlink(at('etc', path))];
      const text = status.isFile() ? await readFile(at('etc', path), 'utf8') : '';
      return [path, status.mode, text];
    }),
  );
}

async function contextOf(storage: Storage) {
  const configuration = await readConfig({
    ...{ cwd: folder.path, home: folder.path, environment: {} },
  });
  const manager = fromConfig(configuration, { storage, environment: {}, clock });
  return { directory: directory(), manager, dryRun: false };
}

/** A storage that manages the certificate of certbot. */
async function managed() {
  const storage = memoryStorage();
  await keepIssuer(storage, { name: 'ca', directory: 'https://ca.example/', title: 'The CA' });
  const context = await contextOf(storage);
  const { certificate: id } = await context.manager.provisioner.adopt(
    {
      ...{ names: [name], issuer: 'ca', keyType: 'ec-p256' },
      deploy: [{ after: ['/bin/true'] }],
    },
    { ...pair, source: 'certbot' },
    {},
  );
  return { storage, id, context };
}

/** A storage that fails before or after one of its writes. */
function interruptedAt(storage: Storage, number: number): Storage {
  let writes = 0;
  return {
    ...storage,
    write: async (changes, options) => {
      writes += 1;
      if (writes === Math.ceil(number / 2) && number % 2 === 1) throw new Error('interrupted');
      const versions = await storage.write(changes, options);
      if (writes === Math.ceil(number / 2)) throw new Error('interrupted');
      return versions;
    },
  };
}

const liveText = async (file: string) =>
  await readFile(join(directory(), 'live', name, `${file}.pem`), 'utf8');

describe('the links of certbot', () => {
  it('lead to whole files of AcmeX, and are given back byte by byte', async () => {
    const { id, context } = await managed();
    const before = await tree();
    await takeOverLinks(name, id, { ...context, dryRun: true });
    expect(await tree()).toEqual(before);
    await takeOverLinks(name, id, context);
    for (const file of files) {
      const target = await readlink(join(directory(), 'live', name, `${file}.pem`));
      expect(target).toBe(at('etc/acmex/live', name, `${file}.pem`));
    }
    expect(await liveText('privkey')).toBe(pair.privateKey);
    expect(parseChain(await liveText('fullchain'))).toEqual(parseChain(pair.chain));
    expect((await lstat(at('etc/acmex/live', name, 'privkey.pem'))).mode & 0o777).toBe(0o600);
    const { certificates } = context.manager.provisioner;
    await expect(certificates.get(id)).resolves.toMatchObject({
      deploy: [{ after: ['/bin/true'] }, { keyPath: at('etc/acmex/live', name, 'privkey.pem') }],
    });
    await expect(giveLinksBack(context)).resolves.toEqual([{ name, result: 'given back' }]);
    expect(await tree()).toEqual(before);
    await expect(certificates.get(id)).resolves.toMatchObject({
      paused: true,
      deploy: [{ after: ['/bin/true'] }],
    });
    await expect(giveLinksBack(context)).resolves.toEqual([]);
  });

  it('are taken over and given back whole after an interruption at any write', async () => {
    const before = await tree();
    let steps = 0;
    for (let number = 1; ; number += 1) {
      const { storage, id, context } = await managed();
      const isWhole = await contextOf(interruptedAt(storage, number))
        .then(async (interrupted) => await takeOverLinks(name, id, interrupted))
        .then(
          () => true,
          () => false,
        );
      await continueTakeOvers(context);
      await takeOverLinks(name, id, context);
      const { deploy } = await context.manager.provisioner.certificates.get(id);
      expect(deploy).toHaveLength(2);
      const isBack = await contextOf(interruptedAt(storage, number))
        .then(giveLinksBack)
        .then(
          () => true,
          () => false,
        );
      await giveLinksBack(context);
      expect(await tree()).toEqual(before);
      if (isWhole && isBack) break;
      steps += 1;
    }
    expect(steps).toBeGreaterThan(3);
  });

  it('that certbot did not make, or that were changed since, stay', async () => {
    const { id, context } = await managed();
    const link = join(directory(), 'live', name, 'chain.pem');
    await takeOverLinks(name, id, context);
    await rm(link);
    await symlink('/srv/chain.pem', link);
    await expect(giveLinksBack(context)).resolves.toMatchObject([
      { result: 'failed', error: { code: 'ERR_IMPORT_TAKE_OVER' } },
    ]);
    await expect(readlink(link)).resolves.toBe('/srv/chain.pem');
    await makeCertbot();
    await rm(link);
    await writeFile(link, 'a file');
    const before = await tree();
    const fresh = await managed();
    await expect(takeOverLinks(name, fresh.id, fresh.context)).rejects.toMatchObject({
      code: 'ERR_IMPORT_TAKE_OVER',
    });
    expect(await tree()).toEqual(before);
  });
});

describe('what runs beside certbot', () => {
  const write = async (path: string, text: string) => {
    await mkdir(join(at('root', path), '..'), { recursive: true });
    await writeFile(at('root', path), text);
  };
  // Debian's line.
  const line =
    '0 */12 * * * root test -x /usr/bin/certbot -a \\! -d /run/systemd/system && certbot -q renew\n';

  it('is its timer where systemd runs, and else its cron jobs', async () => {
    await write('lib/systemd/system/certbot.timer', '');
    await write('etc/cron.d/certbot', `# certbot\n${line}`);
    await write('var/spool/cron/crontabs/root', '# certbot renew\n');
    await expect(howToStopCertbot(at('root'))).resolves.toEqual([
      `remove the line with certbot from ${at('root/etc/cron.d/certbot')}`,
    ]);
    await write('run/systemd/system/any', '');
    await write('var/spool/cron/crontabs/root', '1 1 * * * certbot renew\n');
    await expect(howToStopCertbot(at('root'))).resolves.toEqual([
      'systemctl disable --now certbot.timer',
      `remove the line with certbot from ${at('root/var/spool/cron/crontabs/root')}`,
    ]);
    await expect(howToStopCertbot(at('none'))).resolves.toEqual([]);
  });

  it('are the servers whose configuration names its files', async () => {
    const live = '/etc/letsencrypt/live/site.example';
    await write('etc/nginx/sites-available/site', `ssl_certificate ${live}/fullchain.pem;\n`);
    await mkdir(at('root/etc/nginx/sites-enabled'));
    await symlink('../sites-available/site', at('root/etc/nginx/sites-enabled/site'));
    await symlink('../nowhere', at('root/etc/nginx/sites-enabled/gone'));
    await write('etc/apache2/site.conf', `  # SSLCertificateFile ${live}/fullchain.pem\n`);
    await write('etc/haproxy/haproxy.cfg', `bind :443 ssl crt ${live}.pem\n`);
    await expect(serversReading(live, at('root'))).resolves.toMatchObject([
      { server: 'nginx', file: at('root/etc/nginx/sites-available/site') },
      { server: 'nginx', reload: 'systemctl reload nginx' },
    ]);
  });
});
