import { virtualClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import { type DnsZone, startDnsServer } from '@acmex/services';
import { validateDnsPersist01 } from './dns-persist-01.ts';
import { validationResolver } from './resolver.ts';

const name = '_validation-persist.a.test';
const clock = virtualClock({ now: '2026-06-01T00:00:00Z' });
const now = Math.floor(clock.now().epochMilliseconds / 1000);
const account = 'accounturi=https://ca.test/account/1';

async function validate(
  records: readonly (string | string[])[] | DnsZone,
  { needsPolicy = false, type = 'dns' } = {},
) {
  const zone: DnsZone = Array.isArray(records)
    ? { [`TXT ${name}`]: records.map((data: string | string[]) => ({ type: 'TXT', name, data })) }
    : (records as DnsZone);
  await using server = await startDnsServer(zone);
  return await validateDnsPersist01({
    identifier: { type, value: 'a.test' },
    issuers: ['ca.test', 'other.test'],
    accountUris: ['https://ca.test/account/1', 'https://ca.test/account-hash/x'],
    needsPolicy,
    clock,
    resolver: validationResolver({ servers: [server.address] }),
  });
}

describe('validateDnsPersist01', () => {
  it.each<[string, readonly (string | string[])[]]>([
    ['alone', [`ca.test; ${account}`]],
    ['by another of its names', [`other.test; ${account}`]],
    ['by another name of the account', ['ca.test; accounturi=https://ca.test/account-hash/x']],
    ['in capitals and without blanks', [`CA.TEST;${account.replace('accounturi', 'AccountUri')}`]],
    ['in pieces', [['ca.test; account', `uri=${account.slice(11)}`]]],
    [
      'beside those of other CAs and other uses',
      ['v=spf1 -all', `elsewhere.test; ${account}; persistUntil=soon`, `ca.test; ${account}`],
    ],
    [
      'beside one of its own that has ended',
      [`ca.test; ${account}; persistUntil=1`, `ca.test; ${account}`],
    ],
    ['with parameters that are not known', [`ca.test; ${account}; colour=blue`]],
  ])('finds the record %s', async (_, records) => {
    await expect(validate(records)).resolves.toMatchObject({
      valid: true,
      records: [{ type: 'look-up', record: 'TXT', name, recordCount: records.length }],
    });
  });
  it('follows an alias', async () => {
    await expect(
      validate({
        [`TXT ${name}`]: [
          { type: 'CNAME', name, data: 'x.b.test' },
          { type: 'TXT', name: 'x.b.test', data: `ca.test; ${account}` },
        ],
      }),
    ).resolves.toMatchObject({ valid: true });
  });
  it('takes a record to its last second, says its end, and no longer', async () => {
    const end = async (...ends: readonly number[]) => {
      const validation = await validate(
        ends.map((end) => `ca.test; ${account}; persistUntil=${end}`),
      );
      return validation.valid ? validation.until?.toString() : validation.detail;
    };
    await expect(end(now)).resolves.toBe('2026-06-01T00:00:00Z');
    await expect(end(now + 60, now + 120, now + 90)).resolves.toBe('2026-06-01T00:02:00Z');
    await expect(end(now - 1)).resolves.toBe(
      `the TXT record ${name} that names ca.test or other.test proves nothing: its persistUntil has passed`,
    );
  });
  it('says no end where one of the records has none', async () => {
    await expect(
      validate([`ca.test; ${account}; persistUntil=${now + 60}`, `ca.test; ${account}`]),
    ).resolves.toEqual({ valid: true, records: expect.anything(), until: undefined });
  });
  it('wants policy=wildcard for wildcards', async () => {
    await expect(validate([`ca.test; ${account}`], { needsPolicy: true })).resolves.toMatchObject({
      valid: false,
      type: 'unauthorized',
      detail: expect.stringContaining('policy=wildcard'),
    });
    await expect(
      validate([`ca.test; ${account}; policy=wild`], { needsPolicy: true }),
    ).resolves.toMatchObject({ valid: false });
    await expect(
      validate([`ca.test; ${account}; policy=WildCard`], { needsPolicy: true }),
    ).resolves.toMatchObject({ valid: true });
  });
  it.each<[string, string, readonly string[], string]>([
    ['nothing', 'unauthorized', [], 'no TXT record'],
    ['another CA', 'unauthorized', [`elsewhere.test; ${account}`], 'names ca.test or other.test'],
    [
      "a name that ends like the CA's",
      'unauthorized',
      [`not-ca.test; ${account}`],
      'no TXT record',
    ],
    [
      'another account',
      'unauthorized',
      ['ca.test; accounturi=https://ca.test/account/2'],
      'not this account',
    ],
    [
      'the account in other letters',
      'unauthorized',
      ['ca.test; accounturi=https://ca.test/Account/1'],
      'not this account',
    ],
    ['no account', 'malformed', ['ca.test'], 'accounturi is missing'],
    ['the account twice', 'malformed', [`ca.test; ${account}; ${account}`], 'twice'],
    [
      'an end that is not a number',
      'malformed',
      [`ca.test; ${account}; persistUntil=never`],
      'persistUntil',
    ],
    [
      'text that only begins so',
      'unauthorized',
      [`ca.test; ${account}; and more`],
      'no TXT record',
    ],
  ])('finds no proof in %s: %s', async (_, type, records, words) => {
    await expect(validate(records)).resolves.toMatchObject({
      valid: false,
      type,
      detail: expect.stringContaining(words),
    });
  });
  it('says that the look-up failed, and proves no address', async () => {
    await expect(validate({ [`TXT ${name}`]: 2 })).resolves.toMatchObject({
      valid: false,
      type: 'dns',
    });
    await expect(validate([], { type: 'ip' })).resolves.toMatchObject({
      valid: false,
      type: 'serverInternal',
    });
  });
});
