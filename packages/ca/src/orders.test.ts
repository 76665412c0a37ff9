import { X509Certificate } from 'node:crypto';
import { ariCertificateId } from '@acmex/certificate';
import { listOrders } from '@acmex/protocol';
import { describe, expect, it } from '@jest/globals';
import { base, issue, postAs, raw, type TestCa, testCa, type TestClient } from './ca.testing.ts';
import { tlsProfiles } from './index.ts';

const dns = (...names: string[]) => names.map((value) => ({ type: 'dns', value }));
const order = (ca: TestCa, account: TestClient, identifiers: unknown, more: object = {}) =>
  postAs(ca, account, '/new-order', { identifiers, ...more });
const authorizationsOf = async (
  ca: TestCa,
  account: TestClient,
  made: Awaited<ReturnType<typeof postAs>>,
) =>
  await Promise.all(
    (made.json?.authorizations as string[]).map(
      async (url) =>
        (await postAs(ca, account, url)).json as {
          status: string;
          identifier: { value: string };
          wildcard?: boolean;
          challenges: { type: string; token: string; status: string }[];
        },
    ),
  );

describe('an order', () => {
  it('is answered with 201, its URL, and one authorization for each name', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const made = await order(ca, account, [
      ...dns('A.test', 'a.TEST', '*.a.test', 'xn--bcher-kva.test'),
      { type: 'ip', value: '10.0.0.1' },
      { type: 'ip', value: 'FD00:0:0::1' },
    ]);
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toMatch(new RegExp(`^${base}/order/ord_[0-9a-z]{26}$`));
    expect(made.json).toMatchObject({
      status: 'pending',
      expires: '2026-06-02T00:00:00Z',
      finalize: `${made.headers.get('location')}/finalize`,
    });
    expect(made.json).not.toHaveProperty('certificate');
    expect(made.text).not.toContain('null');
    const authorizations = await authorizationsOf(ca, account, made);
    expect(
      authorizations.map(({ identifier: { value }, wildcard = false, challenges }) => [
        value,
        wildcard,
        challenges.map(({ type }) => type).join(),
      ]),
    ).toEqual([
      ['a.test', false, 'http-01,dns-01,tls-alpn-01'],
      ['a.test', true, 'dns-01'],
      ['xn--bcher-kva.test', false, 'http-01,dns-01,tls-alpn-01'],
      ['10.0.0.1', false, 'http-01,tls-alpn-01'],
      ['fd00::1', false, 'http-01,tls-alpn-01'],
    ]);
    const tokens = authorizations.flatMap(({ challenges }) => challenges.map(({ token }) => token));
    expect(new Set(tokens).size).toBe(tokens.length);
    for (const token of tokens) expect(token).toMatch(/^[\w-]{43}$/);
    await expect(postAs(ca, account, made.headers.get('location')!)).resolves.toMatchObject({
      status: 200,
      json: made.json,
    });
  });
  it('may have a hundred names, and no more', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const names = Array.from({ length: 101 }, (_, n) => `n${n}.test`);
    await expect(order(ca, account, dns(...names))).resolves.toMatchObject({
      status: 400,
      problem: 'malformed',
    });
    const made = await order(ca, account, dns(...names.slice(1)));
    expect(made).toMatchObject({ status: 201, json: { status: 'pending' } });
    expect(made.json?.authorizations).toHaveLength(100);
  });
  it.each<[string, unknown, string]>([
    ['no names', [], 'malformed'],
    ['no list', 'a.test', 'malformed'],
    ['null as name', [null], 'malformed'],
    ['a name without type', [{ value: 'a.test' }], 'malformed'],
    ['a name that is a list', [{ type: 'dns', value: ['a.test'] }], 'malformed'],
    ['an e-mail address', [{ type: 'email', value: 'a@a.test' }], 'unsupportedIdentifier'],
    ['the type DNS', [{ type: 'DNS', value: 'a.test' }], 'unsupportedIdentifier'],
    ['letters beyond ASCII', dns('bücher.test'), 'rejectedIdentifier'],
    ['a full stop of another script', dns('a。test'), 'rejectedIdentifier'],
    ['A-labels that are none', dns('xn--\u0000.test'), 'rejectedIdentifier'],
    ['A-labels that mean nothing', dns('xn--99999999999.test'), 'rejectedIdentifier'],
    ['a reserved prefix', dns('ab--c.test'), 'rejectedIdentifier'],
    ['an empty name', dns(''), 'rejectedIdentifier'],
    ['a dot', dns('.'), 'rejectedIdentifier'],
    ['a final dot', dns('a.test.'), 'rejectedIdentifier'],
    ['two dots', dns('a..test'), 'rejectedIdentifier'],
    ['a label of 64', dns(`${'a'.repeat(64)}.test`), 'rejectedIdentifier'],
    ['254 characters', dns(`${'a.'.repeat(125)}test`), 'rejectedIdentifier'],
    ['forty thousand dots', dns('.'.repeat(40_000)), 'rejectedIdentifier'],
    ['an underscore', dns('_acme-challenge.a.test'), 'rejectedIdentifier'],
    ['a space', dns('a .test'), 'rejectedIdentifier'],
    ['a zero byte', dns('a.test\u0000.evil'), 'rejectedIdentifier'],
    ['a line break', dns('a.test\r\nx'), 'rejectedIdentifier'],
    ['a port', dns('a.test:80'), 'rejectedIdentifier'],
    ['a URL', dns('http://a.test'), 'rejectedIdentifier'],
    ['* in the middle', dns('a.*.test'), 'rejectedIdentifier'],
    ['two *', dns('*.*.test'), 'rejectedIdentifier'],
    ['* within a label', dns('a*.test'), 'rejectedIdentifier'],
    ['* alone', dns('*'), 'rejectedIdentifier'],
    ['a wildcard of a top-level name', dns('*.test'), 'rejectedIdentifier'],
    ['an address as a DNS name', dns('10.0.0.1'), 'rejectedIdentifier'],
    ['a number as a DNS name', dns('a.0x7f'), 'rejectedIdentifier'],
    ['a range', [{ type: 'ip', value: '10.0.0.0/8' }], 'rejectedIdentifier'],
    ['an octal address', [{ type: 'ip', value: '010.0.0.1' }], 'rejectedIdentifier'],
    ['a decimal address', [{ type: 'ip', value: '167772161' }], 'rejectedIdentifier'],
    ['an address with a zone', [{ type: 'ip', value: 'fd00::1%eth0' }], 'rejectedIdentifier'],
    ['an address in brackets', [{ type: 'ip', value: '[fd00::1]' }], 'rejectedIdentifier'],
    ["a name outside of the CA's", dns('evil.com'), 'rejectedIdentifier'],
    ["a name that only ends like the CA's", dns('eviltest'), 'rejectedIdentifier'],
    ["an address outside of the CA's", [{ type: 'ip', value: '192.0.2.1' }], 'rejectedIdentifier'],
    [
      'an address that hides another',
      [{ type: 'ip', value: '::ffff:10.0.0.1' }],
      'rejectedIdentifier',
    ],
  ])('for %s is refused', async (_, identifiers, problem) => {
    const ca = await testCa();
    const answer = await order(ca, await ca.account(), identifiers);
    expect(answer).toMatchObject({ status: 400, problem });
    expect(answer.text.length).toBeLessThan(2000);
    expect(answer.text).toMatch(/^[ -~]*$/);
    expect(ca.failures).toEqual([]);
  });
  it('with several bad names has a problem for each', async () => {
    const ca = await testCa();
    const account = await ca.account();
    await expect(
      order(ca, account, [...dns('a.test', 'evil.com', 'worse.com')]),
    ).resolves.toMatchObject({
      problem: 'rejectedIdentifier',
      json: {
        subproblems: [
          { identifier: { value: 'evil.com' } },
          { identifier: { value: 'worse.com' } },
        ],
      },
    });
    await expect(
      order(ca, account, [...dns('a..test'), { type: 'x', value: 'y' }]),
    ).resolves.toMatchObject({ problem: 'compound', json: { subproblems: [{}, {}] } });
  });
  it('asks the policy for each name', async () => {
    const ca = await testCa({
      policy: async ({ value }) => (value.startsWith('bank') ? 'is reserved' : undefined),
    });
    await expect(order(ca, await ca.account(), dns('a.test', 'bank.test'))).resolves.toMatchObject({
      problem: 'rejectedIdentifier',
      json: { detail: '"bank.test" is reserved' },
    });
  });
  it('of another account is not there', async () => {
    const ca = await testCa();
    const [mine, theirs] = [await ca.account(), await ca.account()];
    const made = await order(ca, mine, dns('a.test'));
    const url = made.headers.get('location')!;
    const [authorization = ''] = made.json?.authorizations as string[];
    const challenge = (await postAs(ca, mine, authorization)).json?.challenges as { url: string }[];
    for (const [resource, payload] of [
      [url],
      [`${url}/finalize`, { csr: 'AAAA' }],
      [authorization],
      [authorization, { status: 'deactivated' }],
      [challenge[0]!.url, {}],
      [challenge[0]!.url],
    ] as const) {
      const unknown = resource.replace(/_.{26}/, '_00000000000000000000000000');
      const [theirAnswer, noAnswer] = [
        await postAs(ca, theirs, resource, payload),
        await postAs(ca, theirs, unknown, payload),
      ];
      expect(theirAnswer).toMatchObject({ status: 404, problem: 'malformed' });
      expect(theirAnswer.text).toBe(noAnswer.text);
    }
    expect(ca.validator.asked).toEqual([]);
    await expect(postAs(ca, mine, authorization)).resolves.toMatchObject({
      json: { status: 'pending' },
    });
  });
  it('expires, and its authorizations with it', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const made = await order(ca, account, dns('a.test'));
    await ca.clock.advance({ hours: 25 });
    await expect(postAs(ca, account, made.headers.get('location')!)).resolves.toMatchObject({
      json: { status: 'invalid', error: { detail: expect.stringContaining('expired') } },
    });
    await expect(authorizationsOf(ca, account, made)).resolves.toMatchObject([
      { status: 'invalid' },
    ]);
  });
  it('has exactly the lifetime that was asked for (C6)', async () => {
    const ca = await testCa({ profiles: { usual: { validity: { hours: 48 } } } });
    const account = await ca.account();
    const asked = { notBefore: '2026-06-01T12:00:00+12:00', notAfter: '2026-06-01T20:00:00.9Z' };
    await expect(order(ca, account, dns('a.test'), asked)).resolves.toMatchObject({
      status: 201,
      json: { notBefore: '2026-06-01T00:00:00Z', notAfter: '2026-06-01T20:00:00Z' },
    });
    const { leaf } = await issue(ca, account, ['a.test'], { notAfter: '2026-06-01T20:00:00Z' });
    expect(leaf.notAfter.toString()).toBe('2026-06-01T20:00:00Z');
    // It begins an hour before it is issued.
    expect(leaf.notBefore.until(ca.clock.now(), { largestUnit: 'hour' }).hours).toBe(1);
    for (const notAfter of ['tomorrow', 7, '2026-06-01', ''])
      await expect(order(ca, account, dns('a.test'), { notAfter })).resolves.toMatchObject({
        status: 400,
        problem: 'malformed',
      });
  });
  it.each([
    [{ notBefore: '2020-01-01T00:00:00Z' }, 'use 2026-05-31T23:00:00Z or later'],
    [{ notBefore: '2026-06-03T00:00:01Z' }, 'use a time before 2026-06-03T00:00:00Z'],
    [{ notAfter: '2030-01-01T00:00:00Z' }, 'use 2026-06-03T00:00:00Z or earlier'],
    [
      { notBefore: '2026-06-01T00:00:00Z', notAfter: '2026-06-03T00:00:00Z' },
      'use 2026-06-02T23:59:59Z or earlier',
    ],
    [{ notAfter: '2026-06-01T00:00:00Z' }, 'in the past'],
    [{ notBefore: '2026-06-01T12:00:00Z', notAfter: '2026-06-01T12:00:00Z' }, 'not after'],
  ])(
    'is refused with a lifetime that its profile does not permit: %j (C6)',
    async (asked, cure) => {
      const ca = await testCa({ profiles: { usual: { validity: { hours: 48 } } } });
      const account = await ca.account();
      await expect(order(ca, account, dns('a.test'), asked)).resolves.toMatchObject({
        status: 400,
        problem: 'malformed',
        json: { detail: expect.stringContaining(cure) },
      });
    },
  );
  it('of the profile clientAuth gets a certificate for TLS clients alone', async () => {
    const ca = await testCa({ profiles: tlsProfiles });
    const account = await ca.account();
    const usagesOf = async (profile?: string) => {
      const { leaf } = await issue(
        ca,
        account,
        ['a.test'],
        profile === undefined ? {} : { profile },
      );
      return new X509Certificate(leaf.der).keyUsage;
    };
    // RFC 5280 §4.2.1.12
    expect(await usagesOf('clientAuth')).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(await usagesOf()).toEqual(['1.3.6.1.5.5.7.3.1']);
  });
  it('has one of the profiles, or the first', async () => {
    const ca = await testCa({
      profiles: {
        usual: {},
        client: {
          usages: ['serverAuth', 'clientAuth'],
          validity: { hours: 24 },
          identifierTypes: ['dns'],
        },
      },
    });
    const account = await ca.account();
    await expect(order(ca, account, dns('a.test'), { profile: 'client' })).resolves.toMatchObject({
      status: 201,
      json: { profile: 'client' },
    });
    for (const profile of ['other', '__proto__', 7, ''])
      await expect(order(ca, account, dns('a.test'), { profile })).resolves.toMatchObject({
        status: 400,
        problem: 'invalidProfile',
      });
    await expect(
      order(ca, account, [{ type: 'ip', value: '10.0.0.1' }], { profile: 'client' }),
    ).resolves.toMatchObject({ problem: 'unsupportedIdentifier' });
    const { leaf } = await issue(ca, account, ['a.test'], { profile: 'client' });
    // Both seconds are part of the 24 hours. RFC 5280 §4.1.2.5
    expect(leaf.notBefore.until(leaf.notAfter).total('seconds')).toBe(24 * 3600 - 1);
  });
});

describe("an account's list of orders", () => {
  it('comes in pages, oldest first, without those that came to nothing', async () => {
    const ca = await testCa({ limits: { pendingOrders: 500 } });
    const account = await ca.account();
    const made: string[] = [];
    for (let n = 0; n < 120; n++) {
      made.push((await order(ca, account, dns('a.test'))).headers.get('location')!);
      await ca.clock.advance({ milliseconds: 2 });
    }
    const [invalid = ''] = made;
    const { json } = await postAs(ca, account, invalid);
    await postAs(ca, account, (json?.authorizations as string[])[0]!, { status: 'deactivated' });
    const first = await postAs(ca, account, `${account.url}/orders`);
    expect(first.json?.orders).toEqual(made.slice(1, 50));
    expect(first.headers.get('link')).toMatch(/orders\/ord_\w+>;rel="next"/);
    const all = async () => {
      const list: string[] = [];
      for await (const order of listOrders(account.session, { orders: `${account.url}/orders` }))
        list.push(order);
      return list;
    };
    await expect(ca.clock.run(all())).resolves.toEqual(made.slice(1));
  });
});

describe('an order that replaces a certificate', () => {
  it('says so, once; another is refused with 409 until that one has failed', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const { leaf } = await issue(ca, account, ['a.test', 'b.test']);
    const replaces = ariCertificateId(leaf);
    const first = await order(ca, account, dns('a.test'), { replaces });
    expect(first).toMatchObject({ status: 201, json: { replaces } });
    await expect(order(ca, account, dns('a.test'), { replaces })).resolves.toMatchObject({
      status: 409,
      problem: 'alreadyReplaced',
    });
    await postAs(ca, account, (first.json?.authorizations as string[])[0]!, {
      status: 'deactivated',
    });
    const answers = await Promise.all(
      [1, 2, 3].map(() => order(ca, account, dns('a.test'), { replaces })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    expect(ca.failures).toEqual([]);
  });
  it('must be of the same account, share a name, and name a certificate that there is', async () => {
    const ca = await testCa();
    const [mine, theirs] = [await ca.account(), await ca.account()];
    const replaces = ariCertificateId((await issue(ca, mine, ['a.test'])).leaf);
    await expect(order(ca, theirs, dns('a.test'), { replaces })).resolves.toMatchObject({
      status: 400,
      problem: 'malformed',
    });
    await expect(order(ca, mine, dns('b.test'), { replaces })).resolves.toMatchObject({
      status: 400,
      problem: 'malformed',
    });
    for (const wrong of [
      'x',
      'AAAA.AAAA',
      `${replaces}.AA`,
      `AAAA.${replaces.split('.')[1]}`,
      7,
      '../x',
      '',
    ])
      await expect(order(ca, mine, dns('a.test'), { replaces: wrong })).resolves.toMatchObject({
        status: 400,
        problem: 'malformed',
      });
  });
});

describe('what an account has proven', () => {
  it('serves for a later order where that is switched on, for the same account and name alone', async () => {
    const ca = await testCa({ reuseAuthorizations: true });
    const [mine, theirs] = [await ca.account(), await ca.account()];
    await issue(ca, mine, ['a.test']);
    await expect(order(ca, mine, dns('a.test'))).resolves.toMatchObject({
      json: { status: 'ready' },
    });
    for (const [account, name] of [
      [theirs, 'a.test'],
      [mine, '*.a.test'],
      [mine, 'b.a.test'],
    ] as const)
      await expect(order(ca, account, dns(name))).resolves.toMatchObject({
        json: { status: 'pending' },
      });
    await ca.clock.advance({ hours: 25 });
    await expect(order(ca, mine, dns('a.test'))).resolves.toMatchObject({
      json: { status: 'pending' },
    });
  });
  it('serves for no later order by default', async () => {
    const ca = await testCa();
    const account = await ca.account();
    await issue(ca, account, ['a.test']);
    await expect(order(ca, account, dns('a.test'))).resolves.toMatchObject({
      json: { status: 'pending' },
    });
  });
  it('can be given up, and fails the orders that need it', async () => {
    const ca = await testCa({ reuseAuthorizations: true });
    const account = await ca.account();
    await issue(ca, account, ['a.test']);
    const ready = await order(ca, account, dns('a.test'));
    const [authorization = ''] = ready.json?.authorizations as string[];
    for (let n = 0; n < 2; n++)
      await expect(
        postAs(ca, account, authorization, { status: 'deactivated' }),
      ).resolves.toMatchObject({ status: 200, json: { status: 'deactivated' } });
    await expect(postAs(ca, account, ready.headers.get('location')!)).resolves.toMatchObject({
      json: { status: 'invalid' },
    });
    await expect(order(ca, account, dns('a.test'))).resolves.toMatchObject({
      json: { status: 'pending' },
    });
    await expect(postAs(ca, account, authorization, { status: 'valid' })).resolves.toMatchObject({
      status: 400,
      problem: 'malformed',
    });
  });
});

describe('limits', () => {
  it('on what an account has begun are met with rateLimited, and what has ended counts no more', async () => {
    const ca = await testCa({ limits: { pendingOrders: 3, pendingAuthorizations: 10 } });
    const account = await ca.account();
    for (let n = 0; n < 3; n++)
      await expect(order(ca, account, dns('a.test'))).resolves.toMatchObject({ status: 201 });
    const refused = await order(ca, account, dns('a.test'));
    expect(refused).toMatchObject({ status: 429, problem: 'rateLimited' });
    expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    await expect(order(ca, await ca.account(), dns('a.test'))).resolves.toMatchObject({
      status: 201,
    });
    await ca.clock.advance({ hours: 25 });
    await expect(order(ca, account, dns('a.test'))).resolves.toMatchObject({ status: 201 });
    await expect(
      order(ca, account, dns(...Array.from({ length: 10 }, (_, n) => `n${n}.test`))),
    ).resolves.toMatchObject({ status: 429 });
    await expect(raw(ca, '/directory')).resolves.toMatchObject({ status: 200 });
  });
  it('do not count what was issued', async () => {
    const ca = await testCa({ limits: { pendingOrders: 1 } });
    const account = await ca.account();
    for (let n = 0; n < 3; n++) await issue(ca, account, ['a.test']);
    expect(ca.failures).toEqual([]);
  });
});
