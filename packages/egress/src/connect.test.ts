import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { egressConnect } from './index.ts';
import { listening, loopback } from './serving.testing.ts';

describe('egressConnect', () => {
  it('opens a connection to an address or a name, and closes it when disposed of', async () => {
    await using server = await listening(createServer((socket) => socket.resume()));
    for (const host of ['127.0.0.1', 'a.example']) {
      const connection = await egressConnect({
        host,
        port: server.port,
        policy: loopback,
        resolver: async () => ['127.0.0.1'],
      });
      expect([
        connection.address,
        connection.socket.remoteAddress,
        connection.socket.remotePort,
      ]).toEqual(['127.0.0.1', '127.0.0.1', server.port]);
      const closed = once(connection.socket, 'close');
      connection[Symbol.dispose]();
      await closed;
    }
  });
  it('tries four addresses at most, of both families by turns', async () => {
    await using server = await listening(createServer((socket) => socket.resume()));
    const six = Array.from({ length: 9 }, () => '::1');
    const connect = (addresses: readonly string[]) =>
      egressConnect({
        host: 'a.example',
        port: server.port,
        policy: loopback,
        resolver: async () => addresses,
      });
    using connection = await connect([...six, '127.0.0.2', '127.0.0.1']);
    expect(connection.address).toBe('127.0.0.1');
    await expect(connect([...six, '127.0.0.2', '127.0.0.3', '127.0.0.1'])).rejects.toMatchObject({
      code: 'ERR_EGRESS_CONNECT',
    });
  });
  it('looks up no address, and connects to none that is not permitted', async () => {
    const resolver = () => Promise.reject(new Error('nothing to look up'));
    await expect(egressConnect({ host: '127.0.0.1', port: 1, resolver })).rejects.toMatchObject({
      code: 'ERR_EGRESS_ADDRESS',
      message: expect.stringContaining('127.0.0.1 is loopback'),
    });
    await expect(
      egressConnect({ host: '127.0.0.1', port: 1, policy: loopback, resolver }),
    ).rejects.toMatchObject({
      code: 'ERR_EGRESS_CONNECT',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
  it('begins nothing under an aborted signal', async () => {
    await expect(
      egressConnect({ host: '8.8.8.8', port: 1, signal: AbortSignal.abort(new Error('enough')) }),
    ).rejects.toThrow('enough');
  });
});
