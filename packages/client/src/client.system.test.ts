import { createCsr, type KeyType, verifyIssued, webcrypto } from '@acmex/certificate';
import { type Identifier, identifiers } from '@acmex/identifier';
import { acmeSession, type AcmeSession, generateAccountKey, newAccount } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import { describeWith, startPebble } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  AcmeClient,
  type ChallengeSolver,
  type IssuanceProgress,
  type IssuanceState,
} from './index.ts';

type Pebble = Awaited<ReturnType<typeof startPebble>>;
type Shown = { readonly token: string; readonly keyAuthorization: string };

/**
 * http-01 through Pebble's own test server; `shown` is what is on display now, as far as this
 * solver knows.
 */
function solverOf(pebble: Pebble) {
  const presented = new Set<string>();
  const solver: ChallengeSolver<Shown> = {
    type: 'http-01',
    supports: (_, wildcard) => !wildcard,
    respond: async ({ token, keyAuthorization }) => ({ token, keyAuthorization }),
    async present({ token, keyAuthorization }) {
      await pebble.challenges.addHttp01(token, keyAuthorization);
      presented.add(token);
    },
    visible: async () => {
      /* the test server answers at once */
    },
    async remove({ token }) {
      await pebble.challenges.removeHttp01(token);
      presented.delete(token);
    },
  };
  return { solver: solver as unknown as ChallengeSolver, presented };
}

async function onDisplay({ httpPort }: Pebble, token: string): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${httpPort}/.well-known/acme-challenge/${token}`);
  return answer.status === 200 && (await answer.text()) !== '';
}

async function sessionAt(
  { directory, caCertificate }: Pebble,
  wrap = (fetch: ReturnType<typeof nodeFetch>) =>
    fetch as Parameters<typeof acmeSession>[0]['fetch'],
): Promise<AcmeSession> {
  const { key } = await generateAccountKey();
  const session = acmeSession({ directory, key, fetch: wrap(nodeFetch({ ca: caCertificate })) });
  await newAccount(session, { termsOfServiceAgreed: true });
  return session;
}

async function issue(
  client: AcmeClient,
  names: readonly Identifier[],
  { type = 'ec-p256', ...options }: { type?: KeyType } & Parameters<AcmeClient['issue']>[1] = {},
) {
  const key = await webcrypto().generate(type);
  const { pem } = await client.issue(
    { identifiers: names, csr: await createCsr({ identifiers: names, key }) },
    options,
  );
  return await verifyIssued(pem, { identifiers: names, publicKey: key.publicKey });
}

describeWith(['pebble', 'pebble-challtestsrv'], 'AcmeClient with Pebble', () => {
  let pebble: Pebble;
  let session: AcmeSession;
  beforeAll(async () => {
    pebble = await startPebble({ http01: 'challtestsrv' });
    session = await sessionAt(pebble);
  });
  afterAll(async () => {
    await pebble?.[Symbol.asyncDispose]();
  });

  it.each<[string, string[], KeyType]>([
    ['one name', ['one.test'], 'ec-p256'],
    ['two names', ['two.test', 'www.two.test'], 'ec-p384'],
    ['an RSA key', ['rsa.test'], 'rsa-2048'],
    ['an IP address', ['127.0.0.1'], 'ec-p256'],
    ['a name and an IP address', ['both.test', '127.0.0.1'], 'ec-p256'],
  ])('gets a certificate for %s, and leaves nothing on display', async (_, texts, type) => {
    const { solver, presented } = solverOf(pebble);
    const names = identifiers(texts);
    // An account of its own: Pebble gives one in a hundred orders a valid authorization again,
    // against its instructions.
    const session = await sessionAt(pebble);
    const tokens: string[] = [];
    const { leaf, chain } = await issue(new AcmeClient({ session, solvers: [solver] }), names, {
      type,
      save: async ({ responses }) => {
        tokens.push(...responses.map(({ response }) => String(response.token)));
      },
    });
    expect(leaf.identifiers.map(({ value }) => value).sort()).toEqual([...texts].sort());
    expect(chain.length).toBeGreaterThan(1);
    expect(presented.size).toBe(0);
    expect(tokens).toHaveLength(texts.length);
    for (const token of tokens) expect(await onDisplay(pebble, token)).toBe(false);
  });

  it('serves many issuances at once', async () => {
    const { solver, presented } = solverOf(pebble);
    const client = new AcmeClient({ session, solvers: [solver] });
    const issued = await Promise.all(
      Array.from({ length: 5 }, (_, n) => issue(client, identifiers([`many-${n}.test`]))),
    );
    expect(new Set(issued.map(({ leaf }) => leaf.serialNumber)).size).toBe(5);
    expect(presented.size).toBe(0);
  });

  it('takes its responses down when it is aborted in the middle', async () => {
    const { solver, presented } = solverOf(pebble);
    const stop = new AbortController();
    const states: IssuanceState[] = [];
    const client = new AcmeClient({
      session,
      solvers: [
        {
          ...solver,
          visible: async () => {
            stop.abort(new Error('ctrl-c'));
            stop.signal.throwIfAborted();
          },
        },
      ],
    });
    await expect(
      issue(client, identifiers(['aborted.test', 'www.aborted.test']), {
        signal: stop.signal,
        save: async (state) => {
          states.push(state);
        },
      }),
    ).rejects.toThrow('ctrl-c');
    expect(presented.size).toBe(0);
    const responses = states.at(-1)?.responses ?? [];
    expect(responses).toHaveLength(2);
    for (const { response } of responses)
      expect(await onDisplay(pebble, String(response.token))).toBe(false);
  });

  it("names each name that failed with the CA's words and a hint, and takes its responses down", async () => {
    const { solver, presented } = solverOf(pebble);
    const wrong: ChallengeSolver = {
      ...solver,
      respond: async (challenge) => ({
        token: challenge.token,
        keyAuthorization:
          challenge.identifier.value === 'bad.test' ? 'something else' : challenge.keyAuthorization,
      }),
    };
    const error = await issue(
      new AcmeClient({ session, solvers: [wrong] }),
      identifiers(['good.test', 'bad.test']),
    ).catch((error: unknown) => error);
    expect(error).toMatchObject({
      code: 'ERR_CLIENT_VALIDATION_FAILED',
      message: expect.stringMatching(
        /1 of 2 names .* bad\.test \(http-01\): unauthorized: .* Hint: /,
      ),
    });
    expect((error as { failures: unknown[] }).failures).toHaveLength(1);
    expect(presented.size).toBe(0);
  });

  it('tries another solver for a name that failed, by a new order', async () => {
    const { solver, presented } = solverOf(pebble);
    const broken: ChallengeSolver = {
      ...solver,
      type: 'dns-01',
      supports: () => true,
      present: async () => {
        /* shows nothing */
      },
      remove: async () => {
        /* nothing to remove */
      },
    };
    const orders: string[] = [];
    const onProgress = (progress: IssuanceProgress) => {
      if (progress.type === 'ordered') orders.push(progress.order);
    };
    const { leaf } = await issue(
      new AcmeClient({ session, solvers: [broken, solver] }),
      identifiers(['second-choice.test']),
      { onProgress },
    );
    expect(leaf.identifiers).toEqual(identifiers(['second-choice.test']));
    expect(new Set(orders).size).toBe(2);
    expect(presented.size).toBe(0);
  });

  it('reports the first verdict when the second choice is none', async () => {
    const { solver } = solverOf(pebble);
    const silent = (type: string): ChallengeSolver => ({
      ...solver,
      type,
      supports: () => true,
      present: async () => {
        /* shows nothing */
      },
      remove: async () => {
        /* nothing to remove */
      },
    });
    await expect(
      issue(
        new AcmeClient({ session, solvers: [silent('http-01'), silent('unheard-01')] }),
        identifiers(['no-choice.test']),
      ),
    ).rejects.toMatchObject({
      code: 'ERR_CLIENT_VALIDATION_FAILED',
      message: expect.stringContaining('http-01'),
    });
  });

  it('says which challenges there are when no solver fits', async () => {
    const { solver } = solverOf(pebble);
    await expect(
      issue(new AcmeClient({ session, solvers: [solver] }), identifiers(['*.wild.test'])),
    ).rejects.toMatchObject({
      code: 'ERR_CLIENT_NO_SOLVER',
      message: expect.stringContaining('*.wild.test: the CA offers the challenges dns-01'),
    });
  });

  it('continues from where it was saved, with the same order, wherever it was interrupted', async () => {
    const { solver, presented } = solverOf(pebble);
    const names = identifiers(['resumed.test']);
    const key = await webcrypto().generate('ec-p256');
    const csr = await createCsr({ identifiers: names, key });
    const orders = new Set<string>();
    let savedState: IssuanceState | undefined;
    for (const at of [
      'ordered',
      'presented',
      'visible',
      'validated',
      'finalized',
      'never',
    ] as const) {
      const client = new AcmeClient({ session, solvers: [solver] });
      const onProgress = (progress: IssuanceProgress) => {
        if ('order' in progress) orders.add(progress.order);
        if (progress.type === at) throw new Error(`interrupted when ${at}`);
      };
      const outcome = client.issue(
        { identifiers: names, csr },
        {
          state: savedState,
          save: async (state) => {
            savedState = JSON.parse(JSON.stringify(state)) as IssuanceState;
          },
          onProgress,
        },
      );
      const { pem } = await outcome.catch((error: Error) => {
        expect(error.message).toBe(`interrupted when ${at}`);
        return { pem: '' };
      });
      if (pem !== '') await verifyIssued(pem, { identifiers: names, publicKey: key.publicKey });
      if (at === 'never') expect(pem).toContain('BEGIN CERTIFICATE');
    }
    expect(orders.size).toBe(1);
    expect(presented.size).toBe(0);
  });

  it('begins again when the saved order has failed or is gone', async () => {
    const { solver } = solverOf(pebble);
    const state: IssuanceState = {
      version: 1,
      order: pebble.directory.replace('/dir', '/my-order/gone'),
      responses: [],
    };
    const { leaf } = await issue(
      new AcmeClient({ session, solvers: [solver] }),
      identifiers(['gone.test']),
      { state },
    );
    expect(leaf.identifiers).toEqual(identifiers(['gone.test']));
  });

  it('takes down what another process has shown', async () => {
    const first = solverOf(pebble);
    const response = { token: 'left-behind', keyAuthorization: 'left-behind.thumbprint' };
    await first.solver.present(response);
    expect(await onDisplay(pebble, 'left-behind')).toBe(true);
    await new AcmeClient({ session, solvers: [solverOf(pebble).solver] }).abandon({
      version: 1,
      responses: [{ type: 'http-01', authorization: 'https://ca.test/1', response }],
    });
    expect(await onDisplay(pebble, 'left-behind')).toBe(false);
  });

  it('refuses a state that a newer version wrote', async () => {
    const { solver } = solverOf(pebble);
    await expect(
      issue(new AcmeClient({ session, solvers: [solver] }), identifiers(['new.test']), {
        state: { version: 2, responses: [] } as unknown as IssuanceState,
      }),
    ).rejects.toMatchObject({ code: 'ERR_CLIENT_STATE' });
  });
});

describeWith(['pebble', 'pebble-challtestsrv'], 'AcmeClient with a difficult Pebble', () => {
  it('gets its certificates though 30 % of all nonces are refused', async () => {
    await using pebble = await startPebble({ http01: 'challtestsrv', nonceReject: 30 });
    const { solver } = solverOf(pebble);
    const client = new AcmeClient({ session: await sessionAt(pebble), solvers: [solver] });
    for (let n = 0; n < 10; n++)
      await issue(client, identifiers([`nonce-${n}.test`, `www.nonce-${n}.test`]));
  });

  it('skips authorizations that are valid already, and the requests for them', async () => {
    await using pebble = await startPebble({ http01: 'challtestsrv', authorizationReuse: 100 });
    const requests: string[] = [];
    const session = await sessionAt(pebble, (fetch) => (url, request) => {
      requests.push(`${request.method} ${new URL(url).pathname.split('/')[1]}`);
      return fetch(url, request);
    });
    const { solver } = solverOf(pebble);
    const client = new AcmeClient({ session, solvers: [solver] });
    const names = identifiers(['reused.test', 'www.reused.test']);
    await issue(client, names);
    requests.length = 0;
    await issue(client, names);
    expect(requests.filter((url) => /authZ|chalZ/.test(url))).toEqual([]);
    expect(requests.length).toBeLessThanOrEqual(5);
  });
});
