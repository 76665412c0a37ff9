import { changeKey, generateAccountKey, thumbprint } from '@acmex/protocol';
import { accountUris, type DnsPersistDraft } from '@acmex/protocol/drafts';
import { describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import { base, post, postAs, raw, testCa, type TestCa, type TestClient } from './ca.testing.ts';
import type { PersistentValidation } from './index.ts';

type Challenge = { readonly type: string; readonly url: string; readonly token?: string };
const [p00, p01, p02] = [
  'draft-ietf-acme-dns-persist-00',
  'draft-ietf-acme-dns-persist-01',
  'draft-ietf-acme-dns-persist-02',
] as const;
const dnsAccount01 = { draft: 'draft-ietf-acme-dns-account-label-02' } as const;
const dnsPersist01 = (draft: DnsPersistDraft) => ({ draft, issuerDomainNames: ['ca.test'] });

async function begun(ca: TestCa, account: TestClient, identifier: object) {
  const made = await postAs(ca, account, '/new-order', { identifiers: [identifier] });
  const [url = ''] = made.json?.authorizations as string[];
  return { url, challenges: (await postAs(ca, account, url)).json?.challenges as Challenge[] };
}

async function proven(ca: TestCa, account: TestClient, value = 'a.test') {
  const { url, challenges } = await begun(ca, account, { type: 'dns', value });
  await postAs(ca, account, challenges.find(({ type }) => type === 'dns-persist-01')!.url, {});
  await ca.clock.run(ca.server.idle());
  return { url, json: (await postAs(ca, account, url)).json };
}

describe('a challenge of a draft', () => {
  it('is offered if the CA is configured to, for names and wildcards, not for addresses', async () => {
    const plain = await testCa();
    expect(
      (await begun(plain, await plain.account(), { type: 'dns', value: 'a.test' })).challenges.map(
        ({ type }) => type,
      ),
    ).toEqual(['http-01', 'dns-01', 'tls-alpn-01']);
    const ca = await testCa({ dnsAccount01, dnsPersist01: dnsPersist01(p02) });
    const account = await ca.account();
    const types = async (identifier: object) =>
      (await begun(ca, account, identifier)).challenges.map(({ type }) => type);
    await expect(types({ type: 'dns', value: 'a.test' })).resolves.toEqual([
      'http-01',
      'dns-01',
      'tls-alpn-01',
      'dns-account-01',
      'dns-persist-01',
    ]);
    await expect(types({ type: 'dns', value: '*.a.test' })).resolves.toEqual([
      'dns-01',
      'dns-account-01',
      'dns-persist-01',
    ]);
    await expect(types({ type: 'ip', value: '10.0.0.1' })).resolves.toEqual([
      'http-01',
      'tls-alpn-01',
    ]);
  });
  it.each([
    [p00, { 'issuer-domain-names': ['ca.test'] }],
    [p01, { 'issuer-domain-names': ['ca.test'], accounturi: expect.stringContaining('/account/') }],
    [p02, { issuerDomainNames: ['ca.test'] }],
  ])('of %s has the members of that version, and no token', async (draft, members) => {
    const ca = await testCa({ dnsPersist01: dnsPersist01(draft) });
    const { challenges } = await begun(ca, await ca.account(), { type: 'dns', value: 'a.test' });
    expect(challenges.at(-1)).toEqual({
      type: 'dns-persist-01',
      url: expect.any(String),
      status: 'pending',
      ...members,
    });
  });
  it('of draft 02 is named in the directory', async () => {
    const meta = async (draft: DnsPersistDraft) =>
      (await raw(await testCa({ dnsPersist01: dnsPersist01(draft) }), '/directory')).json?.meta;
    await expect(meta(p02)).resolves.toMatchObject({
      issuerDomainNames: ['ca.test'],
      accountHashPrefix: `${base}/account-hash/`,
    });
    await expect(meta(p01)).resolves.not.toHaveProperty('issuerDomainNames');
  });
  it.each<[string, object, string]>([
    [
      'a version that is not known',
      { dnsAccount01: { draft: 'draft-ietf-acme-dns-account-label-99' } },
      'draft-ietf-acme-dns-account-label-02',
    ],
    ['no version', { dnsPersist01: { issuerDomainNames: ['ca.test'] } }, 'name the version'],
    ['no name', { dnsPersist01: { draft: p02, issuerDomainNames: [] } }, '1 to 10'],
    [
      'a name in capitals',
      { dnsPersist01: { draft: p02, issuerDomainNames: ['CA.test'] } },
      'lower case',
    ],
    [
      'a name that CAA does not have',
      { dnsPersist01: dnsPersist01(p02), caaIdentities: ['other.test'] },
      'caaIdentities',
    ],
  ])('is not set up with %s', async (_, options, words) => {
    await expect(testCa(options)).rejects.toMatchObject({
      code: 'ERR_CA_CHALLENGE',
      message: expect.stringContaining(words),
    });
  });
});

describe('dns-persist-01', () => {
  it('is validated for this CA and this account, with policy=wildcard where a wildcard or names below are meant', async () => {
    const ca = await testCa({ dnsPersist01: dnsPersist01(p01) });
    const account = await ca.account();
    await expect(proven(ca, account)).resolves.toMatchObject({
      json: { status: 'valid', challenges: [{ type: 'dns-persist-01', status: 'valid' }] },
    });
    await proven(ca, account, '*.a.test');
    expect(ca.validator.asked).toEqual(
      [false, true].map((wild) => ({
        type: 'dns-persist-01',
        identifier: { type: 'dns', value: 'a.test' },
        wildcard: wild,
        needsPolicy: wild,
        accountUrl: account.url,
        accountUris: [account.url],
        issuers: ['ca.test'],
      })),
    );
    const before = await postAs(ca, account, '/new-authz', {
      identifier: { type: 'dns', value: 'b.test' },
      subdomainAuthAllowed: true,
    });
    await postAs(ca, account, (before.json?.challenges as Challenge[]).at(-1)!.url, {});
    await ca.clock.run(ca.server.idle());
    expect(ca.validator.asked.at(-1)).toMatchObject({ wildcard: false, needsPolicy: true });
  });
  it('is relied on no longer than its record says', async () => {
    const ca = await testCa({ dnsPersist01: dnsPersist01(p02), reuseAuthorizations: true });
    const account = await ca.account();
    ca.validator.answers(() => ({
      valid: true,
      until: Temporal.Instant.from('2026-06-01T00:10:00Z'),
    }));
    const { url } = await proven(ca, account);
    await expect(postAs(ca, account, url)).resolves.toMatchObject({
      json: { status: 'valid', expires: '2026-06-01T00:10:00Z' },
    });
    await ca.clock.advance({ minutes: 11 });
    await expect(postAs(ca, account, url)).resolves.toMatchObject({ json: { status: 'expired' } });
  });
  it('knows an account of draft 02 by its earlier keys too', async () => {
    const ca = await testCa({ dnsPersist01: dnsPersist01(p02) });
    const account = await ca.account();
    const { key } = await generateAccountKey();
    await ca.clock.run(changeKey(account.session, key));
    const renewed = { ...account, key };
    await proven(ca, renewed);
    const thumbprints = await Promise.all(
      [key, account.key].map((accountKey) => thumbprint(accountKey)),
    );
    const { accountUris: uris } = ca.validator.asked.at(-1) as PersistentValidation;
    expect(uris).toEqual(
      await accountUris(p02, {
        url: account.url,
        thumbprints,
        domain: 'a.test',
        accountHashPrefix: `${base}/account-hash/`,
      }),
    );
    expect(uris).toHaveLength(4);
  });
  it('proves nothing for an account that was given up meanwhile', async () => {
    const ca = await testCa({ dnsPersist01: dnsPersist01(p02) });
    const account = await ca.account();
    const { challenges } = await begun(ca, account, { type: 'dns', value: 'a.test' });
    ca.validator.answers(() => ({ type: 'unauthorized', detail: 'not yet' }));
    await postAs(ca, account, challenges.at(-1)!.url, {});
    await post(ca, account.url, { status: 'deactivated' }, { key: account.key, kid: account.url });
    ca.validator.answers(() => ({ valid: true }));
    await ca.clock.run(ca.server.idle());
    expect(ca.validator.asked.length).toBeLessThanOrEqual(1);
  });
  it('that the CA offers no longer is refused', async () => {
    const ca = await testCa({ dnsPersist01: dnsPersist01(p02) });
    const account = await ca.account();
    const { url, challenges } = await begun(ca, account, { type: 'dns', value: 'a.test' });
    const after = await ca.restarted({ dnsPersist01: undefined });
    await postAs(after, account, challenges.at(-1)!.url, {});
    await after.clock.run(after.server.idle());
    await expect(postAs(after, account, url)).resolves.toMatchObject({
      json: {
        status: 'invalid',
        challenges: [{ error: { detail: 'this CA offers dns-persist-01 no longer' } }],
      },
    });
  });
});
