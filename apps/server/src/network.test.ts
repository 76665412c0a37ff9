import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import { serving } from './serving.testing.ts';

/** A proxy that opens no tunnel, and says to where each was asked for. */
async function refusingProxy() {
  const hosts: string[] = [];
  const server = createServer().on('connect', ({ url = '' }, socket) => {
    hosts.push(url);
    socket.on('error', () => undefined).end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://corp-user:s3cret@127.0.0.1:${(server.address() as AddressInfo).port}`,
    hosts,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const toml = `
[acme]
ca = "custom"
ca_custom_url = "https://ca.example/directory"
tos_agreed = true
[server.oidc]
issuer = "https://login.example"
audience = "acmex"
`;

it('the server reaches CAs and the OpenID provider through the proxy, and through another after a reload', async () => {
  await using first = await refusingProxy();
  await using second = await refusingProxy();
  await using server = await serving({ toml, environment: { HTTPS_PROXY: first.url } });
  const authorization = 'Bearer eyJhbGciOiJFUzI1NiJ9.e30.AAAA';
  const oneOfEach = async () => {
    const identity = await server.call('GET', '/api/certificates', {
      key: '',
      headers: { authorization },
    });
    const account = await server.call('POST', '/api/accounts', { body: {} });
    return [identity.status, account.status];
  };
  expect(await oneOfEach()).toEqual([503, 502]);
  expect(first.hosts).toEqual(['login.example:443', 'ca.example:443']);
  await server.reload(`${toml}[network]\nproxy = "${second.url}"\n`);
  await oneOfEach();
  expect(first.hosts).toHaveLength(2);
  expect(second.hosts).toEqual(['login.example:443', 'ca.example:443']);
  expect(server.log.join('\n')).not.toMatch(/s3cret|corp-user/);
});
