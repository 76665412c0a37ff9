import { virtualClock } from '@acmex/clock';
import { type ReceivedWebhook, standardWebhook, startWebhookReceiver } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import { webhook, type WebhookOptions } from './index.ts';
import { eventNotification } from './notification.ts';

const notification = eventNotification({
  id: 'evt_01kax2b0000000000000000001',
  type: 'renewal_failed',
  time: '2026-11-28T10:00:00Z',
  certificate: 'crt_1',
  names: ['example.com'],
  message: 'the CA could not validate example.com',
  code: 'ERR_ACME_UNAUTHORIZED',
});
const secret = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`;

/** Returns a channel to a receiver on this machine, which must be allowed. */
function local(url: string, options: Partial<WebhookOptions> = {}) {
  return webhook({
    url: async () => url,
    allow: ['127.0.0.0/8'],
    schemes: 'http-and-https',
    ...options,
  });
}

describe('a webhook', () => {
  it('is signed so that the library of Standard Webhooks accepts it, and nothing that was changed', async () => {
    await using to = await startWebhookReceiver();
    const key = async () => Buffer.from(secret.slice('whsec_'.length), 'base64');
    const { status } = await local(to.url, { key, token: async () => 't0ken' }).send(notification);
    expect(status).toBe(204);
    const [{ headers, body }] = to.received as [ReceivedWebhook];
    expect(standardWebhook(secret).verify(body, headers)).toMatchObject({
      type: 'renewal_failed',
      timestamp: '2026-11-28T10:00:00Z',
      data: { certificate: 'crt_1', names: ['example.com'], code: 'ERR_ACME_UNAUTHORIZED' },
    });
    expect(headers).toMatchObject({
      'webhook-id': 'msg_01kax2b0000000000000000001',
      'content-type': 'application/json',
      authorization: 'Bearer t0ken',
    });
    expect(() => standardWebhook(secret).verify(`${body} `, headers)).toThrow(
      'No matching signature',
    );
    const later = {
      ...headers,
      'webhook-timestamp': `${Number(headers['webhook-timestamp']) + 1}`,
    };
    expect(() => standardWebhook(secret).verify(body, later)).toThrow('No matching signature');
  });

  it('is sent without a signature where there is no key, and still has its id', async () => {
    await using to = await startWebhookReceiver();
    await local(to.url).send(notification);
    expect(to.received[0]?.headers).not.toHaveProperty('webhook-signature');
    expect(to.received[0]?.id).toBe(notification.id);
  });

  it.each([
    ['301', 'http://169.254.169.254/latest/meta-data/'],
    ['302', 'http://127.0.0.1:1/'],
    ['307', 'https://example.com/'],
    ['308', 'http://[::1]/'],
  ])('does not follow the redirect %s to %s', async (status, location) => {
    await using to = await startWebhookReceiver();
    to.answer = (response) => response.writeHead(Number(status), { location }).end();
    await expect(local(to.url).send(notification)).rejects.toMatchObject({
      code: 'ERR_NOTIFICATIONS_ANSWER',
      message: expect.stringContaining(`redirects (${status}), which is not followed`),
    });
    expect(to.received).toHaveLength(1);
  });

  it('reads 1 KiB of an answer of 10 MB that does not end, and closes the connection', async () => {
    await using to = await startWebhookReceiver();
    to.answer = (response) => {
      response.writeHead(200).write(Buffer.alloc(10 * 1024 * 1024, 'x'));
    };
    const closed = to.closed();
    const { answer } = await local(to.url).send(notification);
    expect(answer).toBe('x'.repeat(1024));
    await closed;
  });

  it('gives up a receiver that hangs after its time limit, before and after the status', async () => {
    await using to = await startWebhookReceiver();
    const clock = virtualClock({ now: '2026-11-28T10:00:00Z' });
    const channel = local(to.url, { clock, limit: { seconds: 20 } });
    to.answer = () => {
      /* no answer comes */
    };
    const hanging = expect(channel.send(notification)).rejects.toMatchObject({
      code: 'ERR_EGRESS_TIME',
    });
    await to.next();
    await clock.advance({ seconds: 20 });
    await hanging;
    to.answer = (response) => response.writeHead(202).flushHeaders();
    const accepted = channel.send(notification);
    await to.next();
    await expect(clock.run(accepted)).resolves.toMatchObject({ status: 202 });
  });

  it('says what refuses it without its URL or credentials, also when the receiver repeats them', async () => {
    await using to = await startWebhookReceiver();
    to.answer = (response) => response.writeHead(500).end(`no: ${to.url} t0p-s3cret \u001b[31m`);
    const failure = await local(to.url, { token: async () => 't0p-s3cret' })
      .send(notification)
      .catch((error: Error) => error.message);
    expect(failure).toBe('127.0.0.1 has answered 500: no: [secret] [secret] \\u{1b}[31m');
  });

  it('repeats no piece of its URL or token, also where the part of the answer that is read ends inside it', async () => {
    await using to = await startWebhookReceiver();
    const sendAnswered = async (body: string): Promise<string> => {
      to.answer = (response) => response.writeHead(200).end(body);
      const token = async () => 't0p-s3cret';
      return (await local(to.url, { token }).send(notification)).answer;
    };
    await expect(sendAnswered('no t0ken-in-url')).resolves.toBe('no [secret]');
    const cut = await sendAnswered(`${'x'.repeat(1018)}t0p-s3cret`);
    expect(cut).not.toContain('t0p-s3');
  });

  it('does not repeat the token of a Telegram bot, which is a piece of its path', async () => {
    await using to = await startWebhookReceiver();
    const url = `http://127.0.0.1:${to.port}/bot123456:AAE-t0ken/sendMessage`;
    to.answer = (response) => response.writeHead(401).end('123456:AAE-t0ken is not a bot');
    const failure = await local(url)
      .send(notification)
      .catch((error: Error) => error.message);
    expect(failure).toBe('127.0.0.1 has answered 401: 123456:[secret] is not a bot');
  });

  it.each([400, 410, 413, 415, 422])(
    'knows by %i that the message itself is refused',
    async (status) => {
      await using to = await startWebhookReceiver();
      to.answer = (response) => response.writeHead(status).end();
      await expect(local(to.url).send(notification)).rejects.toMatchObject({
        code: 'ERR_NOTIFICATIONS_REFUSED',
      });
    },
  );

  it.each([401, 403, 404, 408, 429, 500, 503])('is tried again after %i', async (status) => {
    await using to = await startWebhookReceiver();
    to.answer = (response) => response.writeHead(status, { 'retry-after': '120' }).end();
    await expect(local(to.url).send(notification)).rejects.toMatchObject({
      code: 'ERR_NOTIFICATIONS_ANSWER',
      retryAfter: expect.anything(),
    });
  });

  it.each([
    'http://127.0.0.1/',
    'http://[::1]/',
    'http://10.0.0.1/',
    'http://169.254.169.254/',
    'http://[fe80::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://0x7f.1/',
    'http://2130706433/',
    'http://100.100.100.200/',
    'http://[fd00:ec2::254]/',
  ])('does not connect to %s unless the address is allowed', async (url) => {
    const channel = local(url, { allow: [] });
    await expect(channel.send(notification)).rejects.toMatchObject({ code: 'ERR_EGRESS_ADDRESS' });
  });

  it('connects to the address that was checked, whatever the name means a moment later', async () => {
    await using to = await startWebhookReceiver();
    const answers = [['192.0.2.1'], ['127.0.0.1']];
    const channel = local(`http://rebind.example:${to.port}/`, {
      allow: [],
      resolver: async () => answers.shift() ?? ['127.0.0.1'],
    });
    await expect(channel.send(notification)).rejects.toMatchObject({ code: 'ERR_EGRESS_ADDRESS' });
    await expect(channel.send(notification)).rejects.toMatchObject({ code: 'ERR_EGRESS_ADDRESS' });
    expect(to.received).toEqual([]);
  });

  it.each(['http://example.com/t0ken', 'https://user:t0ken@example.com/', 't0ken'])(
    'refuses the URL %s without repeating it',
    async (url) => {
      const failure = await webhook({ url: async () => url })
        .send(notification)
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({
        code: 'ERR_NOTIFICATIONS_URL',
        message: expect.not.stringContaining('t0ken'),
      });
    },
  );
});
