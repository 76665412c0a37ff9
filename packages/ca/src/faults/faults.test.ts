import { createCsr, verifyIssued, webcrypto } from '@acmex/certificate';
import { AcmeClient } from '@acmex/client';
import { identifiers } from '@acmex/identifier';
import {
  acmeSession,
  type Fetch,
  generateAccountKey,
  getRenewalInfo,
  newAccount,
} from '@acmex/protocol';
import { ariCertificateId, parseChain } from '@acmex/certificate';
import { describe, expect, it } from '@jest/globals';
import { base, solver, testCa } from '../ca.testing.ts';
import {
  badNonces,
  cutAnswers,
  type Fault,
  hostileProblems,
  hugeChains,
  longProcessing,
  lostAnswers,
  missingMembers,
  movedWindow,
  paused,
  rateLimited,
  refusedConnections,
  tokenlessChallenges,
  unavailable,
  withFaults,
  wrongContentTypes,
} from './index.ts';

/** Numbers from 0 to 1 that are the same in every run. */
function sequence(seed = 1) {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** What our own client makes of a faulty CA: its outcome, and what the CA itself has seen. */
async function through(
  faults: readonly Fault[],
  {
    names = ['a.test'],
    prefer,
  }: { names?: readonly string[]; prefer?: (pem: string) => boolean } = {},
) {
  const ca = await testCa();
  const seen: string[] = [];
  const counted = async (...[request, connection]: Parameters<typeof ca.server.handler>) => {
    seen.push(new URL(request.url).pathname.replace(/^\/acme\/([a-z-]+).*?(\/finalize)?$/, '$1$2'));
    return await ca.server.handler(request, connection);
  };
  const handler = withFaults(counted, faults);
  const fetch: Fetch = (url, { method, headers, body }) =>
    handler(new Request(url, { method, headers, ...(body === undefined ? {} : { body }) }), {
      address: '192.0.2.1',
    });
  const all = identifiers(names);
  const key = await webcrypto().generate('ec-p256');
  const issuing = (async () => {
    const { key: accountKey } = await generateAccountKey();
    const session = acmeSession({
      directory: `${base}/directory`,
      key: accountKey,
      fetch,
      clock: ca.clock,
      random: () => 0.5,
    });
    await newAccount(session, { termsOfServiceAgreed: true });
    const { pem } = await new AcmeClient({ session, solvers: [solver('http-01')] }).issue({
      identifiers: all,
      csr: await createCsr({ identifiers: all, key }),
      prefer,
    });
    await verifyIssued(pem, { identifiers: all, publicKey: key.publicKey }, { clock: ca.clock });
    return { pem, session };
  })();
  const outcome = await ca.clock.run(issuing).then(
    (issued) => ({ ...issued, error: undefined }),
    (error: unknown) => ({
      pem: undefined,
      session: undefined,
      error: error as { code: string; message: string; retryAfter?: { toString(): string } },
    }),
  );
  return {
    ca,
    seen,
    count: (path: string) => seen.filter((candidate) => candidate === path).length,
    ...outcome,
  };
}

describe('our client with a CA that does wrong', () => {
  it.each<[string, readonly Fault[]]>([
    ['refuses 30 % of the nonces', [badNonces({ rate: 0.3, random: sequence() })]],
    [
      'is away for a while, and says in seconds for how long',
      [unavailable({ times: 3, retryAfter: 5 })],
    ],
    [
      'is away for a while, and says by a date until when',
      [unavailable({ times: 2, retryAfter: 'Mon, 01 Jun 2026 00:01:00 GMT' })],
    ],
    ['is away for a while, and says nothing', [unavailable({ times: 2 })]],
    ['loses the answer to newAccount', [lostAnswers({ on: ['newAccount'], times: 1 })]],
    [
      'loses the answers to POST-as-GET',
      [lostAnswers({ on: ['authorization', 'order', 'certificate'], times: 3 })],
    ],
    ['loses the answer to a challenge', [lostAnswers({ on: ['challenge'], times: 1 })]],
    ['loses the answer to finalize', [lostAnswers({ on: ['finalize'], times: 1 })]],
    ['cuts the answer to finalize', [cutAnswers({ on: ['finalize'], times: 1 })]],
    ['cuts the certificate', [cutAnswers({ on: ['certificate'], times: 2 })]],
    [
      'cuts 10 % of the answers that may be asked for again',
      [
        cutAnswers({
          on: ['directory', 'authorization', 'order', 'challenge', 'certificate'],
          rate: 0.1,
          random: sequence(5),
        }),
      ],
    ],
    ['works on an order for long', [longProcessing({ polls: 12 })]],
    ['offers challenges without a token', [tokenlessChallenges()]],
    ['leaves out members', [missingMembers()]],
  ])('issues once from a CA that %s', async (_, faults) => {
    const { error, pem, count, ca } = await through(faults, { names: ['a.test', 'b.test'] });
    expect(error).toBeUndefined();
    expect(pem).toContain('BEGIN CERTIFICATE');
    const issued: unknown[] = [];
    for await (const { key } of ca.storage.list('ca/certificate')) issued.push(key);
    expect(issued).toHaveLength(1);
    expect(count('order/finalize')).toBe(1);
  });

  it.each<[string, readonly Fault[], string, string]>([
    [
      'limits the rate',
      [rateLimited({ retryAfter: 3600 })],
      'ERR_ACME_RATE_LIMITED',
      'https://ca.example/limits',
    ],
    ['has paused the name', [paused()], 'ERR_ACME_RATE_LIMITED', 'https://ca.example/unpause'],
    ['cannot be reached', [refusedConnections()], 'ERR_ACME_ANSWER_LOST', base],
    ['stays away', [unavailable()], 'ERR_ACME_SERVER_INTERNAL', 'maintenance'],
    [
      'sends a chain of ten thousand certificates',
      [hugeChains({ certificates: 10_000 })],
      'ERR_ACME_ANSWER_TOO_LARGE',
      'certificate',
    ],
    [
      'calls JSON a page',
      [wrongContentTypes({ on: ['newOrder'] })],
      'ERR_ACME_ANSWER',
      'text/html',
    ],
  ])('ends clearly with a CA that %s', async (_, faults, code, words) => {
    const { error, ca } = await through(faults);
    expect(error).toMatchObject({ code, message: expect.stringContaining(words) });
    expect(ca.clock.monotonic()).toBeLessThan(15 * 60_000);
  });

  it('knows when to come back to a CA that limits the rate', async () => {
    const { error, ca } = await through([rateLimited({ retryAfter: 3600 })]);
    expect(error?.retryAfter?.toString()).toBe(
      ca.clock.now().add({ hours: 1 }).round('second').toString(),
    );
  });

  it('shows hostile text as text', async () => {
    const { error } = await through([hostileProblems({ on: ['newOrder'] })]);
    expect(error?.code).toBe('ERR_ACME_UNAUTHORIZED');

    expect(error?.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(error?.message).toContain('owned');
  });

  it('learns of a window that was moved', async () => {
    const { pem, session, ca } = await through([
      movedWindow({
        start: '2026-06-01T00:00:00Z',
        end: '2026-06-01T01:00:00Z',
        explanationURL: 'https://ca.example/incident',
      }),
    ]);
    const [leaf] = parseChain(pem ?? '');
    await expect(
      ca.clock.run(getRenewalInfo(session!, ariCertificateId(leaf!))),
    ).resolves.toMatchObject({ explanationURL: 'https://ca.example/incident' });
  });
});

describe('withFaults', () => {
  it('meets as many requests and kinds of requests as it was configured to', async () => {
    const { count } = await through([unavailable({ on: ['newOrder'], times: 2 })]);
    expect(count('new-order')).toBe(1);
    const { seen, error } = await through([
      unavailable({ on: ['newOrder'], times: 0 }),
      badNonces({ rate: 0 }),
    ]);
    expect(error).toBeUndefined();
    expect(seen.length).toBeLessThanOrEqual(10);
  });
});
