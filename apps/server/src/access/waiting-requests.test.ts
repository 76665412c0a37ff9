import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@acmex/clock';
import { eventually } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { controllers } from '../controllers.ts';
import { endpointsOf } from '../http/endpoint.ts';
import { type Serving, serving, startCa, type TestCa } from '../serving.testing.ts';
import { newSecret } from './api-key.ts';

const configuredKey = newSecret();
/** How many requests the check of a certificate has sent, and how many of them have ended. */
let [begunChecks, endedChecks] = [0, 0];
/** An OCSP responder and a server of revocation lists that never answer. */
const silent = createServer((_, response) => {
  begunChecks += 1;
  response.once('close', () => {
    endedChecks += 1;
  });
});
/** So that the server may ask them, at an address of this machine. */
const settings = '[renewal.revocation]\nallow = ["127.0.0.1"]\n';
let ca: TestCa;
let server: Serving;
let certificate: string;
let order: string;
let etag: string;
beforeAll(async () => {
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const { port } = silent.address() as AddressInfo;
  ca = await startCa({ repositoryUrl: `http://127.0.0.1:${port}` });
  server = await serving({ ca, toml: `api_keys = ["${configuredKey}"]\n${settings}` });
  const issued = await call('POST', '/api/orders', { body: { names: ['a.test'] } });
  await call('GET', `/api/orders/${issued.body.id}/events`);
  ({ certificate } = issued.body);
  const chain = await call('GET', `/api/certificates/${certificate}/chain`);
  etag = chain.headers.get('etag')!;
  ca.refused.add('pending.test');
  const pending = await call('POST', '/api/orders', { body: { names: ['pending.test'] } });
  order = pending.body.id;
  await eventually(async () => {
    const { body } = await call('GET', `/api/orders/${order}`);
    return body.failure !== undefined;
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await ca[Symbol.asyncDispose]();
  silent.close();
  silent.closeAllConnections();
});

/** Each route that waits, as a request that waits for a minute. */
const requests: Readonly<
  Record<string, () => { readonly path: string; readonly headers?: Record<string, string> }>
> = {
  '/api/certificates/:id/chain': () => ({
    path: `/api/certificates/${certificate}/chain?wait=60`,
    headers: { 'if-none-match': etag },
  }),
  '/api/certificates/:id/bundle': () => ({
    path: `/api/certificates/${certificate}/bundle?wait=60`,
    headers: { 'if-none-match': etag },
  }),
  '/api/certificates/:id/status': () => ({ path: `/api/certificates/${certificate}/status` }),
  '/api/orders/:id/events': () => ({ path: `/api/orders/${order}/events` }),
};
/** They ask DNS servers too, for four callers of a tenant at most: fewer than there are endings here. */
const bounded: readonly string[] = ['/api/orders/:id/records/check', '/api/orders/check'];
const waiting = endpointsOf(controllers).filter(({ waits }) => waits !== undefined);
const routes = waiting.filter(({ path }) => !bounded.includes(path));
/** They wait for servers of others, and no caller says how long. */
const unlimited: readonly string[] = ['/api/certificates/:id/status', ...bounded];

/** Ways in which a key ends while its requests wait. */
const endings: Readonly<Record<string, (id: string) => Promise<unknown>>> = {
  'is revoked': async (id) => await call('DELETE', `/api/keys/${id}`),
  'is given an end that is over': async (id) =>
    await call('POST', `/api/keys/${id}/expire`, { body: { at: '2026-01-01T00:00:00Z' } }),
  'reaches its end': async (id) => {
    const at = systemClock.now().add({ milliseconds: 500 }).toString();
    return await call('POST', `/api/keys/${id}/expire`, { body: { at } });
  },
  'gets another secret at once': async (id) =>
    await call('POST', `/api/keys/${id}/rotate`, { body: { graceHours: 0 } }),
  'is of a session that is revoked': async (id) => await call('DELETE', `/api/sessions/${id}`),
  'is of a session whose key is revoked': async (id) => {
    const { body } = await call('GET', '/api/sessions');
    const { key } = body.items.find((session: { id: string }) => session.id === id);
    return await call('DELETE', `/api/keys/${key}`);
  },
  'is removed from the configuration': async () =>
    await server.reload(`api_keys = ["${newSecret()}"]\n${settings}`),
};

/** With the key of the configuration, which may do everything. */
const call: Serving['call'] = async (method, path, options) =>
  await server.call(method, path, { key: configuredKey, ...options });

describe('a route that waits', () => {
  it('is described as one', () => {
    const described = endpointsOf(controllers).filter(
      ({ path, scope, query, answers }) =>
        unlimited.includes(path) ||
        Object.values(answers).some(({ contentType }) => contentType === 'text/event-stream') ||
        (scope !== 'none' && query?.safeParse({ wait: 1 }).success),
    );
    const pathsOf = (endpoints: readonly { readonly path: string }[]) =>
      endpoints.map(({ path }) => path).sort();
    expect(pathsOf(waiting)).toEqual(pathsOf(described));
    expect(pathsOf(routes)).toEqual(Object.keys(requests).sort());
  });

  it('ends when the key of its request has ended, however that ends, and answers nothing more', async () => {
    const keys = await Promise.all(
      Object.keys(endings).map(async (ending) =>
        ending === 'is removed from the configuration'
          ? { ending, id: '', key: configuredKey }
          : { ending, ...(await (ending.includes('session') ? makeSession() : makeKey())) },
      ),
    );
    const lasting = [await makeKey(), await makeSession()];
    const requested = await Promise.all(
      keys.flatMap(({ ending, key }) =>
        routes.map(async ({ path }) => await begin(path, ending, key)),
      ),
    );
    const stop = new AbortController();
    const valid = await Promise.all(
      lasting.flatMap(({ key }) =>
        routes.map(async ({ path }) => await begin(path, 'is valid', key, stop.signal)),
      ),
    );
    await eventually(async () => begunChecks > 0);
    for (const { ending, id } of keys) await endings[ending]?.(id);
    for (const { ending, route, answer } of requested) {
      const { status, text } = await answer;
      expect([ending, route.path, status, /PRIVATE|"end"/.test(text)]).toEqual([
        ending,
        route.path,
        route.waits === 'stream' ? 200 : 401,
        false,
      ]);
    }
    // They have not waited for the end of the check of a certificate: after another request, that
    // end would have reached the responder.
    await call('GET', '/api/keys');
    expect([begunChecks, endedChecks]).toEqual([1, 0]);
    const ended = valid.filter(({ hasEnded }) => hasEnded());
    expect(ended.map(({ route }) => route.path)).toEqual([]);
    stop.abort();
    await Promise.all(valid.map(async ({ answer }) => await answer.catch(() => undefined)));
  });
});

/** Makes a key for the routes that wait. */
async function makeKey(): Promise<{ readonly id: string; readonly key: string }> {
  const body = { scopes: routes.map(({ scope }) => scope) };
  return (await call('POST', '/api/keys', { body })).body;
}

/** Makes a key for the routes that wait, and signs in with it. */
async function makeSession(): Promise<{ readonly id: string; readonly key: string }> {
  const { key } = await makeKey();
  const { body, headers } = await call('POST', '/api/session', { key: '', body: { key } });
  return { id: body.id, key: headers.get('set-cookie')!.split(';')[0]! };
}

/** Sends the request of a route that waits. @param key or the cookie of a session. A stream has begun when this returns. */
async function begin(path: string, ending: string, key: string, signal?: AbortSignal) {
  const route = routes.find((candidate) => candidate.path === path)!;
  const { path: url, headers = {} } = requests[path]!();
  const response = server.fetch(url, {
    headers: { [key.startsWith('acmex=') ? 'cookie' : 'x-api-key']: key, ...headers },
    ...(signal ? { signal } : {}),
  });
  let isOver = false;
  const answer = response
    .then(async (received) => ({ status: received.status, text: await received.text() }))
    .finally(() => {
      isOver = true;
    });
  answer.catch(() => {
    /* awaited by the test */
  });
  if (route.waits === 'stream') await response;
  return { ending, route, answer, hasEnded: () => isOver };
}
