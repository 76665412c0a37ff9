import { describe, expect, it } from '@jest/globals';
import { filterOf, queryOf, urlOf } from '../page/screens/authority/filter.ts';
import { type Issuer, isRootOverdue, listState } from '../page/screens/authority/lists.ts';

const end = '2026-12-07T00:00:00Z';
const endMs = Date.parse(end);
const certificate = { notAfter: '2027-12-01T00:00:00Z' };
const crl = { number: 1, thisUpdate: '2026-11-30T00:00:00Z', nextUpdate: end, isComplete: true };
const issuer = (of: object) => ({ generation: 1, certificate, ...of }) as unknown as Issuer;

describe('a revocation list in the dashboard', () => {
  it('is overdue from its end on, also while the page is not loaded again', () => {
    const listed = issuer({ crl: { ...crl, state: 'due' } });
    expect(listState(listed, endMs - 1)).toBe('due');
    expect(listState(listed, endMs)).toBe('overdue');
  });
  it('is not needed once its issuer has expired, and absent until a client asks for it', () => {
    const listed = issuer({ crl: { ...crl, state: 'overdue' } });
    expect(listState(listed, Date.parse(certificate.notAfter))).toBe('ended');
    expect(listState(issuer({}), endMs)).toBe('none');
  });
  it('of the root is overdue from its end on, where there is one', () => {
    const authority = { rootCrl: { nextUpdate: end, isOverdue: false } };
    const states = [authority, {}].map((of) => isRootOverdue(of as never, endMs));
    expect([isRootOverdue(authority as never, endMs - 1), ...states]).toEqual([false, true, false]);
  });
});

describe('the search in what the own CA has issued', () => {
  it.each([
    ['www.example', { contains: 'www.example' }],
    ['deadbeef.example', { contains: 'deadbeef.example' }],
    ['abc', { contains: 'abc' }],
    ['45E46E34223E0CB1F5901F81ACE651FC', { serialNumber: '45E46E34223E0CB1F5901F81ACE651FC' }],
    ['45:e4:6e:34:22:3e:0c:b1', { serialNumber: '45:e4:6e:34:22:3e:0c:b1' }],
    ['fd00:1::53', { contains: 'fd00:1::53' }],
  ])('takes %s as a part of a name, or as a serial number', (search, query) => {
    expect(queryOf({ search, status: 'valid' })).toEqual({ ...query, status: 'valid' });
  });
  it('is in the address, and what is misspelled there is left out', () => {
    const filter = filterOf({ search: ' www ', status: 'revoked', unknown: 'x' });
    expect(filter).toEqual({ search: 'www', status: 'revoked' });
    expect(urlOf(filter, 'iss_01')).toBe('/authority?search=www&status=revoked&cursor=iss_01');
    expect(urlOf(filterOf({ search: ' ', status: 'gone' }))).toBe('/authority');
  });
});
