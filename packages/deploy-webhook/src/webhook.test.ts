import type { CompleteBundle, TargetMemory } from '@acmex/deploy';
import { deployTargetContract } from '@acmex/deploy/contract';
import { standardWebhook, startWebhookReceiver, type WebhookReceiver } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { webhook, type WebhookOptions } from './index.ts';
import { receiverStandIn } from './webhook.testing.ts';

const token = 'a-token-that-stays-secret';
const secret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD4v7uMQhrKqg=';
const bundle: CompleteBundle = {
  id: 'crt_1',
  names: ['a.test', '*.a.test'],
  serialNumber: '0b',
  notAfter: '2027-01-01T00:00:00Z',
  chain:
    '-----BEGIN CERTIFICATE-----\nMQ==\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nMg==\n-----END CERTIFICATE-----\n',
  privateKey: 'the key',
};
const former = { ...bundle, serialNumber: '0a', privateKey: 'the former key' };
const memory = (): TargetMemory => {
  let stored: string | undefined;
  return {
    read: async () => stored,
    write: async (text) => {
      stored = text;
    },
  };
};

describe('webhook, as a deploy target', () => {
  // A receiver answers with a status alone.
  const clauses = deployTargetContract.filter(({ title }) => !title.includes('not as expected'));
  it.each(clauses)('$title', async ({ check }) => {
    const { url, fetch, inUse, trouble } = receiverStandIn(token);
    const target = webhook({ url, token: async () => token, secret: async () => secret, fetch });
    await check({ target, inUse, trouble, secrets: [token, secret] });
  });
  it.each(['http://receiver.test/x', 'receiver', 'https://user:word@receiver.test/', ''])(
    'refuses the URL %j',
    (url) => {
      expect(() => webhook({ url })).toThrow(RangeError);
    },
  );
});

describe('webhook, at a receiver on this machine', () => {
  let receiver: WebhookReceiver;
  beforeEach(async () => {
    receiver = await startWebhookReceiver();
  });
  afterEach(async () => {
    await receiver[Symbol.asyncDispose]();
  });
  const stage = async (more: Partial<WebhookOptions> = {}, store = memory()) =>
    await webhook({ url: `${receiver.url}?a=b`, ...more }).stage(bundle, { memory: store, former });

  it('sends the certificate as JSON, signed as Standard Webhooks, and then the former one', async () => {
    const staged = await stage({ secret: async () => `${secret}\n`, token: async () => token });
    await staged.apply({});
    expect(await staged.rollBack({})).toEqual({ serialNumber: '0a' });
    const [first, second] = receiver.received;
    const [certificate, chain] = bundle.chain.split(/(?<=END CERTIFICATE-----\n)/);
    const hook = standardWebhook(secret);
    expect(hook.verify(first?.body ?? '', first?.headers ?? {})).toEqual({
      action: 'deploy',
      id: 'crt_1',
      names: ['a.test', '*.a.test'],
      serial_number: '0b',
      not_after: '2027-01-01T00:00:00Z',
      fullchain: bundle.chain,
      certificate,
      chain,
      private_key: 'the key',
    });
    expect(first?.path).toMatch(/\/hooks\/t0ken-in-url\?a=b$/);
    expect(first?.headers).toMatchObject({
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'idempotency-key': first?.id,
    });
    expect(hook.verify(second?.body ?? '', second?.headers ?? {})).toMatchObject({
      action: 'restore',
      serial_number: '0a',
      private_key: 'the former key',
    });
    expect(second?.id).not.toBe(first?.id);
  });
  it('sends the second certificate of one with two key types', async () => {
    const [chain, privateKey] = [bundle.chain, 'the second key'] as const;
    const second = { algorithm: 'rsa', serialNumber: '0c', chain, privateKey } as const;
    const target = webhook({ url: receiver.url });
    await (await target.stage({ ...bundle, second }, { memory: memory() })).apply({});
    const sent = JSON.parse(receiver.received[0]?.body ?? '');
    expect(sent).toMatchObject({
      private_key: 'the key',
      second: {
        ...{ algorithm: 'rsa', serial_number: '0c', private_key: 'the second key' },
        ...{ fullchain: chain, certificate: sent.certificate, chain: sent.chain },
      },
    });
  });
  it.each(['token', 'secret'])('says that the %s cannot be read', async (option) => {
    const staged = await stage({
      [option]: async () => await Promise.reject(new Error(`bad: ${token}`)),
    });
    const failure = await staged.apply({}).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'ERR_DEPLOY_CREDENTIALS',
      message: expect.stringContaining('cannot be read'),
    });
    expect(String(failure)).not.toContain(token);
    expect(receiver.received).toEqual([]);
  });
  it('sends no key where that is switched off', async () => {
    const second = { ...bundle, algorithm: 'rsa', privateKey: 'the second key' } as const;
    const target = webhook({ url: receiver.url, sendKey: false });
    await (await target.stage({ ...bundle, second }, { memory: memory() })).apply({});
    const [{ body, headers } = { body: '', headers: {} }] = receiver.received;
    expect(body).not.toContain('key');
    expect(headers).not.toHaveProperty('webhook-signature');
  });
  it('sends what may not have arrived again with its id, and a later deployment with a new one', async () => {
    const store = memory();
    receiver.answer = (response) => void response.destroy();
    await expect((await stage({}, store)).apply({})).rejects.toMatchObject({
      code: 'ERR_DEPLOY_UNREACHABLE',
    });
    receiver.answer = (response) => void response.writeHead(202).end('in use');
    await (await stage({}, store)).apply({});
    await (await stage({}, store)).apply({});
    const [first, second, third] = receiver.received.map(({ id }) => id);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });
  it('restores the former certificate also where a process ended after it sent the new one', async () => {
    const store = memory();
    await (await stage({}, store)).apply({});
    await (await stage({}, store)).rollBack({});
    expect(receiver.received.map(({ body }) => JSON.parse(body).action)).toEqual([
      'deploy',
      'restore',
    ]);
  });
  it('says that there is not a former certificate', async () => {
    const staged = await webhook({ url: receiver.url }).stage(bundle, { memory: memory() });
    await staged.apply({});
    await expect(staged.rollBack({})).rejects.toMatchObject({ code: 'ERR_DEPLOY_ROLL_BACK' });
  });
  it('sends nothing with a secret that can be guessed, and follows no redirect', async () => {
    const weak = await stage({ secret: async () => 'short' });
    await expect(weak.apply({})).rejects.toMatchObject({ code: 'ERR_DEPLOY_TARGET' });
    expect(receiver.received).toEqual([]);
    receiver.answer = (response) => void response.writeHead(307, { location: '/else' }).end();
    await expect((await stage()).apply({})).rejects.toMatchObject({
      code: 'ERR_DEPLOY_UNREACHABLE',
      message: expect.stringContaining('answered 307'),
    });
    expect(receiver.received).toHaveLength(1);
  });
});
