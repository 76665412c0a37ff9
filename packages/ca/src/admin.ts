import { createHash, timingSafeEqual } from 'node:crypto';
import { type Answer, json, problemAnswer } from './answer.ts';
import { CaError } from './errors.ts';
import type { PlainHandler, PlainRequest, PlainResponse } from './plain-http.ts';
import type { AdminOptions } from './admin-options.ts';
import { issuedPage } from './issued.ts';
import { type IssuedStatus, issuedStatuses } from './issued-statuses.ts';
import { isRefusal, refusal } from './problems.ts';
import { clientAt, limited } from './rate-limits.ts';
import type { Service } from './service.ts';

const shortestKey = 32;
const [defaultLimit, highestLimit] = [100, 500];
const parameters = ['limit', 'after', 'identifier', 'account', 'profile', 'status'];

/**
 * Adds the operator's list of issued certificates to a server: `GET <url>/admin/certificates` with
 * `Authorization: Bearer <key>`.
 * @throws CaError `ERR_CA_ADMIN_KEY` for a short key
 */
export function withAdmin(
  handler: PlainHandler,
  service: Service,
  { key }: AdminOptions,
): PlainHandler {
  if (key.length < shortestKey)
    throw new CaError(
      'ERR_CA_ADMIN_KEY',
      `the key of the list of certificates has ${key.length} characters, and needs ${shortestKey} at least: use openssl rand -hex 32`,
    );
  const expected = digest(`Bearer ${key}`);
  const url = service.urls.of('/admin/certificates');
  const path = new URL(url).pathname;
  const list = async (request: PlainRequest, address: string): Promise<Answer> => {
    if (!timingSafeEqual(digest(request.headers.get('authorization') ?? ''), expected)) {
      await limited(service.rateLimiter, 'refused-request', clientAt(address));
      throw refusal('unauthorized', 'this needs the key of the operator as a bearer token', {
        status: 401,
        headers: { 'www-authenticate': 'Bearer' },
      });
    }
    if (request.method !== 'GET')
      throw refusal('malformed', 'this URL takes GET alone', {
        status: 405,
        headers: { allow: 'GET' },
      });
    return await certificatesAnswer(service, new URL(request.url).searchParams, url);
  };
  return async (request, connection) => {
    if (!URL.canParse(request.url) || new URL(request.url).pathname !== path)
      return await handler(request, connection);
    try {
      return responseOf(await list(request, connection?.address ?? 'unknown'));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return responseOf(problemAnswer(error.document, error.headers));
    }
  };
}

async function certificatesAnswer(
  { storage, clock }: Service,
  query: URLSearchParams,
  url: string,
): Promise<Answer> {
  const unknown = [...query.keys()].find((name) => !parameters.includes(name));
  if (unknown !== undefined)
    throw refusal('malformed', `the parameters of this list are ${parameters.join(', ')}`);
  const value = (name: string) => query.get(name) ?? undefined;
  const limit = Number(value('limit') ?? defaultLimit);
  if (!Number.isInteger(limit) || limit < 1 || limit > highestLimit)
    throw refusal('malformed', `"limit" is a number from 1 to ${highestLimit}`);
  const status = value('status');
  if (status !== undefined && !issuedStatuses.some((known) => known === status))
    throw refusal('malformed', `"status" is one of ${issuedStatuses.join(', ')}`);
  const after = value('after');
  if (after !== undefined && !/^[0-9a-f]{1,40}$/.test(after))
    throw refusal('malformed', '"after" is a serial number, in lower-case hexadecimal');
  const { certificates, next } = await issuedPage(storage, {
    limit,
    after,
    clock,
    identifier: value('identifier')?.toLowerCase(),
    account: value('account'),
    profile: value('profile'),
    status: status as IssuedStatus | undefined,
  });
  return json(200, {
    certificates,
    next: next === undefined ? undefined : nextUrl(url, query, next),
  });
}

function nextUrl(url: string, query: URLSearchParams, after: string): string {
  const next = new URLSearchParams(query);
  next.set('after', after);
  return `${url}?${next}`;
}

function responseOf({ status, headers, body }: Answer): PlainResponse {
  return {
    status,
    headers: Object.entries({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    }),
    body,
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
