import { type Fault, type Problem, refuse, signedContent, sometimes, type When } from './fault.ts';

/** POST requests are refused for their nonce, with a new one. RFC 8555 §6.5 */
export function badNonces(when: When = {}): Fault {
  return sometimes(
    when,
    async (exchange) =>
      await refuse(exchange, {
        status: 400,
        type: 'badNonce',
        detail: 'the nonce is not known here',
      }),
    ({ request }) => request.method === 'POST',
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
      await refuse(exchange, {
        status: 503,
        type: 'serverInternal',
        detail: 'the CA is closed for maintenance',
        headers: retryAfterHeader(retryAfter),
      }),
  );
}

/** `429` of type rateLimited, with a time to come back and a page that explains it. */
export function rateLimited({
  retryAfter,
  help = 'https://ca.example/limits',
  detail = `too many certificates: see ${help}`,
  ...when
}: When & {
  readonly retryAfter?: number | string;
  readonly help?: string;
  /** Which limit it is, in words. */
  readonly detail?: string;
} = {}): Fault {
  return sometimes(
    { on: ['newOrder'], ...when },
    async (exchange) =>
      await refuse(exchange, {
        status: 429,
        type: 'rateLimited',
        detail,
        headers: { link: `<${help}>;rel="help"`, ...retryAfterHeader(retryAfter) },
      }),
  );
}

function retryAfterHeader(
  retryAfter: number | string | undefined,
): Readonly<Record<string, string>> {
  return retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
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
      await refuse(exchange, {
        status: 429,
        type: 'rateLimited',
        detail: `Your account is temporarily prevented from requesting certificates for this name and possibly others. Please visit: ${unpause}`,
      }),
  );
}

/**
 * The terms of service have changed: orders are refused with userActionRequired until a person has
 * agreed to them at `instance`. RFC 8555 §7.3.3
 */
export function changedTerms({
  instance = 'https://ca.example/agree?account=x',
  terms = 'https://ca.example/terms-2',
  ...when
}: When & { readonly instance?: string; readonly terms?: string } = {}): Fault {
  return sometimes(
    { on: ['newOrder'], ...when },
    async (exchange) =>
      await refuse(exchange, {
        status: 403,
        type: 'userActionRequired',
        detail: 'the terms of service have changed',
        instance,
        headers: { link: `<${terms}>;rel="terms-of-service"` },
      }),
  );
}

/**
 * The account is gone: requests that name it, and look-ups of it by its key, are refused with
 * accountDoesNotExist. The CA itself still has it, so `times` ends the fault.
 */
export function missingAccounts(when: When = {}): Fault {
  return sometimes(
    when,
    async (exchange) =>
      await refuse(exchange, {
        status: 400,
        type: 'accountDoesNotExist',
        detail: 'the CA has no such account',
      }),
    async ({ request }) => {
      const signed = await signedContent(request);
      return signed?.header.kid !== undefined || signed?.payload?.onlyReturnExisting === true;
    },
  );
}

/** Orders that name a certificate in `replaces` are refused with any problem. RFC 9773 §5 */
export function refusedReplacements({
  problem = {},
  ...when
}: Omit<When, 'on'> & { readonly problem?: Partial<Problem> } = {}): Fault {
  return sometimes(
    { ...when, on: ['newOrder'] },
    async (exchange) =>
      await refuse(exchange, {
        status: 409,
        type: 'alreadyReplaced',
        detail: 'the certificate in "replaces" cannot be replaced by this order',
        ...problem,
      }),
    async ({ request }) => {
      const replaces = (await signedContent(request))?.payload?.replaces;
      return replaces !== undefined && replaces !== null;
    },
  );
}

/** The URL of a certificate is `404`, once by default: the part of the CA that has it is behind. */
export function absentCertificates(when: Omit<When, 'on'> = {}): Fault {
  return sometimes(
    { times: 1, ...when, on: ['certificate'] },
    async (exchange) =>
      await refuse(exchange, {
        status: 404,
        type: 'malformed',
        detail: 'there is no such certificate',
      }),
  );
}

/**
 * A gateway in front of the CA answers `502` with a page, and without a nonce: to finalize by
 * default.
 */
export function badGateways({
  work = 'done',
  ...when
}: When & {
  /** Whether the CA has received the request and done its work, as it has by default. */
  readonly work?: 'done' | 'not-started';
} = {}): Fault {
  return sometimes({ on: ['finalize'], ...when }, async (_, next) => {
    if (work === 'done') await next();
    return new Response('<html><h1>502 Bad Gateway</h1></html>', {
      status: 502,
      headers: { 'content-type': 'text/html' },
    });
  });
}

/** Text that a terminal, a log or a page must not interpret. */
export const hostileText =
  '\u001b]0;owned\u0007\u001b[2J\r\nHTTP/1.1 200 OK\r\n<script>alert(1)</script>${jndi:ldap://x}`reboot`$(reboot)\u202e\u0000';

/** Requests are refused with a problem document that has hostile text in `detail`. */
export function hostileProblems({
  text = hostileText,
  ...when
}: When & { readonly text?: string } = {}): Fault {
  return sometimes(
    when,
    async (exchange) => await refuse(exchange, { status: 403, type: 'unauthorized', detail: text }),
  );
}
