import { startWebhookReceiver } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import { sendHeartbeat } from './index.ts';

const reach = { allow: ['127.0.0.0/8'], schemes: 'http-and-https' } as const;

describe('a heartbeat', () => {
  it('is one GET without a body, and needs no more of the answer than its status', async () => {
    await using to = await startWebhookReceiver();
    to.answer = (response) => void response.writeHead(200).write('x');
    await sendHeartbeat({ ...reach, url: async () => to.url });
    expect(to.received).toMatchObject([
      { body: '', headers: { 'user-agent': 'acmex-heartbeat', connection: 'close' } },
    ]);
  });

  it('fails with the status of the answer, without the URL', async () => {
    await using to = await startWebhookReceiver();
    to.answer = (response) => void response.writeHead(404).end('no t0ken-in-url');
    const sending = sendHeartbeat({ ...reach, url: async () => to.url });
    await expect(sending).rejects.toMatchObject({
      code: 'ERR_NOTIFICATIONS_ANSWER',
      message: '127.0.0.1 has answered 404',
    });
  });

  it('follows no redirect', async () => {
    await using away = await startWebhookReceiver();
    await using to = await startWebhookReceiver();
    to.answer = (response) => void response.writeHead(302, { location: away.url }).end();
    await expect(sendHeartbeat({ ...reach, url: async () => to.url })).rejects.toThrow(
      /redirects \(302\), which is not followed/,
    );
    expect(away.received).toEqual([]);
  });

  it('goes to no private address that is not allowed, and by http only where that is', async () => {
    await using to = await startWebhookReceiver();
    const url = async () => to.url;
    await expect(sendHeartbeat({ ...reach, allow: [], url })).rejects.toMatchObject({
      code: 'ERR_EGRESS_ADDRESS',
    });
    await expect(sendHeartbeat({ allow: reach.allow, url })).rejects.toMatchObject({
      code: 'ERR_NOTIFICATIONS_URL',
    });
    expect(to.received).toEqual([]);
  });
});
