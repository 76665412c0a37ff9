import type { IncomingHttpHeaders } from 'node:http';
import { isLoopback } from '@acmex/identifier';
import type { FastifyRequest } from 'fastify';

/** How a request has come, as its connection, its headers and trusted proxies say. */
export type IncomingRequest = Pick<FastifyRequest, 'headers' | 'ip' | 'protocol' | 'host'>;

/** What a request says of who sends it. */
export interface Credentials {
  readonly 'x-api-key'?: string | readonly string[] | undefined;
  readonly authorization?: string | undefined;
  /** The values of the cookie of a session, which count only without a key or token. */
  readonly cookies: readonly string[];
  /** From the query of the one route that takes it. */
  readonly calendarToken?: string | undefined;
}

/** Returns the credentials of a request. A session's cookie counts only without any other. */
export function credentialsOf(request: IncomingRequest): Credentials {
  const { 'x-api-key': key, authorization, cookie } = request.headers;
  const hasCookie = cookie !== undefined && key === undefined && authorization === undefined;
  return { 'x-api-key': key, authorization, cookies: hasCookie ? sessionCookies(request) : [] };
}

/**
 * Returns the credentials of a request to the calendar, which may have a token in its query: programs
 * that subscribe cannot send headers.
 */
export function calendarCredentialsOf(
  request: IncomingRequest & Pick<FastifyRequest, 'query'>,
): Credentials {
  const credentials = credentialsOf(request);
  const { token } = (request.query ?? {}) as { readonly token?: unknown };
  return typeof token === 'string'
    ? { ...credentials, cookies: [], calendarToken: token }
    : credentials;
}

/** Reads the key from the password that a browser sends. RFC 7617 */
export function withPassword(
  authorization: IncomingHttpHeaders['authorization'],
): string | undefined {
  const [, basic] = /^Basic +([\w+/=]+)$/i.exec(authorization ?? '') ?? [];
  if (basic === undefined) return authorization;
  const text = Buffer.from(basic, 'base64').toString();
  return `Bearer ${text.slice(text.indexOf(':') + 1)}`;
}

/**
 * Returns the name of the cookie of a session. Over https it has the prefix with which a browser
 * takes it from this host alone (RFC 6265bis §4.1.3.2).
 * @returns undefined over http from another machine, where a cookie could be read on its way
 */
export function cookieName({ protocol, host, ip }: IncomingRequest): string | undefined {
  if (protocol === 'https') return '__Host-acmex';
  const isLocal = isLoopback(ip) && isLoopback(host.replace(/:\d+$/, ''));
  return protocol === 'http' && isLocal ? 'acmex' : undefined;
}

/** Returns the different values of the cookie of a session, however often it was sent. */
export function sessionCookies(request: IncomingRequest): readonly string[] {
  const name = cookieName(request);
  return name === undefined ? [] : cookiesNamed(name, request);
}

/** Returns the different values of a cookie, however often it was sent. */
export function cookiesNamed(
  name: string,
  { headers: { cookie = '' } }: Pick<IncomingRequest, 'headers'>,
): readonly string[] {
  const values = cookie
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return [...new Set(values)];
}

export interface CookieOptions {
  readonly value: string;
  readonly maxAgeSeconds: number;
  /** `Strict` by default. A cookie that a page of another site leads back to is `Lax`. */
  readonly sameSite?: 'Strict' | 'Lax' | undefined;
}

/** Returns the header that sets a cookie that no script of a page can read. */
export function setCookie(
  name: string,
  { value, maxAgeSeconds, sameSite = 'Strict' }: CookieOptions,
): string {
  const secure = name.startsWith('__Host-') ? '; Secure' : '';
  return `${name}=${value}; Max-Age=${maxAgeSeconds}; Path=/; HttpOnly; SameSite=${sameSite}${secure}`;
}
