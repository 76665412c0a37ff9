import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  describeWith,
  type Pebble,
  removeFolder,
  startPebble,
  startTinyproxy,
  type Tinyproxy,
} from '@acmex/services';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { acmex } from './terminal.testing.ts';

const credentials = { user: 'corp-user', password: 's3cret' };

describeWith(['pebble', 'pebble-challtestsrv', 'tinyproxy'], 'acmex behind a proxy', () => {
  let pebble: Pebble;
  let proxy: Tinyproxy;
  /** What leads to Pebble, and sees who connects. */
  let relay: Server;
  let directory: string;
  let folder: string;
  const connections: string[] = [];

  beforeAll(async () => {
    [pebble, proxy] = await Promise.all([startPebble(), startTinyproxy({ credentials })]);
    relay = createServer((socket) => {
      connections.push(socket.remoteAddress ?? '');
      const onward = connect(pebble.port, '127.0.0.1');
      socket.on('error', () => onward.destroy()).on('close', () => onward.destroy());
      onward.on('error', () => socket.destroy()).on('close', () => socket.destroy());
      socket.pipe(onward).pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
    directory = `https://localhost:${(relay.address() as AddressInfo).port}/dir`;
    folder = await mkdtemp(join(tmpdir(), 'acmex-proxy-'));
  });
  afterAll(async () => {
    relay.close();
    await proxy[Symbol.asyncDispose]();
    await pebble[Symbol.asyncDispose]();
    await removeFolder(folder);
  });
  beforeEach(() => {
    connections.length = 0;
  });

  const proxyUrl = (password = credentials.password) =>
    `http://${credentials.user}:${password}@127.0.0.1:${proxy.port}`;
  const authority = () => ['--server', directory, '--ca-certificate', pebble.caFile];
  const storage = () => ['--storage', join(folder, 'data')];
  const obtain = async (env: NodeJS.ProcessEnv, more: readonly string[] = []) =>
    await acmex(
      [
        ...['obtain', '-d', 'a.test', '--accept-tos', ...authority(), ...storage()],
        ...['--http-port', String(pebble.httpPort), '--cert-path', join(folder, 'certificate.pem')],
        ...['-k', join(folder, 'key.pem'), ...more],
      ],
      { env },
    );
  const everyone = () => [...new Set(connections)];

  it('obtains, renews and revokes through it alone, by HTTPS_PROXY, [network] or --proxy', async () => {
    expect(await obtain({ HTTPS_PROXY: proxyUrl() })).toMatchObject({ code: 0 });
    const config = join(folder, 'acmex.toml');
    const network = `[network]\nproxy = "\${PROXY}"\nca_certificates = ["${pebble.caFile}"]\n`;
    await writeFile(config, network, { mode: 0o600 });
    const renewed = await acmex(['renew', '--all', '--force', '--config', config, ...storage()], {
      env: { PROXY: proxyUrl(), HTTPS_PROXY: 'http://127.0.0.1:1' },
    });
    expect(renewed).toMatchObject({ code: 0 });
    const revoked = await acmex(['cert', 'revoke', 'a.test', '--proxy', proxyUrl(), ...storage()]);
    expect(revoked).toMatchObject({ code: 0 });
    expect(connections.length).toBeGreaterThan(2);
    expect(everyone()).toEqual([proxy.outgoingAddress]);
  });
  it('manages accounts through it, and trusts the roots of the configuration', async () => {
    const config = join(folder, 'roots.toml');
    await writeFile(config, `[network]\nca_certificates = ["${pebble.caFile}"]\n`, { mode: 0o600 });
    const account = await acmex(
      ['account', 'show', '--server', directory, '--config', config, ...storage()],
      { env: { https_proxy: proxyUrl(), HTTPS_PROXY: 'socks5://127.0.0.1:1' } },
    );
    expect(account).toMatchObject({ code: 0 });
    expect(everyone()).toEqual([proxy.outgoingAddress]);
  });
  it('lets the agent reach its server through it', async () => {
    const keyFile = join(folder, 'api-key');
    await writeFile(keyFile, 'acmex_0123456789abcdef0123456789abcdef', { mode: 0o600 });
    const origin = new URL(directory).origin;
    const agent = await acmex(
      [
        ...['agent', '--server', origin, '--key-file', keyFile, '--once'],
        ...['--directory', join(folder, 'agent'), '--ca-certificate', pebble.caFile],
      ],
      { env: { HTTPS_PROXY: proxyUrl() } },
    );
    expect(agent.code).not.toBe(0); // Pebble is not an AcmeX server
    expect(everyone()).toEqual([proxy.outgoingAddress]);
  });
  it('says what is wrong with a proxy, without its password, and goes around it never', async () => {
    const cases = [
      [proxyUrl('wr0ng'), 4, /the proxy http:\/\/127\.0\.0\.1:\d+ refuses the user or password/],
      ['http://u:wr0ng@127.0.0.1:1', 4, /proxy http:\/\/127\.0\.0\.1:1 cannot be reached/],
      ['socks5://u:wr0ng@127.0.0.1:1080', 2, /HTTPS_PROXY: network\.proxy is of a SOCKS proxy/],
    ] as const;
    for (const [HTTPS_PROXY, code, message] of cases) {
      const result = await obtain({ HTTPS_PROXY }, ['--force']);
      expect(result).toMatchObject({ code, stderr: expect.stringMatching(message) });
      expect(result.stderr).not.toContain('wr0ng');
    }
    expect(connections).toEqual([]);
  });
});
