import { virtualClock } from '@acmex/clock';
import type { LookUp } from '@acmex/dns';
import { describe, expect, it } from '@jest/globals';
import {
  dnsPersist01,
  type DnsPersist01Options,
  type DnsPersist01Response,
  type PersistentRecord,
} from './index.ts';

const [p00, p01, p02] = [
  'draft-ietf-acme-dns-persist-00',
  'draft-ietf-acme-dns-persist-01',
  'draft-ietf-acme-dns-persist-02',
] as const;
const url = 'https://ca.example/acct/123';
const prefix = 'https://ca.example/account-hash/';
const hashed = `${prefix}sha-256/5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw`;
const name = '_validation-persist.example.com';
const clock = virtualClock({ now: '2026-06-01T00:00:00Z' });

/** Servers by address, each with its own records. */
function dns(servers: Readonly<Record<string, readonly string[] | Error>>) {
  const base: LookUp = {
    txt: async () => [],
    cname: async () => undefined,
    isZone: async (zone) => zone === 'example.com',
    nameServers: async () => ['ns1.example.com'],
    addresses: async () => Object.keys(servers),
  };
  const lookUpAt = (server: string): LookUp => ({
    ...base,
    txt: async (asked) => {
      const values = servers[server] ?? [];
      if (values instanceof Error) throw values;
      return asked === name ? values : [];
    },
  });
  return { lookUp: base, lookUpAt, clock };
}

const challenge = (draft: string, wildcard = false) => ({
  type: 'dns-persist-01',
  identifier: { type: 'dns', value: 'example.com' },
  wildcard,
  token: '',
  keyAuthorization: '',
  account: { url, thumbprint: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs' },
  members:
    draft === p02
      ? { issuerDomainNames: ['ca.example'] }
      : { 'issuer-domain-names': ['ca.example'], accounturi: url },
  meta: { accountHashPrefix: prefix },
});

async function seen(
  servers: Parameters<typeof dns>[0],
  {
    draft = p01,
    wildcard = false,
  }: { readonly draft?: DnsPersist01Options['draft']; readonly wildcard?: boolean } = {},
): Promise<PersistentRecord | undefined> {
  let record: PersistentRecord | undefined;
  const solver = dnsPersist01({
    draft,
    ...dns(servers),
    onRecord: (existing) => {
      record = existing;
    },
  });
  const response = JSON.parse(
    JSON.stringify(await solver.respond(challenge(draft, wildcard))),
  ) as DnsPersist01Response;
  await solver.present(response);
  await solver.visible(response);
  await solver.remove(response);
  return record;
}

describe('dnsPersist01', () => {
  it.each([
    [p00, url],
    [p01, url],
    [p02, hashed],
  ])('of %s finds the record at every server, and reports its end', async (draft, account) => {
    const value = `ca.example; accounturi=${account}`;
    await expect(
      seen(
        { '192.0.2.1': [value], '192.0.2.2': ['other', `${value}; persistUntil=1790000000`] },
        { draft },
      ),
    ).resolves.toMatchObject({
      domain: 'example.com',
      name,
      current: true,
      persistUntil: expect.objectContaining({ epochMilliseconds: 1_790_000_000_000 }),
    });
    await expect(seen({ '192.0.2.1': [value] }, { draft })).resolves.toMatchObject({
      persistUntil: undefined,
    });
  });
  it('names each server that lacks the record, and the record to set', async () => {
    const good = `ca.example; accounturi=${url}; policy=wildcard`;
    const error: unknown = await seen(
      { '192.0.2.1': [good], '192.0.2.2': [], '192.0.2.3': new Error('timeout') },
      { wildcard: true },
    ).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_CHALLENGE_RECORD',
      message: `the TXT record ${name} is not as it must be: 192.0.2.2 shows none for ca.example; 192.0.2.3 does not answer (timeout). Set it once, to "${good}"`,
    });
  });
  it.each([
    [
      'of another CA',
      ['elsewhere.example; accounturi=https://ca.example/acct/123'],
      'shows none for ca.example',
    ],
    [
      'of another account',
      ['ca.example; accounturi=https://ca.example/acct/124'],
      'for another account',
    ],
    ['without an account', ['ca.example'], 'accounturi is missing'],
    ['for no wildcard', [`ca.example; accounturi=${url}`], 'without policy=wildcard'],
    [
      'that has ended',
      [`ca.example; accounturi=${url}; policy=wildcard; persistUntil=1700000000`],
      'persistUntil has passed, 2023-11-14T22:13:20Z',
    ],
  ])('takes no record %s', async (_, records, words) => {
    await expect(seen({ '192.0.2.1': records }, { wildcard: true })).rejects.toMatchObject({
      code: 'ERR_CHALLENGE_RECORD',
      message: expect.stringContaining(words),
    });
  });
  it('takes of several records the one that lasts longest', async () => {
    const records = [1_700_000_000, 1_790_000_000, 1_780_500_000].map(
      (end) => `ca.example; accounturi=${url}; persistUntil=${end}`,
    );
    await expect(seen({ '192.0.2.1': records })).resolves.toMatchObject({
      persistUntil: expect.objectContaining({ epochMilliseconds: 1_790_000_000_000 }),
    });
  });
  it('leaves it to the CA whether a digest of draft 02 is by an earlier key, and says so', async () => {
    await expect(
      seen(
        { '192.0.2.1': [`ca.example; accounturi=${prefix}sha-256/${'A'.repeat(43)}`] },
        { draft: p02 },
      ),
    ).resolves.toMatchObject({ current: false });
    await expect(
      seen({ '192.0.2.1': [`ca.example; accounturi=${url}`] }, { draft: p02 }),
    ).rejects.toMatchObject({ code: 'ERR_CHALLENGE_RECORD' });
  });
  it.each([undefined, 'draft-ietf-acme-dns-persist-99', '02'])(
    'guesses no version for %s',
    (draft) => {
      expect(() => dnsPersist01({ draft } as DnsPersist01Options)).toThrow(
        expect.objectContaining({
          code: 'ERR_CHALLENGE_DRAFT',
          message: expect.stringContaining(p02),
        }),
      );
    },
  );
  it('says that the CA follows another version', async () => {
    await expect(
      dnsPersist01({ draft: p02, ...dns({}) }).respond(challenge(p01)),
    ).rejects.toMatchObject({ code: 'ERR_ACME_ANSWER', message: expect.stringContaining(p02) });
  });
});
