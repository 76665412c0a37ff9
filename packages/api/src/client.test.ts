import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { millisecondTimer } from '@acmex/clock';
import { afterEach, describe, expect, it } from '@jest/globals';
import { acmexApi, type AcmexApiOptions, type ApiError } from './index.ts';

const key = 'a-key-of-this-test-alone';
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Starts a server on this machine. */
async function start(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const errorOf = async (work: Promise<unknown>) =>
  (await work.then(
    () => undefined,
    (error: unknown) => error,
  )) as ApiError;

describe('acmexApi', () => {
  it.each<[string, Partial<AcmexApiOptions>, RegExp]>([
    ['a text that is not a URL', { url: 'acmex.example' }, /use one like https/],
    ['plain http to another machine', { url: 'http://acmex.example' }, /allowHttp/],
    ['a password in the URL', { url: 'https://a:b@acmex.example' }, /option key/],
    ['a key and a token', { key, token: 'token' }, /one of the two/],
  ])('refuses %s', (_, options, message) => {
    expect(() => acmexApi({ url: 'https://acmex.example', ...options })).toThrow(
      expect.objectContaining({ code: 'ERR_API_OPTION', message: expect.stringMatching(message) }),
    );
  });

  it('takes plain http where it is allowed', () => {
    expect(() => acmexApi({ url: 'http://acmex.example', allowHttp: true })).not.toThrow();
  });

  it('sends nothing with a key that has a line break', async () => {
    const sent: Request[] = [];
    const fetch = async (request: Request) => {
      sent.push(request);
      return Response.json({});
    };
    const api = acmexApi({ url: 'https://acmex.example', key: `${key}\n`, fetch });
    const error = await errorOf(api.GET('/api/keys'));
    expect([error.code, sent.length, inspect(error).includes(key)]).toEqual([
      'ERR_API_OPTION',
      0,
      false,
    ]);
  });

  it('asks for the credential at each call', async () => {
    const seen: unknown[] = [];
    const url = await start(({ headers }, response) => {
      seen.push(headers.authorization);
      response.setHeader('content-type', 'application/json').end('{}');
    });
    let count = 0;
    const api = acmexApi({ url, token: () => `token-${++count}` });
    await api.GET('/health');
    await api.GET('/health');
    expect(seen).toEqual(['Bearer token-1', 'Bearer token-2']);
  });

  it('does not follow a redirect with the key', async () => {
    let count = 0;
    const target = await start((_, response) => {
      count += 1;
      response.end('{}');
    });
    const url = await start((_, response) => {
      response.writeHead(302, { location: target }).end();
    });
    const error = await errorOf(acmexApi({ url, key }).GET('/api/keys'));
    expect(error).toMatchObject({ code: 'ERR_API_ANSWER', status: 302 });
    expect([count, inspect(error, { depth: 9 }).includes(key)]).toEqual([0, false]);
  });

  it('has the body of a failure that is not a problem document, and when to come back', async () => {
    const url = await start((_, response) => {
      response.writeHead(503, {
        date: 'Sun, 29 Nov 2026 17:00:00 GMT',
        'retry-after': 'Sun, 29 Nov 2026 17:00:40 GMT',
        'content-type': 'application/json',
      });
      response.end('{"status":"unhealthy"}');
    });
    expect(await errorOf(acmexApi({ url }).GET('/health/ready'))).toMatchObject({
      code: 'ERR_API_ANSWER',
      status: 503,
      body: { status: 'unhealthy' },
      retryAfterSeconds: 40,
    });
  });

  it('refuses JSON that is cut', async () => {
    const url = await start((_, response) => {
      response.setHeader('content-type', 'application/json').end('{"items":[');
    });
    expect(await errorOf(acmexApi({ url }).GET('/api/keys'))).toMatchObject({
      code: 'ERR_API_ANSWER',
    });
  });

  it('ends a list whose next page is the page before', async () => {
    const url = await start((_, response) => {
      response.setHeader('content-type', 'application/json');
      response.end('{"items":[1],"scanned":1,"next":"same"}');
    });
    const read = async () => {
      for await (const page of acmexApi({ url }).pages('/api/orders'))
        expect(page.next).toBe('same');
    };
    expect(await errorOf(read())).toMatchObject({ code: 'ERR_API_ANSWER' });
  });

  it('says that a server is silent when the time limit is reached', async () => {
    const url = await start(() => undefined);
    const error = await errorOf(acmexApi({ url, timeLimitMs: 20 }).GET('/health'));
    expect(error).toMatchObject({
      code: 'ERR_API_UNREACHABLE',
      message: 'GET /health: the server does not answer within 0.02 seconds',
    });
  });

  it('ends a call and a stream with the reason of the signal', async () => {
    const controller = new AbortController();
    const url = await start(({ url: path }, response) => {
      if (path === '/health') return controller.abort(new Error('enough'));
      response.setHeader('content-type', 'text/event-stream').flushHeaders();
      response.write('event: state\ndata: {"state":"running","at":""}\n\n');
    });
    const api = acmexApi({ url, key });
    const watch = async () => {
      for await (const { type } of api.watchOrder('ord_1', { signal: controller.signal })) {
        expect(type).toBe('state');
        await errorOf(api.GET('/health', { signal: controller.signal }));
      }
    };
    expect(await errorOf(watch())).toBe(controller.signal.reason);
    await expect(api.GET('/health', { signal: controller.signal })).rejects.toThrow('enough');
  });

  it('says when the stream of an order is open, and has each further failure once', async () => {
    const pending = (at: string) =>
      `event: state\ndata: {"state":"pending","at":"","failure":{"at":"${at}"}}\n\n`;
    const bodies = [
      pending('first'),
      `${pending('first')}${pending('second')}event: end\ndata: {}\n\n`,
    ];
    const url = await start((_, response) => {
      response.setHeader('content-type', 'text/event-stream').end(bodies.shift());
    });
    const timer: typeof millisecondTimer = {
      sleep: async ({ milliseconds }, options) => {
        if (milliseconds >= 60_000) await millisecondTimer.sleep({ milliseconds }, options);
      },
    };
    const log: string[] = [];
    const events = acmexApi({ url, timer }).watchOrder('ord_1', {
      onConnect: () => log.push('open'),
      onReconnect: () => log.push('cut'),
    });
    for await (const event of events)
      log.push(event.type === 'state' ? String(event.failure?.at) : event.type);
    expect(log).toEqual(['open', 'first', 'cut', 'open', 'second', 'end']);
  });

  it('gives up a stream that is cut eleven times in a row, and asks less often each time', async () => {
    let count = 0;
    const url = await start((_, response) => {
      count += 1;
      response.setHeader('content-type', 'text/event-stream').end(': nothing\n\n');
    });
    const pauses: number[] = [];
    const timer: typeof millisecondTimer = {
      sleep: async ({ milliseconds }, options) => {
        if (milliseconds >= 60_000) return await millisecondTimer.sleep({ milliseconds }, options);
        pauses.push(milliseconds / 1000);
      },
    };
    const events = acmexApi({ url, timer }).watchOrder('ord_1');
    expect(await errorOf(events.next())).toMatchObject({ code: 'ERR_API_UNREACHABLE' });
    expect([count, pauses]).toEqual([11, [1, 2, 4, 8, 16, 30, 30, 30, 30, 30]]);
  });
});
