import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  ariCertificateId,
  createCsr,
  parseCertificate,
  parseChain,
  webcrypto,
} from '@acmex/certificate';
import { identifiers } from '@acmex/identifier';
import { describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import { postAs, raw, testCa, type TestClient } from '../ca.testing.ts';
import type { AcmeServer } from '../index.ts';
import { nodeHandler } from '../index.ts';
import {
  absentCertificates,
  badGateways,
  badNonces,
  type ChainArrangement,
  compressedAnswers,
  disorderedChains,
  failingChallenges,
  type Fault,
  foreignNonces,
  missingAccounts,
  missingHeaders,
  type NonceAlphabet,
  nullMembers,
  refusedReplacements,
  retriedChallenges,
  retryAfters,
  windowsOutsideLifetime,
  withFaults,
} from './index.ts';

/** A client that shows each answer as it comes, from a CA with faults. */
async function faulty(faults: readonly Fault[]) {
  const ca = await testCa();
  const client = await ca.account();
  const server = { handler: withFaults(ca.server.handler, faults) } as AcmeServer;
  const send = (path: string, payload?: object, as: Pick<TestClient, 'key' | 'url'> = client) =>
    postAs({ server }, as, path, payload);
  const order = (more: object = {}) =>
    send('/new-order', { identifiers: identifiers(['a.test']), ...more });
  return { ca, client, server, send, order };
}

type Faulty = Awaited<ReturnType<typeof faulty>>;
type Challenge = Readonly<Record<'type' | 'url' | 'status', string>> & { readonly error?: unknown };

const text = (value: unknown) => String(value);
const authorizationUrl = (order: { json: Readonly<Record<string, unknown>> | undefined }) =>
  (order.json?.authorizations as string[])[0]!;

/** An order with one authorization, and the URL of a challenge of it. */
async function ordered({ order, send }: Faulty, type = 'http-01') {
  const made = await order();
  const authorization = authorizationUrl(made);
  const challenges = (await send(authorization)).json?.challenges as Challenge[];
  return {
    authorization,
    url: made.headers.get('location') ?? '',
    finalize: text(made.json?.finalize),
    challenge: challenges.find((challenge) => challenge.type === type)!.url,
  };
}

/** A ready order, finalized. */
async function finalized(client: Faulty) {
  const { ca, send } = client;
  const { challenge, finalize, url } = await ordered(client);
  await send(challenge, {});
  await ca.server.idle();
  const csr = await createCsr({
    identifiers: identifiers(['a.test']),
    key: await webcrypto().generate('ec-p256'),
  });
  const answer = await send(finalize, { csr: Buffer.from(csr).toString('base64url') });
  await ca.server.idle();
  return { answer, url };
}

async function certificateUrl(client: Faulty): Promise<string> {
  const { url } = await finalized(client);
  return text((await client.send(url)).json?.certificate);
}

describe('foreignNonces', () => {
  it.each<[NonceAlphabet, RegExp]>([
    ['padded', /^[\w-]+=$/],
    ['base64', /^\+\+\/\/.*=$/],
    ['punctuated', /\.~!:$/],
    ['empty', /^$/],
  ])('sends nonces that are not base64url: %s', async (alphabet, form) => {
    const { server, send } = await faulty([foreignNonces({ alphabet, times: 2 })]);
    const { headers } = await raw({ server }, '/new-nonce', { method: 'HEAD' });
    expect(headers.get('replay-nonce')).toMatch(form);
    // The second foreign nonce, used all the same, is refused with a good one.
    const refused = await send('/new-order', {});
    expect(refused.problem).toBe('badNonce');
    expect(refused.headers.get('replay-nonce')).toMatch(/^[\w-]{48}$/);
  });
});

describe('failingChallenges', () => {
  it.each(['invalid', 'pending'] as const)(
    'makes a challenge %s with an error, and leaves its authorization and order pending',
    async (status) => {
      const client = await faulty([failingChallenges({ status })]);
      const { challenge, authorization, url } = await ordered(client);
      const error = {
        type: 'urn:ietf:params:acme:error:connection',
        detail: 'the host did not answer',
        status: 403,
      };
      const response = await client.send(challenge, {});
      expect(response).toMatchObject({ status: 200, json: { type: 'http-01', status, error } });
      expect(response.json?.token).toEqual(expect.any(String));
      expect((await client.send(challenge)).json).toMatchObject({ status, error });
      const { json } = await client.send(authorization);
      expect(json).toMatchObject({ status: 'pending' });
      expect(json?.challenges).toContainEqual(
        expect.objectContaining({ type: 'http-01', status, error }),
      );
      expect((await client.send(url)).json?.status).toBe('pending');
      expect(client.ca.validator.asked).toHaveLength(0);
    },
  );

  it('lets another challenge of the same authorization succeed', async () => {
    const client = await faulty([failingChallenges({ types: ['http-01'] })]);
    const { challenge, authorization } = await ordered(client);
    await client.send(challenge, {});
    await client.send(challenge.replace('http-01', 'dns-01'), {});
    await client.ca.server.idle();
    expect((await client.send(authorization)).json?.status).toBe('valid');
  });

  it('ends after as many responses as it was set to', async () => {
    const client = await faulty([failingChallenges({ status: 'pending', times: 1 })]);
    const { challenge, authorization } = await ordered(client);
    await client.send(challenge, {});
    expect((await client.send(challenge, {})).json).toMatchObject({ status: 'processing' });
    await client.ca.server.idle();
    expect((await client.send(authorization)).json?.status).toBe('valid');
  });
});

describe('retriedChallenges', () => {
  it('shows the error of each try in a challenge that is still pending', async () => {
    const client = await faulty([retriedChallenges({ polls: 2 })]);
    const { challenge, authorization, url } = await ordered(client);
    const undecided = { status: 'pending', error: { detail: 'the host did not answer' } };
    expect((await client.send(challenge, {})).json).toMatchObject(undecided);
    await client.ca.server.idle();
    const { json } = await client.send(authorization);
    expect(json).toMatchObject({ status: 'pending', challenges: [undecided] });
    expect((await client.send(url)).json?.status).toBe('pending');
    expect((await client.send(authorization)).json).toMatchObject({
      status: 'valid',
      challenges: [expect.not.objectContaining({ error: expect.anything() })],
    });
    expect((await client.send(url)).json?.status).toBe('ready');
  });
});

describe('compressedAnswers', () => {
  it.each(['gzip', 'br', 'deflate'] as const)(
    'sends bodies in %s, which fetch decodes',
    async (encoding) => {
      const { server } = await faulty([compressedAnswers({ encoding })]);
      const listener = createServer(nodeHandler(server.handler) as RequestListener);
      await once(listener.listen(0, '127.0.0.1'), 'listening');
      try {
        const { port } = listener.address() as AddressInfo;
        const answer = await fetch(`http://127.0.0.1:${port}/acme/directory`);
        expect(answer.headers.get('content-encoding')).toBe(encoding);
        expect(await answer.json()).toMatchObject({ newNonce: 'https://ca.test/acme/new-nonce' });
      } finally {
        listener.close();
        listener.closeAllConnections();
      }
    },
  );
});

describe('disorderedChains', () => {
  const chain = async (arrange: Parameters<typeof disorderedChains>[0]['arrange']) => {
    const client = await faulty([disorderedChains({ arrange })]);
    const { text } = await client.send(await certificateUrl(client));
    return parseChain(text).map(({ isCa, subject }) => (isCa ? 'issuer' : subject || 'leaf'));
  };

  it.each<[ChainArrangement, readonly string[]]>([
    ['reversed', ['issuer', 'leaf']],
    ['repeated', ['leaf', 'issuer', 'issuer']],
    ['stray', ['leaf', 'issuer', expect.stringContaining('self-signed') as unknown as string]],
  ])('arranges a chain: %s', async (arrange, expected) => {
    expect(await chain(arrange)).toEqual(expected);
  });

  it('arranges a chain by a function', async () => {
    expect(await chain(([leaf = '']) => [leaf])).toEqual(['leaf']);
  });
});

describe('badGateways', () => {
  it('answers finalize with 502 and a page, after the CA has issued', async () => {
    const client = await faulty([badGateways({ times: 1 })]);
    const { answer, url } = await finalized(client);
    expect(answer).toMatchObject({ status: 502, text: expect.stringContaining('<html>') });
    expect(answer.headers.get('replay-nonce')).toBeNull();
    expect((await client.send(url)).json?.status).toBe('valid');
  });

  it('answers finalize with 502 before the CA has received it', async () => {
    const client = await faulty([badGateways({ work: 'not-started' })]);
    const { answer, url } = await finalized(client);
    expect(answer.status).toBe(502);
    expect((await client.send(url)).json?.status).toBe('ready');
  });
});

describe('missingAccounts', () => {
  it('refuses what names an account, and look-ups by its key, but no new account', async () => {
    const { client, order, server } = await faulty([missingAccounts()]);
    expect(await order()).toMatchObject({ status: 400, problem: 'accountDoesNotExist' });
    const lookUp = { onlyReturnExisting: true };
    const byKey = (payload: object) =>
      postAs({ server }, client, '/new-account', payload, { kid: undefined, jwk: client.key.jwk });
    expect((await byKey(lookUp)).problem).toBe('accountDoesNotExist');
    expect((await byKey({})).status).toBe(200);
  });
});

describe('absentCertificates', () => {
  it('answers 404 for a certificate once', async () => {
    const client = await faulty([absentCertificates()]);
    const url = await certificateUrl(client);
    expect((await client.send(url)).status).toBe(404);
    expect((await client.send(url)).text).toContain('BEGIN CERTIFICATE');
  });
});

describe('missingHeaders', () => {
  it('leaves out Location by default, else the headers of the list', async () => {
    const { order } = await faulty([missingHeaders({ on: ['newOrder'] })]);
    const { status, headers } = await order();
    expect([status, headers.get('location')]).toEqual([201, null]);
    const bare = await faulty([missingHeaders({ names: ['Replay-Nonce', 'link'] })]);
    const answer = await raw(bare, '/new-nonce', { method: 'HEAD' });
    expect([answer.headers.get('replay-nonce'), answer.headers.get('link')]).toEqual([null, null]);
  });
});

describe('nullMembers', () => {
  it('has null for each optional member that an answer does not have', async () => {
    const client = await faulty([nullMembers()]);
    const made = await client.order();
    expect(made.json).toMatchObject({
      error: null,
      certificate: null,
      replaces: null,
      status: 'pending',
      expires: expect.any(String),
    });
    expect((await client.send(authorizationUrl(made))).json).toMatchObject({
      wildcard: null,
      challenges: expect.arrayContaining([expect.objectContaining({ error: null })]),
    });
    expect((await raw(client, '/directory')).json).toMatchObject({
      meta: { termsOfService: null, profiles: null, externalAccountRequired: false },
    });
  });

  it('has null for the members of the list even if they have a value', async () => {
    const { order } = await faulty([nullMembers({ members: ['expires'] })]);
    expect((await order()).json).toMatchObject({ expires: null });
  });
});

describe('retryAfters', () => {
  it.each([0, -1, 1_000_000_000, 'soon', 'Thu, 01 Jan 1970 00:00:00 GMT', ''])(
    'sends Retry-After: %s',
    async (value) => {
      const client = await faulty([retryAfters({ value })]);
      const { headers } = await client.send(authorizationUrl(await client.order()));
      expect(headers.get('retry-after')).toBe(String(value));
    },
  );
});

describe('windowsOutsideLifetime', () => {
  it.each(['before', 'after'] as const)('moves a renewal window %s the lifetime', async (side) => {
    const client = await faulty([windowsOutsideLifetime({ side })]);
    const leaf = parseCertificate((await client.send(await certificateUrl(client))).text);
    const { json } = await raw(client, `/renewal-info/${ariCertificateId(leaf)}`);
    const { start, end } = json?.suggestedWindow as { start: string; end: string };
    expect(Temporal.Instant.compare(start, end)).toBe(-1);
    if (side === 'before') expect(Temporal.Instant.compare(end, leaf.notBefore)).toBe(-1);
    else expect(Temporal.Instant.compare(start, leaf.notAfter)).toBe(1);
  });
});

describe('refusedReplacements', () => {
  it.each([
    [{}, 409, 'alreadyReplaced'],
    [{ type: 'malformed', status: 400 }, 400, 'malformed'],
    [{ type: 'unauthorized', status: 403 }, 403, 'unauthorized'],
    [{ type: 'malformed', status: 404, detail: 'unknown certificate' }, 404, 'malformed'],
    [{ type: 'serverInternal', status: 500 }, 500, 'serverInternal'],
  ])(
    'refuses an order with "replaces" by %j, and no other order',
    async (problem, status, type) => {
      const { order } = await faulty([refusedReplacements({ problem })]);
      expect(await order({ replaces: 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE' })).toMatchObject({
        status,
        problem: type,
      });
      expect((await order()).status).toBe(201);
    },
  );
});

describe('badNonces', () => {
  it('counts only the requests that have a nonce', async () => {
    const { server, order } = await faulty([badNonces({ times: 1 })]);
    await raw({ server }, '/directory');
    expect((await order()).problem).toBe('badNonce');
    expect((await order()).status).toBe(201);
  });
});
