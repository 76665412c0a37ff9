import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Serving, serving, startCa, tenantKey, type TestCa } from '../serving.testing.ts';

const toml = `
[tenants.default]
names = ["*"]
[tenants.small]
names = ["*"]
max_orders_per_hour = 4
`;
let ca: TestCa;
let server: Serving;
beforeAll(async () => {
  ca = await startCa();
  server = await serving({ ca, toml });
  for (const name of ['a.web.test', 'b.web.test', 'c.web.test', 'd.mail.test'])
    await issue(name, server.key);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await ca[Symbol.asyncDispose]();
});

interface Listed {
  readonly id: string;
  readonly names: readonly string[];
  readonly paused: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly current?: { readonly revokedAt?: string };
}

const issue = async (name: string, key: string) => {
  const { body } = await server.call('POST', '/api/orders', { body: { names: [name] }, key });
  const headers = { 'x-api-key': key };
  await (await server.fetch(`/api/orders/${body.id}/events`, { headers })).text();
};
const act = async (body: object, key = server.key) =>
  await server.call('POST', '/api/certificates/actions', { body, key });
const list = async (key = server.key) =>
  (await server.call('GET', '/api/certificates', { key })).body.items as readonly Listed[];
const namesOf = async (where: (certificate: Listed) => boolean) =>
  (await list()).filter(where).flatMap(({ names }) => names);
const below = { below: 'web.test' };

describe('an action on all certificates that match a filter', () => {
  it('is done for those that match, and counts them in a dry run', async () => {
    await expect(
      act({ action: 'label', filter: below, labels: { team: 'web' }, dryRun: true }),
    ).resolves.toMatchObject({ status: 200, body: { matched: 3, done: [], failed: [] } });
    expect(await namesOf(({ labels }) => labels.team !== undefined)).toEqual([]);
    const { body } = await act({ action: 'label', filter: below, labels: { team: 'web' } });
    expect(body).toMatchObject({ done: { length: 3 }, failed: [] });
    expect(body).not.toHaveProperty('next');
    expect(await namesOf(({ labels }) => labels.team === 'web')).toEqual([
      ...['a.web.test', 'b.web.test', 'c.web.test'],
    ]);
    await act({ action: 'label', filter: { name: 'b.web.test' }, labels: { team: null } });
    expect(await namesOf(({ labels }) => labels.team === 'web')).toEqual([
      ...['a.web.test', 'c.web.test'],
    ]);
  });

  it('is done for certificates with a part of a name', async () => {
    const filter = { contains: 'EB.te' };
    const body = { action: 'label', filter, labels: { part: 'web' } };
    expect((await act({ ...body, dryRun: true })).body.matched).toBe(3);
    expect((await act(body)).body.done).toHaveLength(3);
    expect(await namesOf(({ labels }) => labels.part === 'web')).toEqual([
      ...['a.web.test', 'b.web.test', 'c.web.test'],
    ]);
  });

  it('pauses what is not paused, and resumes it by its state', async () => {
    const filter = { label: 'team=web' };
    expect((await act({ action: 'pause', filter })).body.done).toHaveLength(2);
    expect((await act({ action: 'pause', filter })).body.done).toHaveLength(0);
    expect(await namesOf(({ paused }) => paused)).toEqual(['a.web.test', 'c.web.test']);
    const resumed = await act({ action: 'resume', filter: { state: 'paused' } });
    expect(resumed.body.done).toHaveLength(2);
    expect(await namesOf(({ paused }) => paused)).toEqual([]);
  });

  it('ends with the quota, and continues with next behind what was done', async () => {
    const key = await tenantKey(server, 'small');
    await issue('a.small.test', key);
    await issue('b.small.test', key);
    await issue('c.small.test', key);
    const { status, headers, body } = await act({ action: 'renew', filter: {} }, key);
    expect([status, body.orders.length, body.done.length]).toEqual([200, 1, 1]);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    const dryRun = { action: 'renew', filter: {}, cursor: body.next, dryRun: true };
    expect((await act(dryRun, key)).body).toMatchObject({ matched: 2 });
    await expect(
      act({ action: 'renew', filter: {}, cursor: body.next }, key),
    ).resolves.toMatchObject({ status: 429, body: { code: 'ERR_SERVER_QUOTA' } });
  });

  it('revokes nothing unless as many match as the dry run has said', async () => {
    const revocation = { action: 'revoke', filter: below, reason: 'superseded' };
    const { reason: _, ...undecided } = revocation;
    for (const contains of [undefined, '.web.t'])
      await expect(
        act({ ...undecided, filter: { ...below, contains }, dryRun: true }),
      ).resolves.toMatchObject({ status: 200, body: { matched: 3 } });
    for (const expected of [2, 4])
      await expect(act({ ...revocation, expected })).resolves.toMatchObject({
        status: 422,
        body: { code: 'ERR_SERVER_BODY', errors: [{ pointer: '/expected' }] },
      });
    expect(await namesOf(({ current }) => current?.revokedAt !== undefined)).toEqual([]);
    const { body } = await act({ ...revocation, expected: 3 });
    expect(body).toMatchObject({ matched: 3, remaining: 0, done: { length: 3 }, failed: [] });
    expect(await namesOf(({ current }) => current?.revokedAt !== undefined)).toEqual([
      ...['a.web.test', 'b.web.test', 'c.web.test'],
    ]);
    expect((await act({ ...revocation, dryRun: true })).body.matched).toBe(0);
  });

  it('says for which certificates it failed, and why', async () => {
    ca.refusal = 'unauthorized';
    const filter = { name: 'd.mail.test' };
    const revocation = { action: 'revoke', filter, reason: 'superseded', expected: 1 };
    const { body } = await act(revocation);
    ca.refusal = undefined;
    expect(body).toMatchObject({
      done: [],
      failed: [{ code: 'ERR_ACME_UNAUTHORIZED', message: expect.stringContaining('the CA') }],
    });
    expect((await act(revocation)).body.done).toHaveLength(1);
  });

  it('needs the scope of the action, and sees only the names of the key', async () => {
    const scopes = ['certificates:read', 'certificates:write'];
    const key = await server.makeKey({ scopes, names: ['*.mail.test'] });
    const pause = { action: 'pause', filter: {}, dryRun: true };
    expect((await act(pause, key)).body.matched).toBe(1);
    for (const body of [
      { action: 'renew', filter: {} },
      { action: 'revoke', filter: {}, reason: 'superseded', expected: 1 },
    ])
      await expect(act(body, key)).resolves.toMatchObject({ status: 403 });
  });

  it.each([
    [{ action: 'revoke', filter: {}, expected: 1 }, '/reason'],
    [{ action: 'revoke', filter: {}, reason: 'superseded' }, '/expected'],
    [{ action: 'label', filter: {} }, '/labels'],
    [{ action: 'pause', filter: {}, reason: 'superseded' }, '/reason'],
    [{ action: 'pause' }, '/filter'],
  ])('refuses %j at %s', async (body, pointer) => {
    await expect(act(body)).resolves.toMatchObject({
      status: 422,
      body: { errors: [{ pointer }] },
    });
  });
});
