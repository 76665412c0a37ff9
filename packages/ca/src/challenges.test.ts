import { newAuthorization } from '@acmex/protocol';
import { memoryStorage } from '@acmex/storage';
import { describe, expect, it } from '@jest/globals';
import { base, issue, postAs, type TestCa, testCa, type TestClient } from './ca.testing.ts';
import type { ShownValidation } from './index.ts';

interface Challenge {
  readonly url: string;
  readonly type: string;
  readonly status: string;
  readonly error?: unknown;
}

/** An order for a name, its authorization, and the challenge of a type. */
async function begun(ca: TestCa, account: TestClient, name = 'a.test', type = 'http-01') {
  const made = await postAs(ca, account, '/new-order', {
    identifiers: [{ type: 'dns', value: name }],
  });
  const authorization = (made.json?.authorizations as string[])[0]!;
  const { json } = await postAs(ca, account, authorization);
  return {
    order: made.headers.get('location')!,
    authorization,
    challenge: (json?.challenges as Challenge[]).find((challenge) => challenge.type === type)!.url,
  };
}
const statusAt = async (ca: TestCa, account: TestClient, url: string) =>
  (await postAs(ca, account, url)).json?.status;

describe('a challenge', () => {
  it('is taken up at once, answered with where it belongs, and validated behind the answer', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const { order, authorization, challenge } = await begun(ca, account);
    const answer = await postAs(ca, account, challenge, {});
    expect(answer).toMatchObject({
      status: 200,
      json: { type: 'http-01', url: challenge, status: 'processing', token: expect.any(String) },
    });
    expect(answer.headers.get('link')).toContain(`<${authorization}>;rel="up"`);
    expect(answer.headers.get('retry-after')).toBeNull();
    await ca.clock.run(ca.server.idle());
    await expect(postAs(ca, account, challenge)).resolves.toMatchObject({
      json: { status: 'valid', validated: '2026-06-01T00:00:00Z' },
    });
    const { json } = await postAs(ca, account, authorization);
    expect(json).toMatchObject({
      status: 'valid',
      expires: '2026-06-02T00:00:00Z',
      challenges: [{ type: 'http-01', status: 'valid' }],
    });
    await expect(statusAt(ca, account, order)).resolves.toBe('ready');
    const [asked] = ca.validator.asked as ShownValidation[];
    expect(asked?.keyAuthorization).toMatch(new RegExp(`^${asked?.token}\\.[\\w-]{43}$`));
    expect(asked?.accountUrl).toBe(account.url);
  });
  it('said to be ready again, or by two at once, is looked at once', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const { challenge } = await begun(ca, account);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => postAs(ca, account, challenge, {})),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    await ca.clock.run(ca.server.idle());
    await expect(postAs(ca, account, challenge, {})).resolves.toMatchObject({
      json: { status: 'valid' },
    });
    expect(ca.validator.asked).toHaveLength(1);
  });
  it('is looked at a few times within a minute, then fails with the reason, and its order with it', async () => {
    const ca = await testCa();
    ca.validator.answers(() => ({
      type: 'urn:ietf:params:acme:error:connection',
      detail: 'a.test refused the connection',
    }));
    const account = await ca.account();
    const { order, authorization, challenge } = await begun(ca, account);
    await postAs(ca, account, challenge, {});
    const before = ca.clock.monotonic();
    await ca.clock.advance({ seconds: 1 });
    for (const url of [challenge, authorization])
      expect((await postAs(ca, account, url)).headers.get('retry-after')).toBe('1');
    await ca.clock.run(ca.server.idle());
    expect(ca.validator.asked).toHaveLength(4);
    expect(ca.clock.monotonic() - before).toBeLessThanOrEqual(60_000);
    const error = {
      type: 'urn:ietf:params:acme:error:connection',
      detail: 'a.test refused the connection',
      identifier: { type: 'dns', value: 'a.test' },
      status: 403,
    };
    await expect(postAs(ca, account, challenge)).resolves.toMatchObject({
      json: { status: 'invalid', error },
    });
    await expect(postAs(ca, account, authorization)).resolves.toMatchObject({
      json: { status: 'invalid', challenges: [{ type: 'http-01', error }] },
    });
    await expect(postAs(ca, account, order)).resolves.toMatchObject({
      json: { status: 'invalid', error },
    });
  });
  it('is looked at as often as the operator wants', async () => {
    const ca = await testCa({ validationPauses: [{ minutes: 1 }] });
    ca.validator.answers(() => ({ valid: false, type: 'dns', detail: 'no address' }));
    const account = await ca.account();
    const { challenge } = await begun(ca, account);
    await postAs(ca, account, challenge, {});
    const before = ca.clock.monotonic();
    await ca.clock.run(ca.server.idle());
    expect([ca.validator.asked.length, ca.clock.monotonic() - before]).toEqual([2, 60_000]);
  });
  it('succeeds at a later look', async () => {
    const ca = await testCa();
    ca.validator.answers(() =>
      ca.validator.asked.length < 3
        ? { valid: false, type: 'dns', detail: 'not there yet' }
        : { valid: true },
    );
    const account = await ca.account();
    const { order, challenge } = await begun(ca, account);
    await postAs(ca, account, challenge, {});
    await ca.clock.run(ca.server.idle());
    await expect(statusAt(ca, account, order)).resolves.toBe('ready');
  });
  it('fails without a word of what went wrong here, where the validator has a fault', async () => {
    const ca = await testCa();
    ca.validator.answers(() => {
      throw new Error('secret at 10.9.8.7');
    });
    const account = await ca.account();
    const { challenge } = await begun(ca, account);
    await postAs(ca, account, challenge, {});
    await ca.clock.run(ca.server.idle());
    const answer = await postAs(ca, account, challenge);
    expect(answer.json).toMatchObject({
      status: 'invalid',
      error: { type: 'urn:ietf:params:acme:error:serverInternal' },
    });
    expect(answer.text).not.toMatch(/secret|10\.9/);
    expect(ca.failures).toMatchObject([{ error: { message: 'secret at 10.9.8.7' } }]);
  });
  it('that no one answers fails in time, all the same', async () => {
    const hanging = await testCa({
      validate: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    });
    const account = await hanging.account();
    const { challenge } = await begun(hanging, account);
    await postAs(hanging, account, challenge, {});
    await hanging.clock.run(hanging.server.idle());
    expect(hanging.clock.monotonic()).toBeLessThanOrEqual(62_000);
    await expect(postAs(hanging, account, challenge)).resolves.toMatchObject({
      json: { status: 'invalid', error: { type: 'urn:ietf:params:acme:error:connection' } },
    });
  });
  it('under way when the process ends is taken up by the next one', async () => {
    const ca = await testCa({
      validate: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    });
    const account = await ca.account();
    const { order, challenge } = await begun(ca, account);
    await postAs(ca, account, challenge, {});
    const next = await ca.restarted({ validate: async () => ({ valid: true }) });
    await ca.clock.run(next.server.idle());
    await expect(statusAt(next, account, order)).resolves.toBe('ready');
    expect([...ca.failures, ...next.failures]).toEqual([]);
  });
  it('left by a process that is gone is taken up by another when it is asked for', async () => {
    const storage = memoryStorage();
    const never = () =>
      new Promise<never>(() => {
        /* a process that hangs */
      });
    const gone = await testCa({ storage, validate: never });
    const restarted = await testCa({ storage, clock: gone.clock });
    const account = await gone.account();
    const { order, authorization, challenge } = await begun(gone, account);
    await postAs(gone, account, challenge, {});
    await expect(statusAt(restarted, account, authorization)).resolves.toBe('pending');
    await gone.clock.advance({ minutes: 3 });
    await postAs(restarted, account, authorization);
    await restarted.clock.run(restarted.server.idle());
    await expect(statusAt(restarted, account, order)).resolves.toBe('ready');
  });
  it('of a deactivated authorization leads nowhere', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const { authorization, challenge } = await begun(ca, account);
    await postAs(ca, account, authorization, { status: 'deactivated' });
    await expect(postAs(ca, account, challenge, {})).resolves.toMatchObject({
      status: 200,
      json: { status: 'pending' },
    });
    await ca.clock.run(ca.server.idle());
    expect(ca.validator.asked).toEqual([]);
    await expect(statusAt(ca, account, authorization)).resolves.toBe('deactivated');
  });
  it('of an authorization that is deactivated meanwhile changes nothing', async () => {
    const ca = await testCa();
    const validation = new Promise<() => void>((begins) => {
      ca.validator.answers(
        () =>
          new Promise((resolve) => {
            begins(() => resolve({ valid: true }));
          }),
      );
    });
    const account = await ca.account();
    const { authorization, challenge } = await begun(ca, account);
    await postAs(ca, account, challenge, {});
    const end = await validation;
    await postAs(ca, account, authorization, { status: 'deactivated' });
    end();
    await ca.clock.run(ca.server.idle());
    await expect(statusAt(ca, account, authorization)).resolves.toBe('deactivated');
  });
  it('with each identifier of an order has a verdict of its own', async () => {
    const ca = await testCa();
    ca.validator.answers(({ identifier }) =>
      identifier.value === 'b.test' ? { type: 'dns', detail: 'no' } : { valid: true },
    );
    const account = await ca.account();
    const made = await postAs(ca, account, '/new-order', {
      identifiers: ['a.test', 'b.test', 'c.test'].map((value) => ({ type: 'dns', value })),
    });
    const urls = made.json?.authorizations as string[];
    for (const url of urls)
      await postAs(
        ca,
        account,
        ((await postAs(ca, account, url)).json?.challenges as Challenge[])[0]!.url,
        {},
      );
    await ca.clock.run(ca.server.idle());
    await expect(Promise.all(urls.map((url) => statusAt(ca, account, url)))).resolves.toEqual([
      'valid',
      'invalid',
      'valid',
    ]);
    await expect(postAs(ca, account, made.headers.get('location')!)).resolves.toMatchObject({
      json: { status: 'invalid', error: { identifier: { value: 'b.test' } } },
    });
  });
  it('of another type than those that are offered is not there', async () => {
    const ca = await testCa({ challengeTypes: ['dns-01'] });
    const account = await ca.account();
    const { challenge } = await begun(ca, account, 'a.test', 'dns-01');
    for (const type of ['http-01', 'dns-02', 'constructor'])
      await expect(
        postAs(ca, account, challenge.replace('dns-01', type), {}),
      ).resolves.toMatchObject({ status: 404, problem: 'malformed' });
    await expect(
      postAs(ca, account, '/new-order', { identifiers: [{ type: 'ip', value: '10.0.0.1' }] }),
    ).resolves.toMatchObject({ problem: 'rejectedIdentifier' });
  });
});

describe('an authorization before an order', () => {
  const ask = (ca: TestCa, account: TestClient, payload: object) =>
    postAs(ca, account, '/new-authz', payload);
  const prove = async (ca: TestCa, account: TestClient, url: string) => {
    await postAs(
      ca,
      account,
      ((await postAs(ca, account, url)).json?.challenges as Challenge[]).find(
        ({ type }) => type === 'dns-01',
      )!.url,
      {},
    );
    await ca.clock.run(ca.server.idle());
  };
  it('is made, proven, and serves for the order', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const { url } = await ca.clock.run(
      newAuthorization(account.session, { identifier: { type: 'dns', value: 'a.test' } }),
    );
    expect(url).toMatch(new RegExp(`^${base}/authorization/auth_`));
    await prove(ca, account, url);
    await expect(
      postAs(ca, account, '/new-order', { identifiers: [{ type: 'dns', value: 'a.test' }] }),
    ).resolves.toMatchObject({ json: { status: 'ready', authorizations: [url] } });
    await expect(
      ask(ca, account, { identifier: { type: 'dns', value: 'a.test' } }),
    ).resolves.toMatchObject({ status: 200, json: { status: 'valid' } });
  });
  it('for subdomains too serves for names and wildcards below it, by dns-01 alone', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const made = await ask(ca, account, {
      identifier: { type: 'dns', value: 'a.test' },
      subdomainAuthAllowed: true,
    });
    expect(made).toMatchObject({
      status: 201,
      json: { subdomainAuthAllowed: true, challenges: [{ type: 'dns-01' }] },
    });
    await prove(ca, account, made.headers.get('location')!);
    const { leaf } = await issue(ca, account, ['a.test', '*.a.test', 'x.y.a.test', '*.y.a.test']);
    expect(leaf.identifiers).toHaveLength(4);
    expect(ca.validator.asked).toHaveLength(1);
    await expect(
      postAs(ca, account, '/new-order', { identifiers: [{ type: 'dns', value: 'xa.test' }] }),
    ).resolves.toMatchObject({ json: { status: 'pending' } });
  });
  it('of an order can be for a domain above its names, once for all of them', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const made = await postAs(ca, account, '/new-order', {
      identifiers: [
        { type: 'dns', value: 'x.a.test', ancestorDomain: 'a.test' },
        { type: 'dns', value: '*.a.test', ancestorDomain: 'A.test' },
      ],
    });
    expect(made.json?.authorizations).toHaveLength(1);
    await expect(
      postAs(ca, account, (made.json?.authorizations as string[])[0]!),
    ).resolves.toMatchObject({
      json: {
        identifier: { value: 'a.test' },
        subdomainAuthAllowed: true,
        challenges: [{ type: 'dns-01' }],
      },
    });
    for (const ancestorDomain of ['b.test', 'x.a.test', 'est', '', 7, '*.test'])
      await expect(
        postAs(ca, account, '/new-order', {
          identifiers: [{ type: 'dns', value: 'x.a.test', ancestorDomain }],
        }),
      ).resolves.toMatchObject({ problem: 'malformed' });
  });
  it.each<[string, unknown, string]>([
    ['a wildcard', { type: 'dns', value: '*.a.test' }, 'malformed'],
    ["a name outside of the CA's", { type: 'dns', value: 'evil.com' }, 'rejectedIdentifier'],
    ['nothing', undefined, 'malformed'],
    ['another type', { type: 'x', value: 'y' }, 'unsupportedIdentifier'],
  ])('for %s is refused', async (_, identifier, problem) => {
    const ca = await testCa();
    await expect(ask(ca, await ca.account(), { identifier })).resolves.toMatchObject({
      status: 400,
      problem,
    });
  });
});
