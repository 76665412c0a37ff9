import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import {
  canMount,
  type DnsServer,
  freePort,
  hostileUserId,
  startDnsServer,
  type TemporaryFolder,
  temporaryFolder,
} from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type OwnCa, ownCa } from '../own-ca.testing.ts';
import { servingProgram } from '../server/serving-program.testing.ts';

/** The user `daemon`, whom every system has. */
const daemonId = 1;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
async function run(
  command: readonly string[],
  { env = {}, user }: { readonly env?: NodeJS.ProcessEnv; readonly user?: number } = {},
): Promise<Outcome> {
  const [program = '', ...args] = command;
  return await new Promise((resolve) => {
    const options = { env: { PATH: process.env.PATH, ...env }, uid: user, gid: user };
    const child = execFile(program, args, options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

interface Seen {
  readonly findings: readonly {
    readonly code: string;
    readonly subject: string;
    readonly saw: string;
    readonly cure: string;
  }[];
  readonly checks: readonly {
    readonly check: string;
    readonly subject: string;
    readonly state: string;
    readonly saw?: string;
  }[];
}

(canMount ? describe : describe.skip)(
  `acmex check --as-service${canMount ? '' : ' (skipped: only root on Linux can become a different user)'}`,
  () => {
    let folder: TemporaryFolder;
    let ca: OwnCa;
    let names: DnsServer;
    let acmex: readonly string[];
    const at = (...path: readonly string[]) => join(folder.path, ...path);
    beforeAll(async () => {
      folder = await temporaryFolder('as-service');
      await chmod(folder.path, 0o755);
      [ca, names] = await Promise.all([ownCa({}), startDnsServer({})]);
      await writeFile(at('root.pem'), ca.root);
      // Other users may not be able to read the checkout.
      const program = at('acmex.mjs');
      await copyFile(await servingProgram(), program);
      acmex = [process.execPath, program];
    });
    afterAll(async () => {
      await ca?.[Symbol.asyncDispose]();
      await names?.[Symbol.asyncDispose]();
      await folder?.[Symbol.asyncDispose]();
    });
    /** Writes a configuration with the CA and a storage of this name. */
    const configure = async (storage: string, toml: string) => {
      const file = at(`${storage}.toml`);
      await writeFile(
        file,
        `[acme]\nca = "custom"\nca_custom_url = "${ca.directory}"\nca_certificate = "${at('root.pem')}"\n[storage.file]\npath = "${at(storage)}"\n[challenge.dns01]\nresolvers = ["${names.address}"]\n${toml}`,
      );
      return file;
    };
    const check = async (config: string, ...more: readonly string[]) => {
      const outcome = await run([
        ...acmex,
        ...['check', '--json', '--service-user', 'daemon', '--config', config],
        ...more,
      ]);
      return { ...outcome, seen: JSON.parse(outcome.stdout || '{}') as Seen };
    };
    const codesOf = ({ findings }: Seen) =>
      findings.map(({ subject, code }) => `${subject} ${code}`).sort();
    /** Makes a folder of this user. */
    const folderOf = async (user: number, ...path: readonly string[]) => {
      await mkdir(at(...path), { recursive: true });
      await chown(at(...path), user, user);
      return at(...path);
    };

    it('finds for each certificate what the user of the service cannot read, write, run or listen on', async () => {
      await folderOf(daemonId, 'data');
      await folderOf(0, 'closed');
      await folderOf(0, 'sticky');
      await chmod(at('sticky'), 0o1777);
      await writeFile(at('sticky/a.pem'), 'of root');
      await folderOf(daemonId, 'open');
      await writeFile(at('token'), 'secret', { mode: 0o600 });
      await writeFile(at('hook'), '#!/bin/sh\n', { mode: 0o700 });
      const port = await freePort();
      const holder = createServer();
      await once(holder.listen(port, '127.0.0.1'), 'listening');
      const closedPort = await freePort();
      const deployed = (name: string, toml: string) =>
        `[[certificates]]\nnames = ["${name}.test"]\n${toml}\n`;
      const config = await configure(
        'data',
        `[challenge.http01]\nlisten_addr = "127.0.0.1:${port}"\n[renewal.hooks]\ndeploy = ["${at('hook')}"]\n[deploy.vault]\ntype = "vault"\nurl = "https://127.0.0.1:1"\npath = "x"\ntoken = { file = "${at('token')}" }\nprobe = "127.0.0.1:${closedPort}"\n${[
          deployed('closed', `deploy = [{ key_path = "${at('closed/a.pem')}" }]`),
          deployed('sticky', `deploy = [{ key_path = "${at('sticky/a.pem')}" }]`),
          deployed('owner', `deploy = [{ key_path = "${at('open/a.pem')}", owner = "root" }]`),
          deployed('hook', `hooks = { deploy = ["${at('hook')}"] }`),
          deployed('vault', 'deploy_to = ["vault"]'),
          deployed('whole', `deploy = [{ key_path = "${at('open/b.pem')}" }]`),
        ].join('')}`,
      );
      const { code, seen, stderr } = await check(config);
      holder.close();
      expect([stderr, codesOf(seen)]).toEqual([
        '',
        [
          'closed.test ERR_CHALLENGE_PORT_IN_USE',
          'closed.test ERR_DEPLOY_FILE',
          'deploy target vault ERR_CHECK_TARGET_SERVER',
          'deploy target vault ERR_CONFIG_CREDENTIAL',
          'hook.test ERR_CHALLENGE_PORT_IN_USE',
          'hook.test ERR_DEPLOY_HOOK',
          'hooks ERR_DEPLOY_HOOK',
          'owner.test ERR_CHALLENGE_PORT_IN_USE',
          'owner.test ERR_DEPLOY_FILE',
          'sticky.test ERR_CHALLENGE_PORT_IN_USE',
          'sticky.test ERR_DEPLOY_FILE',
          'vault.test ERR_CHALLENGE_PORT_IN_USE',
          'whole.test ERR_CHALLENGE_PORT_IN_USE',
        ],
      ]);
      expect(code).toBe(2);
      // The process of a different user is not to be seen, and its user is.
      expect(seen.findings.find(({ code: each }) => each.endsWith('IN_USE'))?.saw).toMatch(
        /a process of the user root has it$/,
      );
      expect(
        await Promise.all(
          ['closed', 'sticky', 'open'].map(async (each) => await readdir(at(each))),
        ),
      ).toEqual([[], ['a.pem'], []]);
    });

    it('finds a webroot that is closed to the user, and nothing in one that is open', async () => {
      await folderOf(daemonId, 'web-data');
      const webroot = await folderOf(0, 'web');
      const config = await configure(
        'web-data',
        `[challenge.http01]\nwebroot = "${webroot}"\n[[certificates]]\nnames = ["web.test"]\n`,
      );
      const closed = await check(config);
      expect(codesOf(closed.seen)).toContain('web.test ERR_CHALLENGE_WEBROOT');
      await chown(webroot, daemonId, daemonId);
      const { seen } = await check(config);
      expect(seen.checks).toContainEqual(
        expect.objectContaining({ check: 'challenge', subject: 'web.test', state: 'passed' }),
      );
      expect(await readdir(webroot)).toEqual([]);
    });

    it('finds a file of the storage that root has made, and who should have it', async () => {
      const config = await configure(
        'root-data',
        `[challenge.http01]\nwebroot = "${at('open')}"\n[[certificates]]\nnames = ["a.test"]\n`,
      );
      expect((await run([...acmex, 'cert', 'list', '--config', config])).code).toBe(0);
      await run([...acmex, 'check', 'a.test', '--config', config]);
      const { code, seen } = await check(config);
      expect([code, codesOf(seen)]).toEqual([3, ['storage ERR_CHECK_FILE_ACCESS']]);
      expect(seen.findings[0]?.saw).toContain(`the user daemon cannot use ${at('root-data')}`);
      const cure = /chown -R daemon \S+(?=;)/.exec(seen.findings[0]?.cure ?? '')?.[0] ?? '';
      expect((await run(cure.split(' '))).code).toBe(0);
      const cured = await check(config);
      expect(cured.seen.checks.filter(({ check: kind }) => kind === 'storage')).toEqual([
        expect.objectContaining({ state: 'passed' }),
        expect.objectContaining({ state: 'passed' }),
      ]);
    });

    it('is refused for a user who is neither root nor the service, with the command that works', async () => {
      const command = [...acmex, 'check', '--as-service', '--service-user', 'daemon'];
      const outcome = await run(command, { user: hostileUserId });
      expect(outcome).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/sudo -u daemon acmex check.*\[ERR_CLI_SERVICE_USER\]/s),
      });
      expect(await run([...acmex, 'check', '--service-user', 'no-such-user'])).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('this machine has no user "no-such-user"'),
      });
    });

    it('runs with the user, credentials, variables and capabilities of the unit, and finds what it protects', async () => {
      const keys = at('key');
      expect((await run([...acmex, 'storage', 'new-key', keys])).code).toBe(0);
      await folderOf(daemonId, 'state', 'acmex');
      await folderOf(daemonId, 'certificates');
      await configure(
        'unit',
        `[storage.encrypted]\nencryption_key = { file = "\${CREDENTIALS_DIRECTORY}/acmex.storage-key" }\n[challenge.http01]\nlisten_addr = "127.0.0.3:81"\n[[certificates]]\nnames = ["unit.test"]\ndeploy = [{ key_path = "${at('certificates/a.pem')}" }]\n`,
      );
      await writeFile(
        at('acmex-renew.service'),
        `[Service]\nUser=daemon\nEnvironment="UNIT_CONFIG=${at('unit.toml')}" ACMEX_STORAGE=${at('state', 'acmex')}\nLoadCredential=acmex.storage-key:${keys}\nAmbientCapabilities=CAP_NET_BIND_SERVICE\nProtectSystem=strict\nReadWritePaths=${at('state')}\n`,
      );
      const inUnit = async () =>
        await run([
          'unshare',
          '--mount',
          'sh',
          '-c',
          'mount -t tmpfs tmpfs /etc/systemd && mkdir /etc/systemd/system && cp "$1" /etc/systemd/system && shift && exec "$@"',
          'sh',
          at('acmex-renew.service'),
          ...acmex,
          ...['check', '--json', '--as-service', '--config', at('unit.toml')],
        ]);
      const { stdout, stderr } = await inUnit();
      expect(stderr).toBe('');
      const seen = JSON.parse(stdout) as Seen;
      expect(seen.findings.filter(({ code }) => !code.startsWith('ERR_CHECK_NO_'))).toEqual([
        expect.objectContaining({
          code: 'ERR_CHECK_SERVICE_PATH',
          subject: 'unit.test',
          cure: `systemctl edit acmex-renew.service: add ReadWritePaths=${at('certificates')} below [Service].`,
        }),
      ]);
      // Port 81 takes the capability of the unit.
      expect(seen.checks).toContainEqual(
        expect.objectContaining({ check: 'challenge', subject: 'unit.test', state: 'passed' }),
      );
      expect((await readdir('/run')).filter((entry) => entry.startsWith('acmex-check-'))).toEqual(
        [],
      );
    });
  },
);
