import { mkdir, mkdtemp, readdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, removeFolder, startPebble } from '@acmex/services';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { acmex, type AcmexOptions } from './terminal.testing.ts';

describeWith(['pebble', 'pebble-challtestsrv'], 'acmex obtain with Pebble', () => {
  let pebble: Awaited<ReturnType<typeof startPebble>>;
  let folder: string;
  beforeAll(async () => {
    pebble = await startPebble({ blockedDomains: ['blocked.test'] });
  });
  afterAll(async () => {
    await pebble?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'acmex-'));
  });
  afterEach(async () => {
    await removeFolder(folder);
  });

  const at = (file: string) => join(folder, file);
  const obtain = (args: readonly string[], options?: AcmexOptions) =>
    acmex(
      [
        'obtain',
        '--server',
        pebble.directory,
        '--ca-certificate',
        pebble.caFile,
        '--storage',
        at('data'),
        '--cert-path',
        at('certificate.pem'),
        '-k',
        at('private_key.pem'),
        '--http-port',
        String(pebble.httpPort),
        ...args,
      ],
      options,
    );

  it('gets a certificate for two names, keeps the key to itself, and shows what it got', async () => {
    const { code, stdout, stderr } = await obtain([
      '-d',
      'a.test,b.test',
      '-e',
      'admin@a.test',
      '--accept-tos',
    ]);
    expect([code, stderr]).toEqual([0, expect.stringContaining('all names are validated')]);
    expect(stderr.split('\n')[0]).toContain(pebble.directory);
    expect(stdout.trimEnd().split('\n').at(-1)).toContain('localhost');
    expect((await stat(at('private_key.pem'))).mode & 0o777).toBe(0o600);
    expect(
      (await readFile(at('certificate.pem'), 'utf8')).match(/BEGIN CERTIFICATE/g)?.length,
    ).toBeGreaterThan(1);
    const info = await acmex(['info', '-c', at('certificate.pem')]);
    expect(info.stdout).toMatch(/names +(a\.test, b\.test|b\.test, a\.test)/);
    expect(info.stdout).toContain('Pebble Intermediate CA');
    expect((await readdir(folder)).sort()).toEqual(['certificate.pem', 'data', 'private_key.pem']);
  });

  it.each([[[]], [['--no-manage']]])(
    'gives the key the mode of --key-mode, and refuses one that everybody may read, with %j',
    async (flags) => {
      const common = ['-d', 'mode.test', '--accept-tos', ...flags];
      const open = await obtain([...common, '--key-mode', '0644']);
      expect([open.code, open.stderr]).toEqual([2, expect.stringContaining('to everyone')]);
      expect(await readdir(folder)).not.toContain('private_key.pem');
      expect(await obtain([...common, '--key-mode', '0640'])).toMatchObject({ code: 0 });
      expect((await stat(at('private_key.pem'))).mode & 0o777).toBe(0o640);
      await obtain([...common, '--force']);
      expect((await stat(at('private_key.pem'))).mode & 0o777).toBe(0o640);
    },
  );

  it('keeps one account for a CA, and registers no second time', async () => {
    await obtain(['-d', 'first.test', '--accept-tos']);
    const second = await obtain(['-d', 'second.test', '--force', '--json']);
    expect(second).toMatchObject({ code: 0, stderr: expect.not.stringContaining('account') });
    expect(JSON.parse(second.stdout)).toMatchObject({
      names: ['second.test'],
      certificate: at('certificate.pem'),
    });
    const [account] = await readdir(at('data/account'));
    expect((await stat(at(`data/account/${account}`))).mode & 0o777).toBe(0o600);
  });

  it('makes one account when it is begun twice at once', async () => {
    const run = (name: string) =>
      acmex([
        'obtain',
        '--server',
        pebble.directory,
        '--ca-certificate',
        pebble.caFile,
        '--storage',
        at('data'),
        '--accept-tos',
        '-d',
        `${name}.test`,
        '--webroot',
        at(name),
        '--cert-path',
        at(`${name}.pem`),
        '-k',
        at(`${name}.key`),
      ]);
    // No server serves the webroots, so both exit with 6; the account is what counts.
    await Promise.all(
      ['x', 'y'].map(async (name) => {
        await mkdir(at(name));
        return await run(name);
      }),
    );
    expect(await readdir(at('data/account'))).toHaveLength(1);
  });

  it('agrees to no terms by itself', async () => {
    const { code, stderr } = await obtain(['-d', 'terms.test']);
    expect(stderr).toContain('--accept-tos');
    expect(code).toBe(2);
  });

  it('says which port is in use, and gives its exit code', async () => {
    const blocker = createServer((socket) => {
      socket.destroy();
    }).listen(pebble.httpPort, '::');
    await once(blocker, 'listening');
    const { code, stderr } = await obtain(['-d', 'port.test', '--accept-tos']);
    blocker.close();
    await once(blocker, 'close');
    expect([code, stderr]).toEqual([3, expect.stringContaining(`port ${pebble.httpPort}`)]);
    expect(await readdir(folder)).toEqual(['data']);
  });

  it("says that a CA's own certificate is not trusted", async () => {
    const { code, stderr } = await acmex([
      'obtain',
      '-d',
      'a.test',
      '--server',
      pebble.directory,
      '--storage',
      at('data'),
      '--cert-path',
      at('c.pem'),
      '-k',
      at('k.pem'),
    ]);
    expect([code, stderr]).toEqual([4, expect.stringContaining('ERR_ACME_TLS')]);
  });

  it('shows what a CA refuses', async () => {
    const { code, stderr } = await obtain(['-d', 'blocked.test', '--accept-tos']);
    expect([code, stderr]).toEqual([5, expect.stringContaining('ERR_ACME_REJECTED_IDENTIFIER')]);
  });

  it('names what failed in a validation, and leaves neither a listener nor a file', async () => {
    const { code, stderr } = await acmex([
      'obtain',
      '--server',
      pebble.directory,
      '--ca-certificate',
      pebble.caFile,
      '--storage',
      at('data'),
      '--cert-path',
      at('c.pem'),
      '-k',
      at('k.pem'),
      '--accept-tos',
      '-d',
      'unreachable.test',
      '--http-port',
      String(await freePortNot(pebble.httpPort)),
    ]);
    expect([code, stderr]).toEqual([
      6,
      expect.stringMatching(/unreachable\.test \(http-01\): .*Hint: /),
    ]);
    expect(await readdir(folder)).toEqual(['data']);
  });

  it('cleans up at SIGTERM', async () => {
    const stop = new AbortController();
    const { code } = await obtain(['-d', 'stopped.test', '--accept-tos'], {
      signal: stop.signal,
      onStderr: (text) => {
        if (text.startsWith('order')) stop.abort('SIGINT');
      },
    });
    expect(code).toBe(130);
    expect(await readdir(folder)).toEqual(['data']);
    const free = createServer().listen(pebble.httpPort, '::');
    await once(free, 'listening');
    free.close();
  });
});

async function freePortNot(taken: number): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port === taken ? await freePortNot(taken) : port;
}
