import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import { readBundle } from '@acmex/certificate/formats';
import { systemClock, virtualClock } from '@acmex/clock';
import { removeFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type Bundle,
  checkTarget,
  deployFiles,
  filesOf,
  folderName,
  hookEnvironment,
  hooksIn,
  probe,
  runHook,
} from './index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-deploy-'));
});
afterEach(async () => {
  await removeFolder(folder);
});
const at = (...names: string[]) => join(folder, ...names);

async function bundle(names = ['a.test']): Promise<Bundle> {
  const key = await webcrypto().generate('ec-p256');
  const leaf = await createSelfSigned({
    identifiers: names.map((value) => ({ type: 'dns', value })),
    key,
  });
  const issuer = await createSelfSigned({ identifiers: [{ type: 'dns', value: 'ca.test' }], key });
  const { serialNumber, validToDate } = new X509Certificate(leaf) as X509Certificate & {
    readonly validToDate?: Date;
  };
  return {
    id: 'crt_x',
    names,
    serialNumber: serialNumber.toLowerCase(),
    notAfter: validToDate?.toISOString() ?? '2027-01-01T00:00:00Z',
    chain: leaf + issuer,
    privateKey: new TextDecoder().decode(await privateKeyPem(key)),
  };
}

describe('a file in a format', () => {
  const sources = {
    passphraseIn: async () => 'correct horse',
    environment: { SECRET: 'a secret' },
  };
  it.each([
    ['pkcs12', 0o600],
    ['jks', 0o600],
    ['pkcs12-truststore', 0o644],
  ] as const)(
    '%s is encrypted by the passphrase of a file, and the same again changes nothing',
    async (format, mode) => {
      const issued = await bundle();
      const target = { format, path: at('site'), passphraseFile: at('secret') };
      expect(await deployFiles(target, issued, sources)).toEqual({ changed: true, paths: {} });
      expect((await stat(at('site'))).mode & 0o777).toBe(mode);
      const { privateKey, chain } = await readBundle(await readFile(at('site')), {
        passphrase: 'correct horse',
      });
      expect(chain).toContain('BEGIN CERTIFICATE');
      expect(privateKey).toBe(format === 'pkcs12-truststore' ? undefined : issued.privateKey);
      expect(await deployFiles(target, issued, sources)).toEqual({ changed: false, paths: {} });
      const fromVariable = { ...target, passphraseFile: undefined, passphraseVariable: 'SECRET' };
      expect(await deployFiles(fromVariable, issued, sources)).toMatchObject({ changed: true });
      expect(
        await readBundle(await readFile(at('site')), { passphrase: 'a secret' }),
      ).toMatchObject({ chain });
    },
  );
  it('keeps owner, group and mode of the file that it replaces, up to 0640', async () => {
    const target = { format: 'combined', path: at('site') } as const;
    await deployFiles(target, await bundle());
    await chmod(at('site'), 0o640);
    await deployFiles(target, await bundle());
    expect((await stat(at('site'))).mode & 0o777).toBe(0o640);
  });
  it('is refused without its passphrase, before anything is ordered and when it is deployed', async () => {
    const target = { format: 'pkcs12', path: at('site'), passphraseVariable: 'ABSENT' } as const;
    const code = 'ERR_DEPLOY_TARGET';
    const message = expect.stringContaining('ABSENT');
    await expect(checkTarget(target, sources)).rejects.toMatchObject({ code, message });
    await expect(deployFiles(target, await bundle(), sources)).rejects.toMatchObject({
      code,
      message,
    });
    await expect(
      deployFiles({ ...target, passphraseVariable: undefined }, await bundle(), sources),
    ).rejects.toMatchObject({ code });
    await checkTarget({ ...target, passphraseVariable: 'SECRET' }, sources);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('single files', () => {
  it('are written each whole, the key for its owner alone, and the same again changes nothing', async () => {
    const issued = await bundle();
    const target = {
      certPath: at('c.pem'),
      keyPath: at('k.pem'),
      chainPath: at('chain.pem'),
      leafPath: at('leaf.pem'),
      combinedPath: at('both.pem'),
    };
    await expect(deployFiles(target, issued)).resolves.toMatchObject({
      changed: true,
      paths: { fullchain: at('c.pem'), privateKey: at('k.pem') },
    });
    expect([
      (await stat(at('k.pem'))).mode & 0o777,
      (await stat(at('both.pem'))).mode & 0o777,
      (await stat(at('c.pem'))).mode & 0o777,
    ]).toEqual([0o600, 0o600, 0o644]);
    expect(await readFile(at('both.pem'), 'utf8')).toBe(issued.privateKey + issued.chain);
    expect(
      (await readFile(at('leaf.pem'), 'utf8')) + (await readFile(at('chain.pem'), 'utf8')),
    ).toBe(issued.chain);
    await expect(deployFiles(target, issued)).resolves.toMatchObject({ changed: false });
    expect((await readdir(folder)).sort()).toEqual([
      'both.pem',
      'c.pem',
      'chain.pem',
      'k.pem',
      'leaf.pem',
    ]);
  });
  it('keep their owner, group and mode, and a key never opens wider than 0640', async () => {
    const target = { certPath: at('c.pem'), keyPath: at('k.pem') };
    await deployFiles(target, await bundle());
    await chmod(at('k.pem'), 0o664);
    await chmod(at('c.pem'), 0o600);
    if (process.getuid?.() === 0) await chown(at('k.pem'), 0, 4321);
    const { gid } = await stat(at('k.pem'));
    await deployFiles(target, await bundle());
    const [key, certificate] = [await stat(at('k.pem')), await stat(at('c.pem'))];
    expect([key.gid, key.mode & 0o777, certificate.mode & 0o777]).toEqual([gid, 0o640, 0o600]);
    await deployFiles({ ...target, keyMode: 0o600 }, await bundle());
    expect((await stat(at('k.pem'))).mode & 0o777).toBe(0o600);
  });
  it('are written where a link leads', async () => {
    await writeFile(at('real.pem'), 'old');
    await symlink(at('real.pem'), at('link.pem'));
    await deployFiles({ certPath: at('link.pem') }, await bundle());
    expect(await readlink(at('link.pem'))).toBe(at('real.pem'));
    expect(await readFile(at('real.pem'), 'utf8')).toContain('BEGIN CERTIFICATE');
  });
  it.each([
    [
      'a folder that is not there',
      () => ({ certPath: at('no', 'c.pem') }),
      'ERR_DEPLOY_FILE',
      'no such file or directory',
    ],
    ['a relative path', () => ({ certPath: 'c.pem' }), 'ERR_DEPLOY_TARGET', 'absolute'],
    [
      'a key that everyone may read',
      () => ({ keyPath: at('k.pem'), keyMode: 0o644 }),
      'ERR_DEPLOY_TARGET',
      '644',
    ],
    [
      'an owner that does not exist',
      () => ({ keyPath: at('k.pem'), owner: 'no-such-user' }),
      'ERR_DEPLOY_TARGET',
      'no user',
    ],
  ])('refuse %s, and write nothing', async (_, target, code, words) => {
    await expect(deployFiles(target(), await bundle())).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a directory', () => {
  it("changes in one step: a reader of the link never sees a key beside another's certificate", async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => bundle()));
    await deployFiles({ directory: folder }, all[0]!);
    let [reads, over] = [0, false];
    const reading = (async () => {
      while (!over) {
        const lineage = join(folder, 'live', await readlink(at('live', 'a.test')));
        const [chain, key] = await Promise.all(
          ['fullchain.pem', 'privkey.pem'].map((file) =>
            readFile(join(lineage, file), 'utf8').catch(() => undefined),
          ),
        );
        if (chain !== undefined && key !== undefined)
          expect(all.find((candidate) => candidate.chain === chain)?.privateKey).toBe(key);
        reads += 1;
      }
    })();
    for (const next of all) await deployFiles({ directory: folder }, next);
    over = true;
    await reading;
    expect(reads).toBeGreaterThan(5);
    expect(await readdir(at('archive', 'a.test'))).toHaveLength(3);
    expect((await readdir(at('live', 'a.test'))).sort()).toEqual([
      'cert.pem',
      'chain.pem',
      'fullchain.pem',
      'privkey.pem',
    ]);
    expect(await readdir(at('live'))).toEqual(['a.test']);
  });
  it('is repaired where it was left half-done, and changes nothing when repeated', async () => {
    const issued = await bundle(['*.a.test']);
    await mkdir(at('archive', '_wildcard.a.test', issued.serialNumber), { recursive: true });
    await writeFile(at('archive', '_wildcard.a.test', issued.serialNumber, 'privkey.pem'), 'half');
    await expect(deployFiles({ directory: folder }, issued)).resolves.toMatchObject({
      changed: true,
    });
    expect(await readFile(at('live', '_wildcard.a.test', 'privkey.pem'), 'utf8')).toBe(
      issued.privateKey,
    );
    await expect(deployFiles({ directory: folder }, issued)).resolves.toMatchObject({
      changed: false,
    });
  });
  it('keeps owner, group and mode from certificate to certificate', async () => {
    await deployFiles({ directory: folder }, await bundle());
    await chmod(at('live', 'a.test', 'privkey.pem'), 0o640);
    if (process.getuid?.() === 0) await chown(at('live', 'a.test', 'privkey.pem'), 0, 4321);
    const { gid } = await stat(at('live', 'a.test', 'privkey.pem'));
    await deployFiles({ directory: folder }, await bundle());
    const next = await stat(at('live', 'a.test', 'privkey.pem'));
    expect([next.gid, next.mode & 0o777]).toEqual([gid, 0o640]);
  });
  it('has no file for a key that cannot leave its device, and refuses to write one', async () => {
    const issued = { ...(await bundle()), privateKey: undefined };
    const { paths } = await deployFiles({ directory: folder }, issued);
    expect((await readdir(at('live', 'a.test'))).sort()).toEqual([
      'cert.pem',
      'chain.pem',
      'fullchain.pem',
    ]);
    expect(
      hookEnvironment('deploy', { bundle: issued, paths, environment: {} }),
    ).not.toHaveProperty('ACMEX_KEY_PATH');
    await deployFiles({ certPath: at('cert.pem') }, issued);
    for (const target of [{ keyPath: at('key.pem') }, { combinedPath: at('all.pem') }])
      await expect(deployFiles(target, issued)).rejects.toMatchObject({
        code: 'ERR_DEPLOY_TARGET',
        message: expect.stringMatching(/is in a device and cannot be written/),
      });
    expect((await readdir(folder)).sort()).toEqual(['archive', 'cert.pem', 'live']);
  });
  it('keeps what is in its archive and is not the folder of a serial number', async () => {
    await deployFiles({ directory: folder }, await bundle());
    const archive = (...names: string[]) => at('archive', 'a.test', ...names);
    await mkdir(archive('notes'));
    await writeFile(archive('abcd'), 'a file');
    await mkdir(at('precious'));
    await writeFile(at('precious', 'file'), 'precious');
    await symlink(at('precious'), archive('0abc'));
    for (let count = 0; count < 5; count += 1)
      await deployFiles({ directory: folder }, await bundle());
    expect(await readdir(archive())).toEqual(expect.arrayContaining(['notes', 'abcd', '0abc']));
    expect(await readdir(archive())).toHaveLength(6);
    expect(await readFile(at('precious', 'file'), 'utf8')).toBe('precious');
  });
  it.each(['', '..', 'a/b', '.hidden'])('is refused with the name "%s"', async (name) => {
    await expect(deployFiles({ directory: folder, name }, await bundle())).rejects.toMatchObject({
      code: 'ERR_DEPLOY_TARGET',
    });
  });
  it('touches nothing that is not its own', async () => {
    await mkdir(at('live', 'a.test'), { recursive: true });
    await expect(deployFiles({ directory: folder }, await bundle())).rejects.toMatchObject({
      code: 'ERR_DEPLOY_TARGET',
    });
  });
  it('gets a name that is not a path', () => {
    expect(folderName(['../../etc'])).toBe('__.._etc');
    expect(folderName(['2001:db8::1'])).toBe('2001_db8__1');
  });
});

describe('a hook', () => {
  const program = async (text: string, mode = 0o700) => {
    await writeFile(at('hook'), `#!/bin/sh\n${text}\n`, { mode });
    return at('hook');
  };
  const env = { PATH: process.env.PATH ?? '' };

  it('sees the certificate in the words of acmex, certbot and lego, and nothing else of the environment', async () => {
    const issued = await bundle(['a.test', 'b.test']);
    const seen = await runHook([await program('env | sort')], {
      env: hookEnvironment('deploy', {
        bundle: issued,
        paths: { fullchain: '/x/c.pem', privateKey: '/x/k.pem' },
        environment: { ...env, TOKEN: 'canary' },
      }),
    });
    expect(seen).toContain(`ACMEX_NAMES=a.test b.test\n`);
    expect(seen).toContain('RENEWED_LINEAGE=/x\n');
    expect(seen).toContain('RENEWED_DOMAINS=a.test b.test\n');
    expect(seen).toContain('LEGO_HOOK_CERT_PATH=/x/c.pem\n');
    expect(seen).not.toContain('canary');
    expect(seen).not.toContain('PRIVATE KEY');
  });
  it('is called with its arguments as they are, and no shell in between', async () => {
    expect(await runHook([await program('printf "%s|" "$@"'), '$(id)', 'a b', ';'], { env })).toBe(
      '$(id)|a b|;|',
    );
    expect(await runHook(['echo', 'found by PATH'], { env })).toBe('found by PATH\n');
  });
  it('that fails says what it wrote', async () => {
    await expect(
      runHook([await program('echo nginx: bad >&2; exit 3')], { env }),
    ).rejects.toMatchObject({
      code: 'ERR_DEPLOY_HOOK',
      message: expect.stringMatching(/ended with 3: "nginx: bad"/),
    });
    await expect(runHook(['no-such-program'], { env })).rejects.toMatchObject({
      code: 'ERR_DEPLOY_HOOK',
    });
  });
  it('that takes too long is ended with all that it started', async () => {
    const clock = virtualClock();
    const running = runHook([await program(`sleep 300 & echo $! > ${at('pid')}; wait`)], {
      env,
      limit: { seconds: 5 },
      clock,
    });
    running.catch(() => {
      /* checked below */
    });
    for (
      let attempts = 0;
      !(await readFile(at('pid'), 'utf8').catch(() => '')) && attempts < 200;
      attempts += 1
    )
      await systemClock.sleep({ milliseconds: 20 });
    await clock.advance({ seconds: 5 });
    await expect(running).rejects.toMatchObject({
      code: 'ERR_DEPLOY_HOOK',
      message: expect.stringContaining('time limit'),
    });
    const pid = Number(await readFile(at('pid'), 'utf8'));
    for (
      let attempts = 0;
      attempts < 100 &&
      (await readFile(`/proc/${pid}/stat`, 'utf8').then(
        (text) => !/\) Z /.test(text),
        () => false,
      ));
      attempts += 1
    )
      await systemClock.sleep({ milliseconds: 20 });
    await expect(
      readFile(`/proc/${pid}/stat`, 'utf8').then(
        (text) => /\) Z /.test(text),
        () => true,
      ),
    ).resolves.toBe(true);
  });
  it('that others may write is not run', async () => {
    const path = await program('true');
    await import('node:fs/promises').then(({ chmod }) => chmod(path, 0o777));
    await expect(runHook([path], { env })).rejects.toMatchObject({
      code: 'ERR_DEPLOY_UNSAFE',
      message: expect.stringContaining('chmod go-w'),
    });
  });
});

describe('a probe', () => {
  it('waits until the new certificate is served, and says what is served in its place', async () => {
    const [old, next] = [await bundle(), await bundle()];
    const server = createServer({ cert: filesOf(old).fullchain, key: old.privateKey }).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      await expect(
        probe(next.serialNumber, {
          host: '127.0.0.1',
          port,
          serverName: 'a.test',
          within: { milliseconds: 300 },
        }),
      ).rejects.toMatchObject({
        code: 'ERR_DEPLOY_PROBE',
        message: expect.stringContaining(`it shows ${old.serialNumber}`),
      });
      const waiting = probe(next.serialNumber, { host: '127.0.0.1', port, serverName: 'a.test' });
      server.setSecureContext({ cert: filesOf(next).fullchain, key: next.privateKey });
      await expect(waiting).resolves.toBeUndefined();
    } finally {
      server.close();
    }
    await expect(
      probe(next.serialNumber, { host: '127.0.0.1', port, within: { milliseconds: 10 } }),
    ).rejects.toMatchObject({
      code: 'ERR_DEPLOY_PROBE',
      message: expect.stringContaining(`127.0.0.1 port ${port} refuses the connection`),
    });
  });
});

describe('a folder of hooks', () => {
  it('gives its programs in the order of their names, and nothing else', async () => {
    for (const [name, mode] of [
      ['20-b', 0o700],
      ['10-a', 0o755],
      ['.hidden', 0o700],
      ['30-c~', 0o700],
      ['notes', 0o600],
    ] as const)
      await writeFile(at(name), '#!/bin/sh\n', { mode });
    await mkdir(at('40-folder'));
    expect(await hooksIn(folder)).toEqual([at('10-a'), at('20-b')]);
  });
  it('is refused where others could write into it, and where it is not there', async () => {
    await writeFile(at('10-a'), '#!/bin/sh\n', { mode: 0o700 });
    await chmod(folder, 0o777);
    await expect(hooksIn(folder)).rejects.toMatchObject({ code: 'ERR_DEPLOY_UNSAFE' });
    await expect(hooksIn(at('none'))).rejects.toMatchObject({ code: 'ERR_DEPLOY_HOOK' });
  });
});
