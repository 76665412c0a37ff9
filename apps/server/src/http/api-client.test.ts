import { inspect } from 'node:util';
import { acmexApi, type AcmexApi, type ApiError } from '@acmex/api';
import { millisecondTimer } from '@acmex/clock';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Serving, serving, startCa, type TestCa } from '../serving.testing.ts';

/** Only pauses are short: what is longer is a limit. */
const timer: typeof millisecondTimer = {
  sleep: async ({ milliseconds }, options) =>
    await millisecondTimer.sleep(
      { milliseconds: milliseconds < 60_000 ? 0 : milliseconds },
      options,
    ),
};

/** Sends requests over real connections, and cuts the first stream behind its first step. */
function cutting() {
  const lastEventIds: (string | null)[] = [];
  const fetching = async (request: Request): Promise<Response> => {
    if (!request.url.endsWith('/events')) return await fetch(request);
    lastEventIds.push(request.headers.get('last-event-id'));
    const response = await fetch(request);
    if (lastEventIds.length > 1) return response;
    let text = '';
    const cut = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        text += new TextDecoder().decode(chunk);
        const [step] = /^.*?\bid: 1\n.*?\n\n/s.exec(text) ?? [];
        if (step === undefined) return;
        controller.enqueue(new TextEncoder().encode(step));
        controller.terminate();
      },
    });
    return new Response(response.body?.pipeThrough(cut), response);
  };
  return { fetching, lastEventIds };
}

describe('@acmex/api', () => {
  let [ca, server, api] = [{} as TestCa, {} as Serving, {} as AcmexApi];
  beforeAll(async () => {
    ca = await startCa();
    server = await serving({ ca });
    api = acmexApi({ url: server.url, key: server.key });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await ca[Symbol.asyncDispose]();
  });

  it('orders a certificate, and continues to watch where a connection was cut', async () => {
    const { fetching, lastEventIds } = cutting();
    const watching = acmexApi({ url: server.url, key: server.key, fetch: fetching, timer });
    const { data: order, response } = await api.POST('/api/orders', {
      body: { names: ['a.test'] },
      params: { header: { 'Idempotency-Key': 'first' } },
    });
    expect([response.status, order.names]).toEqual([202, ['a.test']]);
    const [steps, states, reasons] = [[] as number[], [] as string[], [] as string[]];
    for await (const event of watching.watchOrder(order.id, {
      onReconnect: ({ code }) => reasons.push(code),
    })) {
      if (event.type === 'step') steps.push(event.step.number);
      if (event.type === 'state') states.push(event.state);
      if (event.type === 'end')
        expect([event.order.state, event.order.steps.map(({ number }) => number)]).toEqual([
          'succeeded',
          steps,
        ]);
    }
    expect([lastEventIds, reasons]).toEqual([[null, '1'], ['ERR_API_UNREACHABLE']]);
    expect(states.at(-1)).toBe('succeeded');
    const { data: pem } = await api.GET('/api/certificates/{id}/chain', {
      params: { path: { id: order.certificate } },
    });
    expect(pem).toMatch(/^-----BEGIN CERTIFICATE-----/);
  });

  it('pages through certificates', async () => {
    for (const name of ['b.test', 'c.test'])
      await api.POST('/api/orders', { body: { names: [name] } });
    const params = { query: { limit: 1 } };
    const names: string[] = [];
    for await (const certificate of api.items('/api/certificates', { params }))
      names.push(...certificate.names);
    expect(names.toSorted()).toEqual(['a.test', 'b.test', 'c.test']);
    let pages = 0;
    for await (const { items } of api.pages('/api/certificates', { params })) pages += items.length;
    expect(pages).toBe(3);
  });

  it('throws the problem of the server, without the key', async () => {
    const id = `ord_${'0'.repeat(26)}`;
    const error = await api.GET('/api/orders/{id}', { params: { path: { id } } }).then(
      () => undefined,
      (thrown: ApiError) => thrown,
    );
    expect(error).toMatchObject({
      name: 'ApiError',
      code: 'ERR_ORCHESTRATOR_NOT_FOUND',
      status: 404,
      cure: expect.any(String),
      problem: { code: 'ERR_ORCHESTRATOR_NOT_FOUND', status: 404 },
    });
    expect(inspect([error, api], { depth: 9, showHidden: true })).not.toContain(server.key);
  });

  it('throws what is wrong with each field', async () => {
    await expect(api.POST('/api/orders', { body: { names: [] } })).rejects.toMatchObject({
      status: 422,
      problem: { errors: [{ pointer: '/names' }] },
    });
  });

  it('refuses to watch with a key that does not count', async () => {
    const unknown = acmexApi({ url: server.url, key: 'acmex_unknown' });
    await expect(unknown.watchOrder(`ord_${'0'.repeat(26)}`).next()).rejects.toMatchObject({
      status: 401,
    });
  });
});
