import { describe, expect, it } from '@jest/globals';
import { issue, testCa } from './ca.testing.ts';

describe('a client that asks for a certificate', () => {
  it('gets one for names, wildcards and addresses, built from the order', async () => {
    const ca = await testCa();
    const { leaf, chain } = await issue(ca, await ca.account(), [
      'a.test',
      '*.a.test',
      '10.0.0.1',
      'fd00::1',
    ]);
    expect(leaf).toMatchObject({ subject: '', issuer: 'CN=Test Issuing', keyType: 'ec-p256' });
    expect(leaf.serialNumber).toMatch(/^[4-7][0-9a-f]{31}$/);
    expect(chain).toHaveLength(2);
    expect(
      ca.validator.asked
        .map(({ type, identifier, wildcard }) => `${type} ${identifier.value} ${wildcard}`)
        .sort(),
    ).toEqual([
      'dns-01 a.test false',
      'dns-01 a.test true',
      'http-01 10.0.0.1 false',
      'http-01 fd00::1 false',
    ]);
    expect(ca.failures).toEqual([]);
  });
});
