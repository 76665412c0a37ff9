import { describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import {
  accountRecordName,
  accountUris,
  earlyPersistOffer,
  isHashedUri,
  persistentRecordValue,
  readPersistentRecord,
  readPersistOffer,
} from './index.ts';

const [p00, p01, p02] = [
  'draft-ietf-acme-dns-persist-00',
  'draft-ietf-acme-dns-persist-01',
  'draft-ietf-acme-dns-persist-02',
] as const;
const prefix = 'https://ca.example/account-hash/';

describe('dns-account-01', () => {
  it("has the record name of the draft's example", async () => {
    await expect(
      accountRecordName('https://example.com/acme/acct/ExampleAccount', 'example.org'),
    ).resolves.toBe('_ujmmovf2vn55tgye._acme-challenge.example.org');
  });
});

describe('the account in a record of dns-persist-01', () => {
  const account = {
    url: 'https://ca.example/acct/123',
    thumbprints: ['NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'],
    domain: 'example.com',
    accountHashPrefix: prefix,
  };

  it('is its URL in drafts 00 and 01', async () => {
    await expect(accountUris(p00, account)).resolves.toEqual(['https://ca.example/acct/123']);
    await expect(accountUris(p01, account)).resolves.toEqual(['https://ca.example/acct/123']);
  });
  it("is in draft 02 the digest of the draft's examples, for the domain and for any", async () => {
    const [accountUri, any] = [
      '5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw',
      'NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug',
    ].map((digest) => `${prefix}sha-256/${digest}`);
    await expect(accountUris(p02, account)).resolves.toEqual([accountUri, any]);
    await expect(
      accountUris(p02, { ...account, thumbprints: [...account.thumbprints, 'earlier'] }),
    ).resolves.toHaveLength(4);
    await expect(accountUris(p02, { ...account, accountHashPrefix: undefined })).resolves.toEqual(
      [],
    );
    expect([
      isHashedUri(accountUri ?? '', prefix),
      isHashedUri(`${accountUri}x`, prefix),
      isHashedUri(accountUri ?? '', 'https://other.example/'),
      isHashedUri(accountUri ?? '', undefined),
    ]).toEqual([true, false, false, false]);
  });
});

describe('a record of dns-persist-01', () => {
  it('is read as it was written', () => {
    const record = {
      issuer: 'ca.example',
      accountUri: 'https://ca.example/acct/123',
      wildcard: true,
      persistUntil: Temporal.Instant.from('2024-07-26T00:00:00Z'),
    };
    expect(persistentRecordValue(record)).toBe(
      'ca.example; accounturi=https://ca.example/acct/123; policy=wildcard; persistUntil=1721952000',
    );
    expect(readPersistentRecord(persistentRecordValue(record))).toEqual(record);
    expect(persistentRecordValue({ ...record, wildcard: false, persistUntil: undefined })).toBe(
      'ca.example; accounturi=https://ca.example/acct/123',
    );
  });
  it.each([
    ['a policy in capitals', 'ca.example;accounturi=x;POLICY=WILDCARD', { wildcard: true }],
    ['another policy', 'ca.example; accounturi=x; policy=all', { wildcard: false }],
    [
      'a parameter that is not known',
      'CA.example; accounturi=x; new=1; new=2',
      { issuer: 'ca.example', accountUri: 'x' },
    ],
    [
      'an end after all time',
      'ca.example; accounturi=x; persistUntil=99999999999999999999',
      { persistUntil: Temporal.Instant.from('+275760-09-13T00:00:00Z') },
    ],
    ['no account', 'ca.example', { fault: 'accounturi is missing' }],
    ['an empty account', 'ca.example; accounturi=', { fault: 'accounturi is missing' }],
    [
      'two accounts',
      'ca.example; accounturi=x; accounturi=x',
      { fault: expect.stringContaining('twice') },
    ],
    [
      'two ends',
      'ca.example; accounturi=x; persistUntil=1; persistuntil=2',
      { fault: expect.stringContaining('twice') },
    ],
    ...['', '-1', '1.5', '0x10', '1e9', '2026-01-01T00:00:00Z'].map(
      (end): [string, string, object] => [
        `the end "${end}"`,
        `ca.example; accounturi=x; persistUntil=${end}`,
        { fault: expect.stringContaining('persistUntil') },
      ],
    ),
  ])('with %s is read as the draft wants', (_, text, expected) => {
    expect(readPersistentRecord(text)).toMatchObject(expected);
  });
  it.each([
    '',
    ';',
    '; accounturi=x',
    'v=spf1 -all',
    'ca.example; accounturi',
    'ca.example accounturi=x',
    'ca.example; accounturi=a b',
    'ca.example; ; accounturi=x',
    'c\u0430.example; accounturi=x',
  ])('"%s" is for nobody', (text) => {
    expect(readPersistentRecord(text)).toBeUndefined();
  });
});

describe('what a CA offers for dns-persist-01', () => {
  const issuers = ['ca.example', 'xn--bcher-kva.example'];
  it('is read from where each draft has it', () => {
    expect(readPersistOffer(p00, { 'issuer-domain-names': issuers }, {})).toEqual({ issuers });
    expect(
      readPersistOffer(
        p01,
        { 'issuer-domain-names': issuers, accounturi: 'https://ca.example/1' },
        {},
      ),
    ).toEqual({ issuers, accountUri: 'https://ca.example/1' });
    expect(
      readPersistOffer(
        p02,
        { issuerDomainNames: issuers },
        { accountHashPrefix: prefix, issuerDomainNames: ['ca.example'], caaIdentities: issuers },
      ),
    ).toEqual({ issuers, accountHashPrefix: prefix });
  });
  it('is known before there is a challenge where the directory says enough', () => {
    expect(earlyPersistOffer(p01, { caaIdentities: ['ca.example'] })).toEqual({
      issuers: ['ca.example'],
    });
    expect(
      earlyPersistOffer(p02, { issuerDomainNames: ['ca.example'], accountHashPrefix: prefix }),
    ).toEqual({ issuers: ['ca.example'], accountHashPrefix: prefix });
    for (const meta of [
      {},
      { issuerDomainNames: ['ca.example'] },
      { accountHashPrefix: prefix, issuerDomainNames: [] },
      { issuerDomainNames: ['ca.example'], accountHashPrefix: 'not; a URL' },
    ])
      expect(earlyPersistOffer(p02, meta)).toBeUndefined();
  });
  it.each<[string, typeof p00 | typeof p01 | typeof p02, object, object]>([
    ['no names', p00, {}, {}],
    ['an empty list', p00, { 'issuer-domain-names': [] }, {}],
    [
      'eleven names',
      p00,
      { 'issuer-domain-names': Array.from({ length: 11 }, (_, n) => `n${n}.example`) },
      {},
    ],
    ['capitals', p00, { 'issuer-domain-names': ['CA.example'] }, {}],
    ['a final dot', p00, { 'issuer-domain-names': ['ca.example.'] }, {}],
    ['254 octets', p00, { 'issuer-domain-names': ['a'.repeat(254)] }, {}],
    ['a number', p00, { 'issuer-domain-names': [1] }, {}],
    [
      'the member of another draft',
      p01,
      { issuerDomainNames: issuers, accounturi: 'https://ca.example/1' },
      {},
    ],
    ['no account', p01, { 'issuer-domain-names': issuers }, {}],
    [
      'an account that no record can name',
      p01,
      { 'issuer-domain-names': issuers, accounturi: 'https://ca.example/1; policy=wildcard' },
      {},
    ],
    ['no prefix', p02, { issuerDomainNames: issuers }, {}],
    [
      'fewer names than the directory',
      p02,
      { issuerDomainNames: ['ca.example'] },
      { accountHashPrefix: prefix, issuerDomainNames: issuers },
    ],
    [
      'names that CAA does not have',
      p02,
      { issuerDomainNames: issuers },
      { accountHashPrefix: prefix, caaIdentities: ['ca.example'] },
    ],
  ])('is refused with %s', (_, draft, members, meta) => {
    expect(() => readPersistOffer(draft, { ...members }, { ...meta })).toThrow(
      expect.objectContaining({ code: 'ERR_ACME_ANSWER', message: expect.stringContaining(draft) }),
    );
  });
});
