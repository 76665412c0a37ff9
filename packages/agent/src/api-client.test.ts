import { virtualClock } from '@acmex/clock';
import type { Fetch } from '@acmex/protocol';
import { describe, expect, it } from '@jest/globals';
import { ApiClient, type ApiClientOptions, serverUrl } from './api-client.ts';

type Step =
  | {
      readonly status: number;
      readonly text?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | Error
  | 'silence';
const problem = (status: number, code: string, headers = {}): Step => ({
  status,
  text: JSON.stringify({ code, detail: `no\u001b[2J way` }),
  headers,
});

/** Makes a client of servers. Each answers with its steps in turn, and repeats the last. */
function clientOf(steps: Record<string, Step[]>, more: Partial<ApiClientOptions> = {}) {
  const requests: string[] = [];
  const clock = virtualClock();
  const fetch: Fetch = async (url, { signal, headers }) => {
    requests.push(`${url} ${headers['x-api-key']}`);
    const remaining = steps[new URL(url).origin] ?? [];
    const next = remaining.length > 1 ? remaining.shift() : remaining[0];
    if (next === 'silence')
      return await new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    if (next === undefined || next instanceof Error) throw next ?? new Error('no such server');
    return {
      status: next.status,
      headers: { get: (name) => next.headers?.[name] ?? null },
      body: (async function* () {
        yield Buffer.from(next.text ?? '');
      })(),
    };
  };
  return {
    api: new ApiClient({
      urls: Object.keys(steps),
      key: async () => 'ak_key',
      fetch,
      clock,
      userAgent: 'test',
      ...more,
    }),
    requests,
    clock,
  };
}
const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });

describe('requests to several servers', () => {
  it('go to the next server at once when one fails, and stay at the one that answers', async () => {
    const failovers: string[] = [];
    const { api, requests, clock } = clientOf(
      {
        'https://first.test': [refused],
        'https://second.test': [problem(503, 'ERR_SERVER_UNAVAILABLE')],
        'https://third.test': [{ status: 200, text: 'yes' }],
      },
      {
        onFailover: (url) => {
          failovers.push(url);
        },
      },
    );
    await expect(api.request('/x')).resolves.toMatchObject({ status: 200, text: 'yes' });
    await api.request('/y');
    expect(requests.map((request) => request.split(' ')[0])).toEqual([
      'https://first.test/x',
      'https://second.test/x',
      'https://third.test/x',
      'https://third.test/y',
    ]);
    expect([clock.monotonic(), failovers]).toEqual([0, ['https://third.test']]);
  });
  it('end after a time limit, which is extended by the time that the server may wait', async () => {
    const { api, clock } = clientOf({
      'https://first.test': ['silence'],
      'https://second.test': [{ status: 304, headers: { etag: '"2"' } }],
    });
    await expect(
      clock.run(api.request('/x', { waitSeconds: 50, etag: '"2"' })),
    ).resolves.toMatchObject({
      status: 304,
      etag: '"2"',
    });
    expect(clock.monotonic()).toBe(65_000);
  });
  it('fail with the messages of all servers, and with the shortest Retry-After if all have sent one', async () => {
    const { api } = clientOf({
      'https://first.test': [problem(503, 'ERR_SERVER_BUSY', { 'retry-after': '20' })],
      'https://second.test': [
        problem(429, 'ERR_SERVER_THROTTLED', { 'retry-after': '10' }),
        refused,
      ],
    });
    await expect(api.request('/x')).rejects.toMatchObject({
      code: 'ERR_AGENT_SERVER_BUSY',
      retryAfterMs: 10_000,
      message: expect.stringMatching(/first\.test.*second\.test/),
    });
    await expect(api.request('/x')).rejects.toMatchObject({
      code: 'ERR_AGENT_SERVER_UNREACHABLE',
      retryAfterMs: undefined,
    });
  });
  it('are not repeated at the next server after a refusal, whose text is escaped', async () => {
    const { api, requests } = clientOf({
      'https://first.test': [problem(401, 'ERR_SERVER_UNAUTHENTICATED')],
      'https://second.test': [{ status: 200 }],
    });
    await expect(api.request('/x')).rejects.toMatchObject({
      code: 'ERR_AGENT_SERVER_REFUSED',
      serverCode: 'ERR_SERVER_UNAUTHENTICATED',
      message: expect.stringContaining('no\\u{1b}[2J way'),
    });
    expect(requests).toEqual(['https://first.test/x ak_key']);
  });
  it.each([
    [{ status: 302, headers: { location: 'https://evil.test' } }],
    [{ status: 404, text: '<html>' }],
  ])('fail when the answer is not from AcmeX', async (step) => {
    const { api } = clientOf({ 'https://first.test': [step] });
    await expect(api.request('/x')).rejects.toMatchObject({ code: 'ERR_AGENT_SERVER_ANSWER' });
  });
  it('are not sent with an invalid key', async () => {
    const { api, requests } = clientOf(
      { 'https://first.test': [{ status: 200 }] },
      { key: async () => 'two words' },
    );
    await expect(api.request('/x')).rejects.toMatchObject({ code: 'ERR_AGENT_OPTION' });
    expect(requests).toEqual([]);
  });
  it.each([
    ['http://acmex.example', 'unencrypted'],
    ['http://127.evil.example', 'unencrypted'],
    ['ftp://a.example', 'not a valid URL'],
    ['acmex.example', 'not a valid URL'],
    ['https://user:secret@acmex.example', 'key file'],
  ])('are not sent to %s', (url, words) => {
    expect(() => serverUrl(url)).toThrow(
      expect.objectContaining({
        code: 'ERR_AGENT_OPTION',
        message: expect.stringContaining(words),
      }),
    );
    expect(() => serverUrl(url)).not.toThrow(/secret/);
  });
  it('may go to this machine without TLS, and to a path', () => {
    expect(
      [
        'http://127.0.0.1:8080',
        'http://[::1]:8080/',
        'http://localhost',
        'https://acmex.example/behind/',
      ].map(serverUrl),
    ).toEqual([
      'http://127.0.0.1:8080',
      'http://[::1]:8080',
      'http://localhost',
      'https://acmex.example/behind',
    ]);
  });
});
