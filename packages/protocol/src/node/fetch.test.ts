import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
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
  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
    ['identity', (bytes: Buffer) => bytes],
    ['gzip, br', (bytes: Buffer) => brotliCompressSync(gzipSync(bytes))],
  ])('decodes a body that the server has compressed: %s', async (coding, compress) => {
    const body = JSON.stringify({ text: 'a'.repeat(10_000) });
    await using server = await serving((_, response) => {
      response.writeHead(200, { 'content-encoding': coding }).end(compress(Buffer.from(body)));
    });
    using fetch = nodeFetch();
    const get = await fetch(server.url, request());
    expect(await text(get.body)).toBe(body);
    const head = await fetch(server.url, request({ method: 'HEAD' }));
    expect(await text(head.body)).toBe('');
  });
  it('names a content coding that it does not know, and fails on a broken one', async () => {
    let coding = 'zstd';
    await using server = await serving((_, response) => {
      response.writeHead(200, { 'content-encoding': coding }).end('not compressed');
    });
    using fetch = nodeFetch();
    await expect(fetch(server.url, request())).rejects.toMatchObject({
      code: 'ERR_ACME_ANSWER',
      message: expect.stringContaining('zstd'),
    });
    coding = 'gzip';
    const { body } = await fetch(server.url, request());
    await expect(text(body)).rejects.toMatchObject({ code: 'Z_DATA_ERROR' });
  });
  it('settles when the server switches protocols instead of answering', async () => {
    await using server = await serving((_, response) => {
      response.socket?.end(
        'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
      );
    });
    using fetch = nodeFetch();
    await expect(fetch(server.url, request())).rejects.toBeInstanceOf(Error);
  });
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
