import { createCsr, verifyIssued, webcrypto } from '@acmex/certificate';
import { AcmeClient, type ChallengeSolver, type IssuanceState } from '@acmex/client';
import { identifiers } from '@acmex/identifier';
import {
  acmeSession,
  deactivateAuthorization,
  type Fetch,
  generateAccountKey,
  newAccount,
} from '@acmex/protocol';
import { describe, expect, it } from '@jest/globals';
import { base, solver, testCa } from '../ca.testing.ts';
import { type Json, refuse, rewritten } from './fault.ts';
import {
  absentCertificates,
  badGateways,
  type ChainArrangement,
  disorderedChains,
  failingChallenges,
  type Fault,
  foreignNonces,
  missingHeaders,
  type NonceAlphabet,
  nullMembers,
  type Resource,
  retriedChallenges,
  sometimes,
  withFaults,
} from './index.ts';

/** Our own client at a CA with faults, and what that CA was asked. */
async function clientOf(faults: readonly Fault[], solvers: readonly ChallengeSolver[]) {
  const ca = await testCa();
  const requests: string[] = [];
  const handler = withFaults(async (request, connection) => {
    requests.push(new URL(request.url).pathname);
    return await ca.server.handler(request, connection);
  }, faults);
  const fetch: Fetch = (url, { method, headers, body }) =>
    handler(new Request(url, { method, headers, ...(body === undefined ? {} : { body }) }), {
      address: '192.0.2.1',
    });
  const session = acmeSession({
    directory: `${base}/directory`,
    key: (await generateAccountKey()).key,
    fetch,
    clock: ca.clock,
    random: () => 0.5,
  });
  const client = new AcmeClient({ session, solvers });
  return {
    ca,
    session,
    fetch,
    count: (pattern: RegExp) => requests.filter((path) => pattern.test(path)).length,
    async issue(names: readonly string[], state?: IssuanceState) {
      const all = identifiers(names);
      const key = await webcrypto().generate('ec-p256');
      const csr = await createCsr({ identifiers: all, key });
      let saved = state;
      const start = ca.clock.monotonic();
      const outcome = await ca.clock.run(
        (async () => {
          if (session.account === undefined) await newAccount(session);
          const { pem } = await client.issue(
            { identifiers: all, csr },
            {
              state,
              save: async (next) => {
                saved = next;
              },
            },
          );
          const request = { identifiers: all, publicKey: key.publicKey };
          return await verifyIssued(pem, request, { clock: ca.clock });
        })().then(
          (issued) => ({ issued, error: undefined }),
          (error: unknown) => ({ issued: undefined, error }),
        ),
      );
      return { ...outcome, saved, seconds: (ca.clock.monotonic() - start) / 1000 };
    },
  };
}

/** A solver that records for which names it was asked. */
function recordingSolver(type = 'http-01') {
  const names: string[] = [];
  const recording: ChallengeSolver = {
    ...solver(type),
    respond: async ({ identifier, wildcard }) => {
      names.push(`${wildcard ? '*.' : ''}${identifier.value}`);
      return {};
    },
  };
  return { names, solver: recording };
}

const orderPath = /\/order\/[^/]+$/;
const finalizePath = /\/finalize$/;

describe('our client at a CA that wants to be asked later', () => {
  it.each<[Resource, number]>([
    ['challenge', 40],
    ['authorization', 40],
    ['certificate', 20],
  ])('by its answer for a %s asks no sooner', async (resource, seconds) => {
    const answers: [string, number][] = [];
    let named = Infinity;
    const client = await clientOf(
      [
        async ({ request }, next) => {
          answers.push([new URL(request.url).pathname, client.ca.clock.monotonic()]);
          return await next();
        },
        sometimes({ on: [resource], times: 1 }, async (_, next) => {
          named = client.ca.clock.monotonic();
          const answer = await next();
          answer.headers.set('retry-after', String(seconds));
          return answer;
        }),
        ...(resource === 'certificate' ? [absentCertificates({ times: 1 })] : []),
      ],
      [solver('http-01')],
    );
    const { error } = await client.issue(['a.test']);
    expect(error).toBeUndefined();
    const later = answers.filter(([path, at]) => orderPath.test(path) && at > named);
    expect(later.length).toBeGreaterThan(0);
    for (const [, at] of later) expect(at - named).toBeGreaterThanOrEqual(seconds * 1000);
  });
});

describe('our client with nonces that are not base64url', () => {
  it.each<NonceAlphabet>(['padded', 'base64', 'punctuated', 'empty'])(
    'ends with ERR_ACME_NO_NONCE, and never waits forever: %s',
    async (alphabet) => {
      const client = await clientOf([foreignNonces({ alphabet })], [solver('http-01')]);
      const { error } = await client.issue(['a.test']);
      expect(error).toMatchObject({
        code: 'ERR_ACME_NO_NONCE',
        message: expect.stringContaining('/new-nonce'),
      });
    },
  );

  it('uses the good nonces among them', async () => {
    const faults = [foreignNonces({ on: ['order', 'finalize', 'authorization'] })];
    const client = await clientOf(faults, [solver('http-01')]);
    expect((await client.issue(['a.test'])).error).toBeUndefined();
  });
});

describe('our client with a challenge that fails while its authorization stays pending', () => {
  it.each(['invalid', 'pending'] as const)(
    'ends at once with the reason of the CA where the challenge is %s',
    async (status) => {
      const client = await clientOf([failingChallenges({ status })], [solver('http-01')]);
      const { error, seconds } = await client.issue(['a.test', 'b.test']);
      expect(error).toMatchObject({
        code: 'ERR_CLIENT_VALIDATION_FAILED',
        message: expect.stringContaining('the host did not answer'),
        failures: expect.arrayContaining([
          expect.objectContaining({
            challenge: 'http-01',
            problem: expect.objectContaining({ detail: 'the host did not answer' }),
          }),
        ]),
      });
      expect(seconds).toBeLessThan(1);
      expect(client.count(orderPath)).toBeLessThanOrEqual(1);
    },
  );

  it('notices within two polls what the response to the challenge does not show', async () => {
    const processing: Fault = sometimes({ on: ['challenge'] }, async (_, next) =>
      rewritten(await next(), (challenge) => ({
        ...challenge,
        status: 'processing',
        error: undefined,
      })),
    );
    const client = await clientOf([processing, failingChallenges()], [solver('http-01')]);
    const { error } = await client.issue(['a.test']);
    expect(error).toMatchObject({ code: 'ERR_CLIENT_VALIDATION_FAILED' });
    // The first poll comes after 50 ms, when most validations are under way.
    expect(client.count(orderPath)).toBe(2);
  });

  it('tries the next solver', async () => {
    const client = await clientOf(
      [failingChallenges({ types: ['http-01'] })],
      [solver('http-01'), solver('dns-01')],
    );
    expect((await client.issue(['a.test'])).error).toBeUndefined();
  });

  it('makes a new order at the next try', async () => {
    const client = await clientOf([failingChallenges({ times: 1 })], [solver('http-01')]);
    const failed = await client.issue(['a.test']);
    expect(failed.error).toMatchObject({ code: 'ERR_CLIENT_VALIDATION_FAILED' });
    expect(failed.saved?.order).toBeUndefined();
    expect((await client.issue(['a.test'], failed.saved)).error).toBeUndefined();
  });

  it('waits while the CA itself tries again', async () => {
    const client = await clientOf(
      [retriedChallenges({ polls: 3, status: 'processing' })],
      [solver('http-01')],
    );
    expect((await client.issue(['a.test'])).error).toBeUndefined();
  });

  it('says in words that an authorization was deactivated', async () => {
    const client = await clientOf([], [solver('http-01')]);
    client.ca.validator.answers(async () => await new Promise(() => undefined));
    const deactivating: ChallengeSolver = {
      ...solver('http-01'),
      present: async () => {
        const { authorizations } = JSON.parse(
          (await client.session.post(ordered ?? '', undefined)).text,
        ) as { readonly authorizations: readonly string[] };
        await deactivateAuthorization(client.session, authorizations[0]!);
      },
    };
    let ordered: string | undefined;
    const all = identifiers(['a.test']);
    const issuing = new AcmeClient({ session: client.session, solvers: [deactivating] });
    await client.ca.clock.run(newAccount(client.session));
    const failure = client.ca.clock.run(
      issuing.issue(
        { identifiers: all, csr: Uint8Array.of() },
        {
          onProgress: (step) => {
            if (step.type === 'ordered') ordered = step.order;
          },
        },
      ),
    );
    await expect(failure).rejects.toMatchObject({
      message: expect.stringMatching(/authorization was deactivated.*new order/),
    });
    await expect(failure).rejects.not.toMatchObject({
      message: expect.stringMatching(/about:blank|Read the detail/),
    });
  });
});

describe('our client with an authorization that is not part of the order', () => {
  const changed = (change: (authorization: Json) => Json): Fault =>
    sometimes({ on: ['authorization'] }, async (_, next) => rewritten(await next(), change));
  it.each<[string, Json]>([
    ['another name', { identifier: { type: 'dns', value: 'victim.example' } }],
    ['a name above', { identifier: { type: 'dns', value: 'test' } }],
    ['a name below', { identifier: { type: 'dns', value: 'www.a.test' } }],
    ['a wildcard', { wildcard: true }],
    ['another type', { identifier: { type: 'ip', value: 'a.test' } }],
    ['an address', { identifier: { type: 'ip', value: '192.0.2.1' } }],
  ])('responds to none of its challenges: %s', async (_, change) => {
    const { names, solver: recording } = recordingSolver();
    const { names: zones, solver: dns } = recordingSolver('dns-01');
    const client = await clientOf(
      [changed((authorization) => ({ ...authorization, ...change }))],
      [recording, dns],
    );
    const { error } = await client.issue(['a.test']);
    expect(error).toMatchObject({
      code: 'ERR_ACME_ANSWER',
      message: expect.stringContaining('not asked for'),
    });
    expect([...names, ...zones]).toEqual([]);
  });

  it('accepts another spelling of the name, and a wildcard without its member', async () => {
    const { names, solver: dns } = recordingSolver('dns-01');
    const client = await clientOf(
      [
        changed((authorization) => ({
          ...authorization,
          wildcard: undefined,
          identifier: {
            type: 'dns',
            value: String((authorization.identifier as Json).value).toUpperCase(),
          },
        })),
      ],
      [dns],
    );
    expect((await client.issue(['*.a.test', 'b.test'])).error).toBeUndefined();
    expect(names).toHaveLength(2);
  });
});

describe('our client, once all names are proven, loses no certificate', () => {
  const notReady = (times: number): Fault =>
    sometimes({ on: ['finalize'], times }, async (exchange) =>
      refuse(exchange, { type: 'orderNotReady', detail: 'not yet', status: 403 }),
    );
  const notFound = (times: number): Fault =>
    sometimes({ on: ['certificate'], times }, async (exchange) =>
      refuse(exchange, { type: 'malformed', detail: 'nothing here', status: 404 }),
    );
  it.each<[string, readonly Fault[]]>([
    ['finalize is answered by 502, though the CA has issued', [badGateways({ times: 1 })]],
    [
      'finalize is answered by 502 before the CA has seen it',
      [badGateways({ times: 2, work: 'not-started' })],
    ],
    ['finalize is answered by orderNotReady once', [notReady(1)]],
    ['finalize is answered by orderNotReady three times', [notReady(3)]],
    ['the certificate is not found once', [absentCertificates()]],
    ['the certificate is not found three times', [notFound(3)]],
  ])('%s', async (_, faults) => {
    const client = await clientOf(faults, [solver('http-01')]);
    const { error, issued } = await client.issue(['a.test']);
    expect(error).toBeUndefined();
    expect(issued?.leaf.identifiers).toEqual(identifiers(['a.test']));
    expect(client.count(/\/new-order$/)).toBe(1);
  });

  it('gives up after five tries, with the reason of the CA', async () => {
    const client = await clientOf([notReady(Infinity)], [solver('http-01')]);
    const { error, seconds } = await client.issue(['a.test']);
    expect(error).toMatchObject({ code: 'ERR_ACME_ORDER_NOT_READY' });
    expect(client.count(finalizePath)).toBe(0);
    expect(seconds).toBeLessThan(60);
  });
});

describe('our client with answers that are unusual, and allowed', () => {
  it('reads null as absent in every optional member', async () => {
    const client = await clientOf([nullMembers()], [solver('http-01')]);
    expect((await client.issue(['a.test'])).error).toBeUndefined();
  });

  it('says which header is missing when a new order has no Location', async () => {
    const client = await clientOf([missingHeaders({ on: ['newOrder'] })], [solver('http-01')]);
    expect((await client.issue(['a.test'])).error).toMatchObject({
      code: 'ERR_ACME_ANSWER',
      message: expect.stringContaining('Location'),
    });
  });

  it.each<ChainArrangement>(['reversed', 'repeated', 'stray'])(
    'uses a chain that the CA has %s',
    async (arrange) => {
      const client = await clientOf([disorderedChains({ arrange })], [solver('http-01')]);
      const { error, issued } = await client.issue(['a.test']);
      expect(error).toBeUndefined();
      expect(issued?.chain.map(({ isCa }) => isCa)).toEqual([false, true]);
      expect(issued?.warnings).toHaveLength(1);
    },
  );
});
