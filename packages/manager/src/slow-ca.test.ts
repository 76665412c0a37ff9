import {
  acmeServer,
  createDevelopmentAuthority,
  listIssued,
  loadAuthority,
  noLimits,
  saveAuthority,
} from '@acmex/ca';
import { type Fault, longProcessing, unavailable, withFaults } from '@acmex/ca/faults';
import { createCsr, webcrypto } from '@acmex/certificate';
import { AcmeClient, type ChallengeSolver } from '@acmex/client';
import { type DurationInput, virtualClock } from '@acmex/clock';
import { Provisioner } from '@acmex/orchestrator';
import { acmeSession, type Fetch, generateAccountKey, newAccount } from '@acmex/protocol';
import { memoryStorage } from '@acmex/storage';
import { afterEach, describe, expect, it } from '@jest/globals';
import { acmeIssuer } from './acme-issuer.ts';

const solver: ChallengeSolver = {
  type: 'http-01',
  supports: () => true,
  visible: async () => undefined,
  respond: async ({ token }) => ({ token }),
  present: async () => undefined,
  remove: async () => undefined,
};

const cas: AsyncDisposable[] = [];
afterEach(async () => {
  for (const ca of cas.splice(0)) await ca[Symbol.asyncDispose]();
});

/** A CA with faults, an account at it, and what manages certificates there. */
async function slowCa(faults: readonly Fault[]) {
  const clock = virtualClock({ now: '2026-11-28T00:00:00Z' });
  const caStorage = memoryStorage();
  await saveAuthority(caStorage, await createDevelopmentAuthority({ clock }));
  const { issuer } = await loadAuthority(caStorage, { kind: 'development', clock });
  const ca = acmeServer({
    ...{ url: 'https://ca.test/acme', storage: caStorage, clock, issuer },
    rateLimiter: noLimits(),
    validate: async () => ({ valid: true }),
    onError: ({ error }) => {
      throw error;
    },
  });
  cas.push(ca);
  const handler = withFaults(ca.handler, faults);
  const fetch: Fetch = async (url, { method, headers, body }) =>
    await handler(new Request(url, { method, headers, ...(body === undefined ? {} : { body }) }), {
      address: '192.0.2.1',
    });
  const { key } = await generateAccountKey();
  const connection = { directory: ca.directory, key, fetch, clock };
  const { url: account } = await clock.run(
    newAccount(acmeSession(connection), { termsOfServiceAgreed: true }),
  );
  const session = acmeSession({ ...connection, account });
  const storage = memoryStorage();
  const provisioner = new Provisioner({
    ...{ storage, clock },
    lease: { hours: 1 },
    issuers: [
      acmeIssuer({ name: 'ca', session: async () => session, solvers: async () => [solver] }),
    ],
  });
  const issuedBy = async () => {
    let count = 0;
    for await (const { serialNumber } of listIssued(caStorage)) count += serialNumber ? 1 : 0;
    return count;
  };
  return { clock, session, provisioner, issuedBy };
}

const spec = { names: ['a.test'], issuer: 'ca', keyType: 'ec-p256' } as const;

describe('a CA that takes long', () => {
  it.each(['retry', 'end'] as const)(
    'issues an order after more than five minutes: it is continued later (on failure: %s)',
    async (onFailure) => {
      const { clock, provisioner, issuedBy } = await slowCa([longProcessing({ polls: 40 })]);
      const order = await provisioner.submit({ certificate: spec, onFailure });
      const first = await clock.run(provisioner.execute(order));
      expect(first).toMatchObject({
        state: 'failed',
        error: { code: 'ERR_ACME_POLL_LIMIT' },
        retryAt: expect.any(String),
      });
      expect(clock.monotonic()).toBeGreaterThan(290_000);
      await expect(provisioner.status(order)).resolves.toMatchObject({ state: 'pending' });
      for (let attempt = 0; attempt < 5; attempt += 1) {
        const { state, failure } = await provisioner.status(order);
        if (state === 'succeeded') break;
        const wait = Date.parse(failure?.retryAt ?? '') - clock.now().epochMilliseconds;
        await clock.advance({ milliseconds: Math.max(0, wait) });
        await clock.run(provisioner.execute(order));
      }
      const { state, certificate } = await provisioner.status(order);
      expect(state).toBe('succeeded');
      await expect(provisioner.certificates.get(certificate)).resolves.toMatchObject({
        current: { generation: 1 },
      });
      await expect(issuedBy()).resolves.toBe(1);
    },
  );

  it('issues it all the same where it cannot be reached after the order was finalized', async () => {
    let isAway = true;
    const { clock, provisioner, issuedBy } = await slowCa([
      async (exchange, next) =>
        isAway && exchange.resource === 'certificate'
          ? await unavailable()(exchange, next)
          : await next(),
    ]);
    const order = await provisioner.submit({ certificate: spec, onFailure: 'end' });
    await expect(clock.run(provisioner.execute(order))).resolves.toMatchObject({
      state: 'failed',
      retryAt: expect.any(String),
    });
    isAway = false;
    await expect(clock.run(provisioner.execute(order))).resolves.toMatchObject({
      state: 'succeeded',
    });
    await expect(issuedBy()).resolves.toBe(1);
  });

  it('ends an order that somebody waits for where the CA had not begun with it', async () => {
    const { clock, provisioner } = await slowCa([unavailable({ on: ['newOrder'] })]);
    const order = await provisioner.submit({ certificate: spec, onFailure: 'end' });
    const outcome = await clock.run(provisioner.execute(order));
    expect([outcome.state, 'retryAt' in outcome]).toEqual(['failed', false]);
    await expect(provisioner.status(order)).resolves.toMatchObject({ state: 'failed' });
  });

  it.each<[string, DurationInput | undefined, string]>([
    ['five minutes', undefined, 'ERR_ACME_POLL_LIMIT'],
    ['as long as the caller says', { hours: 24 }, 'issued'],
  ])('is waited for by a client for %s', async (_, processingLimit, outcome) => {
    const { clock, session } = await slowCa([longProcessing({ polls: 40 })]);
    const key = await webcrypto().generate('ec-p256');
    const identifiers = [{ type: 'dns', value: 'a.test' }] as const;
    const csr = await createCsr({ identifiers, key });
    const issuing = new AcmeClient({ session, solvers: [solver] })
      .issue({ identifiers, csr }, { processingLimit })
      .then(
        () => 'issued',
        (error: unknown) => (error as { readonly code: string }).code,
      );
    await expect(clock.run(issuing)).resolves.toBe(outcome);
  });
});
