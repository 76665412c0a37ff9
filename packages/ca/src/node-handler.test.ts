import { createServer, request as httpRequest, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { acmeSession, generateAccountKey, newAccount } from '@acmex/protocol';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testCa, type TestCa } from './ca.testing.ts';
import { nodeHandler, type RateLimiter } from './index.ts';

describe('the handler in node:http', () => {
  let ca: TestCa;
  let server: Server;
  let port: number;
  const seen: string[] = [];
  const rateLimiter: RateLimiter = {
    take: async (_, by) => {
      seen.push(by);
      return 0;
    },
  };
  beforeAll(async () => {
    server = createServer((request, response) => nodeHandler(ca.server.handler)(request, response));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    port = (server.address() as AddressInfo).port;
    ca = await testCa({ url: `http://127.0.0.1:${port}/acme`, rateLimiter });
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  /** Bytes as they are, and what comes back until the connection ends. */
  const bytes = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write(text);
      });
      let answer = '';
      socket
        .setEncoding('utf8')
        .on('data', (chunk: string) => {
          answer += chunk;
        })
        .on('end', () => resolve(answer))
        .on('error', reject);
    });

  it('serves a client over a socket', async () => {
    const { key } = await generateAccountKey();
    const session = acmeSession({ directory: `http://127.0.0.1:${port}/acme/directory`, key });
    await expect(newAccount(session)).resolves.toMatchObject({ status: 'valid' });
    expect(seen).toContain('address 127.0.0.1');
  });
  it("takes the address from the connection, and no header's word for it", async () => {
    seen.length = 0;
    await bytes(
      'GET /acme/directory HTTP/1.1\r\nHost: evil.test\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nConnection: close\r\n\r\n',
    );
    expect(seen).toEqual(['address 127.0.0.1']);
  });
  it('answers HEAD without a body, and sends links as lines of their own', async () => {
    const head = await bytes(
      'HEAD /acme/new-nonce HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(head).toMatch(/replay-nonce: [\w-]{48}\r\n/i);
    expect(head).toMatch(/\r\n\r\n$/);
    await expect(
      bytes('GET /acme/new-nonce HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    ).resolves.toMatch(/^HTTP\/1\.1 204 No Content\r\n[^]*\r\n\r\n$/);
  });
  it('refuses a body over 64 KiB with 413 while it is still being sent, and closes', async () => {
    const head =
      'POST /acme/new-order HTTP/1.1\r\nHost: x\r\nContent-Type: application/jose+json\r\n';
    await expect(bytes(`${head}Content-Length: 100000000\r\n\r\n{`)).resolves.toMatch(
      /^HTTP\/1\.1 413 /,
    );
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
    await expect(
      bytes(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(6)}`),
    ).resolves.toMatch(/^HTTP\/1\.1 413 /);
  });
  it.each([
    'GET http://evil.test/acme/directory HTTP/1.1',
    'OPTIONS * HTTP/1.1',
    'TRACE /acme/directory HTTP/1.1',
    'GET //evil.test/acme/directory HTTP/1.1',
    'GET /acme/../acme/nothing HTTP/1.1',
    'GET /acme/%00 HTTP/1.1',
    'PUT /acme/new-order HTTP/1.1',
    'GET /acme/directory%0d%0ax:y HTTP/1.1',
  ])('answers %s with a refusal', async (line) => {
    await expect(bytes(`${line}\r\nHost: x\r\nConnection: close\r\n\r\n`)).resolves.toMatch(
      /^HTTP\/1\.1 40[045] /,
    );
    expect(ca.failures).toEqual([]);
  });
  it('serves further clients after one that hangs up in the middle, and reports no failure', async () => {
    await new Promise<void>((resolve) => {
      const half = httpRequest({
        port,
        host: '127.0.0.1',
        path: '/acme/new-order',
        method: 'POST',
        headers: { 'content-type': 'application/jose+json', 'content-length': 1000 },
      });
      half.on('error', () => resolve());
      half.write('{', () => half.destroy());
      half.on('close', () => resolve());
    });
    await expect(
      bytes('GET /acme/directory HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    ).resolves.toMatch(/^HTTP\/1\.1 200 /);
    expect(ca.failures).toEqual([]);
  });
});
