import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import { DnsError, sdkApi, type SdkApiOptions, sdkFetch } from './index.ts';

/** An SDK whose calls end so, the last one over and over. */
function sdk(outcomes: readonly unknown[], options: Partial<SdkApiOptions> = {}) {
  const clock = virtualClock({ now: '2026-03-01T12:00:00Z' });
  const at: number[] = [];
  const api = sdkApi({
    provider: 'example',
    clock,
    random: () => 1,
    toAnswer: (error) => (error instanceof Refused ? error : undefined),
    ...options,
  });
  const call = async () => {
    const outcome = outcomes[Math.min(at.push(clock.monotonic()), outcomes.length) - 1];
    await new Promise((resolve) => setImmediate(resolve));
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  return { api, clock, call, at };
}

class Refused extends Error {
  constructor(
    readonly status: number,
    readonly json?: unknown,
    headers: Record<string, string> = {},
  ) {
    super('refused');
    this.headers = new Headers(headers);
  }
  readonly headers: Headers;
}

describe('sdkApi', () => {
  it('gives the result back, if it is what is expected', async () => {
    const { api, clock, call } = sdk([{ Zones: [{ Id: 'Z1', more: 1 }] }]);
    await expect(
      clock.run(api('ListZones', call, { answer: { Zones: [{ Id: '' }] } })),
    ).resolves.toEqual({ Zones: [{ Id: 'Z1', more: 1 }] });
    await expect(
      clock.run(api('ListZones', call, { answer: { Zones: [{ Name: '' }] } })),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message:
        'example: the answer to ListZones is not what is expected (it.Zones[0].Name): see whether example has trouble, or has changed its API',
    });
  });
  it("derives the meaning of an error from the status and the host's words", async () => {
    const refusal = (json: unknown) =>
      json === 'Throttling'
        ? { code: 'ERR_DNS_RATE_LIMITED' as const, message: 'Rate exceeded' }
        : undefined;
    const { api, clock, call } = sdk(
      [
        new Refused(404),
        new Refused(400, 'Throttling', { 'retry-after': '61' }),
        new Refused(400, { message: 'very-secret is not a zone' }),
      ],
      { refusal, conceal: (text) => text.replace('very-secret', '…') },
    );
    await expect(clock.run(api('ListZones', call, { zone: 'a.test' }))).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
      message: expect.stringContaining('a.test'),
    });
    await expect(clock.run(api('ListZones', call, {}))).rejects.toMatchObject({
      code: 'ERR_DNS_RATE_LIMITED',
      retryAfter: clock.now().add({ seconds: 61 }),
    });
    await expect(clock.run(api('ListZones', call, {}))).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: 'example: ListZones is refused (400 … is not a zone): correct what the host names',
    });
  });
  it('sends nothing again that is to be sent once', async () => {
    const { api, clock, call, at } = sdk([new Refused(429)]);
    await expect(
      clock.run(api('ChangeZone', call, { repeatable: true, once: true })),
    ).rejects.toMatchObject({ code: 'ERR_DNS_RATE_LIMITED', passing: true });
    expect(at).toHaveLength(1);
  });
  it('takes a status that is a success here', async () => {
    const { api, clock, call } = sdk([new Refused(404)]);
    await expect(
      clock.run(api('DeleteZone', call, { accept: [404], zone: 'a.test' })),
    ).resolves.toBeUndefined();
  });
  it('tries again after growing pauses what can be repeated, and nothing else', async () => {
    const lost = Object.assign(new Error('connection error'), {
      cause: new TypeError('fetch failed', {
        cause: Object.assign(new Error('x'), { code: 'ECONNRESET' }),
      }),
    });
    const again = sdk([new Refused(503), lost, new Refused(500)]);
    await expect(
      again.clock.run(again.api('ListZones', again.call, { repeatable: true })),
    ).rejects.toMatchObject({ code: 'ERR_DNS_API' });
    expect(again.at).toEqual([0, 1000, 3000, 7000, 15_000]);
    const once = sdk([lost]);
    await expect(once.clock.run(once.api('MakeZone', once.call, {}))).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message:
        'example: no answer to MakeZone (the connection was closed, ECONNRESET): check the network, and whether example has trouble',
    });
    expect(once.at).toEqual([0]);
  });
  it('ends at its time limit, and with the signal, though the SDK does not', async () => {
    const { api, clock } = sdk([], { limit: 'PT30S' });
    const never = () =>
      new Promise<never>(() => {
        /* deaf */
      });
    await expect(clock.run(api('ListZones', never, {}))).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining('its time is over'),
    });
    expect(clock.monotonic()).toBe(20_000);
    const stop = new AbortController();
    const waiting = api('ListZones', never, { signal: stop.signal });
    setImmediate(() => stop.abort(new Error('enough')));
    await expect(waiting).rejects.toThrow('enough');
  });
  it('passes a DnsError on, as for credentials that are missing', async () => {
    const missing = new DnsError('ERR_DNS_CREDENTIALS', 'example: the token is missing');
    const { api, clock, call, at } = sdk([missing]);
    await expect(clock.run(api('ListZones', call, { repeatable: true }))).rejects.toBe(missing);
    expect(at).toHaveLength(1);
  });
});

describe('sdkFetch', () => {
  it("sends the headers that are given, and of the SDK's what the body is", async () => {
    const fetch = async (_: unknown, init?: RequestInit) =>
      Response.json({ headers: init?.headers, redirect: init?.redirect });
    const response = await sdkFetch({ headers: { authorization: 'Bearer x' }, fetch })(
      'https://api.test/',
      {
        headers: {
          Authorization: 'Bearer y',
          'X-Os': 'Linux',
          'User-Agent': 'SDK',
          'Content-Type': 'text/xml',
        },
      },
    );
    await expect(response.json()).resolves.toEqual({
      headers: { authorization: 'Bearer x', 'content-type': 'text/xml', 'user-agent': 'acmex' },
      redirect: 'manual',
    });
  });
  it.each([
    [204, null],
    [302, 'moved'],
    [500, ''],
  ])('hands on what was answered: %i', async (status, body) => {
    const response = await sdkFetch({
      headers: {},
      fetch: async () => new Response(body, { status, headers: { 'retry-after': '7' } }),
    })('https://api.test/');
    expect([response.status, response.headers.get('retry-after'), await response.text()]).toEqual([
      status,
      '7',
      body ?? '',
    ]);
  });
  it('reads no more than 4 MiB', async () => {
    await expect(
      sdkFetch({ headers: {}, fetch: async () => new Response('x'.repeat(5e6)) })(
        'https://api.test/',
      ),
    ).rejects.toThrow('larger than 4 MiB');
  });
});
