import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CompleteBundle } from '@acmex/deploy';
import { deployTargetContract } from '@acmex/deploy/contract';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type DockerStandIn, startDockerStandIn } from './docker.testing.ts';
import { docker, type DockerOptions } from './index.ts';

const memory = { read: async () => undefined, write: async () => undefined };
const bundle: CompleteBundle = {
  id: 'crt_1',
  names: ['a.test'],
  serialNumber: '0a',
  notAfter: '',
  chain: 'the chain',
  privateKey: 'the key',
};
let engine: DockerStandIn;
beforeEach(async () => {
  engine = await startDockerStandIn();
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
});
const target = (more: Partial<DockerOptions> = { label: 'acmex.reload=proxy' }) =>
  docker({
    socket: engine.socket,
    certPath: join(engine.folder, '{name}.pem'),
    keyPath: join(engine.folder, '{name}.key'),
    ...more,
  });
const deploy = async (more: Partial<DockerOptions>) => {
  const staged = await target(more).stage(bundle, { memory });
  await staged.apply({});
  return staged;
};
const events = () => engine.containers.map((container) => container.events);

describe('docker', () => {
  it.each(deployTargetContract)('$title', async ({ check }) => {
    const { inUse, trouble } = engine;
    await check({ target: target(), inUse, trouble, secrets: [] });
  });

  it.each<[string, Partial<DockerOptions>, readonly (readonly string[])[]]>([
    ['those with a label', { label: 'tier' }, [['SIGHUP'], ['SIGHUP'], []]],
    ['the one with a name', { container: 'mail' }, [[], ['SIGHUP'], []]],
    ['those of a signal', { container: 'mail', signal: 'SIGUSR1' }, [[], ['SIGUSR1'], []]],
    ['a restart', { label: 'tier=web', action: 'restart' }, [['restart'], ['restart'], []]],
  ])('reloads the containers: %s', async (_, more, expected) => {
    const staged = await deploy(more);
    expect(events()).toEqual(expected);
    await staged.rollBack({});
    expect(events()).toEqual(expected.map((list) => [...list, ...list]));
    expect(await readdir(engine.folder)).toEqual(['docker.sock']);
  });
  it.each([{ container: 'old' }, { container: 'pro' }, { label: 'acmex.reload=none' }])(
    'writes nothing where no container runs: %j',
    async (more) => {
      await expect(deploy(more)).rejects.toMatchObject({
        code: 'ERR_DEPLOY_REFUSED',
        message: expect.stringMatching(/^docker: no container runs that .*(old|pro|none)/),
      });
      expect(await readdir(engine.folder)).toEqual(['docker.sock']);
    },
  );
  it('says what the engine refuses', async () => {
    await expect(deploy({ container: 'mail', signal: 'SIGFOO' })).rejects.toMatchObject({
      code: 'ERR_DEPLOY_REFUSED',
      message: expect.stringContaining('invalid signal: SIGFOO'),
    });
  });
  it('says that no engine listens at the socket', async () => {
    const socket = join(engine.folder, 'none.sock');
    await expect(deploy({ container: 'mail', socket })).rejects.toMatchObject({
      code: 'ERR_DEPLOY_UNREACHABLE',
      message: expect.stringContaining(`${socket}: it does not exist, ENOENT`),
    });
  });
  it('gives the files to the user of the container', async () => {
    await deploy({ container: 'mail', owner: String(process.getuid?.()) });
    expect(await readFile(join(engine.folder, 'a.test.key'), 'utf8')).toBe('the key');
    await expect(deploy({ container: 'mail', owner: 'no-such-user' })).rejects.toMatchObject({
      code: 'ERR_DEPLOY_TARGET',
    });
  });
  it.each<[string, Partial<DockerOptions>]>([
    ['neither a container nor a label', {}],
    ['both', { container: 'a', label: 'b' }],
    ['a name with a slash', { container: '../a' }],
    ['a label with a space', { label: 'a b' }],
    ['a signal that is not one', { container: 'a', signal: 'HUP&x' }],
    ['a signal for a restart', { container: 'a', signal: 'SIGHUP', action: 'restart' }],
  ])('refuses %s', (_, more) => {
    expect(() => target(more)).toThrow(RangeError);
  });
});
