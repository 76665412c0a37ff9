import {
  acmeServer,
  createDevelopmentAuthority,
  loadAuthority,
  networkValidator,
  noLimits,
  saveAuthority,
  validationResolver,
} from '@acmex/ca';
import { systemClock } from '@acmex/clock';
import type { Fetch } from '@acmex/protocol';
import { type Bind, describeWith, startBind } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type CertificateManager, certificateManager, type ChallengeConfig } from './index.ts';

/** The system clock, which a test moves forward. */
let hours = 0;
const clock = {
  ...systemClock,
  now: () => systemClock.now().add({ hours }),
};

describeWith(['named', 'nsupdate'], 'a certificate whose records a person sets', () => {
  let bind: Bind;
  let ca: { readonly directory: string; readonly fetch: Fetch } & AsyncDisposable;
  let requests: string[];
  let storage: Storage;
  let manager: CertificateManager;
  beforeAll(async () => {
    bind = await startBind({ zones: { 'a.test': [] } });
    ca = await startCa(bind.address);
  });
  afterAll(async () => {
    await ca?.[Symbol.asyncDispose]();
    await bind?.[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    [requests, storage] = [[], memoryStorage()];
    manager = managerOf({ challenge: 'dns-01', dnsProvider: 'manual' });
  });
  const managerOf = (challenge: ChallengeConfig) =>
    certificateManager({
      storage,
      clock,
      issuers: [{ name: 'ca', title: 'CA', directory: ca.directory, agreed: true }],
      fetch: () => async (url, init) => {
        requests.push(url);
        return await ca.fetch(url, init);
      },
      challenge: { dnsResolver: [bind.address], ...challenge },
      dnsProviders: {
        choose: (_, { provider = '' }) => provider,
        isAttended: (name) => name === 'manual',
        open: async (name) => await Promise.reject(new Error(`${name} is opened`)),
      },
    });
  const ordered = async (...names: readonly string[]) => {
    const order = await manager.provisioner.submit({
      certificate: { names, issuer: 'ca', keyType: 'ec-p256' },
    });
    const { certificate } = await manager.provisioner.status(order);
    const { outcome } = await manager.maintain(certificate);
    expect(outcome).toMatchObject({ state: 'waiting' });
    return { order, certificate };
  };
  const wantedOf = async (order: string) =>
    ((await manager.provisioner.status(order)).records ?? []).filter(
      ({ state }) => state !== 'removable',
    );

  it('is issued when both values of a name and its wildcard are set, with no request to the CA before', async () => {
    const { order, certificate } = await ordered('w.a.test', '*.w.a.test');
    const [first, second, ...more] = await wantedOf(order);
    expect(more).toEqual([]);
    expect([first?.domain, second?.domain].sort()).toEqual(['*.w.a.test', 'w.a.test']);
    expect(first?.name).toBe('_acme-challenge.w.a.test');
    expect(second?.name).toBe(first?.name);
    await bind.update(`add ${first?.name} 1 TXT ${first?.value}`);
    requests = [];
    // A process that starts again reads all from the storage.
    manager = managerOf({ challenge: 'dns-01', dnsProvider: 'manual' });
    const { checks } = await manager.checkRecords(order);
    expect(checks).toEqual([
      expect.objectContaining({
        answers: [{ server: bind.address, state: 'seen', values: [first?.value] }],
      }),
      expect.objectContaining({
        value: second?.value,
        answers: [{ server: bind.address, state: 'different', values: [first?.value] }],
      }),
    ]);
    await manager.provisioner.retryNow(certificate);
    await expect(manager.maintain(certificate)).resolves.toMatchObject({
      outcome: { state: 'waiting', message: expect.stringContaining('the TXT record _acme') },
    });
    expect(requests).toEqual([]);
    await bind.update(`add ${second?.name} 1 TXT ${second?.value}`);
    await manager.checkRecords(order);
    await expect(manager.maintain(certificate)).resolves.toMatchObject({
      outcome: { state: 'succeeded' },
    });
    const { records, steps } = await manager.provisioner.status(order);
    expect(records).toMatchObject([{ state: 'removable' }, { state: 'removable' }]);
    const types = steps.map(({ type }) => type);
    expect(types).not.toContain('presented');
    expect(types).not.toContain('removed');
    expect(types).toContain('visible');
  });
  it('fails when they are not set in time, and then wants new values', async () => {
    const { order, certificate } = await ordered('late.a.test');
    const [former] = await wantedOf(order);
    hours += 24 * 30;
    const { outcome } = await manager.maintain(certificate);
    expect(outcome).toMatchObject({
      state: 'failed',
      error: {
        code: 'ERR_MANAGER_RECORDS_NOT_SET',
        message: expect.stringContaining('_acme-challenge.late.a.test must be set by hand until'),
      },
    });
    expect(await wantedOf(order)).toEqual([]);
    await manager.provisioner.retryNow(certificate);
    await expect(manager.maintain(certificate)).resolves.toMatchObject({
      outcome: { state: 'waiting' },
    });
    const [present] = await wantedOf(order);
    expect(present?.name).toBe(former?.name);
    expect(present?.value).not.toBe(former?.value);
  });
  it('uses a DNS provider that is named for it meanwhile, and needs none to be cancelled', async () => {
    const { order, certificate } = await ordered('change.a.test');
    await manager.provisioner.change(certificate, () => ({ proof: { dnsProvider: 'host' } }));
    await manager.provisioner.retryNow(certificate);
    await expect(manager.maintain(certificate)).resolves.toMatchObject({
      outcome: { state: 'failed', error: { message: 'host is opened' } },
    });
    await manager.provisioner.cancel(order);
    await expect(manager.maintain(certificate)).resolves.toMatchObject({
      outcome: { state: 'cancelled' },
    });
  });
});

/** A CA that validates dns-01 at a name server. */
async function startCa(nameServer: string) {
  const storage = memoryStorage();
  await saveAuthority(storage, await createDevelopmentAuthority({ clock }));
  const { issuer } = await loadAuthority(storage, { kind: 'development', clock });
  const server = acmeServer({
    ...{ url: 'https://ca.test/acme', storage, clock, issuer, rateLimiter: noLimits() },
    validate: networkValidator({ resolver: validationResolver({ servers: [nameServer] }) }),
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
