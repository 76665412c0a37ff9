import { virtualClock, systemClock } from '@acmex/clock';
import { type Bind, describeWith, startBind } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { findZone, followAliases, type LookUp, lookUp, recordVisible } from './index.ts';

describeWith(['named'], 'with a real name server', () => {
  let bind: Bind;
  let ask: LookUp;
  beforeAll(async () => {
    bind = await startBind({
      zones: {
        'a.test': [
          'www IN A 192.0.2.1',
          '_acme-challenge IN TXT "one"',
          '_acme-challenge IN TXT "two" "parts"',
          '_acme-challenge.alias IN CNAME first.b.co.test.',
          'sub IN NS ns1.sub',
        ],
        'sub.a.test': ['_acme-challenge IN CNAME delegated.b.co.test.'],
        'co.test': [],
        'b.co.test': [
          'first IN CNAME second',
          'second IN TXT "here"',
          'round IN CNAME about',
          'about IN CNAME round',
        ],
      },
    });
    ask = lookUp({ clock: systemClock, servers: [bind.address] });
  });
  afterAll(async () => {
    await bind?.[Symbol.asyncDispose]();
  });

  it.each([
    ['_acme-challenge.a.test', 'a.test'],
    ['a.test', 'a.test'],
    ['_acme-challenge.www.deep.a.test', 'a.test'],
    ['_acme-challenge.sub.a.test', 'sub.a.test'],
    ['_acme-challenge.x.sub.a.test', 'sub.a.test'],
    ['_acme-challenge.a.b.co.test', 'b.co.test'],
    ['_acme-challenge.c.co.test', 'co.test'],
  ])('finds the zone of %s, which is %s', async (name, zone) => {
    await expect(findZone(name, { lookUp: ask })).resolves.toBe(zone);
  });
  it('takes no alias for the begin of the zone it leads to', async () => {
    await expect(findZone('_acme-challenge.alias.a.test', { lookUp: ask })).resolves.toBe('a.test');
  });
  it('says when no zone holds a name', async () => {
    await expect(findZone('nowhere.example', { lookUp: ask })).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_DNS_(ZONE_NOT_FOUND|LOOKUP)$/),
    });
  });
  it('reads values whole, also those that are cut into parts', async () => {
    expect([...(await ask.txt('_acme-challenge.a.test'))].sort()).toEqual(['one', 'twoparts']);
    await expect(ask.txt('none.a.test')).resolves.toEqual([]);
  });
  it('follows aliases to their end, and out of a circle', async () => {
    await expect(followAliases('_acme-challenge.alias.a.test', ask)).resolves.toBe(
      'second.b.co.test',
    );
    await expect(followAliases('www.a.test', ask)).resolves.toBe('www.a.test');
    await expect(followAliases('round.b.co.test', ask)).rejects.toMatchObject({
      code: 'ERR_DNS_LOOKUP',
      message: expect.stringContaining('circle'),
    });
  });
  it("takes a record for visible when its zone's servers show it", async () => {
    const at: string[] = [];
    const lookUpAt = (server: string) => {
      at.push(server);
      return ask;
    };
    await recordVisible(
      { zone: 'a.test', name: '_acme-challenge.a.test', value: 'one' },
      { clock: systemClock, lookUp: ask, propagation: { check: 'authoritative' }, lookUpAt },
    );
    expect(at).toEqual(['127.0.0.1']);
  });
  it('says that a server does not answer', async () => {
    await expect(
      lookUp({ clock: systemClock, servers: ['127.0.0.1:1'] }).txt('a.test'),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_LOOKUP',
      message: expect.stringContaining('127.0.0.1:1'),
    });
  });
});

describe('recordVisible', () => {
  const record = { zone: 'a.test', name: '_acme-challenge.a.test', value: 'mine' };
  const server = (values: () => readonly string[], addresses: readonly string[] = []): LookUp => ({
    txt: async () => values(),
    cname: async () => undefined,
    isZone: async () => true,
    nameServers: async () => ['ns1', 'ns2'],
    addresses: async () => addresses,
  });

  it('waits until the last server shows the value, over each address', async () => {
    const clock = virtualClock();
    const asked: string[] = [];
    const ready: Record<string, number> = {
      '192.0.2.1': 0,
      '192.0.2.2': 3000,
      '2001:db8::1': 1000,
    };
    const lookUpAt = (address: string) => {
      asked.push(address);
      return server(() => (clock.monotonic() >= ready[address]! ? ['other', 'mine'] : ['other']));
    };
    await clock.run(
      recordVisible(record, {
        clock,
        lookUp: server(() => [], Object.keys(ready)),
        propagation: { check: 'authoritative' },
        lookUpAt,
        ipv6: true,
      }),
    );
    expect(clock.monotonic()).toBe(3500);
    expect(asked.filter((address) => address === '192.0.2.1')).toHaveLength(1);
  });
  it('names the servers that never show it', async () => {
    const clock = virtualClock();
    const lookUpAt = (address: string) => server(() => (address === '192.0.2.1' ? ['mine'] : []));
    await expect(
      clock.run(
        recordVisible(record, {
          clock,
          lookUp: server(() => []),
          propagation: { check: 'resolvers', servers: ['192.0.2.1', '192.0.2.2:5353'] },
          lookUpAt,
          limit: 'PT1M',
        }),
      ),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_NOT_VISIBLE',
      message: expect.stringMatching(/after 60 seconds: 192\.0\.2\.2:5353 does not show it$/),
    });
    expect(clock.monotonic()).toBeLessThanOrEqual(60_000);
  });
  it('asks over IPv4 alone where this machine has no IPv6', async () => {
    const clock = virtualClock();
    const asked: string[] = [];
    await clock.run(
      recordVisible(record, {
        clock,
        lookUp: server(() => [], ['192.0.2.1', '2001:db8::1']),
        propagation: { check: 'authoritative' },
        lookUpAt: (address) => {
          asked.push(address);
          return server(() => ['mine']);
        },
        ipv6: false,
      }),
    );
    expect(asked).toEqual(['192.0.2.1']);
  });
  it('waits a fixed time, or not at all, and ends with the signal', async () => {
    const clock = virtualClock();
    const lookUp = server(() => []);
    await clock.run(
      recordVisible(record, { clock, lookUp, propagation: { check: 'wait', duration: 'PT90S' } }),
    );
    await recordVisible(record, { clock, lookUp, propagation: { check: 'skip' } });
    expect(clock.monotonic()).toBe(90_000);
    await expect(
      recordVisible(record, {
        clock,
        lookUp,
        propagation: { check: 'wait', duration: 'PT90S' },
        signal: AbortSignal.abort(new Error('enough')),
      }),
    ).rejects.toThrow('enough');
  });
});

describe('findZone with a provider that knows its zones', () => {
  const provider = {
    name: 'test',
    append: async () => {
      /* not asked */
    },
    remove: async () => {
      /* not asked */
    },
    zones: async () => ['a.test', 'sub.a.test.', 'B.test'],
  };
  const lookUp: LookUp = {
    txt: async () => [],
    cname: async () => undefined,
    isZone: async () => {
      throw new Error('DNS is not asked');
    },
    nameServers: async () => [],
    addresses: async () => [],
  };
  it.each([
    ['_acme-challenge.a.test', 'a.test'],
    ['_acme-challenge.x.sub.a.test', 'sub.a.test'],
    ['_acme-challenge.b.test', 'b.test'],
  ])('takes the longest that holds %s', async (name, zone) => {
    await expect(findZone(name, { lookUp, provider })).resolves.toBe(zone);
  });
  it('says when none of them does', async () => {
    await expect(findZone('_acme-challenge.notb.test', { lookUp, provider })).rejects.toMatchObject(
      { code: 'ERR_DNS_ZONE_NOT_FOUND' },
    );
  });
});
