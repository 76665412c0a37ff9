import { virtualClock } from '@acmex/clock';
import type { Fetch } from '@acmex/protocol';
import { describe, expect, it } from '@jest/globals';
import { pauseAfter } from './backoff.ts';
import { baseUrl, Servers, type ServersOptions } from './servers.ts';

type Answered =
  | {
      readonly status: number;
      readonly text?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | Error
  | 'silence';
const problem = (status: number, code: string, headers = {}): Answered => ({
  status,
  text: JSON.stringify({ code, detail: `no\u001b[2J way` }),
  headers,
});

/** Servers by their URLs, each with what it answers next, the last of it for ever. */
function serversOf(answers: Record<string, Answered[]>, more: Partial<ServersOptions> = {}) {
  const asked: string[] = [];
  const clock = virtualClock();
  const fetch: Fetch = async (url, { signal, headers }) => {
    asked.push(`${url} ${headers['x-api-key']}`);
    const own = answers[new URL(url).origin] ?? [];
    const next = own.length > 1 ? own.shift() : own[0];
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
    servers: new Servers({
      urls: Object.keys(answers),
      key: async () => 'ak_key',
      fetch,
      clock,
      userAgent: 'test',
      ...more,
    }),
    asked,
    clock,
  };
}
const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });

describe('servers', () => {
  it('are asked in turn where one fails, at once, and the one that answers is asked from then on', async () => {
    const others: string[] = [];
    const { servers, asked, clock } = serversOf(
      {
        'https://one.test': [refused],
        'https://two.test': [problem(503, 'ERR_SERVER_UNAVAILABLE')],
        'https://three.test': [{ status: 200, text: 'yes' }],
      },
      {
        onOther: (url) => {
          others.push(url);
        },
      },
    );
    await expect(servers.ask('/x')).resolves.toMatchObject({ status: 200, text: 'yes' });
    await servers.ask('/y');
    expect(asked.map((one) => one.split(' ')[0])).toEqual([
      'https://one.test/x',
      'https://two.test/x',
      'https://three.test/x',
      'https://three.test/y',
    ]);
    expect([clock.monotonic(), others]).toEqual([0, ['https://three.test']]);
  });
  it('that say nothing are given up after their time, which is longer by what they may wait', async () => {
    const { servers, clock } = serversOf({
      'https://one.test': ['silence'],
      'https://two.test': [{ status: 304, headers: { etag: '"2"' } }],
    });
    await expect(clock.run(servers.ask('/x', { wait: 50, known: '"2"' }))).resolves.toMatchObject({
      status: 304,
      etag: '"2"',
    });
    expect(clock.monotonic()).toBe(65_000);
  });
  it('that all fail say so together, and when to come back where each of them says it', async () => {
    const { servers } = serversOf({
      'https://one.test': [problem(503, 'ERR_SERVER_BUSY', { 'retry-after': '20' })],
      'https://two.test': [problem(429, 'ERR_SERVER_THROTTLED', { 'retry-after': '10' }), refused],
    });
    await expect(servers.ask('/x')).rejects.toMatchObject({
      code: 'ERR_CLI_SERVER_BUSY',
      waitFor: 10_000,
      message: expect.stringMatching(/one\.test.*two\.test/),
    });
    await expect(servers.ask('/x')).rejects.toMatchObject({
      code: 'ERR_CLI_SERVER_UNREACHABLE',
      waitFor: undefined,
    });
  });
  it('that refuse are taken at their word, which may not write to a terminal', async () => {
    const { servers, asked } = serversOf({
      'https://one.test': [problem(401, 'ERR_SERVER_UNAUTHENTICATED')],
      'https://two.test': [{ status: 200 }],
    });
    await expect(servers.ask('/x')).rejects.toMatchObject({
      code: 'ERR_CLI_SERVER_REFUSED',
      serverCode: 'ERR_SERVER_UNAUTHENTICATED',
      message: expect.stringContaining('no\\u{1b}[2J way'),
    });
    expect(asked).toEqual(['https://one.test/x ak_key']);
  });
  it.each([
    [{ status: 302, headers: { location: 'https://evil.test' } }],
    [{ status: 404, text: '<html>' }],
  ])('that are none of AcmeX are not believed', async (answer) => {
    const { servers } = serversOf({ 'https://one.test': [answer] });
    await expect(servers.ask('/x')).rejects.toMatchObject({ code: 'ERR_CLI_SERVER_ANSWER' });
  });
  it('are not asked with a key that is none', async () => {
    const { servers, asked } = serversOf(
      { 'https://one.test': [{ status: 200 }] },
      { key: async () => 'two words' },
    );
    await expect(servers.ask('/x')).rejects.toMatchObject({ code: 'ERR_CLI_USAGE' });
    expect(asked).toEqual([]);
  });
  it.each([
    ['http://acmex.example', 'in clear'],
    ['http://127.evil.example', 'in clear'],
    ['ftp://a.example', 'no URL'],
    ['acmex.example', 'no URL'],
    ['https://user:secret@acmex.example', '--key-file'],
  ])('are not %s', (url, words) => {
    expect(() => baseUrl(url)).toThrow(
      expect.objectContaining({ code: 'ERR_CLI_USAGE', message: expect.stringContaining(words) }),
    );
    expect(() => baseUrl(url)).not.toThrow(/secret/);
  });
  it('may be on this machine without TLS, and below a path', () => {
    expect(
      [
        'http://127.0.0.1:8080',
        'http://[::1]:8080/',
        'http://localhost',
        'https://acmex.example/behind/',
      ].map(baseUrl),
    ).toEqual([
      'http://127.0.0.1:8080',
      'http://[::1]:8080',
      'http://localhost',
      'https://acmex.example/behind',
    ]);
  });
});

describe('a pause', () => {
  const pause = (failures: number, random: number, retryAfter?: number) =>
    pauseAfter({ failures, first: 1000, most: 60_000, random, retryAfter });

  it('doubles up to its most, and is by chance between a half and all of that', () => {
    expect([1, 2, 3, 7, 100].map((failures) => pause(failures, 1))).toEqual([
      1000, 2000, 4000, 60_000, 60_000,
    ]);
    expect([1, 2, 100].map((failures) => pause(failures, 0))).toEqual([500, 1000, 30_000]);
  });
  it('is no shorter than what the server asks for, within ten minutes, and many do not come back together', () => {
    expect([pause(1, 0, 20_000), pause(1, 1, 20_000), pause(7, 0, 5000)]).toEqual([
      20_000, 20_500, 30_000,
    ]);
    expect(pause(1, 0, 86_400_000)).toBe(600_000);
  });
});
