import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type MetricsContentType,
  type MetricsListener,
  metricsContentType,
  openMetricsContentType,
  serveMetrics,
} from './index.ts';

const opened: MetricsListener[] = [];
afterEach(async () => {
  for (const listener of opened.splice(0)) await listener[Symbol.asyncDispose]();
});

async function open(
  text: (contentType: MetricsContentType) => Promise<string> = async () => 'acmex_workers 1\n',
  host = '127.0.0.1',
) {
  const listener = await serveMetrics({ host, port: 0, text });
  opened.push(listener);
  return listener;
}

/** Sends a request with headers that `fetch` does not allow. */
async function call(url: string, { method = 'GET', host = '127.0.0.1', accept = '*/*' } = {}) {
  const sent = request(url, { method, headers: { host, accept } });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.setEncoding('utf8');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, headers: response.headers, text };
}

describe('the listener of metrics', () => {
  it('serves GET /metrics, and nothing else', async () => {
    const { url } = await open();
    await expect(call(url)).resolves.toMatchObject({
      status: 200,
      text: 'acmex_workers 1\n',
      headers: { 'content-type': metricsContentType, 'cache-control': 'no-store' },
    });
    await expect(call(`${url}?name=x`)).resolves.toMatchObject({ status: 200 });
    await expect(call(url, { method: 'HEAD' })).resolves.toMatchObject({ status: 200, text: '' });
    await expect(call(url, { method: 'POST' })).resolves.toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
    });
    await expect(call(`${url}/x`)).resolves.toMatchObject({ status: 404 });
    await expect(call(new URL('/', url).href)).resolves.toMatchObject({ status: 404 });
  });

  it('serves the format that the request prefers', async () => {
    const { url } = await open(async (contentType) => contentType);
    for (const [accept, contentType] of [
      ['text/plain', metricsContentType],
      ['application/openmetrics-text; version=1.0.0', openMetricsContentType],
    ] as const)
      await expect(call(url, { accept })).resolves.toMatchObject({
        text: contentType,
        headers: { 'content-type': contentType, vary: 'accept' },
      });
  });

  it.each(['127.0.0.1:9090', '[::1]:9090', '[::1]', 'localhost:80', 'localhost'])(
    'answers a request for %s',
    async (host) => {
      const { url } = await open();
      await expect(call(url, { host })).resolves.toMatchObject({ status: 200 });
    },
  );

  it.each([
    'evil.example',
    'evil.example:9090',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
  ])('answers no request for %s on a loopback address', async (host) => {
    const { url } = await open();
    await expect(call(url, { host })).resolves.toMatchObject({ status: 421 });
  });

  it('says nothing of what has failed', async () => {
    const { url } = await open(async () => await Promise.reject(new Error('password=hunter2')));
    const answer = await call(url);
    expect(answer).toMatchObject({ status: 500, text: 'the metrics cannot be read\n' });
    expect(JSON.stringify(answer)).not.toContain('hunter2');
  });

  it('names the address and the cure where another program uses the port', async () => {
    const { url } = await open();
    const port = Number(new URL(url).port);
    const again = serveMetrics({ host: '127.0.0.1', port, text: async () => '' });
    await expect(again).rejects.toMatchObject({
      code: 'ERR_OBSERVABILITY_LISTEN',
      message: `cannot serve metrics on 127.0.0.1:${port}: another program uses it: stop that program, or use another port; metrics.listen_addr or ACMEX_METRICS_LISTEN_ADDR sets the address`,
    });
  });

  it('closes its connections at the end, also those that are kept open', async () => {
    const { url } = await open();
    await fetch(url);
    for (const listener of opened.splice(0)) await listener[Symbol.asyncDispose]();
    await expect(fetch(url)).rejects.toThrow();
  });
});
