import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { VirtualClock } from '@acmex/clock';
import type { DnsErrorCode } from './errors.ts';
import { type DnsProvider, recordName } from './provider.ts';
import { findZone, type ZoneSearch } from './zone.ts';

/** A provider under test, and a way to see what its zone shows. */
export interface DnsProviderSubject {
  readonly provider: DnsProvider;
  readonly zone: string;
  /** The values of the TXT records at a whole name, asked of someone other than the provider. */
  readonly lookUp: (name: string) => Promise<readonly string[]>;
}

/**
 * What a stand-in can do on request, unlike a live host: to refuse the credentials; to want fewer
 * requests for the next 3600 seconds; to answer nothing but server errors; to send something other
 * than JSON; to make every change but answer with a server error; never to answer.
 */
export type Trouble =
  'credentials' | 'rate-limited' | 'server-error' | 'not-json' | 'lost-answer' | 'silence';

export interface TroubleOptions {
  readonly after?: number;
}

/** A provider in front of a stand-in. */
export interface StandInSubject extends DnsProviderSubject {
  /** undefined ends it; with `after`, so many requests are answered before it begins. */
  readonly trouble: (kind: Trouble | undefined, options?: TroubleOptions) => void;
  /** The one that the provider waits by. */
  readonly clock: VirtualClock;
  /** What must never be in a message. */
  readonly secrets: readonly string[];
}

/** `live`: it holds at a real host too, where it costs nothing and leaves nothing. */
export type Clause =
  | {
      readonly title: string;
      readonly live: true;
      readonly check: (subject: DnsProviderSubject) => Promise<void>;
    }
  | {
      readonly title: string;
      readonly live: false;
      readonly check: (subject: StandInSubject) => Promise<void>;
    };

const record = (value: string, name = '_acme-challenge.contract') => ({ name, value });
const visibleValues = async (
  { zone, lookUp }: DnsProviderSubject,
  name = '_acme-challenge.contract',
) => [...(await lookUp(recordName(zone, { name })))].sort();

/**
 * That an append fails with the code while the host is in trouble, in words that name the provider
 * and no secret, and that it leaves nothing.
 */
const fails = (kind: Trouble, code: DnsErrorCode) => async (subject: StandInSubject) => {
  const { provider, zone, clock, trouble, secrets } = subject;
  trouble(kind);
  const begun = clock.now();
  const error: unknown = await clock.run(provider.append(zone, [record('one')])).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  trouble(undefined);
  assert.ok(error instanceof Error, 'it succeeded');
  assert.equal('code' in error && error.code, code, error.message);
  assert.ok(error.message.includes(provider.name), error.message);
  for (const secret of secrets)
    assert.ok(!inspect(error, { depth: 9 }).includes(secret), 'it reveals a secret');
  if (code === 'ERR_DNS_RATE_LIMITED') {
    const retryAfter = Date.parse('retryAfter' in error ? String(error.retryAfter) : '');
    const earliest = begun.add({ hours: 1 }).epochMilliseconds;
    const latest = clock.now().add({ hours: 1 }).epochMilliseconds;
    // Hosts say whole seconds.
    assert.ok(retryAfter > earliest - 1000 && retryAfter <= latest, String(retryAfter));
  }
  assert.deepEqual(await visibleValues(subject), []);
};

/** Values that hosts must escape, cut into pieces, or read again without quotation marks. */
const unusualValues = [
  'ca.example; accounturi=https://ca.example/acct/1; policy=wildcard',
  'a "quoted" word',
  'a back\\slash and a final one \\',
  "two  blanks, a comma, 'quotes' and $(a) {b} <c> & %41 \\065",
  'x'.repeat(300),
  'y'.repeat(255),
];

/** A host that answers some requests, and has nothing but errors from then on. */
const interruptions = (['server-error', 'lost-answer'] as const).flatMap((kind) =>
  [0, 1, 2, 3, 4].map((after) => ({ kind, after })),
);

/** Changes a record while the host gets into trouble, and again when that is over. */
async function changeTwice(
  { provider, zone, clock, trouble }: StandInSubject,
  change: 'append' | 'remove',
  { kind, after }: (typeof interruptions)[number],
): Promise<void> {
  trouble(kind, { after });
  const error: unknown = await clock.run(provider[change](zone, [record('one')])).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  trouble(undefined);
  if (error !== undefined) {
    assert.ok(error instanceof Error && 'code' in error, String(error));
    assert.equal(error.code, 'ERR_DNS_API', error.message);
  }
  await clock.run(provider[change](zone, [record('one')]));
}

/**
 * What every DnsProvider does; leaves nothing behind. Runner-neutral: throws where a clause does
 * not hold.
 */
export const dnsProviderContract: readonly Clause[] = [
  {
    title: 'shows a value, and takes it away again',
    live: true,
    async check(subject) {
      await subject.provider.append(subject.zone, [record('one')]);
      assert.deepEqual(await visibleValues(subject), ['one']);
      await subject.provider.remove(subject.zone, [record('one')]);
      assert.deepEqual(await visibleValues(subject), []);
    },
  },
  {
    title:
      'keeps two values at one name, as example.com and *.example.com need, and removes exactly the one given',
    live: true,
    async check(subject) {
      await subject.provider.append(subject.zone, [record('one')]);
      await subject.provider.append(subject.zone, [record('two')]);
      assert.deepEqual(await visibleValues(subject), ['one', 'two']);
      await subject.provider.remove(subject.zone, [record('one')]);
      assert.deepEqual(await visibleValues(subject), ['two']);
      await subject.provider.remove(subject.zone, [record('two')]);
      assert.deepEqual(await visibleValues(subject), []);
    },
  },
  {
    title:
      'takes an append of a value already there, and a remove of one that is absent, as successes',
    live: true,
    async check(subject) {
      await subject.provider.append(subject.zone, [record('one')]);
      await subject.provider.append(subject.zone, [record('one')]);
      assert.deepEqual(await visibleValues(subject), ['one']);
      await subject.provider.remove(subject.zone, [record('one')]);
      await subject.provider.remove(subject.zone, [
        record('one'),
        record('never', '_acme-challenge.never'),
      ]);
      assert.deepEqual(await visibleValues(subject), []);
    },
  },
  {
    title: 'loses nothing when several write at once',
    live: true,
    async check(subject) {
      const values = ['one', 'two', 'three', 'four'];
      await Promise.all(
        values.map((value) => subject.provider.append(subject.zone, [record(value)])),
      );
      assert.deepEqual(await visibleValues(subject), [...values].sort());
      await Promise.all(
        values.map((value) => subject.provider.remove(subject.zone, [record(value)])),
      );
      assert.deepEqual(await visibleValues(subject), []);
    },
  },
  {
    title: 'adds a value while it takes another away at the same name, and confuses neither',
    live: true,
    async check(subject) {
      const { provider, zone } = subject;
      await provider.append(zone, [record('one')]);
      for (const [next, last] of [
        ['two', 'one'],
        ['one', 'two'],
      ] as const) {
        await Promise.all([
          provider.append(zone, [record(next)]),
          provider.remove(zone, [record(last)]),
        ]);
        assert.deepEqual(await visibleValues(subject), [next]);
      }
      await provider.remove(zone, [record('one')]);
      assert.deepEqual(await visibleValues(subject), []);
    },
  },
  {
    title: 'takes any time to live, and changes what the host does not accept to what it does',
    live: true,
    async check(subject) {
      const { provider, zone } = subject;
      for (const ttl of [0, 1, 1_000_000]) {
        await provider.append(zone, [{ ...record('one'), ttl }]);
        assert.deepEqual(await visibleValues(subject), ['one']);
        await provider.remove(zone, [record('one')]);
        assert.deepEqual(await visibleValues(subject), []);
      }
    },
  },
  {
    title: 'does nothing under a signal that is aborted',
    live: true,
    async check(subject) {
      const reason = new Error('enough');
      await assert.rejects(
        subject.provider.append(subject.zone, [record('one')], {
          signal: AbortSignal.abort(reason),
        }),
        (error) => error === reason,
      );
      assert.deepEqual(await visibleValues(subject), []);
    },
  },
  {
    title: 'says ERR_DNS_CREDENTIALS when the host refuses them',
    live: false,
    check: fails('credentials', 'ERR_DNS_CREDENTIALS'),
  },
  {
    title:
      'says ERR_DNS_RATE_LIMITED, with the time to come back, when the host wants fewer requests',
    live: false,
    check: fails('rate-limited', 'ERR_DNS_RATE_LIMITED'),
  },
  {
    title: 'says ERR_DNS_API when the host has nothing but errors',
    live: false,
    check: fails('server-error', 'ERR_DNS_API'),
  },
  {
    title: 'says ERR_DNS_API when the answer is not JSON',
    live: false,
    check: fails('not-json', 'ERR_DNS_API'),
  },
  {
    title: 'says ERR_DNS_API when an answer never comes',
    live: false,
    check: fails('silence', 'ERR_DNS_API'),
  },
  {
    title: 'says ERR_DNS_ZONE_NOT_FOUND, with its name, for a zone that the host does not have',
    live: false,
    async check({ provider, clock }) {
      await assert.rejects(clock.run(provider.append('nowhere.invalid', [record('one')])), {
        code: 'ERR_DNS_ZONE_NOT_FOUND',
        message: /nowhere\.invalid/,
      });
    },
  },
  {
    title: 'doubles nothing when an answer was lost, and takes away what it cannot know of',
    live: false,
    async check(subject) {
      const { provider, zone, clock, trouble } = subject;
      trouble('lost-answer');
      await clock.run(provider.append(zone, [record('one')])).catch(() => {
        /* that it may fail is the point */
      });
      trouble(undefined);
      await clock.run(provider.append(zone, [record('one')]));
      assert.deepEqual(await visibleValues(subject), ['one']);
      await clock.run(provider.remove(zone, [record('one')]));
      assert.deepEqual(await visibleValues(subject), []);
    },
  },
  {
    title: 'gives up waiting for an answer when the signal aborts, with its reason',
    live: false,
    async check(subject) {
      const { provider, zone, trouble } = subject;
      const stop = new AbortController();
      trouble('silence');
      const waiting = provider.append(zone, [record('one')], { signal: stop.signal });
      setImmediate(() => stop.abort(new Error('enough')));
      await assert.rejects(waiting, /^Error: enough$/);
      trouble(undefined);
      assert.deepEqual(await visibleValues(subject), []);
    },
  },
  {
    title: 'shows values of any characters and of any length as they are, and removes each alone',
    live: false,
    async check(subject) {
      const { provider, zone } = subject;
      for (const value of unusualValues)
        await provider.append(zone, [record(value), record(value)]);
      assert.deepEqual(await visibleValues(subject), unusualValues.toSorted());
      for (const [at, value] of unusualValues.entries()) {
        await provider.remove(zone, [record(value)]);
        const remaining = unusualValues.slice(at + 1).toSorted();
        assert.deepEqual(await visibleValues(subject), remaining);
      }
    },
  },
  {
    title: 'finds a value among many at its name, and among many names',
    live: false,
    async check(subject) {
      const { provider, zone } = subject;
      const values = Array.from({ length: 12 }, (_, at) => `value-${String(at).padStart(2, '0')}`);
      const names = Array.from({ length: 30 }, (_, at) => `_acme-challenge.host-${at}`);
      const all = [
        ...values.map((value) => record(value)),
        ...names.map((name) => record('one', name)),
      ];
      for (let round = 0; round < 2; round++) await provider.append(zone, all);
      assert.deepEqual(await visibleValues(subject), values);
      assert.deepEqual(await visibleValues(subject, names.at(-1)), ['one']);
      await provider.remove(zone, [record('value-11'), record('one', names.at(-1))]);
      assert.deepEqual(await visibleValues(subject), values.slice(0, -1));
      assert.deepEqual(await visibleValues(subject, names.at(-1)), []);
      await provider.remove(zone, all);
      for (const name of [undefined, ...names])
        assert.deepEqual(await visibleValues(subject, name), []);
    },
  },
  {
    title: 'completes a change that errors of the host have interrupted, and loses no other value',
    live: false,
    async check(subject) {
      const { provider, zone, clock } = subject;
      await clock.run(provider.append(zone, [record('two')]));
      for (const interruption of interruptions) {
        await changeTwice(subject, 'append', interruption);
        assert.deepEqual(await visibleValues(subject), ['one', 'two']);
        await changeTwice(subject, 'remove', interruption);
        assert.deepEqual(await visibleValues(subject), ['two']);
      }
      await clock.run(provider.remove(zone, [record('two')]));
      assert.deepEqual(await visibleValues(subject), []);
    },
  },
];

/** Returns a provider in front of a stand-in whose account has these zones. */
export type ProviderOfZones = (zones: readonly string[]) => DnsProvider;

export interface ZoneClause {
  readonly title: string;
  readonly check: (providerOf: ProviderOfZones) => Promise<void>;
}

/** DNS that knows no zone, as for a zone that is not delegated yet. */
const nothing: ZoneSearch['lookUp'] = {
  txt: async () => [],
  cname: async () => undefined,
  isZone: async () => false,
  nameServers: async () => [],
  addresses: async () => [],
};

/** Which zone every DnsProvider finds that knows its zones. Runner-neutral, as above. */
export const dnsZoneContract: readonly ZoneClause[] = [
  {
    title:
      'finds the longest zone of up to four labels that holds a name, also where DNS shows none',
    async check(providerOf) {
      const zones = ['z.test', 'a.test', 'c.b.a.test'];
      for (const [name, zone] of [
        ['_acme-challenge.a.test', 'a.test'],
        ['_acme-challenge.www.a.test', 'a.test'],
        ['_acme-challenge.www.xc.b.a.test', 'a.test'],
        ['_acme-challenge.d.c.b.a.test', 'c.b.a.test'],
        ['_acme-challenge.www.f.e.d.c.b.a.test', 'c.b.a.test'],
      ] as const)
        assert.equal(
          await findZone(name, { provider: providerOf(zones), lookUp: nothing }),
          zone,
          name,
        );
    },
  },
];
