import { virtualClock } from '@acmex/clock';
import type { LookUp, TxtRecord } from '@acmex/dns';
import { dnsProviderContract } from '@acmex/dns/contract';
import { type StandInAnswer, standIn } from '@acmex/dns/stand-in';
import { describe, expect, it } from '@jest/globals';
import { environment, httpreq, manual, type ManualStep } from './index.ts';

/** A server as people write them for lego's httpreq: one that takes a value once only. */
function httpreqServer() {
  const rows = new Map<string, readonly string[]>();
  const bodies: unknown[] = [];
  const change = (
    body: unknown,
    next: (values: readonly string[], value: string) => readonly string[],
  ): StandInAnswer => {
    bodies.push(body);
    const { fqdn, value, domain, keyAuth } = body as Record<string, string | undefined>;
    const [name, text] = [fqdn ?? `_acme-challenge.${domain}.`, value ?? keyAuth];
    if (!name.endsWith('.a.test.') || text === undefined)
      return { status: 422, text: 'unknown name' };
    rows.set(name, next(rows.get(name) ?? [], text));
    return { status: 200, text: 'done' };
  };
  const host = standIn({
    baseUrl: 'https://hooks.test/dns',
    authorized: ({ headers }) =>
      headers.get('authorization') === `Basic ${btoa('user:very-secret')}`,
    words: {
      credentials: { status: 401, text: 'who are you' },
      'rate-limited': { status: 429 },
      unknown: { status: 404 },
      malformed: { status: 400 },
      'server-error': { status: 500 },
    },
    routes: {
      'POST /present': ({ body }) =>
        change(body, (values, value) => [
          ...values.filter((existingValue) => existingValue !== value),
          value,
        ]),
      'POST /cleanup': ({ body }) =>
        change(body, (values, value) => values.filter((existingValue) => existingValue !== value)),
    },
  });
  return { ...host, bodies, lookUp: async (name: string) => rows.get(`${name}.`) ?? [] };
}

describe('httpreq', () => {
  const user = { name: 'user', password: async () => 'very-secret' };
  for (const { title, check } of dnsProviderContract) {
    if (/ERR_DNS_ZONE_NOT_FOUND|not JSON/.test(title)) {
      it.skip(`${title} (skipped: such a server knows no zones, and may answer what it likes)`, () => {
        /* its status says all */
      });
      continue;
    }
    it(title, async () => {
      const host = httpreqServer();
      const clock = virtualClock();
      await check({
        provider: httpreq({ endpoint: 'https://hooks.test/dns/', user, fetch: host.fetch, clock }),
        zone: 'a.test',
        lookUp: host.lookUp,
        trouble: host.trouble,
        clock,
        secrets: ['very-secret'],
      });
    });
  }
  const record: TxtRecord = {
    name: '_acme-challenge.www',
    value: 'digest',
    challenge: { domain: 'www.a.test', token: 'token', keyAuthorization: 'token.thumbprint' },
  };
  it('sends name and value, or with RAW the challenge', async () => {
    const host = httpreqServer();
    await httpreq({ endpoint: 'https://hooks.test/dns', user, fetch: host.fetch }).append(
      'a.test',
      [record],
    );
    await httpreq({
      endpoint: 'https://hooks.test/dns',
      user,
      mode: 'RAW',
      fetch: host.fetch,
    }).remove('a.test', [record]);
    expect(host.bodies).toEqual([
      { fqdn: '_acme-challenge.www.a.test.', value: 'digest' },
      { domain: 'www.a.test', token: 'token', keyAuth: 'token.thumbprint' },
    ]);
    expect(host.requests).toEqual(['POST /present', 'POST /cleanup']);
  });
  it('says that RAW needs the challenge', async () => {
    const host = httpreqServer();
    await expect(
      httpreq({ endpoint: 'https://hooks.test/dns', user, mode: 'RAW', fetch: host.fetch }).append(
        'a.test',
        [{ name: 'x', value: 'y' }],
      ),
    ).rejects.toMatchObject({ code: 'ERR_DNS_HOOK' });
    expect(host.requests).toEqual([]);
  });
});

describe('manual', () => {
  const nowhere: LookUp = {
    txt: async () => [],
    cname: async () => undefined,
    isZone: async () => false,
    nameServers: async () => [],
    addresses: async () => [],
  };
  const until = (signal: AbortSignal) =>
    new Promise<void>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });

  it('asks for one step after the other', async () => {
    const steps: ManualStep[] = [];
    const provider = manual({
      prompt: async (step) => {
        steps.push(step);
      },
    });
    await provider.append('a.test', [
      { name: '_acme-challenge', value: 'one' },
      { name: '@', value: 'two' },
    ]);
    await provider.remove('a.test', [{ name: '@', value: 'two' }]);
    expect(steps).toEqual([
      { action: 'add', name: '_acme-challenge.a.test', value: 'one' },
      { action: 'add', name: 'a.test', value: 'two' },
      { action: 'remove', name: 'a.test', value: 'two' },
    ]);
  });
  it('continues when the record appears, through look-ups that fail', async () => {
    const clock = virtualClock();
    let prompted: AbortSignal | undefined;
    let lookUpCount = 0;
    const txt = async () => {
      if (++lookUpCount === 2) throw new Error('no network');
      return lookUpCount < 4 ? ['other'] : ['other', 'one'];
    };
    const provider = manual({
      prompt: (_, { signal }) => {
        prompted = signal;
        return until(signal);
      },
      lookUp: { ...nowhere, txt },
      clock,
    });
    await clock.run(provider.append('a.test', [{ name: '@', value: 'one' }]));
    expect(prompted?.aborted).toBe(true);
    expect(clock.monotonic()).toBe(15_000);
  });
  it('leaves no look-up behind when the person was first, and ends with the signal', async () => {
    const clock = virtualClock();
    await manual({
      prompt: async () => {
        /* a key is pressed */
      },
      lookUp: nowhere,
      clock,
    }).append('a.test', [{ name: '@', value: 'one' }]);
    expect(clock.sleepers).toBe(0);
    const stop = new AbortController();
    const call = manual({
      prompt: (_, { signal }) => until(signal),
      lookUp: nowhere,
      clock,
    }).append('a.test', [{ name: '@', value: 'one' }], { signal: stop.signal });
    stop.abort(new Error('ctrl-c'));
    await expect(call).rejects.toThrow('ctrl-c');
    expect(clock.sleepers).toBe(0);
  });
});

describe('environment', () => {
  const from = {
    PATH: '/bin',
    HOME: '/root',
    AWS_KEY: 'k',
    AWS_REGION: 'r',
    LD_PRELOAD: 'x.so',
    NODE_OPTIONS: '--x',
    SECRET: 's',
    GONE: undefined,
  };
  it('lets through what is named, and nothing that is not there', () => {
    expect(environment({ from, allow: ['PATH', 'AWS_*', 'GONE', 'NOWHERE'] })).toEqual({
      PATH: '/bin',
      AWS_KEY: 'k',
      AWS_REGION: 'r',
    });
  });
  it('lets what makes programs run others through only under its whole name', () => {
    expect(environment({ from, allow: ['L*', 'NODE_*'] })).toEqual({});
    expect(environment({ from, allow: ['LD_PRELOAD'] })).toEqual({ LD_PRELOAD: 'x.so' });
  });
  it.each(['*', '', 'A*B', 'A-B', '=x'])('refuses the pattern %j', (pattern) => {
    expect(() => environment({ from, allow: [pattern] })).toThrow(RangeError);
  });
});
