import { describe, expect, it } from '@jest/globals';
import { prefilledOf, urlOfNew } from '../page/screens/new-certificate/address.ts';
import { findingsOf } from '../page/screens/new-certificate/findings.ts';
import { readNames } from '../page/screens/new-certificate/names.ts';
import {
  valuesIn,
  valuesOf,
  type Wishes,
  wishesOf,
} from '../page/screens/new-certificate/wishes.ts';

const faults = (text: string, challenge = 'http-01') =>
  readNames(text, challenge).map(({ line, fault }) => [line, fault?.type]);

describe('the names of a new certificate', () => {
  it('are read one to a line, or several with blanks and commas between them', () => {
    expect(readNames('a.test\n\n b.test, c.test\r\n2001:db8::1', '')).toEqual([
      { text: 'a.test', line: 1 },
      { text: 'b.test', line: 3 },
      { text: 'c.test', line: 3 },
      { text: '2001:db8::1', line: 4 },
    ]);
  });

  it('have their faults by line: form, duplicates in any spelling, and what a challenge cannot do', () => {
    expect(faults('a..test\nB.test\nb.test.\n*.c.test')).toEqual([
      [1, 'form'],
      [2, undefined],
      [3, 'duplicate'],
      [4, 'wildcard'],
    ]);
    expect(faults('*.c.test\n192.0.2.1', 'dns-01')).toEqual([
      [1, undefined],
      [2, 'address'],
    ]);
    expect(faults('*.c.test\n192.0.2.1', '')).toEqual([
      [1, undefined],
      [2, undefined],
    ]);
  });

  it('get what the server finds wrong at their lines, and other fields at their names', () => {
    const names = readNames('a.test\n\nb.test', '');
    const errors = { '/names/1': 'not allowed', '/labels/team': 'odd', '/issuer': 'unknown' };
    expect(findingsOf(errors, names)).toEqual({
      lines: [{ line: 3, text: 'not allowed' }],
      fields: { labels: 'odd', issuer: 'unknown' },
    });
  });
});

describe('what is said of a new certificate', () => {
  it('is filled in from a template, and sent as it was', () => {
    const template: Wishes = {
      ...{ issuer: 'second', reuseKey: true, renewBeforeDays: 20 },
      keyType: 'rsa-2048',
      labels: { team: 'web', note: 'a' },
    };
    expect(wishesOf(valuesOf(template))).toEqual(template);
    expect(wishesOf(valuesOf())).toEqual({});
  });

  it('has what a template says and no field is for, but not several issuers beside a chosen one', () => {
    const template: Wishes & { readonly name: string } = {
      ...{ name: 'web', issuers: ['first', 'second'], secondKeyType: 'rsa-2048' },
      ...{ allowSubsetOfNames: true, deployTo: ['nginx'], maintenanceWindows: ['Sat 02:00-06:00'] },
    };
    const { name: _, ...wishes } = template;
    expect(wishesOf(valuesOf(template), template)).toEqual(wishes);
    const { issuers: __, ...remaining } = wishes;
    expect(wishesOf({ ...valuesOf(template), issuer: 'third' }, template)).toEqual({
      ...remaining,
      issuer: 'third',
    });
  });

  it('is read from the form; what is empty is left to the server', () => {
    const form = new FormData();
    form.set('profile', ' short ');
    form.set('labels', 'a=b\n\n c=');
    form.set('names', 'a.test');
    expect(wishesOf(valuesIn(form))).toEqual({ profile: 'short', labels: { a: 'b', c: '' } });
  });

  it('is in the address of a link to the form', () => {
    const prefilled = { names: ['a.test', '*.b.test'], issuer: 'second', template: 'web' };
    const url = new URL(urlOfNew(prefilled), 'https://acmex.test');
    expect(prefilledOf(Object.fromEntries(url.searchParams))).toEqual(prefilled);
    expect(urlOfNew({})).toBe('/new');
  });
});
