import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { VirtualClock } from '@acmex/clock';
import type { DnsErrorCode } from './errors.ts';
import { type DnsProvider, recordName } from './provider.ts';

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

/** A provider in front of a stand-in. */
export interface StandInSubject extends DnsProviderSubject {
  /** undefined ends it. */
  readonly trouble: (kind: Trouble | undefined) => void;
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
  if (code === 'ERR_DNS_RATE_LIMITED')
    assert.equal(
      'retryAfter' in error && String(error.retryAfter).slice(0, 19),
      String(clock.now().add({ hours: 1 })).slice(0, 19),
    );
  assert.deepEqual(await visibleValues(subject), []);
};

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
];
