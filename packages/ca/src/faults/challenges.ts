import {
  type Exchange,
  type Fault,
  type Json,
  jsonAnswer,
  problemType,
  rewritten,
  signedContent,
  sometimes,
  type When,
} from './fault.ts';

/** Authorizations list, before all others, a challenge of a type that has no token. */
export function tokenlessChallenges(when: When = {}): Fault {
  return sometimes(
    { on: ['authorization'], ...when },
    async ({ request }, next) =>
      await rewritten(await next(), (authorization) => ({
        ...authorization,
        challenges: [
          {
            type: 'dns-persist-01',
            url: `${request.url}/persist`,
            status: 'pending',
            'issuer-domain-names': ['ca.example'],
          },
          ...challengesOf(authorization),
        ],
      })),
  );
}

interface ChallengeError {
  /** The last part of its URN: `connection`. */
  readonly type: string;
  readonly detail: string;
}

const defaultError: ChallengeError = {
  type: 'connection',
  detail: 'the host did not answer',
};

/**
 * A challenge fails as soon as the client has responded to it, and its authorization stays
 * `pending`. The CA does not receive the response, so other challenges of the authorization work.
 */
export function failingChallenges({
  status = 'invalid',
  types,
  error = defaultError,
  ...when
}: Omit<When, 'on'> & {
  /** What the challenge becomes: `invalid`, or `pending` again; with the error in both. */
  readonly status?: 'invalid' | 'pending';
  /** Which challenges; all by default. */
  readonly types?: readonly string[];
  readonly error?: ChallengeError;
} = {}): Fault {
  const listed = new Map<string, Json>();
  const failed = new Set<string>();
  const failure = { status, error: problemOf(error) };
  const overlay = (challenge: Json) => {
    listed.set(String(challenge.url), challenge);
    return failed.has(String(challenge.url)) ? { ...challenge, ...failure } : challenge;
  };
  const fail = sometimes(
    { ...when, on: ['challenge'] },
    async (exchange) => {
      const { url } = exchange.request;
      failed.add(url);
      return await jsonAnswer(
        exchange,
        { type: typeOf(url), url, ...listed.get(url), ...failure },
        { headers: { location: url, link: `<${authorizationOf(url)}>;rel="up"` } },
      );
    },
    async ({ request }) =>
      (await isResponse(request)) && (types === undefined || types.includes(typeOf(request.url))),
  );
  return async (exchange, next) =>
    await fail(exchange, async () => {
      if (await isResponse(exchange.request)) failed.delete(exchange.request.url);
      const answer = await next();
      if (exchange.resource === 'challenge') return await rewritten(answer, overlay);
      if (exchange.resource !== 'authorization') return answer;
      return await rewritten(answer, (authorization) => ({
        ...authorization,
        challenges: challengesOf(authorization).map(overlay),
      }));
    });
}

/**
 * The CA tries a challenge more than once: for this number of answers after the client has
 * responded, the challenge is not decided, has the error of the last try, and the authorization and
 * the order are `pending`. Then the client sees what the CA found.
 */
export function retriedChallenges({
  polls,
  status = 'pending',
  error = defaultError,
}: {
  readonly polls: number;
  readonly status?: 'pending' | 'processing';
  readonly error?: ChallengeError;
}): Fault {
  const left = new Map<string, number>();
  const undecided = { status, error: problemOf(error), validated: undefined };
  const poll = (authorization: string) => {
    const remaining = left.get(authorization) ?? 0;
    left.set(authorization, remaining - 1);
    return remaining > 0;
  };
  const hide: Partial<Record<string, (json: Json, url: string) => Json>> = {
    challenge: (challenge, url) =>
      poll(authorizationOf(url)) ? { ...challenge, ...undecided } : challenge,
    authorization: (authorization, url) =>
      poll(url)
        ? {
            ...authorization,
            status: 'pending',
            challenges: challengesOf(authorization).map((challenge) => ({
              ...challenge,
              ...undecided,
            })),
          }
        : authorization,
    order: (order) =>
      (order.authorizations as string[]).map(poll).includes(true)
        ? { ...order, status: 'pending' }
        : order,
  };
  return async ({ request, resource = 'newNonce' }: Exchange, next) => {
    if (resource === 'challenge' && (await isResponse(request)))
      left.set(authorizationOf(request.url), polls + 1);
    const change = hide[resource];
    const answer = await next();
    return change ? await rewritten(answer, (json) => change(json, request.url)) : answer;
  };
}

function problemOf({ type, detail }: ChallengeError): Json {
  return { type: problemType(type), detail, status: 403 };
}

function challengesOf({ challenges }: Json): readonly Json[] {
  return Array.isArray(challenges) ? (challenges as Json[]) : [];
}

/** Whether a request to a challenge says that the response is in place. RFC 8555 §7.5.1 */
async function isResponse(request: Request): Promise<boolean> {
  return /\/challenge\//.test(request.url) && (await signedContent(request))?.payload !== undefined;
}

function typeOf(challengeUrl: string): string {
  return challengeUrl.split('/').at(-1) ?? '';
}

function authorizationOf(challengeUrl: string): string {
  return challengeUrl.replace(/\/challenge\/([^/]+)\/[^/]+$/, '/authorization/$1');
}
