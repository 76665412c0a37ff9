import {
  acmeServer,
  createDevelopmentAuthority,
  loadAuthority,
  noLimits,
  saveAuthority,
} from '@acmex/ca';
import { type DnsProvider, recordName } from '@acmex/dns';
import type { Fetch } from '@acmex/protocol';
import { freePort } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type CertificateManager, certificateManager, ManagerError } from './index.ts';

describe('a certificate that is validated in a different way after a failure', () => {
  let ca: Awaited<ReturnType<typeof startCa>>;
  let httpPort: number;
  let storage: Storage;
  let removed: string[];
  beforeAll(async () => {
    [ca, httpPort] = await Promise.all([startCa(), freePort()]);
  });
  afterAll(async () => {
    await ca?.[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    [storage, removed] = [memoryStorage(), []];
  });
  const host: DnsProvider = {
    name: 'host',
    wholeNames: true,
    append: async () => undefined,
    remove: async (zone, records) => {
      removed.push(...records.map((record) => recordName(zone, record)));
    },
  };
  const managerOf = (open: () => Promise<DnsProvider>) =>
    certificateManager({
      storage,
      issuers: [{ name: 'ca', title: 'CA', directory: ca.directory, agreed: true }],
      fetch: () => ca.fetch,
      challenge: { challenge: 'dns-01', propagationWait: 'skip', httpPort, httpHost: '127.0.0.1' },
      dnsProviders: { default: 'host', choose: () => 'host', open },
    });
  /** Returns a certificate whose order was refused by dns-01, and is to be validated by http-01. */
  const changed = async (name: string) => {
    const { provisioner, maintain } = managerOf(async () => host);
    const order = await provisioner.submit({
      certificate: { names: [name], issuer: 'ca', keyType: 'ec-p256' },
    });
    const { certificate } = await provisioner.status(order);
    await expect(maintain(certificate)).resolves.toMatchObject({
      outcome: { state: 'failed', error: { code: 'ERR_CLIENT_VALIDATION_FAILED' } },
    });
    await provisioner.change(certificate, () => ({ proof: { challenge: 'http-01' } }));
    await provisioner.retryNow(certificate);
    removed = [];
    return { order, certificate };
  };
  const leftBehind = async ({ provisioner }: CertificateManager, order: string) =>
    (await provisioner.status(order)).steps.filter(({ type }) => type === 'left-on-display');

  it('is issued, and the former provider removes what may still be published', async () => {
    const { order, certificate } = await changed('a.test');
    const manager = managerOf(async () => host);
    await expect(manager.maintain(certificate)).resolves.toMatchObject({
      outcome: { state: 'succeeded' },
    });
    expect(removed).toEqual(['_acme-challenge.a.test']);
    expect(await leftBehind(manager, order)).toEqual([]);
  });

  it('is issued where the former provider is gone, and its order says what is left behind', async () => {
    const { order, certificate } = await changed('b.test');
    const manager = managerOf(gone);
    await expect(manager.maintain(certificate)).resolves.toMatchObject({
      outcome: { state: 'succeeded' },
    });
    const left = await leftBehind(manager, order);
    expect(left.length).toBeGreaterThan(0);
    for (const { message } of left)
      expect(message).toBe(
        'the dns-01 response of _acme-challenge.b.test may still be published, remove it by hand: there is no provider host',
      );
  });

  it('can be cancelled where the former provider is gone', async () => {
    const { order, certificate } = await changed('c.test');
    const manager = managerOf(gone);
    await manager.provisioner.cancel(order);
    await expect(manager.maintain(certificate)).resolves.toMatchObject({
      outcome: { state: 'cancelled' },
    });
    expect(await leftBehind(manager, order)).toMatchObject([
      { message: expect.stringContaining('_acme-challenge.c.test') },
    ]);
  });
});

async function gone(): Promise<DnsProvider> {
  return await Promise.reject(
    new ManagerError('ERR_MANAGER_CHALLENGE', 'there is no provider host'),
  );
}

/** A CA that accepts each http-01 response, and no other. */
async function startCa() {
  const storage = memoryStorage();
  await saveAuthority(storage, await createDevelopmentAuthority());
  const { issuer } = await loadAuthority(storage, { kind: 'development' });
  const server = acmeServer({
    ...{ url: 'https://ca.test/acme', storage, issuer, rateLimiter: noLimits() },
    validationPauses: [],
    validate: async ({ type }) =>
      type === 'http-01'
        ? { valid: true }
        : { type: 'incorrectResponse', detail: 'only http-01 is accepted' },
    onError: ({ error }) => {
      throw error;
    },
  });
  const fetch: Fetch = async (url, { method, headers, body }) =>
    await server.handler(
      new Request(url, { method, headers, ...(body === undefined ? {} : { body }) }),
      { address: '192.0.2.1' },
    );
  return {
    directory: server.directory,
    fetch,
    [Symbol.asyncDispose]: async () => await server[Symbol.asyncDispose](),
  };
}
