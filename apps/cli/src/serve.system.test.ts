import { mkdtemp, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '@acmex/services';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { acmex } from './terminal.testing.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-'));
});
afterEach(async () => {
  await removeFolder(folder);
});

async function freePlace(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${port}`;
}

/** `acmex serve` until the work is done. */
async function serving(args: readonly string[], work: (url: string) => Promise<void>) {
  const stop = new AbortController();
  const said: string[] = [];
  let began: (url: string) => void;
  const url = new Promise<string>((resolve) => {
    began = resolve;
  });
  const place = await freePlace();
  const running = acmex(['serve', '--addr', place, '--storage', join(folder, 'data'), ...args], {
    signal: stop.signal,
    env: { HOME: folder },
    onStderr: (text) => {
      said.push(text);
      if (text.includes('listening')) began(`http://${place}`);
    },
  });
  const first = await Promise.race([url, running]);
  if (typeof first !== 'string') throw new Error(first.stderr);
  try {
    await work(first);
  } finally {
    stop.abort('SIGTERM');
  }
  return await running;
}
const status = async (url: string, key: string) =>
  (await fetch(`${url}/api/keys`, { headers: { 'x-api-key': key } })).status;

it('serves with nothing configured, shows where the first key is, and never writes a key to a log', async () => {
  let key = '';
  const { code, stderr, stdout } = await serving([], async (url) => {
    const file = join(folder, 'data/.acmex/initial-api-key');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    key = (await readFile(file, 'utf8')).trim();
    expect(await status(url, key)).toBe(200);
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });
  expect([code, stdout, stderr.includes('initial-api-key'), stderr.includes(key)]).toEqual([
    0,
    '',
    true,
    false,
  ]);
  for (const line of stderr.split('\n').filter((text) => text.startsWith('{')))
    expect(JSON.parse(line)).toMatchObject({
      time: expect.any(String),
      level: 'info',
      msg: expect.any(String),
    });
});

it('takes keys that were made on its machine, while it runs', async () => {
  const make = async (...args: readonly string[]) =>
    await acmex(['server', 'key', ...args, '--storage', join(folder, 'data')], {
      env: { HOME: folder },
    });
  await serving([], async (url) => {
    const { stdout: key } = await make(
      'create',
      '--title',
      'Web team',
      '--scopes',
      'keys:read,orders:read',
      '--names',
      '*.web.test',
    );
    expect(await status(url, key.trim())).toBe(200);
    const listed = JSON.parse((await make('list', '-o', 'json')).stdout) as readonly {
      id: string;
      title: string;
    }[];
    expect(listed.map(({ title }) => title)).toEqual(['initial', 'Web team']);
    expect(JSON.stringify(listed)).not.toContain(key.trim().split('.')[2]);
    await expect(make('revoke', listed[1]!.id)).resolves.toMatchObject({ code: 0 });
    expect(await status(url, key.trim())).toBe(401);
  });
  await expect(make('create', '--scopes', 'everything')).resolves.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('is not a scope: use certificates:read'),
  });
  await expect(make('create', '--tenant', 'unknown')).resolves.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/"unknown": use default[^]*ERR_SERVER_TENANT/),
  });
  await expect(make('create', '--tenant', 'default')).resolves.toMatchObject({ code: 0 });
});

it('refuses an address that others can reach, and one that is taken', async () => {
  await expect(
    acmex(['serve', '--addr', '0.0.0.0:18080', '--storage', join(folder, 'data')], {
      env: { HOME: folder },
    }),
  ).resolves.toMatchObject({ code: 2, stderr: expect.stringContaining('ERR_SERVER_EXPOSED') });
  await serving([], async (url) => {
    await expect(
      acmex(['serve', '--addr', new URL(url).host, '--storage', join(folder, 'other')], {
        env: { HOME: folder },
      }),
    ).resolves.toMatchObject({
      code: 3,
      stderr: expect.stringContaining('another program uses it'),
    });
  });
});
