import { describe, expect, it } from '@jest/globals';
import { filterOf, queryOf, urlOf } from '../page/screens/certificates/filter.ts';
import { gather, type Page } from '../page/screens/certificates/gather.ts';
import { inShort } from '../page/screens/overview/in-short.ts';

describe('what a person searches', () => {
  it.each([
    ['www.example.com', { name: 'www.example.com' }],
    ['*.example.com', { below: 'example.com' }],
    ['.example.com', { below: 'example.com' }],
    ['192.0.2.10', { name: '192.0.2.10' }],
    ['2001:db8::1', { name: '2001:db8::1' }],
    ['bücher.example', { name: 'bücher.example' }],
    ['exam', { contains: 'exam' }],
    ['api-', { contains: 'api-' }],
    ['localhost', { contains: 'localhost' }],
    ['192.0', { contains: '192.0' }],
    ['web.', { contains: 'web.' }],
    ['.', { contains: '.' }],
  ])('as %s is a name, what is below it, or a part of names', (search, query) => {
    expect(queryOf({ search, state: 'valid' })).toEqual({ state: 'valid', ...query });
  });

  it('stays in the address, with the times of a link', () => {
    const filter = { contains: 'a.b', renewalAfter: '2026-11-29T00:00:00.000Z' } as const;
    const url = new URL(urlOf(filter), 'https://acmex.test');
    expect(filterOf(Object.fromEntries(url.searchParams))).toEqual(filter);
  });

  it('can be what waits for records that a person sets, and for nothing else', () => {
    expect(queryOf(filterOf({ awaits: 'records' }))).toEqual({ awaits: 'records' });
    expect(filterOf({ awaits: 'rain' })).toEqual({});
  });
});

/** A list of which every tenth number matches; a request looks at 20. */
const numbers =
  (requests: unknown[], length = 1000) =>
  async ({ limit, cursor = '0' }: { limit: number; cursor?: string }): Promise<Page<number>> => {
    requests.push(cursor);
    const items: number[] = [];
    let at = Number(cursor);
    for (; at < length && at < Number(cursor) + 20 && items.length < limit; at += 1)
      if (at % 10 === 0) items.push(at);
    const scanned = at - Number(cursor);
    return { items, scanned, ...(at < length ? { next: String(at) } : {}) };
  };

describe('a page that takes several requests', () => {
  it('has as many as wanted, and the next one continues where it ended', async () => {
    const requests: unknown[] = [];
    const progress: number[] = [];
    const read = numbers(requests);
    const first = await gather({
      read,
      wanted: 5,
      onProgress: ({ items }) => progress.push(items.length),
    });
    expect(first).toEqual({ items: [0, 10, 20, 30, 40], next: '41', scanned: 41 });
    expect([requests, progress]).toEqual([
      ['0', '20', '40'],
      [2, 4],
    ]);
    const second = await gather({ read, wanted: 2, cursor: first.next });
    expect(second.items).toEqual([50, 60]);
  });

  it('ends with the list, when enough was looked at, and when it is stopped', async () => {
    const all = await gather({ read: numbers([], 30), wanted: 50 });
    expect(all).toEqual({ items: [0, 10, 20], next: undefined, scanned: 30 });
    const bounded = await gather({ read: numbers([]), wanted: 50, mostScanned: 100 });
    expect([bounded.scanned, bounded.next]).toEqual([100, '100']);
    const requests: unknown[] = [];
    const stopped = await gather({
      read: numbers(requests),
      wanted: 50,
      isStopped: () => requests.length === 2,
    });
    expect([stopped.items, stopped.next]).toEqual([[0, 10, 20, 30], '40']);
  });
});

describe('a reason in short', () => {
  it('is the first sentence, or whole words of it', () => {
    expect(inShort('The CA refused it. Look at its problem.')).toBe('The CA refused it.');
    expect(inShort('the CA at https://ca.example/a refused')).toBe(
      'the CA at https://ca.example/a refused',
    );
    expect(inShort('one two three', 9)).toBe('one two…');
    expect(inShort('x'.repeat(20), 10)).toBe(`${'x'.repeat(10)}…`);
    expect(inShort('')).toBe('');
  });
});
