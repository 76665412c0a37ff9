import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type AcmeError,
  type AcmeErrorCode,
  acmeErrors,
  challengeReady,
  downloadCertificate,
  finalizeOrder,
  getAuthorization,
  getOrder,
  keyAuthorization,
  newAccount,
  newOrder,
  type Order,
  pollOrder,
} from './index.ts';
import { type Answer, base, problem, sessionWith } from './scripted-ca.testing.ts';

const order = {
  status: 'pending',
  identifiers: [{ type: 'dns', value: 'a.test' }],
  authorizations: [`${base}/authorization/1`],
  finalize: `${base}/finalize/1`,
};
const authorization = {
  status: 'pending',
  identifier: { type: 'dns', value: 'a.test' },
  challenges: [{ type: 'http-01', url: `${base}/challenge/1`, status: 'pending', token: 'abc' }],
};

async function reading(answer: Answer) {
  const { session, clock } = await sessionWith({ '/thing': () => answer });
  return await clock.run(getOrder(session, `${base}/thing`)).catch((error: unknown) => error);
}

describe('an order', () => {
  it('has a certificate when valid, and an error when invalid', async () => {
    await expect(
      reading({ body: { ...order, status: 'valid', certificate: `${base}/certificate/1` } }),
    ).resolves.toMatchObject({ status: 'valid', certificate: `${base}/certificate/1` });
    await expect(
      reading({
        body: {
          ...order,
          status: 'invalid',
          error: { type: 'urn:ietf:params:acme:error:caa', detail: 'no' },
        },
      }),
    ).resolves.toMatchObject({ status: 'invalid', error: { detail: 'no' } });
  });
  it('may lack its optional members, or have them as null', async () => {
    await expect(
      reading({ body: { ...order, expires: null, error: null, notBefore: null } }),
    ).resolves.toMatchObject({ status: 'pending', expires: undefined });
  });
  it.each(['status', 'identifiers', 'authorizations', 'finalize'])(
    'without %s is an error that names it',
    async (member) => {
      await expect(reading({ body: { ...order, [member]: undefined } })).resolves.toMatchObject({
        code: 'ERR_ACME_ANSWER',
        message: expect.stringContaining(`"${member}" is missing`),
      });
    },
  );
  it('that is valid without a certificate, or of an unknown status, is an error', async () => {
    await expect(reading({ body: { ...order, status: 'valid' } })).resolves.toMatchObject({
      code: 'ERR_ACME_ANSWER',
      message: expect.stringContaining('"certificate" is missing'),
    });
    await expect(reading({ body: { ...order, status: 'done' } })).resolves.toMatchObject({
      code: 'ERR_ACME_ANSWER',
      message: expect.stringContaining('"status" is "done"'),
    });
  });
  it('whose links lead out of the web is refused', async () => {
    await expect(
      reading({ body: { ...order, finalize: 'file:///etc/passwd' } }),
    ).resolves.toMatchObject({ code: 'ERR_ACME_ANSWER' });
    await expect(
      reading({ body: { ...order, authorizations: ['javascript:alert(1)'] } }),
    ).resolves.toMatchObject({ code: 'ERR_ACME_ANSWER' });
  });
  it('must say where it is', async () => {
    const { session } = await sessionWith({ '/order': () => ({ status: 201, body: order }) });
    await expect(newOrder(session, { identifiers: order.identifiers })).rejects.toMatchObject({
      code: 'ERR_ACME_ANSWER',
      message: expect.stringContaining('Location'),
    });
  });
});

describe('garbage', () => {
  it.each([
    [
      'HTML with status 200',
      { headers: { 'content-type': 'text/html' }, body: '<html>' },
      'ERR_ACME_ANSWER',
    ],
    [
      'JSON cut in half',
      { headers: { 'content-type': 'application/json' }, body: '{"status":' },
      'ERR_ACME_ANSWER',
    ],
    ['a list', { headers: { 'content-type': 'application/json' }, body: '[]' }, 'ERR_ACME_ANSWER'],
    ['an empty body', { headers: { 'content-type': 'application/json' } }, 'ERR_ACME_ANSWER'],
    [
      'HTML with status 404',
      { status: 404, headers: { 'content-type': 'text/html' }, body: '<html>' },
      'ERR_ACME_STATUS',
    ],
    [
      'a redirect',
      { status: 301, headers: { location: 'https://elsewhere.test/' } },
      'ERR_ACME_STATUS',
    ],
    [
      'more than a mebibyte',
      {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...order, more: 'x'.repeat(1024 * 1024) }),
      },
      'ERR_ACME_ANSWER_TOO_LARGE',
    ],
  ])('%s ends in an error with a code', async (_, answer, code) => {
    await expect(reading(answer)).resolves.toMatchObject({ code });
  });
  it('of any kind ends in an error with a code', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.json(),
        fc.integer({ min: 200, max: 599 }).filter((status) => ![204, 205, 304].includes(status)),
        fc.constantFrom('application/json', 'application/problem+json', 'text/plain'),
        async (body, status, type) => {
          const outcome: unknown = await reading({
            status,
            headers: { 'content-type': type },
            body,
          });
          expect(outcome).toHaveProperty('code');
          expect(Object.keys(acmeErrors)).toContain((outcome as { code: string }).code);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('a directory', () => {
  it.each([
    ['a web page', { headers: { 'content-type': 'text/html' }, body: '<html>' }, 'text/html'],
    ['other JSON', { body: { hello: 'world' } }, 'newNonce'],
    [
      'a redirect',
      { status: 302, headers: { location: 'https://elsewhere.test/dir' } },
      'redirects to https://elsewhere.test/dir',
    ],
    ['not found', { status: 404 }, 'answers 404'],
    [
      'with a URL that is none',
      { body: { newNonce: 'x', newAccount: 'y', newOrder: 'z' } },
      'newNonce',
    ],
  ])('that is %s is distinguished from one', async (_, answer, words) => {
    const { session } = await sessionWith({ '/dir': () => answer });
    await expect(session.directory()).rejects.toMatchObject({
      code: 'ERR_ACME_NOT_ACME',
      message: expect.stringContaining(words),
    });
  });
});

describe('an authorization', () => {
  it('may offer challenges of any type, with or without a token', async () => {
    const challenges = [
      {
        type: 'dns-persist-01',
        url: `${base}/challenge/9`,
        status: 'pending',
        'issuer-domain-names': ['ca.test'],
      },
      { type: 'x', url: `${base}/challenge/8`, status: 'odd', token: 7 },
      ...authorization.challenges,
    ];
    const { session } = await sessionWith({
      '/authorization/1': () => ({ body: { ...authorization, challenges } }),
    });
    const read = await getAuthorization(session, `${base}/authorization/1`);
    expect(read.challenges.map(({ type, token }) => [type, token])).toEqual([
      ['dns-persist-01', undefined],
      ['x', undefined],
      ['http-01', 'abc'],
    ]);
  });
  it.each(['../../etc/passwd', 'a/b', 'a b', '', 'ä'])(
    'whose token is "%s" leads to no path',
    async (token) => {
      const { key } = await sessionWith({});
      await expect(
        keyAuthorization(key, { type: 'http-01', url: `${base}/challenge/1`, token }),
      ).rejects.toMatchObject({ code: 'ERR_ACME_ANSWER' });
    },
  );
  it('is answered with an empty object, and again when that answer is lost', async () => {
    let calls = 0;
    const { session, ca, clock } = await sessionWith({
      '/challenge/1': () =>
        ++calls === 1 ? new Error('socket hang up') : { body: authorization.challenges[0]! },
    });
    await clock.run(challengeReady(session, { url: `${base}/challenge/1` }));
    expect(
      ca.received.filter(({ url }) => url.endsWith('/challenge/1')).map(({ payload }) => payload),
    ).toEqual([{}, {}]);
  });
});

describe('polling', () => {
  it('waits as long as Retry-After says, in seconds or as a date', async () => {
    const answers: Answer[] = [
      { headers: { 'retry-after': '5' }, body: { ...order, status: 'processing' } },
      {
        headers: { 'retry-after': 'Mon, 23 Nov 2026 12:00:12 GMT' },
        body: { ...order, status: 'processing' },
      },
      { body: { ...order, status: 'valid', certificate: `${base}/certificate/1` } },
    ];
    const { session, clock } = await sessionWith({ '/order/1': () => answers.shift()! });
    await clock.run(pollOrder(session, { ...order, status: 'processing', url: `${base}/order/1` }));
    expect(clock.now().toString()).toBe('2026-11-23T12:00:12Z');
  });
  it.each([
    ['of 150 seconds, though a minute is over', '150', undefined, 150],
    ['until half of the time before the order expires', '1000', '2026-11-23T12:03:20Z', 100],
    ['if the CA names no date for the expiry', '150', 'soon', 150],
  ])('obeys a Retry-After %s', async (_, seconds, expires, expected) => {
    const moments: number[] = [];
    const { session, clock } = await sessionWith({
      '/order/1': () => {
        moments.push(clock.monotonic() / 1000);
        return { body: { ...order, status: 'valid', certificate: `${base}/certificate/1` } };
      },
      '/finalize/1': () => ({
        headers: { 'retry-after': seconds },
        body: { ...order, expires, status: 'processing' },
      }),
    });
    const ready = { ...order, status: 'ready' as const, url: `${base}/order/1` };
    const processing = (await finalizeOrder(session, ready, new Uint8Array())) as Order<'ready'>;
    await clock.run(pollOrder(session, processing));
    expect(moments).toEqual([expected]);
  });
  it.each([
    { doneAfter: 5, asked: [[50], [25], [12.5], [10], [10]] },
    { doneAfter: 20, asked: [[50], [25], [12.5, 50], [18.8, 50], [28.1], [25.3]] },
    { doneAfter: 30, asked: [[50], [25, 50], [37.5], [33.8], [30.4]] },
    {
      doneAfter: 100,
      asked: [
        [50, 200],
        [50, 200],
      ],
    },
    {
      doneAfter: 300,
      asked: [
        [50, 200, 650],
        [50, 200, 650],
      ],
    },
  ])(
    'asks a CA sooner that was done sooner with earlier orders: $doneAfter ms',
    async ({ doneAfter, asked }) => {
      let [start, moments]: [number, number[]] = [0, []];
      const { session, clock } = await sessionWith({
        '/order/1': () => {
          const moment = clock.monotonic() - start;
          moments.push(Math.round(moment * 10) / 10);
          return moment < doneAfter
            ? { body: order }
            : { body: { ...order, status: 'valid', certificate: `${base}/certificate/1` } };
        },
      });
      const pending = { ...order, status: 'pending' as const, url: `${base}/order/1` };
      const all: (readonly number[])[] = [];
      while (all.length < asked.length) {
        [start, moments] = [clock.monotonic(), []];
        await clock.run(pollOrder(session, pending));
        all.push(moments);
      }
      expect(all).toEqual(asked);
    },
  );
  it('asks at the moment that a check or a challenge names', async () => {
    const { session, clock } = await sessionWith({
      '/order/1': () =>
        clock.monotonic() < 100_000
          ? { body: order }
          : { body: { ...order, status: 'valid', certificate: `${base}/certificate/1` } },
      '/challenge/1': () => ({
        headers: { 'retry-after': '40' },
        body: authorization.challenges[0]!,
      }),
      '/authorization/1': () => ({ headers: { 'retry-after': '70' }, body: authorization }),
    });
    const challenge = await challengeReady(session, { url: `${base}/challenge/1` });
    const moments: number[] = [];
    const check = async () => {
      moments.push(clock.monotonic() / 1000);
      return (await getAuthorization(session, `${base}/authorization/1`)).retryAfter;
    };
    const pending = { ...order, status: 'pending' as const, url: `${base}/order/1` };
    await clock.run(pollOrder(session, pending, { notBefore: challenge.retryAfter, check }));
    expect([...moments, clock.monotonic() / 1000]).toEqual([40, 110]);
  });
  it.each([
    ['processing', 0],
    ['pending', 300_000],
  ] as const)(
    'ends without a question when the CA wants to be asked after the limit: %s',
    async (status, end) => {
      let questions = 0;
      const { session, clock } = await sessionWith({
        '/order/1': () => {
          questions += 1;
          return { body: order };
        },
      });
      const retryAfter = clock.now().add({ minutes: 10 }).toString();
      const polled = {
        ...order,
        status,
        url: `${base}/order/1`,
        retryAfter,
      };
      const error = await clock.run(pollOrder(session, polled).catch((cause: unknown) => cause));
      expect(error).toMatchObject({
        code: 'ERR_ACME_POLL_LIMIT',
        message: expect.stringContaining(`wants to be asked again at ${retryAfter}`),
      });
      expect(String((error as AcmeError).retryAfter)).toBe(retryAfter);
      expect([questions, clock.monotonic()]).toEqual([0, end]);
    },
  );
  it('ends at its limit with the order unchanged, and promises no continuation: P13', async () => {
    const { session, clock } = await sessionWith({ '/order/1': () => ({ body: order }) });
    await expect(
      clock.run(
        pollOrder(
          session,
          { ...order, status: 'pending', url: `${base}/order/1` },
          { limit: 'PT20S' },
        ),
      ),
    ).rejects.toMatchObject({
      code: 'ERR_ACME_POLL_LIMIT',
      message: `the order ${base}/order/1 is still pending after 20 seconds`,
    });
    expect(clock.monotonic()).toBeLessThanOrEqual(20_000);
  });
});

describe('a certificate', () => {
  const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  const download = async (answer: Answer) => {
    const { session } = await sessionWith({ '/certificate/1': () => answer });
    return await downloadCertificate(session, { certificate: `${base}/certificate/1` });
  };
  it('comes with the URLs of its alternates', async () => {
    const headers = {
      'content-type': 'application/pem-certificate-chain',
      link: `<${base}/dir>;rel="index", </certificate/1/1>;rel="alternate"`,
    };
    await expect(download({ headers, body: pem + pem })).resolves.toEqual({
      url: `${base}/certificate/1`,
      pem: pem + pem,
      alternates: [`${base}/certificate/1/1`],
    });
  });
  it.each([
    ['of another content type', { headers: { 'content-type': 'text/plain' }, body: pem }],
    [
      'with a private key in it',
      {
        headers: { 'content-type': 'application/pem-certificate-chain' },
        body: `${pem}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n`,
      },
    ],
    [
      'with text before it',
      { headers: { 'content-type': 'application/pem-certificate-chain' }, body: `hello\n${pem}` },
    ],
    ['of nothing', { headers: { 'content-type': 'application/pem-certificate-chain' } }],
  ])('%s is refused', async (_, answer) => {
    await expect(download(answer)).rejects.toMatchObject({ code: 'ERR_ACME_ANSWER' });
  });
});

describe('a problem document', () => {
  const refused = async (answer: Answer) => {
    const { session } = await sessionWith({ '/account': () => answer });
    return await newAccount(session).then(
      () => undefined,
      (error: unknown) => error as { code: AcmeErrorCode; message: string },
    );
  };
  it.each([
    ['accountDoesNotExist', 'ERR_ACME_ACCOUNT_DOES_NOT_EXIST'],
    ['alreadyRevoked', 'ERR_ACME_ALREADY_REVOKED'],
    ['alreadyReplaced', 'ERR_ACME_ALREADY_REPLACED'],
    ['badCSR', 'ERR_ACME_BAD_CSR'],
    ['badPublicKey', 'ERR_ACME_BAD_PUBLIC_KEY'],
    ['badRevocationReason', 'ERR_ACME_BAD_REVOCATION_REASON'],
    ['badSignatureAlgorithm', 'ERR_ACME_BAD_SIGNATURE_ALGORITHM'],
    ['caa', 'ERR_ACME_CAA'],
    ['compound', 'ERR_ACME_COMPOUND'],
    ['connection', 'ERR_ACME_CONNECTION'],
    ['dns', 'ERR_ACME_DNS'],
    ['externalAccountRequired', 'ERR_ACME_EXTERNAL_ACCOUNT_REQUIRED'],
    ['incorrectResponse', 'ERR_ACME_INCORRECT_RESPONSE'],
    ['invalidContact', 'ERR_ACME_INVALID_CONTACT'],
    ['invalidProfile', 'ERR_ACME_INVALID_PROFILE'],
    ['malformed', 'ERR_ACME_MALFORMED'],
    ['orderNotReady', 'ERR_ACME_ORDER_NOT_READY'],
    ['rateLimited', 'ERR_ACME_RATE_LIMITED'],
    ['rejectedIdentifier', 'ERR_ACME_REJECTED_IDENTIFIER'],
    ['serverInternal', 'ERR_ACME_SERVER_INTERNAL'],
    ['tls', 'ERR_ACME_TLS_CHALLENGE'],
    ['unauthorized', 'ERR_ACME_UNAUTHORIZED'],
    ['unsupportedContact', 'ERR_ACME_UNSUPPORTED_CONTACT'],
    ['unsupportedIdentifier', 'ERR_ACME_UNSUPPORTED_IDENTIFIER'],
    ['userActionRequired', 'ERR_ACME_USER_ACTION_REQUIRED'],
    ['unheardOf', 'ERR_ACME_PROBLEM'],
    ['url', 'ERR_ACME_PROBLEM'],
  ])('of type %s has the code %s', async (type, code) => {
    await expect(refused(problem(type))).resolves.toMatchObject({
      code,
      problem: { detail: 'the CA says so' },
    });
  });
  it('reports each subproblem with its name', async () => {
    const subproblems = [
      {
        type: 'urn:ietf:params:acme:error:caa',
        detail: 'forbidden',
        identifier: { type: 'dns', value: 'b.test' },
      },
    ];
    const error = await refused(problem('compound', 'two names', { subproblems }));
    expect(error?.message).toBe('compound: two names; b.test: caa: forbidden');
  });
  it('cannot write to the terminal', async () => {
    const error = await refused(
      problem('malformed', '\u001b[2J\u001b]0;owned\u0007\r\nroot# \u202eevil'),
    );
    expect(error?.message).toBe(
      'malformed: \\u{1b}[2J\\u{1b}]0;owned\\u{7}\\u{d}\\u{a}root# \\u{202e}evil',
    );
  });
  it('names the page to visit and the page to read', async () => {
    const error = await refused({
      ...problem('userActionRequired', 'new terms', { instance: 'https://ca.test/terms' }),
      headers: {
        'content-type': 'application/problem+json',
        link: '<https://ca.test/help>;rel="help"',
      },
    });
    expect(error).toMatchObject({
      help: 'https://ca.test/help',
      message:
        'userActionRequired: new terms; visit https://ca.test/terms; see https://ca.test/help',
    });
  });
  it('names the terms of service, if the CA links to them and they are not the page to visit', async () => {
    const refusedWith = async (terms: string) =>
      await refused({
        ...problem('userActionRequired', 'new terms', { instance: 'https://ca.test/agree' }),
        headers: {
          'content-type': 'application/problem+json',
          link: `<${terms}>;rel="terms-of-service"`,
        },
      });
    await expect(refusedWith('https://ca.test/terms')).resolves.toMatchObject({
      message:
        'userActionRequired: new terms; visit https://ca.test/agree; the terms of service are https://ca.test/terms',
    });
    await expect(refusedWith('https://ca.test/agree')).resolves.toMatchObject({
      message: 'userActionRequired: new terms; visit https://ca.test/agree',
    });
  });
});
