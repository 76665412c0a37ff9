import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '@acmex/clock';
import type { Authenticator } from '../access/authenticator.ts';
import type { Caller } from '../access/caller.ts';
import {
  cookieName,
  type IncomingRequest,
  sessionCookies,
  setCookie,
} from '../access/credentials.ts';
import { type NewSession, SessionStore, type VerifiedSession } from '../access/session-store.ts';
import { ServerError } from '../errors.ts';
import { traceparentIn } from '../http/trace-context.ts';

/** What sessions are begun with. */
export interface SessionAccess {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
}

export interface BegunSession {
  readonly session: VerifiedSession;
  /** The header that gives the browser its cookie. */
  readonly setCookie: string;
}

/** A request that begins a session. */
export interface SessionRequest {
  readonly request: IncomingRequest;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Begins a session for a browser. An earlier one, whose cookie the browser has sent, ends.
 * @throws ServerError `ERR_SERVER_CLEAR_SESSION`
 */
export async function beginSession(
  { authenticator, clock }: SessionAccess,
  caller: Caller,
  rights: Pick<NewSession, 'keyDigest' | 'rights'>,
  { request, headers }: SessionRequest,
): Promise<BegunSession> {
  const name = cookieNameFor(request, 'POST /api/session');
  const { ip: address } = request;
  const earlier = await authenticator.verify({ cookies: sessionCookies(request) });
  if (earlier?.session) {
    const end = { type: 'session_ended', by: earlier.id, address } as const;
    await sessionStoreOf(earlier, clock, headers).end(earlier.session.id, end);
  }
  const { session, cookie } = await sessionStoreOf(caller, clock, headers).create({
    key: caller.id,
    ...rights,
    address,
    userAgent: headers['user-agent'],
  });
  const maxAgeSeconds = Math.floor(
    (Date.parse(session.expiresAt) - Date.parse(session.createdAt)) / 1000,
  );
  return { session, setCookie: setCookie(name, { value: cookie, maxAgeSeconds }) };
}

/**
 * Returns the name of the cookie of a session that a request begins.
 * @param route the method and path, for the message
 * @throws ServerError `ERR_SERVER_CLEAR_SESSION`
 */
export function cookieNameFor(request: IncomingRequest, route: string): string {
  const name = cookieName(request);
  if (name !== undefined) return name;
  const { ip, host } = request;
  throw new ServerError(
    'ERR_SERVER_CLEAR_SESSION',
    `${route} came over http from ${ip} for ${JSON.stringify(host)}: without https a session is for a browser on the server's own machine, at a URL such as http://localhost:8080`,
  );
}

/** @param headers of a request that changes sessions: their events have its trace */
export function sessionStoreOf(
  { tenant: { storage, name } }: Caller,
  clock: Clock,
  headers: IncomingHttpHeaders = {},
): SessionStore {
  return new SessionStore({ storage, tenant: name, clock, traceparent: traceparentIn(headers) });
}
