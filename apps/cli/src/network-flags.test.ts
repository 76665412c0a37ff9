import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, removeFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { acmex } from './terminal.testing.ts';

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-network-'));
  await writeFile(at('key'), 'a-key-of-the-server', { mode: 0o600 });
  await writeFile(at('acmex.toml'), '', { mode: 0o600 });
});
afterAll(() => removeFolder(folder));

describe('--proxy', () => {
  it('is used by acmex agent for its requests to the server', async () => {
    const asked: string[] = [];
    const proxy = createServer().on('connect', ({ url = '' }, socket) => {
      asked.push(url);
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const { port } = proxy.address() as AddressInfo;
    const outcome = await acmex([
      ...['agent', '--once', '--server', 'https://server.test', '--key-file', at('key')],
      ...['--directory', at('agent'), '--proxy', `http://127.0.0.1:${port}`],
    ]);
    proxy.close();
    expect(outcome.code).not.toBe(0);
    expect(new Set(asked)).toEqual(new Set(['server.test:443']));
  });

  it('is refused by acmex agent when it is not the URL of an HTTP proxy', async () => {
    const outcome = await acmex([
      ...['agent', '--once', '--server', 'https://server.test', '--key-file', at('key')],
      ...['--directory', at('agent'), '--proxy', 'ftp://127.0.0.1'],
    ]);
    expect([outcome.code, outcome.stderr]).toEqual([
      2,
      expect.stringContaining('"ERR_CONFIG_INVALID"'),
    ]);
  });

  it('is shown by acmex config show with its source', async () => {
    const show = ['config', 'show', '--config', at('acmex.toml'), '--origin'];
    const { code, stdout } = await acmex([...show, '--proxy', 'http://127.0.0.1:3128']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^network\.proxy +.*127\.0\.0\.1:3128.* --proxy$/m);
  });
});

describe('--answer-http-address and --answer-tls-address', () => {
  it('let acmex daemon answer challenges on these addresses alone', async () => {
    const [http, tls] = [await freePort(), await freePort()];
    const stop = new AbortController();
    const started = new EventTarget();
    const isStarted = once(started, 'started');
    const daemon = acmex(
      [
        ...['daemon', '--config', at('acmex.toml'), '--storage', at('data')],
        ...['--answer-http', String(http), '--answer-http-address', '127.0.0.2'],
        ...['--answer-tls', String(tls), '--answer-tls-address', '127.0.0.2'],
      ],
      {
        signal: stop.signal,
        onStderr: (text) => {
          if (text.includes('renewing certificates')) started.dispatchEvent(new Event('started'));
        },
      },
    );
    await isStarted;
    const isOpen = async (host: string, port: number) => {
      const socket = connect({ host, port });
      const isConnected = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      socket.destroy();
      return isConnected;
    };
    const [answer] = (await once(
      get(`http://127.0.0.2:${http}/.well-known/acme-challenge/unknown`),
      'response',
    )) as [{ readonly statusCode?: number; resume(): void }];
    answer.resume();
    expect(answer.statusCode).toBe(404);
    expect(await isOpen('127.0.0.2', tls)).toBe(true);
    expect([await isOpen('127.0.0.1', http), await isOpen('127.0.0.1', tls)]).toEqual([
      false,
      false,
    ]);
    stop.abort('SIGTERM');
    expect((await daemon).code).toBe(0);
  });
});
