import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFile,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, freePort, removeFolder, startProgram } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { compile } from './compiled.testing.ts';
import { contained, type Contained, fileSystem, outside } from './file-system.testing.ts';
import { image, type Image } from './image.testing.ts';
import { type Machine, systemd } from './systemd.testing.ts';

const checkout = join(import.meta.dirname, '../../../..');
const deploy = join(import.meta.dirname, '../../deploy');
const run = promisify(execFile);
/** For servers that share the machine with all other tests. */
const limit = 180_000;

const able =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['--mount', 'true']).status === 0;
(able ? describe : describe.skip)(
  `what is delivered${able ? '' : ' (skipped: file systems are put together by root, on Linux)'}`,
  () => {
    let folder: string;
    let made: Image;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'acmex-image-'));
      const setting = async (name: string) =>
        (await run('npm', ['config', 'get', name], { cwd: checkout })).stdout.trim();
      const authorities = [process.env.NODE_EXTRA_CA_CERTS ?? '', await setting('cafile')].filter(
        (file) => file !== '' && file !== 'null',
      );
      const trusted =
        (await Promise.all(authorities.map(async (file) => await readFile(file, 'utf8'))))
          .join('\n')
          .match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
      await writeFile(
        join(folder, 'npmrc'),
        [
          `registry=${await setting('registry')}`,
          'prefer-offline=true',
          'audit=false',
          'fund=false',
          'update-notifier=false',
          ...trusted.map((certificate) => `ca[]=${JSON.stringify(certificate)}`),
          '',
        ].join('\n'),
      );
      made = await image({
        dockerfile: join(deploy, 'Dockerfile'),
        context: checkout,
        folder,
        mounted: {
          '/root/.npm': `${await setting('cache')}/`,
          '/root/.npmrc': join(folder, 'npmrc'),
        },
        instead: {
          'npm ci': async () => {
            /* what compiles is here already */
          },
          'npm run build -- --projects=@acmex/cli,@acmex/server': async (copy) =>
            await compile(checkout, copy),
        },
      });
    }, 240_000);
    afterAll(async () => {
      await removeFolder(folder);
    });

    /** The data folder as the image makes it, and /tmp. */
    async function volumes(name: string) {
      const [data, temporary] = [join(folder, name, 'data'), join(folder, name, 'tmp')];
      await run('mkdir', ['-p', temporary]);
      await run('chmod', ['1777', temporary]);
      await run('cp', ['-a', outside(made.system, '/var/lib/acmex'), data]);
      return {
        data,
        temporary,
        mounted: { '/var/lib/acmex': `${data}/`, '/tmp': `${temporary}/` },
      };
    }

    describe('the image', () => {
      it('has what running takes, and no sources, tests, tools or npm settings', async () => {
        const { stdout } = await run('find', [
          outside(made.system, '/opt/acmex'),
          '-not',
          '-path',
          '*/node_modules/*',
          '-type',
          'f',
          '-printf',
          '%P\n',
        ]);
        const files = stdout.trim().split('\n');
        expect(
          files.filter(
            (file) =>
              !/^(package\.json|LICENSE-\w+|(apps|packages)\/[\w-]+\/(package\.json|(bin|dist|deploy)\/.*))$/.test(
                file,
              ),
          ),
        ).toEqual([]);
        expect(files).toEqual(
          expect.arrayContaining([
            'apps/cli/bin/acmex.mjs',
            'apps/server/dist/serve.js',
            'packages/dns-cloudflare/dist/sdk.js',
            'LICENSE-MIT',
          ]),
        );
        const modules = await readdir(outside(made.system, '/opt/acmex/node_modules'));
        expect(modules).toEqual(expect.arrayContaining(['fastify', '@acmex', '@nestjs']));
        expect(
          modules.filter((name) =>
            ['jest', 'nx', 'typescript', 'eslint', 'esbuild'].includes(name),
          ),
        ).toEqual([]);
      });

      it(
        'serves as any user of group 0 without a capability, on a read-only file system, is healthy, and ends on SIGTERM',
        async () => {
          const user = { uid: 12_345, gid: 0 };
          const { data, temporary, mounted } = await volumes('any-user');
          const place = `127.0.0.1:${await freePort()}`;
          const inside = async (command: readonly string[]) =>
            await contained(made.system, {
              command,
              env: { ...made.env, ACMEX_SERVER_LISTEN_ADDR: place },
              cwd: made.workdir,
              mounted,
              user,
            });
          {
            await using server = await startProgram({
              ...(await inside([...made.entrypoint, ...made.cmd])),
              ready: (log) => log.includes('listening on'),
              limit: { seconds: 100 },
            });
            await expect((await fetch(`http://${place}/health`)).json()).resolves.toEqual({
              status: 'healthy',
            });
            await expect(
              (await fetch(`http://${place}/health/ready`)).json(),
            ).resolves.toMatchObject({ status: 'healthy' });
            const healthcheck = await inside(made.healthcheck);
            await expect(run(healthcheck.command, [...healthcheck.args])).resolves.toBeDefined();
            const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
            expect(status).toMatch(new RegExp(`^Uid:\\s+${user.uid}\\s+${user.uid}\\s`, 'm'));
            expect(status).toMatch(/^CapBnd:\s+0{16}$/m);
            expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
            const touch = await inside(['touch', '/opt/acmex/mine']);
            await expect(run(touch.command, [...touch.args])).rejects.toMatchObject({
              stderr: expect.stringMatching(/Read-only file system|Permission denied/),
            });
            await server[Symbol.asyncDispose]();
            expect(server.log()).toContain('"msg":"stopped"');
          }
          const healthcheck = await inside(made.healthcheck);
          await expect(run(healthcheck.command, [...healthcheck.args])).rejects.toMatchObject({
            code: 1,
            stderr: expect.stringContaining('ECONNREFUSED'),
          });
          expect(await readdir(temporary)).toEqual([]);
          expect((await stat(join(data, '.acmex/initial-api-key'))).uid).toBe(user.uid);
        },
        limit,
      );

      it(
        'listens for other machines only when the proxy that terminates TLS is configured',
        async () => {
          const { mounted } = await volumes('exposed');
          const { command, args } = await contained(made.system, {
            command: [...made.entrypoint, ...made.cmd],
            env: { ...made.env, ACMEX_SERVER_LISTEN_ADDR: '0.0.0.0:8080' },
            cwd: made.workdir,
            mounted,
            user: { uid: 10_001, gid: 0 },
          });
          await expect(run(command, [...args])).rejects.toMatchObject({
            code: 2,
            stderr: expect.stringContaining('ERR_SERVER_EXPOSED'),
          });
        },
        limit,
      );

      it(
        'keeps its compiled code beside the data of its own user, on a read-only file system',
        async () => {
          const { data, mounted } = await volumes('cache');
          const inside = async (...words: readonly string[]) => {
            const { command, args } = await contained(made.system, {
              command: [...made.entrypoint, ...words, '-o', 'json'],
              env: made.env,
              cwd: made.workdir,
              mounted,
              user: { uid: 10_001, gid: 0 },
            });
            return JSON.parse((await run(command, [...args])).stdout) as object;
          };
          await expect(inside('cert', 'list')).resolves.toEqual([]);
          expect(await readdir(data)).toEqual(['.cache']);
          await expect(inside('server', 'key', 'create')).resolves.toHaveProperty('key');
          expect(await readdir(data)).toEqual(
            expect.arrayContaining(['.acmex', '.cache', 'FORMAT']),
          );
          expect(await readdir(join(data, '.cache/acmex'))).toEqual(['compiled']);
        },
        limit,
      );
    });

    describe('the services of compose.yaml', () => {
      interface Service {
        readonly command: readonly string[];
        readonly healthcheck?: { readonly test: readonly string[] };
        readonly environment: Readonly<Record<string, string>>;
      }
      let services: Readonly<Record<'redis' | 'api' | 'worker', Service>>;
      let redis: Awaited<ReturnType<typeof startProgram>>;
      let inRedis: (command: readonly string[]) => ReturnType<typeof contained>;
      let port: number;

      beforeAll(async () => {
        ({ services } = parse(await readFile(join(deploy, 'compose.yaml'), 'utf8'), {
          merge: true,
        }) as { readonly services: typeof services });
        port = await freePort();
        const data = join(folder, 'redis');
        await mkdir(data);
        await chown(data, 999, 999);
        for (const [name, text] of [
          ['redis-password', 'correct horse\\battery"staple\n'],
          ['storage-key', randomBytes(32).toString('hex')],
        ] as const)
          await writeFile(join(folder, name), text, { mode: 0o440 });
        await writeFile(join(folder, 'acmex.toml'), '[server]\nhosts = ["acmex.example.com"]\n');
        const system = await fileSystem(join(folder, 'redis-system'));
        const options: Omit<Contained, 'command'> = {
          env: {},
          cwd: '/data',
          user: { uid: 999, gid: 999, groups: [0] },
          mounted: {
            '/data': `${data}/`,
            '/run/secrets/redis-password': join(folder, 'redis-password'),
          },
        };
        // As Compose hands it to a shell, on a port of this test's own.
        inRedis = async (command) =>
          await contained(system, {
            ...options,
            command: command.map((word) =>
              word
                .replaceAll('$$', '$')
                .replace('redis-server -', `redis-server - --bind 127.0.0.1 --port ${port}`)
                .replace('redis-cli', `redis-cli -p ${port}`),
            ),
          });
        redis = await startProgram({
          ...(await inRedis(services.redis.command)),
          ready: (log) => log.includes('Ready to accept connections'),
        });
      }, limit);
      afterAll(async () => {
        await redis?.[Symbol.asyncDispose]();
      });

      it(
        'Redis takes its password from the secret, shows it to no list of processes, and keeps what it is given',
        async () => {
          const ask = async (line: string) => {
            const { command, args } = await inRedis(['sh', '-c', line]);
            return (await run(command, [...args])).stdout.trim();
          };
          const { command, args } = await inRedis([
            'sh',
            '-c',
            services.redis.healthcheck!.test[1]!,
          ]);
          await expect(run(command, [...args])).resolves.toBeDefined();
          expect(await ask('redis-cli ping')).toContain('NOAUTH');
          for (const [setting, value] of Object.entries({
            appendonly: 'yes',
            appendfsync: 'everysec',
            'maxmemory-policy': 'noeviction',
          }))
            expect(
              await ask(
                `REDISCLI_AUTH=$(cat /run/secrets/redis-password) redis-cli config get ${setting}`,
              ),
            ).toBe(`${setting}\n${value}`);
          expect(await readFile(`/proc/${redis.pid}/cmdline`, 'utf8')).not.toContain('horse');
          expect(await readdir(join(folder, 'redis'))).toEqual(['appendonlydir']);
        },
        limit,
      );

      it(
        'an API process and a worker share that Redis, and each is healthy by its own health check',
        async () => {
          await appendFile(outside(made.system, '/etc/hosts'), '127.0.0.1 redis\n');
          const secrets = Object.fromEntries(
            ['redis-password', 'storage-key'].map((secret) => [
              `/run/secrets/${secret}`,
              join(folder, secret),
            ]),
          );
          const start = async (name: 'api' | 'worker') => {
            const { mounted } = await volumes(name);
            const place = `127.0.0.1:${await freePort()}`;
            // As Compose has it, at places of this test's own.
            const env = Object.fromEntries(
              Object.entries(services[name].environment).map(([key, value]) => [
                key,
                key.endsWith('LISTEN_ADDR')
                  ? value.replace(/:\d+$/, `:${place.split(':')[1]}`)
                  : value.replace('redis:6379', `redis:${port}`),
              ]),
            );
            const inside = async (command: readonly string[]) =>
              await contained(made.system, {
                command,
                env: { ...made.env, ...env },
                cwd: made.workdir,
                mounted: {
                  ...mounted,
                  ...secrets,
                  '/etc/acmex/acmex.toml': join(folder, 'acmex.toml'),
                },
                user: { uid: 10_001, gid: 0 },
              });
            const program = await startProgram({
              ...(await inside([...made.entrypoint, ...services[name].command])),
              ready: (log) => log.includes('SIGTERM stops it'),
              limit: { seconds: 100 },
            });
            const within = async (line: readonly string[]) => {
              const { command, args } = await inside(line);
              return await run(command, [...args]);
            };
            return {
              place,
              run: within,
              check: async () =>
                await within(services[name].healthcheck?.test.slice(1) ?? made.healthcheck),
              [Symbol.asyncDispose]: program[Symbol.asyncDispose].bind(program),
            };
          };
          await using api = await start('api');
          {
            await using worker = await start('worker');
            for (const { place, check } of [api, worker]) {
              await expect(check()).resolves.toBeDefined();
              // Somebody has looked for what is due, and said so.
              await eventually(
                async () =>
                  (
                    (await (await fetch(`http://${place}/health/ready`)).json()) as {
                      readonly status: string;
                    }
                  ).status === 'healthy',
              );
            }
            const key = (
              await api.run([
                'acmex',
                'server',
                'key',
                'create',
                '--title',
                'Web team',
                '--scopes',
                'certificates:read',
              ])
            ).stdout.trim();
            expect(
              await Promise.all(
                [api, worker].map(
                  async ({ place }) =>
                    (
                      await fetch(`http://${place}/api/certificates`, {
                        headers: { 'x-api-key': key },
                      })
                    ).status,
                ),
              ),
            ).toEqual([200, 404]);
            await worker[Symbol.asyncDispose]();
            await expect(worker.check()).rejects.toMatchObject({
              code: 1,
              stderr: expect.stringContaining('ECONNREFUSED'),
            });
          }
        },
        limit,
      );
    });

    describe('the units, on a machine that systemd runs', () => {
      let machine: Machine;
      let place: string;
      const properties = async (unit: string, ...names: readonly string[]) =>
        Object.fromEntries(
          (
            await machine.run(
              'systemctl',
              'show',
              unit,
              ...names.map((name) => `--property=${name}`),
            )
          )
            .split('\n')
            .map((line) => line.split(/=(.*)/s).slice(0, 2)),
        );

      beforeAll(async () => {
        const { system } = made;
        const at = (path: string) => outside(system, path);
        for (const directory of [
          '/etc/systemd/system',
          '/etc/sysusers.d',
          '/etc/acmex',
          '/etc/credstore',
        ])
          await mkdir(at(directory), { recursive: true });
        for (const file of await readdir(join(deploy, 'systemd')))
          await writeFile(
            join(at('/etc/systemd/system'), file),
            await readFile(join(deploy, 'systemd', file)),
          );
        await writeFile(
          at('/etc/sysusers.d/acmex.conf'),
          await readFile(join(deploy, 'sysusers.d/acmex.conf')),
        );
        await rm(at('/var/lib/acmex'), { recursive: true });
        place = `127.0.0.1:${await freePort()}`;
        await writeFile(
          at('/etc/acmex/acmex.toml'),
          `[server]\nlisten_addr = "${place}"\n[storage]\nbackend = "encrypted"\n[storage.file]\npath = "/var/lib/acmex"\n[storage.encrypted]\ninner_backend = "file"\nencryption_key = { file = "\${CREDENTIALS_DIRECTORY}/acmex.storage-key" }\n`,
        );
        await writeFile(at('/etc/credstore/acmex.storage-key'), randomBytes(32).toString('hex'), {
          mode: 0o600,
        });
        machine = await systemd(system);
        await machine.run('systemd-sysusers');
      }, limit);
      afterAll(async () => {
        await machine?.[Symbol.asyncDispose]();
      });

      it(
        'acmex-server serves as a user of its own with one capability, behind a filter of system calls, and opens its storage with a key that root alone may read',
        async () => {
          await machine.run('systemctl', 'start', 'acmex-server.service');
          await served(place);
          const { MainPID: pid, User: user } = await properties(
            'acmex-server.service',
            'MainPID',
            'User',
          );
          expect(user).toBe('acmex');
          const status = await machine.run('cat', `/proc/${pid}/status`);
          expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
          expect(status).toMatch(/^Seccomp:\s+2$/m);
          expect(status).toMatch(/^CapBnd:\s+0000000000000400$/m);
          expect(status).toMatch(/^CapEff:\s+0000000000000400$/m);
          expect(await machine.run('stat', '-c', '%U %a', '/var/lib/acmex')).toBe('acmex 700');
          expect(await machine.run('stat', '-c', '%U %a', '/var/cache/acmex')).toBe('acmex 700');
          expect(await machine.run('ls', '/var/cache/acmex/acmex')).toBe('compiled');
        },
        limit,
      );

      it(
        'reloads its configuration at systemctl reload',
        async () => {
          await machine.run('systemctl', 'reload', 'acmex-server.service');
          await logged('acmex-server.service', 'the configuration was reloaded');
        },
        limit,
      );

      it(
        'lets root use the program by hand as the service does, with its user and its key',
        async () => {
          const listed = await machine.run(
            'systemd-run',
            '--pipe',
            '--wait',
            '--quiet',
            '--property=User=acmex',
            '--property=LoadCredential=acmex.storage-key',
            '--setenv=XDG_STATE_HOME=/var/lib',
            'acmex',
            'server',
            'key',
            'list',
            '-o',
            'json',
          );
          expect(JSON.parse(listed)).toEqual([expect.objectContaining({ title: 'initial' })]);
        },
        limit,
      );

      it(
        'acmex-renew runs beside the server, and its timer within two hours',
        async () => {
          await machine.run('systemctl', 'start', 'acmex-renew.service', 'acmex-renew.timer');
          expect(await properties('acmex-renew.service', 'Result', 'ExecMainStatus')).toEqual({
            Result: 'success',
            ExecMainStatus: '0',
          });
          const { NextElapseUSecRealtime: next } = await properties(
            'acmex-renew.timer',
            'NextElapseUSecRealtime',
          );
          const wait =
            Number(await machine.run('date', '-d', next!, '+%s')) -
            Number(await machine.run('date', '+%s'));
          expect(wait).toBeGreaterThanOrEqual(0);
          expect(wait).toBeLessThan(7200);
        },
        limit,
      );

      it(
        'acmex-server ends in order, is started again when it was killed, and not when its configuration is wrong',
        async () => {
          await machine.run('systemctl', 'kill', '--signal=KILL', 'acmex-server.service');
          await served(place);
          expect((await properties('acmex-server.service', 'NRestarts')).NRestarts).toBe('1');
          await machine.run('systemctl', 'stop', 'acmex-server.service');
          expect(
            await properties('acmex-server.service', 'Result', 'ExecMainStatus', 'ActiveState'),
          ).toEqual({ Result: 'success', ExecMainStatus: '0', ActiveState: 'inactive' });
          await writeFile(
            outside(made.system, '/etc/acmex/acmex.toml'),
            '[server]\nlisten_addr = 5\n',
          );
          await machine.run('systemctl', 'start', 'acmex-server.service');
          await logged('acmex-server.service', 'ERR_CONFIG_INVALID');
          await eventually(
            async () =>
              (await properties('acmex-server.service', 'ActiveState')).ActiveState === 'failed',
          );
        },
        limit,
      );

      async function logged(unit: string, text: string): Promise<void> {
        await eventually(async () =>
          (await machine.run('journalctl', '--unit', unit, '--output', 'cat')).includes(text),
        );
      }
    });
  },
);

async function served(place: string): Promise<void> {
  await eventually(async () => (await fetch(`http://${place}/health`)).ok);
}
