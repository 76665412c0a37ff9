import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import { canonicalName, DnsError, hostZones } from './index.ts';

const zone = (name: string) => ({ name });
const failure = (code: 'ERR_DNS_CREDENTIALS' | 'ERR_DNS_API') => new DnsError(code, 'no');

describe('the zones of a host', () => {
  it('are asked for once by all that wait, and a failure reaches all of them', async () => {
    let count = 0;
    const zones = hostZones({
      clock: virtualClock(),
      list: async () => {
        count += 1;
        await new Promise((resolve) => setImmediate(resolve));
        if (count === 1) throw failure('ERR_DNS_API');
        return [zone('a.test')];
      },
    });
    const waiting = await Promise.allSettled(
      ['a.test', 'www.a.test', 'b.test'].map((name) => zones.zoneOf(name, {})),
    );
    expect(waiting.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(count).toBe(1);
    await expect(
      Promise.all(['a.test', 'www.a.test'].map((name) => zones.zoneOf(name, {}))),
    ).resolves.toEqual(['a.test', 'a.test']);
    expect(count).toBe(2);
  });
  it('are asked for by the next caller where the first one gave up', async () => {
    const stop = new AbortController();
    let count = 0;
    const zones = hostZones({
      clock: virtualClock(),
      list: async ({ signal }) => {
        count += 1;
        await new Promise((resolve) => setImmediate(resolve));
        signal?.throwIfAborted();
        return [zone('a.test')];
      },
    });
    const first = zones.zoneOf('a.test', { signal: stop.signal });
    const second = zones.zoneOf('a.test', {});
    stop.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    await expect(second).resolves.toBe('a.test');
    expect(count).toBeLessThanOrEqual(2);
  });
  it('are found by name where credentials for one zone may not list the others', async () => {
    const zones = hostZones({
      clock: virtualClock(),
      list: async () => {
        throw failure('ERR_DNS_CREDENTIALS');
      },
      ask: async (name) => {
        if (name !== 'a.test') throw failure('ERR_DNS_CREDENTIALS');
        return [zone('A.test.')];
      },
    });
    for (let at = 0; at < 20; at++)
      await expect(zones.zoneOf(`_acme-challenge.www${at}.a.test`, {})).resolves.toBe('a.test');
    await expect(zones.zoneOf('b.test', {})).rejects.toMatchObject({ code: 'ERR_DNS_CREDENTIALS' });
  });
  it('are listed where the host does not answer questions by name', async () => {
    const zones = hostZones({
      clock: virtualClock(),
      list: async () => [zone('a.test'), zone('sub.a.test')],
      ask: async () => undefined,
    });
    await expect(zones.zoneOf('www.sub.a.test', {})).resolves.toBe('sub.a.test');
    await expect(zones.zoneOf('a.invalid', {})).resolves.toBeUndefined();
  });
  it('are asked for again after a zone was not where it was', async () => {
    let count = 0;
    const zones = hostZones({
      clock: virtualClock(),
      ask: async (name) => {
        count += 1;
        return [zone(name)];
      },
    });
    const gone = new DnsError('ERR_DNS_ZONE_NOT_FOUND', 'no');
    await expect(
      zones.use('a.test', {}, async () => {
        throw gone;
      }),
    ).rejects.toBe(gone);
    await zones.use('a.test', {}, async () => undefined);
    await zones.use('a.test', {}, async () => undefined);
    expect(count).toBe(2);
  });
});

it.each([
  ['Bücher.Example.', 'xn--bcher-kva.example'],
  ['_acme-challenge.A.test', '_acme-challenge.a.test'],
  ['0/25.2.0.192.in-addr.arpa', '0/25.2.0.192.in-addr.arpa'],
  ['*.a.test', '*.a.test'],
])('writes %s in its canonical form, %s', (name, canonical) => {
  expect(canonicalName(name)).toBe(canonical);
});
