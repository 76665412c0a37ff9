import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect, type ConnectionOptions } from 'node:tls';
import { freePort } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import { tlsAlpn01 } from './index.ts';
import { serverName } from './server.ts';

const challenge = (value: string, type = 'dns') => ({
  type: 'tls-alpn-01',
  identifier: { type, value },
  wildcard: false,
  token: 't',
  keyAuthorization: `t.${value}`,
  account: { url: 'https://ca.test/account/1', thumbprint: 'thumbprint' },
  members: {},
  meta: {},
});

/** What a client sees: the protocol and the certificate, or the error's code. */
async function see(
  port: number,
  servername: string,
  options: ConnectionOptions = {},
): Promise<{
  protocol?: string | false | null;
  version?: string | null;
  raw?: Buffer;
  error?: string | undefined;
}> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    ALPNProtocols: ['acme-tls/1'],
    rejectUnauthorized: false,
    ...(servername ? { servername } : {}),
    ...options,
  });
  try {
    await once(socket, 'secureConnect');
    return {
      protocol: socket.alpnProtocol,
      version: socket.getProtocol(),
      raw: socket.getPeerCertificate().raw,
    };
  } catch (error) {
    return { error: (error as NodeJS.ErrnoException).code };
  } finally {
    socket.destroy();
  }
}

describe('tlsAlpn01', () => {
  it('shows each name its own certificate with the digest in a critical acmeIdentifier, and is gone with the last', async () => {
    const port = await freePort();
    const solver = tlsAlpn01({ port });
    const responses = await Promise.all([
      solver.respond(challenge('a.test')),
      solver.respond(challenge('b.test')),
      solver.respond(challenge('192.0.2.1', 'ip')),
    ]);
    for (const response of responses) await solver.present(response);
    for (const response of responses) await solver.visible(response);
    for (const { identifier, digest } of responses) {
      const { protocol, raw } = await see(port, serverName(identifier));
      expect(protocol).toBe('acme-tls/1');
      // OBJECT IDENTIFIER 1.3.6.1.5.5.7.1.31, BOOLEAN TRUE, OCTET STRING { OCTET STRING of 32 bytes
      // }
      const extension = Buffer.concat([
        Buffer.from('06082b0601050507011f0101ff04220420', 'hex'),
        Buffer.from(digest, 'base64url'),
      ]);
      expect(raw?.includes(extension)).toBe(true);
    }
    expect((await see(port, 'a.test')).raw?.includes(Buffer.from('b.test'))).toBe(false);
    const [first, ...rest] = responses;
    await solver.remove(first!);
    expect(await see(port, 'a.test')).toHaveProperty('error');
    expect(await see(port, 'b.test')).toMatchObject({ protocol: 'acme-tls/1' });
    for (const response of rest) await solver.remove(response);
    expect(await see(port, 'b.test')).toMatchObject({ error: 'ECONNREFUSED' });
  });
  it('speaks no other protocol, to no other name, and no old TLS', async () => {
    const port = await freePort();
    const solver = tlsAlpn01({ port });
    const response = await solver.respond(challenge('a.test'));
    await solver.present(response);
    expect(await see(port, 'a.test', { ALPNProtocols: ['http/1.1'] })).toHaveProperty('error');
    expect(await see(port, 'other.test')).toHaveProperty('error');
    expect(
      await see(port, 'a.test', {
        minVersion: 'TLSv1.1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      }),
    ).toHaveProperty('error');
    expect(await see(port, 'a.test', { maxVersion: 'TLSv1.2' })).toMatchObject({
      version: 'TLSv1.2',
      protocol: 'acme-tls/1',
    });
    expect(await see(port, 'A.TEST')).toMatchObject({ protocol: 'acme-tls/1' });
    await solver.remove(response);
  });
  it('closes at once though a client holds its connection', async () => {
    const port = await freePort();
    const solver = tlsAlpn01({ port });
    const response = await solver.respond(challenge('a.test'));
    await solver.present(response);
    const slow = connectTcp(port, '127.0.0.1').on('error', () => {
      /* it is cut off */
    });
    await once(slow, 'connect');
    await solver.remove(response);
    expect(await see(port, 'a.test')).toMatchObject({ error: 'ECONNREFUSED' });
    slow.destroy();
  });
  it('sees that nothing is shown', async () => {
    const solver = tlsAlpn01({ port: await freePort() });
    await expect(solver.visible(await solver.respond(challenge('a.test')))).rejects.toMatchObject({
      code: 'ERR_CHALLENGE_NOT_VISIBLE',
    });
  });
  it('proves names and addresses, not wildcards', () => {
    const solver = tlsAlpn01();
    expect([
      solver.supports({ type: 'dns', value: 'a.test' }, false),
      solver.supports({ type: 'ip', value: '::1' }, false),
      solver.supports({ type: 'dns', value: 'a.test' }, true),
    ]).toEqual([true, true, false]);
  });
});

describe('serverName', () => {
  it.each([
    ['dns', 'a.test', 'a.test'],
    ['ip', '192.0.2.1', '1.2.0.192.in-addr.arpa'],
    [
      'ip',
      '2001:db8::1',
      '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
    ],
    ['ip', '::', `${'0.'.repeat(32)}ip6.arpa`],
    [
      'ip',
      '1:2:3:4:5:6:7:8',
      '8.0.0.0.7.0.0.0.6.0.0.0.5.0.0.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.ip6.arpa',
    ],
  ])('of %s %s is %s', (type, value, name) => {
    expect(serverName({ type, value })).toBe(name);
  });
});
