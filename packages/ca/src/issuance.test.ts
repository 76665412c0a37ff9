import { describe, expect, it } from '@jest/globals';
import { type Change, keyOf, memoryStorage, type Storage } from '@acmex/storage';
import { issue, testCa } from './ca.testing.ts';

/** A storage that counts its calls, by the kinds of their records. */
function countingStorage() {
  const storage = memoryStorage();
  const calls: string[] = [];
  const kindOf = (key: string) => key.split('/')[1];
  const counting: Storage = {
    ...storage,
    async get(key, options) {
      calls.push(`get ${kindOf(key)}`);
      return await storage.get(key, options);
    },
    async write(changes: readonly Change[], options) {
      calls.push(`write ${changes.map((change) => kindOf(keyOf(change))).join(' ')}`);
      return await storage.write(changes, options);
    },
  };
  return { storage: counting, calls };
}

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

  it('makes the CA write five times beside the nonces, and read nothing that it has just written', async () => {
    const { storage, calls } = countingStorage();
    const ca = await testCa({ storage });
    const account = await ca.account();
    await ca.server.idle();
    calls.length = 0;
    await issue(ca, account, ['a.test']);
    const count = (call: string) => calls.filter((made) => made === call).length;
    expect(calls.filter((call) => call.startsWith('write') && call !== 'write nonce')).toEqual([
      'write authorization order account-orders pending',
      'write authorization validation',
      'write authorization validation pending valid-authorization',
      'write order issuance',
      'write order certificate issued issuance pending',
    ]);
    // A request reads its account and what it shows, and one to finalize its authorizations, too.
    const signed = count('write nonce');
    expect(count('get account')).toBe(signed + 1);
    expect(count('get authorization') + count('get order')).toBe(signed + 1);
  });
});
