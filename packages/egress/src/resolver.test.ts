import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import dnsPacket from 'dns-packet';
import { dnsResolver, systemResolver } from './index.ts';

const nameServer = async (rcodes: { readonly A?: number; readonly AAAA?: number }) => {
  const socket = createSocket('udp4', (message: Buffer, { port, address }) => {
    const { id, questions = [] } = dnsPacket.decode(message);
    const type = questions[0]?.type as 'A' | 'AAAA';
    const rcode = rcodes[type] ?? 0;
    const answers =
      rcode === 0
        ? [
            type === 'A'
              ? { type, name: 'a.test', data: '192.0.2.1' }
              : { type, name: 'a.test', data: '2001:db8::1' },
          ]
        : [];
    socket.send(
      dnsPacket.encode({ type: 'response', id, flags: rcode, questions, answers }),
      port,
      address,
    );
  }).bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    resolve: dnsResolver({ servers: [`127.0.0.1:${socket.address().port}`] }),
    [Symbol.dispose]: () => {
      socket.close();
    },
  };
};

describe('dnsResolver', () => {
  it.each([
    ['neither', {}, ['2001:db8::1', '192.0.2.1']],
    ['AAAA', { AAAA: 2 }, ['192.0.2.1']],
    ['A', { A: 2 }, ['2001:db8::1']],
    ['AAAA, for want of the name', { AAAA: 3 }, ['192.0.2.1']],
  ])('finds what there is where the look-up of %s fails', async (_, rcodes, addresses) => {
    using server = await nameServer(rcodes);
    await expect(server.resolve('a.test', {})).resolves.toEqual(addresses);
  });
  it('distinguishes a failed look-up from a name without address', async () => {
    using broken = await nameServer({ A: 2, AAAA: 3 });
    await expect(broken.resolve('a.test', {})).rejects.toMatchObject({ code: 'ESERVFAIL' });
    using none = await nameServer({ A: 3, AAAA: 3 });
    await expect(none.resolve('a.test', {})).resolves.toEqual([]);
  });
  it('ends with the signal', async () => {
    const stop = new AbortController();
    const asked = dnsResolver({ servers: ['127.0.0.1:9'] })('a.test', { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(asked).rejects.toThrow();
    await expect(dnsResolver()('a.test', { signal: stop.signal })).rejects.toThrow('enough');
  });
});

describe('systemResolver', () => {
  it('knows the names of the hosts file', async () => {
    await expect(systemResolver()('localhost', {})).resolves.toContain('127.0.0.1');
  });
});
