import { describe, expect, it } from '@jest/globals';
import { filterOf, urlOf } from '../page/screens/orders/filter.ts';

describe('the filter of orders', () => {
  it('is in the address, without what is misspelled there', () => {
    const certificate = `crt_${'0'.repeat(26)}`;
    const filter = { state: 'failed', certificate, issuer: 'custom' } as const;
    expect(urlOf(filter, 'ord_1')).toBe(
      `/orders?state=failed&certificate=${certificate}&issuer=custom&cursor=ord_1`,
    );
    expect(filterOf({ ...filter })).toEqual(filter);
    expect(filterOf({ state: 'odd', certificate: 'odd', issuer: '<b>' })).toEqual({});
    expect(urlOf({})).toBe('/orders');
  });
});
