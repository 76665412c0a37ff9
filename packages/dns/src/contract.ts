import assert from 'node:assert/strict';
import { type DnsProvider, recordName } from './provider.ts';

/** A provider under test, and a way to see what its zone shows. */
export interface DnsProviderSubject {
  readonly provider: DnsProvider;
  readonly zone: string;
  /** The values of the TXT records at a whole name, asked of someone other than the provider. */
  readonly look: (name: string) => Promise<readonly string[]>;
}

export interface Clause {
  readonly title: string;
  readonly check: (subject: DnsProviderSubject) => Promise<void>;
}

const record = (value: string, name = '_acme-challenge.contract') => ({ name, value });
const shown = async ({ zone, look }: DnsProviderSubject, name = '_acme-challenge.contract') => [...await look(recordName(zone, { name }))].sort();

/** What every DnsProvider does; leaves nothing behind. Runner-neutral: throws where a clause does not hold. */
export const dnsProviderContract: readonly Clause[] = [
  {
    title: 'shows a value, and takes it away again',
    async check(subject) {
      await subject.provider.append(subject.zone, [record('one')]);
      assert.deepEqual(await shown(subject), ['one']);
      await subject.provider.remove(subject.zone, [record('one')]);
      assert.deepEqual(await shown(subject), []);
    },
  },
  {
    title: 'keeps two values at one name, as example.com and *.example.com need, and removes exactly the one given',
    async check(subject) {
      await subject.provider.append(subject.zone, [record('one')]);
      await subject.provider.append(subject.zone, [record('two')]);
      assert.deepEqual(await shown(subject), ['one', 'two']);
      await subject.provider.remove(subject.zone, [record('one')]);
      assert.deepEqual(await shown(subject), ['two']);
      await subject.provider.remove(subject.zone, [record('two')]);
      assert.deepEqual(await shown(subject), []);
    },
  },
  {
    title: 'takes an append of a value already there, and a remove of one that is absent, as successes',
    async check(subject) {
      await subject.provider.append(subject.zone, [record('one')]);
      await subject.provider.append(subject.zone, [record('one')]);
      assert.deepEqual(await shown(subject), ['one']);
      await subject.provider.remove(subject.zone, [record('one')]);
      await subject.provider.remove(subject.zone, [record('one'), record('never', '_acme-challenge.never')]);
      assert.deepEqual(await shown(subject), []);
    },
  },
  {
    title: 'loses nothing when several write at once',
    async check(subject) {
      const values = ['one', 'two', 'three', 'four'];
      await Promise.all(values.map((value) => subject.provider.append(subject.zone, [record(value)])));
      assert.deepEqual(await shown(subject), [...values].sort());
      await Promise.all(values.map((value) => subject.provider.remove(subject.zone, [record(value)])));
      assert.deepEqual(await shown(subject), []);
    },
  },
  {
    title: 'does nothing under a signal that is aborted',
    async check(subject) {
      const reason = new Error('enough');
      await assert.rejects(subject.provider.append(subject.zone, [record('one')], { signal: AbortSignal.abort(reason) }), (error) => error === reason);
      assert.deepEqual(await shown(subject), []);
    },
  },
];
