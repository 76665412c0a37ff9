import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import type { HttpRequest } from '../index.ts';
import { nodeFetch } from './index.ts';

async function serving(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connections: unknown[] = [];
  server.on('connection', (socket) => connections.push(socket));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    connections,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const request = (more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  headers: {},
  redirect: 'manual',
  signal: new AbortController().signal,
  ...more,
});

async function text(body: unknown): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const part of body as AsyncIterable<Uint8Array>) chunks.push(part);
  return Buffer.concat(chunks).toString();
}

describe('nodeFetch', () => {
  it('sends what fetch would send, and reads what fetch would read', async () => {
    await using server = await serving((incoming, response) => {
      response
        .setHeader('link', ['<a>;rel="up"', '<b>;rel="index"'])
        .writeHead(201, { 'replay-nonce': 'n' });
      incoming.pipe(response);
    });
    using fetch = nodeFetch();
    const answer = await fetch(
      server.url,
      request({
        method: 'POST',
        body: '{"ü":1}',
        headers: { 'content-type': 'application/jose+json' },
      }),
    );
    expect([
      answer.status,
      answer.headers.get('Replay-Nonce'),
      answer.headers.get('link'),
      answer.headers.get('location'),
    ]).toEqual([201, 'n', '<a>;rel="up", <b>;rel="index"', null]);
    await expect(text(answer.body)).resolves.toBe('{"ü":1}');
  });
  it('keeps one connection for requests that follow each other', async () => {
    await using server = await serving((_, response) => {
      response.end('x'.repeat(10_000));
    });
    using fetch = nodeFetch();
    for (let n = 0; n < 5; n++) await text((await fetch(server.url, request())).body);
    expect(server.connections).toHaveLength(1);
  });
  it('follows no redirect', async () => {
    await using server = await serving((_, response) => {
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    using fetch = nodeFetch();
    await expect(fetch(server.url, request())).resolves.toMatchObject({ status: 302 });
  });
  it('ends with the signal, before and in the middle of an answer', async () => {
    await using server = await serving((incoming, response) => {
      if (incoming.url === '/') response.write('half');
    });
    using fetch = nodeFetch();
    const stop = new AbortController();
    const answer = await fetch(server.url, request({ signal: stop.signal }));
    const never = fetch(`${server.url}never`, request({ signal: stop.signal }));
    stop.abort(new Error('enough'));
    await expect(never).rejects.toMatchObject({ name: 'AbortError' });
    await expect(text(answer.body)).rejects.toThrow();
  });
});
