import { join } from 'node:path';
import { eventually, startWebhookReceiver, type WebhookReceiver } from '@acmex/services';
import { fileStorage } from '@acmex/storage-file';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Serving, serving } from '../serving.testing.ts';

let receiver: WebhookReceiver;
let server: Serving;
beforeAll(async () => {
  receiver = await startWebhookReceiver();
  receiver.answer = (response) => void response.writeHead(410).end();
  server = await serving({
    toml: `
[notifications]
allow = ["127.0.0.0/8"]
[[notifications.webhooks]]
name = "chat"
url = "${receiver.url}"
allow_http = true
events = ["api_key_revoked"]
`,
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

const list = async (query = '', key = server.key) => {
  const { status, body, text } = await server.call('GET', `/api/deliveries${query}`, { key });
  expect([status, text]).toEqual([200, text]);
  return body as { readonly items: readonly { readonly id: string }[]; readonly next?: string };
};
/** Has the server look for what is due at once. */
const wake = async () => await server.call('POST', '/api/queue/replay', { body: {} });

describe('the deliveries', () => {
  it('have what a receiver refused, why, and no secret; a replay sends it again with the same id', async () => {
    expect(await list()).toMatchObject({ items: [] });
    const narrow = await server.makeKey({
      scopes: ['queue:read', 'queue:write'],
      names: ['a.test'],
    });
    const spare = await server.makeKey({ scopes: ['queue:read'] });
    await server.call('DELETE', `/api/keys/key_${spare.split('.')[1]}`);
    await wake();
    await eventually(async () => (await list('?state=dead')).items.length === 1, 20);
    const { items } = await list();
    expect(items).toEqual([
      {
        id: receiver.received[0]?.id,
        state: 'dead',
        receiver: 'chat',
        type: 'api_key_revoked',
        severity: 'info',
        title: 'api key revoked',
        certificates: [],
        createdAt: expect.any(String),
        attempts: 1,
        failure: {
          code: 'ERR_NOTIFICATIONS_REFUSED',
          message: expect.stringContaining('410'),
          at: expect.any(String),
        },
      },
    ]);
    expect(JSON.stringify(items)).not.toContain('t0ken');
    expect(await list('?state=waiting')).toMatchObject({ items: [] });

    const path = `/api/deliveries/${items[0]?.id}/replay`;
    expect((await list('', narrow)).items).toEqual([]);
    expect(await server.call('POST', path, { key: narrow })).toMatchObject({ status: 404 });

    receiver.answer = (response) => void response.writeHead(204).end();
    expect(await server.call('POST', path)).toMatchObject({ status: 202 });
    await receiver.until(2);
    expect(receiver.received.map(({ id }) => id)).toEqual([items[0]?.id, items[0]?.id]);
    await eventually(async () => (await list()).items.length === 0, 20);
    expect(await server.call('POST', path)).toMatchObject({
      status: 404,
      body: { code: 'ERR_SERVER_NOT_FOUND' },
    });
  });

  it('come whole in pages, those that wait first', async () => {
    const letter = (id: string) => ({
      receiver: 'gone',
      notification: {
        ...{ id, type: 'renewal_failed', time: '2026-11-28T00:00:00Z', severity: 'error' },
        title: 'renewal failed: a.test',
        events: [{ id: 'evt_1', type: 'renewal_failed', time: '2026-11-28T00:00:00Z' }],
      },
      ...{ v: 1, createdAt: '2999-01-01T00:00:00Z', attempts: 3, nextAt: '2999-01-01T00:00:00Z' },
    });
    const ids = [1, 2, 3].map((number) => `msg_${'01kax2b'.padEnd(25, '0')}${number}`);
    await using storage = fileStorage({ path: join(server.folder, 'data') });
    await storage.write(
      ['dead', 'waiting'].flatMap((state) =>
        ids.map((id) => ({
          set: `notification/${state}/gone/${id}`,
          value: Buffer.from(JSON.stringify(letter(id))),
        })),
      ),
    );
    const all: unknown[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const { items, next } = await list(`?limit=2${cursor && `&cursor=${cursor}`}`);
      all.push(...items);
      cursor = next;
    }
    expect(all).toMatchObject(
      ['waiting', 'dead'].flatMap((state) => ids.map((id) => ({ id, state }))),
    );
    expect(all[0]).toMatchObject({ nextAt: '2999-01-01T00:00:00Z' });
    expect(all.at(-1)).not.toHaveProperty('nextAt');
    expect((await list('?state=dead')).items).toHaveLength(3);
    expect((await list('?state=waiting')).items).toHaveLength(3);
  });
});
