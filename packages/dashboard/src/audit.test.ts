import { describe, expect, it } from '@jest/globals';
import { filterOf, filterOfForm, urlOf } from '../page/screens/audit/filter.ts';

const certificate = `crt_${'0'.repeat(26)}`;

describe('the filter of the audit log', () => {
  it('stays in the address of the page', () => {
    const filter = {
      view: 'events',
      type: 'private_key_read',
      actor: 'Anna & Söhne',
      certificate,
      since: '2026-11-01T00:00:00.000Z',
    } as const;
    const address = new URL(urlOf(filter, 'evt_1'), 'https://acmex.test');
    const query = Object.fromEntries(address.searchParams);
    expect(query.cursor).toBe('evt_1');
    expect(filterOf(query)).toEqual(filter);
    expect(urlOf({})).toBe('/audit');
  });

  it('is without what the server would refuse', () => {
    expect(
      filterOf({ view: 'x', certificate: 'crt_1', since: 'yesterday', until: '', extra: 'y' }),
    ).toEqual({});
  });

  it('has instants in UTC where a person enters local times', () => {
    const local = '2026-11-01T10:30';
    expect(
      filterOfForm([
        ['since', local],
        ['until', ''],
        ['actor', ' key_1 '],
      ]),
    ).toEqual({ since: new Date(local).toISOString(), actor: 'key_1' });
  });
});
