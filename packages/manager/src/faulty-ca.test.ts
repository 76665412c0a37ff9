import {
  acmeServer,
  createDevelopmentAuthority,
  listIssued,
  loadAuthority,
  noLimits,
  saveAuthority,
} from '@acmex/ca';
import { badNonces, cutAnswers, withFaults } from '@acmex/ca/faults';
import type { ChallengeSolver } from '@acmex/client';
import { scaledClock, systemClock } from '@acmex/clock';
import { dueSource, Provisioner, CertificateMaintenance } from '@acmex/orchestrator';
import { acmeSession, type Fetch, generateAccountKey, newAccount } from '@acmex/protocol';
import { dispatcher, inProcessQueue } from '@acmex/scheduler';
import { memoryStorage } from '@acmex/storage';
import { reportSoak } from '@acmex/services';
import { expect, it } from '@jest/globals';
import { acmeIssuer } from './acme-issuer.ts';

/** Numbers from 0 to 1 that are the same in every run. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

it('issues every certificate once at a CA that refuses 30 % of the nonces and cuts 10 % of the responses', async () => {
  const count = 30;
  const presented = new Map<string, string>();
  const caStorage = memoryStorage();
  await saveAuthority(caStorage, await createDevelopmentAuthority());
  const { issuer: authority } = await loadAuthority(caStorage, { kind: 'development' });
  const faults: string[] = [];
  await using ca = acmeServer({
    url: 'https://ca.test/acme',
    storage: caStorage,
    issuer: authority,
    rateLimiter: noLimits(),
    onError: ({ during, error }) => {
      faults.push(`${during}: ${String(error)}`);
    },
    validate: async (asked) =>
      'token' in asked && presented.get(asked.token) === asked.keyAuthorization
        ? { valid: true }
        : { type: 'incorrectResponse', detail: 'another' },
  });
  const handler = withFaults(ca.handler, [
    badNonces({ rate: 0.3, random: sequence(7) }),
    cutAnswers({
      on: [
        'directory',
        'newOrder',
        'authorization',
        'challenge',
        'order',
        'finalize',
        'certificate',
      ],
      rate: 0.1,
      random: sequence(11),
    }),
  ]);
  const through =
    (handle: typeof handler): Fetch =>
    (url, { method, headers, body }) =>
      handle(new Request(url, { method, headers, ...(body === undefined ? {} : { body }) }), {
        address: '192.0.2.1',
      });
  const { key } = await generateAccountKey();
  const { url: account } = await newAccount(
    acmeSession({ directory: ca.directory, key, fetch: through(ca.handler) }),
    { termsOfServiceAgreed: true },
  );
  const solver: ChallengeSolver = {
    type: 'http-01',
    supports: () => true,
    visible: async () => undefined,
    respond: async ({ token, keyAuthorization }) => ({ token, keyAuthorization }),
    present: async ({ token, keyAuthorization }) => {
      presented.set(String(token), String(keyAuthorization));
    },
    remove: async ({ token }) => {
      presented.delete(String(token));
    },
  };
  // A minute of waiting is half a second: failed attempts are repeated within the test.
  const clock = scaledClock({ origin: systemClock.now(), factor: 120 });
  const storage = memoryStorage();
  const session = acmeSession({
    directory: ca.directory,
    key,
    account,
    fetch: through(handler),
    clock,
  });
  const provisioner = new Provisioner({
    storage,
    clock,
    lease: { hours: 1 },
    issuers: [
      {
        ...acmeIssuer({ name: 'ca', session: async () => session, solvers: async () => [solver] }),
        renewalInfo: undefined as never,
      },
    ],
  });
  const maintenance = new CertificateMaintenance({ storage, provisioner, clock });
  for (let n = 0; n < count; n += 1)
    await provisioner.certificates.add({ names: [`f${n}.test`], issuer: 'ca', keyType: 'ec-p256' });
  const errors: string[] = [];
  const queue = inProcessQueue({
    clock,
    onError: (id, error) => {
      errors.push(`${id}: ${String(error)}`);
    },
  });
  let again = 0;
  {
    await using loop = dispatcher({ source: dueSource(provisioner.certificates), queue, clock });
    queue.process(
      async (id, { signal }) => {
        if ((await maintenance.maintain(id, { signal })).outcome?.state === 'failed') again += 1;
        loop.wake();
        return undefined;
      },
      { concurrency: 5 },
    );
    for (let attempts = 0; (await issuedIn(provisioner)) < count; attempts += 1) {
      if (attempts > 600) throw new Error(`only ${await issuedIn(provisioner)} came`);
      await systemClock.sleep({ milliseconds: 100 });
    }
  }
  await queue.close({ within: { seconds: 1 } });
  const names: string[] = [];
  for await (const {
    identifiers: [first],
  } of listIssued(caStorage))
    names.push(first?.value ?? '');
  expect([names.length, new Set(names).size]).toEqual([count, count]);
  expect([faults, errors, presented.size]).toEqual([[], [], 0]);
  reportSoak(
    `${count} certificates through bad nonces and cut answers: each once, ${again} further tries`,
  );
}, 90_000);

async function issuedIn(provisioner: Provisioner): Promise<number> {
  let count = 0;
  for await (const { current } of provisioner.certificates.list()) if (current) count += 1;
  return count;
}
