import { type Exchange, type Fault, freshNonce, rewritten, sometimes, type When } from './fault.ts';

/** Every POST that is met is refused for its nonce, with a new one. RFC 8555 §6.5 */
export function badNonces(when: When = {}): Fault {
  return sometimes(when, async (exchange, next) =>
    exchange.request.method === 'POST'
      ? await refusal(exchange, 400, 'badNonce', 'the nonce is not known here')
      : await next(),
  );
}

/** `503` with a time to come back. `retryAfter`: seconds, or an HTTP date as text. */
export function unavailable({
  retryAfter,
  ...when
}: When & { readonly retryAfter?: number | string } = {}): Fault {
  return sometimes(
    when,
    async (exchange) =>
      await refusal(
        exchange,
        503,
        'serverInternal',
        'the CA is closed for maintenance',
        retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) },
      ),
  );
}

/** `429` of type rateLimited, with a time to come back and a page that explains. */
export function rateLimited({
  retryAfter,
  help = 'https://ca.example/limits',
  ...when
}: When & { readonly retryAfter?: number | string; readonly help?: string } = {}): Fault {
  const headers = {
    link: `<${help}>;rel="help"`,
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  };
  return sometimes(
    { on: ['newOrder'], ...when },
    async (exchange) =>
      await refusal(exchange, 429, 'rateLimited', `too many certificates: see ${help}`, headers),
  );
}

/**
 * What Let's Encrypt answers when it has paused issuance of a name for an account: `429`, with a
 * page to end the pause in the detail, and no time to come back.
 */
export function paused({
  unpause = 'https://ca.example/unpause?jwt=x',
  ...when
}: When & { readonly unpause?: string } = {}): Fault {
  return sometimes(
    { on: ['newOrder'], ...when },
    async (exchange) =>
      await refusal(
        exchange,
        429,
        'rateLimited',
        `Your account is temporarily prevented from requesting certificates for this name and possibly others. Please visit: ${unpause}`,
      ),
  );
}

/** The connection breaks before the CA hears of the request. */
export function refusedConnections(when: When = {}): Fault {
  return sometimes(
    when,
    async () =>
      await Promise.reject(new TypeError('the connection was refused: a fault of the test')),
  );
}

/** The CA does its work, and the answer is lost: the connection breaks without a byte. */
export function lostAnswers(when: When = {}): Fault {
  return sometimes(when, async (_, next) => {
    await next();
    throw new TypeError('the answer was lost: a fault of the test');
  });
}

/**
 * The connection breaks in the middle of the body; through `nodeHandler`, which sends an answer
 * in one piece, before it.
 */
export function cutAnswers(when: When = {}): Fault {
  return sometimes(when, async (_, next) => {
    const answer = await next();
    const body = new Uint8Array(await answer.arrayBuffer());
    if (body.length === 0) return new Response(null, answer);
    const cut = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (body.length > 1 && !sent) controller.enqueue(body.subarray(0, body.length >> 1));
        else controller.error(new TypeError('the answer was cut: a fault of the test'));
        sent = true;
      },
    });
    let sent = false;
    return new Response(cut, answer);
  });
}

/** After finalize, an order is `processing` for this number of answers. */
export function longProcessing({ polls, ...when }: When & { readonly polls: number }): Fault {
  const left = new Map<string, number>();
  return sometimes(
    { on: ['finalize', 'order'], ...when },
    async ({ request }, next) =>
      await rewritten(await next(), (order) => {
        if (order.status !== 'valid' && order.status !== 'processing') return order;
        const url = request.url.replace(/\/finalize$/, '');
        const remaining = left.get(url) ?? polls;
        left.set(url, remaining - 1);
        if (remaining <= 0) return order;
        return { ...without(order, ['certificate']), status: 'processing' };
      }),
  );
}

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
          ...(Array.isArray(authorization.challenges) ? authorization.challenges : []),
        ],
      })),
  );
}

/**
 * Answers lack members that RFC 8555 lets a CA leave out, or that some leave out all the same:
 * `contact`, `orders`, `expires`.
 */
export function missingMembers({
  members = ['contact', 'orders', 'expires'],
  ...when
}: When & { readonly members?: readonly string[] } = {}): Fault {
  return sometimes(
    { on: ['newAccount', 'account', 'newOrder', 'order', 'authorization', 'finalize'], ...when },
    async (_, next) => await rewritten(await next(), (json) => without(json, members)),
  );
}

function without(
  json: Readonly<Record<string, unknown>>,
  members: readonly string[],
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(json).filter(([name]) => !members.includes(name)));
}

/** Renewal information with this window, whatever the CA would say. Times are RFC 3339. */
export function movedWindow({
  start,
  end,
  explanationURL,
  ...when
}: When & {
  readonly start: string;
  readonly end: string;
  readonly explanationURL?: string;
}): Fault {
  return sometimes(
    { on: ['renewalInfo'], ...when },
    async (_, next) =>
      await rewritten(await next(), (info) => ({
        ...info,
        suggestedWindow: { start, end },
        ...(explanationURL === undefined ? {} : { explanationURL }),
      })),
  );
}

/** Chains of so many certificates: the last is repeated. */
export function hugeChains({
  certificates,
  ...when
}: When & { readonly certificates: number }): Fault {
  return sometimes({ on: ['certificate'], ...when }, async (_, next) => {
    const answer = await next();
    const pem = await answer.text();
    const blocks = pem
      .split(/(?<=-----END CERTIFICATE-----\n)/)
      .filter((block) => block.startsWith('-----BEGIN'));
    const last = blocks.at(-1) ?? '';
    return new Response(
      answer.ok ? pem + last.repeat(Math.max(0, certificates - blocks.length)) : pem,
      answer,
    );
  });
}

/** Another Content-Type than the one that belongs there. */
export function wrongContentTypes({
  contentType = 'text/html',
  ...when
}: When & { readonly contentType?: string } = {}): Fault {
  return sometimes(when, async (_, next) => {
    const answer = await next();
    const headers = new Headers(answer.headers);
    headers.set('content-type', contentType);
    return new Response(answer.body, { status: answer.status, headers });
  });
}

/** What no terminal, log or page may take for more than text. */
export const hostileText =
  '\u001b]0;owned\u0007\u001b[2J\r\nHTTP/1.1 200 OK\r\n<script>alert(1)</script>${jndi:ldap://x}`reboot`$(reboot)\u202e\u0000';

/**
 * Every problem document carries hostile text in `detail`; requests that are met are refused with
 * one.
 */
export function hostileProblems({
  text = hostileText,
  ...when
}: When & { readonly text?: string } = {}): Fault {
  return sometimes(when, async (exchange) => await refusal(exchange, 403, 'unauthorized', text));
}

/** A problem document in place of the CA's answer. */
async function refusal(
  exchange: Exchange,
  status: number,
  type: string,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const nonce = await freshNonce(exchange);
  return new Response(
    JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail, status }),
    {
      status,
      headers: {
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
        ...(nonce === null ? {} : { 'replay-nonce': nonce }),
        ...headers,
      },
    },
  );
}
