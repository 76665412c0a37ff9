import { createPrivateKey, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isInWindow, parseWeeklyWindow } from '@acmex/clock';
import { eventually } from '@acmex/services';
import { type Reply, type Serving, serving, startCa, type TestCa } from '../serving.testing.ts';
import { Temporal } from 'temporal-polyfill';

let ca: TestCa;
let server: Serving;
beforeAll(async () => {
  ca = await startCa();
  server = await serving({ ca });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await ca[Symbol.asyncDispose]();
});

/** All that a stream of an order's events says. */
const watched = async (id: string, headers: Readonly<Record<string, string>> = {}) => {
  const { text } = await server.call('GET', `/api/orders/${id}/events`, { headers });
  return text
    .split('\n\n')
    .filter((block) => block !== '')
    .map(
      (block) =>
        Object.fromEntries(
          block
            .split('\n')
            .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
        ) as Record<string, string>,
    );
};
const ordered = async (names: readonly string[], more: object = {}): Promise<Reply> => {
  const reply = await server.call('POST', '/api/orders', { body: { names, ...more } });
  expect(reply.status).toBe(202);
  await watched(reply.body.id);
  return await server.call('GET', `/api/orders/${reply.body.id}`);
};

describe('an order', () => {
  it('is found in log and events by the trace of who asked for it, else by a trace of its own', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const order = async (name: string, traceparent: string) => {
      const {
        body: { id, certificate },
      } = await server.call('POST', '/api/orders', {
        body: { names: [name] },
        headers: { traceparent },
      });
      await watched(id);
      return certificate as string;
    };
    const traced = await order('traced.test', `00-${traceId}-00f067aa0ba902b7-01`);
    const untraced = await order('untraced.test', '00-nonsense');
    await eventually(() =>
      [traced, untraced].every((id) => server.log.some((line) => line.includes(`${id} succeeded`))),
    );
    const logged = (id: string) =>
      JSON.parse(server.log.find((line) => line.includes(`${id} succeeded`)) ?? '{}') as object;
    expect(logged(traced)).toMatchObject({ task: traced, traceId });
    const idOf = async (certificate: string) => {
      const events = await server.call('GET', `/api/events?certificate=${certificate}`);
      const ids = events.body.items.map((event: { traceId?: string }) => event.traceId) as string[];
      expect(new Set(ids).size).toBe(1);
      return ids[0];
    };
    expect(await idOf(traced)).toBe(traceId);
    const newId = await idOf(untraced);
    expect(newId).toMatch(/^[0-9a-f]{32}$/);
    expect(newId).not.toBe(traceId);
    expect(logged(untraced)).toMatchObject({ task: untraced, traceId: newId });
  });
  it('and each event of a certificate or an account has the trace of the request for it', async () => {
    let requests = 0;
    /** The trace of each request, by the events that it is to write. */
    const expected = new Map<string, string>();
    const traced = async (types: string, method: string, path: string, body?: object) => {
      requests += 1;
      const id = requests.toString(16).padStart(32, 'e');
      expected.set(id, types);
      const headers = { traceparent: `00-${id}-00f067aa0ba902b7-01` };
      const reply = await server.call(method, path, { headers, ...(body ? { body } : {}) });
      expect([path, reply.status < 300]).toEqual([path, true]);
      return reply;
    };
    const { body: begun } = await ordered(['events.test']);
    const path = `/api/certificates/${begun.certificate}`;
    await traced('certificate_changed', 'PATCH', path, { paused: true });
    await traced('certificate_changed', 'PATCH', path, { labels: { team: 'web' } });
    await traced('private_key_read', 'GET', `${path}/private-key`);
    await traced('certificate_revoked', 'POST', `${path}/revoke`, {});
    await traced('certificate_removed', 'DELETE', path);
    const { body: accounts } = await server.call('GET', '/api/accounts');
    const account = `/api/accounts/${accounts.items[0].id}`;
    await traced('account_updated', 'PATCH', account, { email: 'ops@a.test' });
    await traced('account_key_changed', 'POST', `${account}/rotate-key`);
    await traced('account_updated', 'DELETE', account);
    await traced('account_registered', 'POST', '/api/accounts', {});
    const { body: page } = await server.call('GET', '/api/events?limit=1000');
    const events = page.items as readonly { readonly traceId?: string; readonly type: string }[];
    for (const [id, types] of expected)
      expect([id, events.filter(({ traceId }) => traceId === id).map(({ type }) => type)]).toEqual([
        id,
        [types],
      ]);
  });
  it('is under way at once, is watched to its end, and leads to a certificate whose key fits', async () => {
    const begun = await server.call('POST', '/api/orders', {
      body: { names: ['a.test', 'www.a.test'], labels: { team: 'web' } },
    });
    expect(begun).toMatchObject({
      status: 202,
      body: { names: ['a.test', 'www.a.test'], cause: 'obtain' },
    });
    expect(begun.headers.get('location')).toBe(`/api/orders/${begun.body.id}`);
    expect(Number(begun.headers.get('retry-after'))).toBeGreaterThan(0);
    const events = await watched(begun.body.id);
    expect(events.at(-1)).toMatchObject({ event: 'end' });
    expect(JSON.parse(events.at(-1)!.data!)).toMatchObject({ state: 'succeeded', generation: 1 });
    const steps = events.filter(({ event }) => event === 'step');
    expect(steps.map(({ id }) => Number(id))).toEqual(steps.map((_, index) => index + 1));
    expect(steps.map(({ data }) => JSON.parse(data!).type)).toEqual(
      expect.arrayContaining(['ordered', 'presented', 'validated']),
    );
    // From where a reader was cut off.
    await expect(
      watched(begun.body.id, { 'last-event-id': '2' }).then((all) =>
        all.filter(({ event }) => event === 'step'),
      ),
    ).resolves.toEqual(steps.slice(2));

    const { certificate: id } = begun.body;
    await expect(server.call('GET', `/api/certificates/${id}`)).resolves.toMatchObject({
      body: { state: 'valid', labels: { team: 'web' }, current: { generation: 1 } },
    });
    const [chain, key, bundle] = [
      await server.call('GET', `/api/certificates/${id}/chain`),
      await server.call('GET', `/api/certificates/${id}/private-key`),
      await server.call('GET', `/api/certificates/${id}/bundle`),
    ];
    const leaf = new X509Certificate(chain.text);
    expect(leaf.subjectAltName).toBe('DNS:a.test, DNS:www.a.test');
    expect(leaf.checkPrivateKey(createPrivateKey(key.text))).toBe(true);
    expect(
      new X509Certificate(bundle.text.slice(bundle.text.indexOf('-----BEGIN CERT'))).fingerprint256,
    ).toBe(leaf.fingerprint256);
    expect([key, bundle].map(({ headers }) => headers.get('cache-control'))).toEqual([
      'no-store',
      'no-store',
    ]);
    const {
      body: { items },
    } = await server.call('GET', `/api/events?type=private_key_read&certificate=${id}`);
    expect(items).toHaveLength(2);
    expect(items[0]).toMatchObject({
      actor: expect.stringMatching(/^key_/),
      names: ['a.test', 'www.a.test'],
    });

    const tag = chain.headers.get('etag')!;
    await expect(
      server.call('GET', `/api/certificates/${id}/chain`, { headers: { 'if-none-match': tag } }),
    ).resolves.toMatchObject({ status: 304, text: '' });
    const waiting = server.call('GET', `/api/certificates/${id}/bundle?wait=30`, {
      headers: { 'if-none-match': tag },
    });
    const renewal = await server.call('POST', `/api/certificates/${id}/renew`);
    expect(renewal).toMatchObject({ status: 202, body: { certificate: id, cause: 'request' } });
    const renewed = await waiting;
    expect(renewed.status).toBe(200);
    expect(renewed.headers.get('etag')).not.toBe(tag);

    const revoked = async (body: object) =>
      await server.call('POST', `/api/certificates/${id}/revoke`, { body });
    const earlier = { generation: 1, reason: 'superseded' };
    await expect(revoked(earlier)).resolves.toMatchObject({
      status: 200,
      body: { state: 'valid', current: { generation: 2 } },
    });
    await expect(revoked({ generation: 3 })).resolves.toMatchObject({
      status: 422,
      body: { code: 'ERR_ORCHESTRATOR_INPUT', detail: expect.stringContaining('not stored') },
    });
    await expect(revoked({ reason: 'superseded' })).resolves.toMatchObject({
      status: 200,
      body: { state: 'revoked', current: { revokedAt: expect.any(String) } },
    });
    await expect(server.call('DELETE', `/api/certificates/${id}`)).resolves.toMatchObject({
      status: 204,
      text: '',
    });
    await expect(server.call('GET', `/api/certificates/${id}`)).resolves.toMatchObject({
      status: 404,
      body: { code: 'ERR_SERVER_NOT_FOUND' },
    });
  });

  it("reports the CA's problem, stays managed, and is tried again on request", async () => {
    ca.refused.add('x.refused.test').add('y.refused.test');
    const {
      body: { id, certificate },
    } = await server.call('POST', '/api/orders', {
      body: { names: ['x.refused.test', 'y.refused.test'] },
    });
    const stop = new AbortController();
    const stream = await server.fetch(`/api/orders/${id}/events`, {
      headers: { 'x-api-key': server.key },
      signal: stop.signal,
    });
    let text = '';
    for await (const part of stream.body!.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (text.includes('"failure"')) break;
    }
    stop.abort();
    const { body: order } = await server.call('GET', `/api/orders/${id}`);
    expect(order).toMatchObject({
      state: 'pending',
      failure: {
        code: 'ERR_CLIENT_VALIDATION_FAILED',
        failures: 1,
      },
    });
    // The order is invalid when the first name has failed; the second may have failed by then.
    const { problem } = order.failure;
    const problems: { identifier: { value: string } }[] = problem.subproblems ?? [problem];
    const failed = problems.map(({ identifier }) => identifier.value);
    expect(['x.refused.test', 'y.refused.test']).toEqual(expect.arrayContaining(failed));
    expect(failed.length).toBeGreaterThan(0);
    await expect(server.call('GET', '/api/queue')).resolves.toMatchObject({
      status: 200,
      body: { failing: [{ certificate, order: id }] },
    });
    await expect(server.call('GET', '/api/certificates?state=failing')).resolves.toMatchObject({
      body: { items: [{ id: certificate }] },
    });
    ca.refused.clear();
    await expect(server.call('POST', '/api/queue/replay', { body: {} })).resolves.toMatchObject({
      status: 202,
      body: { certificates: [certificate] },
    });
    expect((await watched(id)).at(-1)).toMatchObject({ event: 'end' });
    await expect(server.call('GET', `/api/orders/${id}`)).resolves.toMatchObject({
      body: { state: 'succeeded' },
    });
    await expect(server.call('GET', '/api/queue')).resolves.toMatchObject({
      body: { failing: [] },
    });
  });

  it('is cancelled, and can be wanted again', async () => {
    ca.refused.add('z.refused.test');
    const {
      body: { id },
    } = await server.call('POST', '/api/orders', { body: { names: ['z.refused.test'] } });
    await expect(server.call('DELETE', `/api/orders/${id}`)).resolves.toMatchObject({
      status: 202,
      body: { id },
    });
    expect(JSON.parse((await watched(id)).at(-1)!.data!)).toMatchObject({ state: 'cancelled' });
    ca.refused.clear();
    await expect(server.call('POST', `/api/orders/${id}/retry`)).resolves.toMatchObject({
      status: 404,
    });
  });

  it('is one for fifty who send the same at once with one Idempotency-Key, and none for another body', async () => {
    const send = async (body: object) =>
      await server.call('POST', '/api/orders', { body, headers: { 'idempotency-key': 'fifty' } });
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => send({ names: ['fifty.test'] })),
    );
    expect(new Set(replies.map(({ status, body }) => `${status} ${body.id}`))).toHaveProperty(
      'size',
      1,
    );
    expect(
      replies.filter(({ headers }) => headers.get('idempotent-replayed') === 'true'),
    ).toHaveLength(49);
    expect(replies[0]).toMatchObject({ status: 202 });
    await expect(send({ names: ['other.test'] })).resolves.toMatchObject({
      status: 422,
      body: { code: 'ERR_SERVER_IDEMPOTENCY' },
    });
    await watched(replies[0]!.body.id);
    const { body } = await server.call('GET', '/api/certificates?name=fifty.test');
    expect(body.items).toHaveLength(1);
  });

  it('renews everything, or what is due, in pages', async () => {
    await ordered(['all.test']);
    const { status, body } = await server.call('POST', '/api/orders/renew-all', { body: {} });
    expect(status).toBe(202);
    expect(body.orders.length).toBeGreaterThan(0);
    for (const id of body.orders)
      expect((await watched(id)).at(-1)).toMatchObject({ event: 'end' });
    await expect(
      server.call('POST', '/api/orders/renew-all', { body: { due: true } }),
    ).resolves.toMatchObject({ status: 202, body: { orders: [] } });
    const listed = await server.call('GET', '/api/orders?state=succeeded&limit=1');
    expect(listed.body).toMatchObject({
      items: [{ state: 'succeeded' }],
      next: expect.any(String),
    });
  });
});

describe('a declared certificate', () => {
  const put = async (name: string, body: object = {}) =>
    await server.call('PUT', `/api/certificates/${name}`, { body });

  it('is made once, stays unchanged when it is declared again, and is ordered again where that is needed', async () => {
    const both = await Promise.all([
      put('declared.test', { labels: { a: '1' } }),
      put('declared.test', { labels: { a: '1' } }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 201]);
    const { id, order } = both.find(({ status }) => status === 201)!.body;
    expect(both[0]!.body.id).toBe(both[1]!.body.id);
    await watched(order);
    const again = await put('declared.test', { labels: { a: '1' } });
    expect(again).toMatchObject({ status: 200, body: { id, labels: { a: '1' } } });
    expect(again.body.order).toBeUndefined();
    const labelled = await put('declared.test', { labels: { a: '2' } });
    expect(labelled.body).toMatchObject({ id, labels: { a: '2' } });
    expect(labelled.body.order).toBeUndefined();
    const wider = await put('declared.test', { names: ['declared.test', 'more.declared.test'] });
    expect(wider.body).toMatchObject({
      id,
      names: ['declared.test', 'more.declared.test'],
      order: expect.stringMatching(/^ord_/),
    });
    await watched(wider.body.order);
    expect(
      new X509Certificate((await server.call('GET', `/api/certificates/${id}/chain`)).text)
        .subjectAltName,
    ).toBe('DNS:declared.test, DNS:more.declared.test');
    await expect(put('declared.test', { names: ['other.test'] })).resolves.toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/names/0' }] },
    });
  });

  it('is the same for POST, which keeps what it says nothing of and orders what it changes', async () => {
    const {
      body: { id, order },
    } = await put('same.test', { keyType: 'ec-p384', labels: { team: 'web' } });
    await watched(order);
    const again = await ordered(['same.test']);
    expect(again.body.certificate).toBe(id);
    await ordered(['same.test'], { keyType: 'rsa-2048' });
    const { body } = await server.call('GET', '/api/certificates?name=same.test');
    expect(body.items).toMatchObject([
      { id, keyType: 'rsa-2048', labels: { team: 'web' }, current: { generation: 3 } },
    ]);
  });

  it('can be paused, labelled, and given another margin, without an order', async () => {
    const {
      body: { certificate: id },
    } = await ordered(['patched.test']);
    await expect(
      server.call('PATCH', `/api/certificates/${id}`, {
        body: { paused: true, labels: { x: 'y' }, renewBeforeDays: 20 },
      }),
    ).resolves.toMatchObject({
      status: 200,
      body: { paused: true, state: 'paused', labels: { x: 'y' }, renewBeforeDays: 20 },
    });
    await expect(server.call('POST', `/api/certificates/${id}/renew`)).resolves.toMatchObject({
      status: 409,
      body: { code: 'ERR_ORCHESTRATOR_PAUSED' },
    });
    const resumed = await server.call('PATCH', `/api/certificates/${id}`, {
      body: { paused: false, renewBeforeDays: null },
    });
    expect(resumed.body).toMatchObject({ state: 'valid' });
    expect(resumed.body.renewBeforeDays).toBeUndefined();
  });

  it('is renewed in its maintenance windows, which need no order', async () => {
    const maintenanceWindows = ['Sat 02:00-06:00 Europe/Berlin', 'Tue,Thu 22:00-24:00'];
    const windows = maintenanceWindows.map((window) => parseWeeklyWindow(window)!);
    const isRespected = ({ renewal }: { readonly renewal: { readonly at: string } }) =>
      isInWindow(windows, Temporal.Instant.from(renewal.at).epochMilliseconds);
    const { body } = await ordered(['windows.test'], { maintenanceWindows });
    const change = async (more: object) =>
      await server.call('PATCH', `/api/certificates/${body.certificate}`, { body: more });
    const after = await server.call('GET', `/api/certificates/${body.certificate}`);
    expect(after.body).toMatchObject({ maintenanceWindows, current: { generation: 1 } });
    expect(isRespected(after.body)).toBe(true);
    const removed = await change({ maintenanceWindows: null });
    expect(removed.body).not.toHaveProperty('maintenanceWindows');
    const set = await change({ maintenanceWindows: [' Sat 02:00-06:00  Europe/Berlin'] });
    expect(set.body).toMatchObject({
      maintenanceWindows: ['Sat 02:00-06:00  Europe/Berlin'],
      current: { generation: 1 },
    });
    expect(set.body.order).toBeUndefined();
    expect(isRespected(set.body)).toBe(true);
  });

  it('loses windows that PUT does not mention, and keeps those that POST does not', async () => {
    const maintenanceWindows = ['00:00-24:00'];
    const declared = await put('window.test', { maintenanceWindows });
    expect(declared.body).toMatchObject({ maintenanceWindows });
    await watched(declared.body.order);
    await ordered(['window.test']);
    const stored = async () =>
      (await server.call('GET', `/api/certificates/${declared.body.id}`)).body;
    await expect(stored()).resolves.toMatchObject({ maintenanceWindows });
    expect((await put('window.test', {})).body).not.toHaveProperty('maintenanceWindows');
  });

  it.each([
    ['Sat'],
    ['Sax 02:00-06:00'],
    ['Sat 25:00-26:00'],
    ['Sat 02:00-06:00 Europe/Nowhere'],
    ['0 2 * * 6'],
  ])('has no window of the form %j', async (window) => {
    const body = { names: ['window.test'], maintenanceWindows: ['00:00-24:00', window] };
    await expect(server.call('POST', '/api/orders', { body })).resolves.toMatchObject({
      status: 422,
      body: {
        errors: [
          {
            pointer: '/maintenanceWindows/1',
            detail: expect.stringContaining('write days, times and a time zone: "Sat 02:00'),
          },
        ],
      },
    });
  });

  it('takes a hundred changes at once, of which all succeed', async () => {
    const { body } = await ordered(['crowd.test']);
    const patch = async (index: number) =>
      await server.call('PATCH', `/api/certificates/${body.certificate}`, {
        body: { labels: { index: String(index) } },
      });
    const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => patch(index)));
    expect(answers.map(({ status, text }) => (status === 200 ? status : text))).toEqual(
      Array.from({ length: 100 }, () => 200),
    );
  });

  it('is found by name, below a name, issuer, label, state and end', async () => {
    await ordered(['found.example'], { labels: { kind: 'one' } });
    await ordered(['sub.found.example'], { labels: { kind: 'two' } });
    const namesOf = async (query: string) =>
      (await server.call('GET', `/api/certificates?${query}`)).body.items.map(
        ({ names }: { names: string[] }) => names[0],
      );
    await expect(namesOf('name=found.example')).resolves.toEqual(['found.example']);
    await expect(namesOf('below=found.example')).resolves.toEqual(['sub.found.example']);
    await expect(namesOf('label=kind')).resolves.toEqual(['found.example', 'sub.found.example']);
    await expect(namesOf('label=kind=two')).resolves.toEqual(['sub.found.example']);
    await expect(namesOf('issuer=custom&label=kind=one')).resolves.toEqual(['found.example']);
    await expect(namesOf('issuer=nobody')).resolves.toEqual([]);
    await expect(namesOf('expiresBefore=2026-01-01T00:00:00Z')).resolves.toEqual([]);
    expect((await namesOf('expiresAfter=2026-01-01T00:00:00Z')).length).toBeGreaterThan(1);
    const first = await server.call('GET', '/api/certificates?below=example&limit=1');
    expect(first.body).toMatchObject({ items: [{}], next: expect.any(String) });
    const second = await server.call(
      'GET',
      `/api/certificates?below=example&limit=1&cursor=${first.body.next}`,
    );
    expect(second.body.items).toHaveLength(1);
    expect(second.body.items[0].id).not.toBe(first.body.items[0].id);
    await expect(
      server.call('GET', `/api/certificates?sort=expiry&cursor=${first.body.next}`),
    ).resolves.toMatchObject({ status: 422, body: { code: 'ERR_ORCHESTRATOR_INPUT' } });
  });
});
