import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import {
  canonicalName,
  DnsError,
  type DnsProvider,
  findZone,
  hostZones,
  type HostZone,
  type HostZonesOptions,
  type LookUp,
} from './index.ts';

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

const deep = '_acme-challenge.l0.l1.l2.l3.sub.a.test';

/** A host that has two zones, and counts what it is asked. */
function countingHost(search: HostZonesOptions<HostZone>['search']) {
  const questions: string[] = [];
  const zones = hostZones({
    clock: virtualClock(),
    ask: async (name) => {
      questions.push(name);
      return ['a.test', 'sub.a.test'].includes(name) ? [zone(name)] : [];
    },
    ...(search && {
      search: async (base, options) => {
        questions.push(`search ${base}`);
        return await search(base, options);
      },
    }),
  });
  return { zones, questions };
}

describe.each<readonly [string, HostZonesOptions<HostZone>['search']]>([
  ['cannot search', undefined],
  ['finds nothing by a search', async () => ({ zones: [], isComplete: true })],
  [
    'lists other zones in place of a search',
    async () => ({ zones: [zone('z.test')], isComplete: false }),
  ],
  [
    'refuses a search',
    async () => {
      throw failure('ERR_DNS_CREDENTIALS');
    },
  ],
])('a host that %s', (_, search) => {
  it('is asked for the zone that DNS shows', async () => {
    const { zones, questions } = countingHost(search);
    await expect(zones.zoneOf(deep, { guess: async () => 'sub.a.test' })).resolves.toBe(
      'sub.a.test',
    );
    expect(questions.at(-1)).toBe('sub.a.test');
    expect(questions.length).toBeLessThanOrEqual(4);
  });
  it.each(['l0.l1.l2.l3.sub.a.test', 'example.com', undefined])(
    'has the longest zone where DNS shows %s',
    async (guess) => {
      const { zones } = countingHost(search);
      await expect(zones.zoneOf(deep, { guess: async () => guess })).resolves.toBe('sub.a.test');
    },
  );
  it('is not asked to search again for nothing', async () => {
    const { zones, questions } = countingHost(search);
    for (let at = 0; at < 3; at++) await zones.zoneOf(`l${at}.${deep}`, {});
    expect(questions.filter((text) => text.startsWith('search')).length).toBeLessThanOrEqual(1);
  });
});

it('asks a host to search again, a minute after it could not', async () => {
  const clock = virtualClock();
  let hasRights = false;
  const zones = hostZones({
    clock,
    ask: async () => {
      throw failure('ERR_DNS_CREDENTIALS');
    },
    search: async () => {
      if (!hasRights) throw failure('ERR_DNS_CREDENTIALS');
      return { zones: [zone('a.test')], isComplete: true };
    },
  });
  await expect(zones.zoneOf(deep, {})).rejects.toMatchObject({ code: 'ERR_DNS_CREDENTIALS' });
  hasRights = true;
  await expect(zones.zoneOf(deep, {})).rejects.toMatchObject({ code: 'ERR_DNS_CREDENTIALS' });
  await clock.advance('PT61S');
  await expect(zones.zoneOf(deep, {})).resolves.toBe('a.test');
});

it('says what to check where no zone holds a name', async () => {
  const nothing: LookUp = {
    txt: async () => [],
    cname: async () => undefined,
    isZone: async () => false,
    nameServers: async () => [],
    addresses: async () => [],
  };
  await expect(findZone('www.a.test', { lookUp: nothing })).rejects.toMatchObject({
    code: 'ERR_DNS_ZONE_NOT_FOUND',
    message: expect.stringContaining('check the name, that its zone is delegated'),
  });
  const { zones } = countingHost(undefined);
  const provider: DnsProvider = {
    name: 'example',
    append: async () => undefined,
    remove: async () => undefined,
    zoneOf: (name, options = {}) => zones.zoneOf(name, options),
  };
  await expect(findZone('www.b.test', { lookUp: nothing, provider })).rejects.toMatchObject({
    code: 'ERR_DNS_ZONE_NOT_FOUND',
    message: expect.stringMatching(/^example: .* holds www\.b\.test: check the name, and that/),
  });
});

it('asks a host again for zones that a search did not find', async () => {
  const known = [zone('b.test')];
  const zones = hostZones({
    clock: virtualClock(),
    ask: async () => [],
    search: async () => ({ zones: [...known], isComplete: true }),
  });
  await expect(zones.zoneOf(deep, {})).resolves.toBeUndefined();
  known.push(zone('a.test'));
  await expect(zones.zoneOf(deep, {})).resolves.toBe('a.test');
});

it.each([
  ['Bücher.Example.', 'xn--bcher-kva.example'],
  ['_acme-challenge.A.test', '_acme-challenge.a.test'],
  ['0/25.2.0.192.in-addr.arpa', '0/25.2.0.192.in-addr.arpa'],
  ['*.a.test', '*.a.test'],
])('writes %s in its canonical form, %s', (name, canonical) => {
  expect(canonicalName(name)).toBe(canonical);
});
