import type { Clock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { digestOf } from '../access/api-key.ts';
import { Authenticator } from '../access/authenticator.ts';
import {
  cookieName,
  cookiesNamed,
  type IncomingRequest,
  setCookie,
} from '../access/credentials.ts';
import { FailureThrottle } from '../access/failure-throttle.ts';
import { type OidcSignIn, returnPathOf, signInSeconds } from '../access/oidc-sign-in.ts';
import { CLOCK } from '../clock.ts';
import { ServerError, type ServerErrorCode } from '../errors.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { LOG, type Log, logError } from '../log.ts';
import { beginSession, cookieNameFor, type SessionAccess } from './begin-session.ts';

/** Returns what signs people in at the configured provider; undefined if there is none. */
export const OIDC_SIGN_IN = Symbol('OpenID Connect sign-in');

const callbackPath = '/api/sign-in/oidc/callback';
const methods = endpoint({
  method: 'GET',
  path: '/api/sign-in',
  scope: 'none',
  summary: 'See how people can sign in, beside API keys',
  answers: {
    200: {
      description: 'What the server is configured with.',
      schema: z
        .object({
          oidc: z
            .object({ name: z.string().describe('What people call the provider.') })
            .optional()
            .describe('The OpenID Connect provider, if people can sign in there.'),
        })
        .meta({ id: 'SignInMethods' }),
    },
  },
});
const redirect = {
  description: 'To the next page. A failure is in its query, as the code `sign-in`.',
  headers: {
    Location: 'The page.',
    'Set-Cookie': 'What this browser must send with the next step.',
  },
};
const begin = endpoint({
  method: 'GET',
  path: '/api/sign-in/oidc',
  scope: 'none',
  summary: 'Begin to sign in at the OpenID Connect provider, in a browser',
  query: z.strictObject({
    return: z
      .string()
      .max(1000)
      .default('/')
      .describe('The path of this server that the browser goes to afterwards.'),
  }),
  answers: { 303: redirect },
});
const complete = endpoint({
  method: 'GET',
  path: callbackPath,
  scope: 'none',
  summary: 'Complete a sign-in: the OpenID Connect provider sends the browser here',
  // Providers add parameters of their own.
  query: z.looseObject({
    code: z.string().optional(),
    state: z.string().optional(),
    iss: z.string().optional().describe('RFC 9207'),
    error: z.string().optional().describe('OpenID Connect Core §3.1.2.6'),
  }),
  answers: { 303: redirect },
});

/** Failures that the sign-in page explains. All others are answered as problems. */
const explained: ReadonlySet<string> = new Set<ServerErrorCode>([
  'ERR_SERVER_SIGN_IN_STATE',
  'ERR_SERVER_SIGN_IN_DENIED',
  'ERR_SERVER_SIGN_IN_FAILED',
  'ERR_SERVER_SIGN_IN_RIGHTS',
  'ERR_SERVER_CLEAR_SESSION',
  'ERR_SERVER_REQUEST',
  'ERR_SERVER_THROTTLED',
  'ERR_SERVER_UNAVAILABLE',
]);
/** Failures whose reason only the administrator needs. */
const logged: ReadonlySet<string> = new Set<ServerErrorCode>([
  'ERR_SERVER_SIGN_IN_FAILED',
  'ERR_SERVER_SIGN_IN_RIGHTS',
  'ERR_SERVER_UNAVAILABLE',
]);

/** Sign-ins at a provider, which begin sessions. */
@Injectable()
export class OidcSignIns {
  readonly #signIn: () => OidcSignIn | undefined;
  readonly #access: SessionAccess;
  readonly #log: Log;
  /** Each answer of a provider makes the server ask the provider. */
  readonly #throttle = new FailureThrottle('sign-ins at the provider');

  constructor(
    @Inject(OIDC_SIGN_IN) signIn: () => OidcSignIn | undefined,
    @Inject(Authenticator) authenticator: Authenticator,
    @Inject(CLOCK) clock: Clock,
    @Inject(LOG) log: Log,
  ) {
    this.#signIn = signIn;
    this.#access = { authenticator, clock };
    this.#log = log;
  }

  @Handles(methods)
  async methods(): Promise<Answer> {
    const signIn = this.#signIn();
    return answer(200, signIn ? { oidc: { name: signIn.name } } : {});
  }

  @Handles(begin)
  async begin({ query, request }: RequestOf<typeof begin>): Promise<Answer> {
    const signIn = this.#configured();
    return await this.#explaining(isOwnPath(query.return) ? query.return : '/', async () => {
      if (!isOwnPath(query.return))
        throw new ServerError('ERR_SERVER_REQUEST', 'return is not a path of this server');
      const name = attemptCookieName(request);
      const callback = new URL(callbackPath, originOf(request)).href;
      const { location, cookie } = await signIn.begin({ callback, returnTo: query.return });
      return toPage(location, [
        // The provider leads back from another site, where a browser sends no strict cookie.
        setCookie(name, { value: cookie, maxAgeSeconds: signInSeconds, sameSite: 'Lax' }),
      ]);
    });
  }

  @Handles(complete)
  async complete(received: RequestOf<typeof complete>): Promise<Answer> {
    const signIn = this.#configured();
    const { query, headers, request } = received;
    const cookie = attemptCookie(request);
    const path = returnPathOf(cookie) ?? '/';
    const returnTo = isOwnPath(path) ? path : '/';
    return await this.#explaining(returnTo, async () => {
      const name = attemptCookieName(request);
      await this.#throttle.count(request.ip, digestOf(cookie).slice(0, 16));
      const url = new URL(callbackPath, originOf(request));
      for (const [parameter, value] of Object.entries(query))
        for (const text of [value].flat()) url.searchParams.append(parameter, String(text));
      const caller = await signIn.complete({ url, cookie });
      const { scopes, names, title } = caller;
      const rights = { scopes: [...scopes], names, title };
      const begun = await beginSession(
        this.#access,
        caller,
        { keyDigest: signIn.digest, rights },
        { request, headers },
      );
      return toPage(returnTo, [begun.setCookie, endOfAttempt(name)]);
    });
  }

  /** @throws ServerError `ERR_SERVER_NOT_FOUND` */
  #configured(): OidcSignIn {
    const signIn = this.#signIn();
    if (signIn) return signIn;
    throw new ServerError(
      'ERR_SERVER_NOT_FOUND',
      'people sign in with API keys alone here: server.oidc.client_id is not set, or server.dashboard is false',
    );
  }

  /** Does a step of a sign-in. A failure leads to the sign-in page, which says what to do. */
  async #explaining(path: string, step: () => Promise<Answer>): Promise<Answer> {
    try {
      return await step();
    } catch (error) {
      const code = errorCode(error);
      if (code === undefined || !explained.has(code)) throw error;
      if (logged.has(code)) logError(this.#log, 'a sign-in at the provider failed', error);
      const page = new URL(path, 'http://localhost');
      page.searchParams.set('sign-in', code);
      return toPage(`${page.pathname}${page.search}`, []);
    }
  }
}

/** Whether a path leads to a page of this server, whatever a browser makes of it. */
function isOwnPath(path: string): boolean {
  const origin = 'http://localhost';
  if (!/^\/(?!api\/|[/\\])[!-[\]-~]*$/.test(path) || !URL.canParse(path, origin)) return false;
  const url = new URL(path, origin);
  // Without its dots, "/.//example.com" is another host.
  return url.origin === origin && !url.pathname.startsWith('//');
}

/** Returns the origin that the browser sees. Hosts are checked before, and so are proxies. */
function originOf({ protocol, host }: IncomingRequest): string {
  return `${protocol}://${host}`;
}

/** @throws ServerError `ERR_SERVER_CLEAR_SESSION` */
function attemptCookieName(request: IncomingRequest): string {
  return `${cookieNameFor(request, 'GET /api/sign-in/oidc')}-oidc`;
}

/** Returns the cookie of a sign-in; nothing where it is not clear which is meant. */
function attemptCookie(request: IncomingRequest): string {
  const name = cookieName(request);
  const [cookie = '', ...more] = name === undefined ? [] : cookiesNamed(`${name}-oidc`, request);
  return more.length === 0 ? cookie : '';
}

function endOfAttempt(name: string): string {
  return setCookie(name, { value: '', maxAgeSeconds: 0, sameSite: 'Lax' });
}

function toPage(location: string, cookies: string[]): Answer {
  return answer(303, undefined, {
    location,
    'cache-control': 'no-store',
    ...(cookies.length === 0 ? {} : { 'set-cookie': cookies }),
  });
}
