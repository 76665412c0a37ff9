import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '@acmex/clock';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { Authenticator } from '../access/authenticator.ts';
import { assertMayEnd, type Caller } from '../access/caller.ts';
import { cookieName, setCookie } from '../access/credentials.ts';
import { scopes } from '../access/scopes.ts';
import type { Session, SessionStore } from '../access/session-store.ts';
import { CLOCK } from '../clock.ts';
import { ServerError } from '../errors.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { keyText, sessionId } from '../http/fields.ts';
import {
  beginSession,
  cookieNameFor,
  type SessionAccess,
  sessionStoreOf,
} from './begin-session.ts';

const signedIn = z
  .object({
    id: z.string().optional().describe('The id of the session; absent for a key or token.'),
    key: z.string().describe('The id of the API key, or the name of the holder of a token.'),
    title: z.string().optional().describe('The title of the API key, or the name of the person.'),
    tenant: z.string(),
    scopes: z.array(z.enum(scopes)),
    names: z.array(z.string()),
    expiresAt: z
      .string()
      .optional()
      .describe('The latest end. A session that is not used ends after an hour.'),
    keysExpireAt: z
      .string()
      .optional()
      .describe(
        'The latest end of API keys that it makes: that of its own key or token, or of the session of a person; absent for none.',
      ),
    csrf: z
      .string()
      .optional()
      .describe(
        'Requests of the session that change something send it as `X-CSRF-Token`; absent for a key or token.',
      ),
  })
  .meta({ id: 'SignedIn' });
const sessionSchema = z
  .object({
    id: z.string(),
    key: z
      .string()
      .describe('The id of the API key that it began with, or of the person: `oidc:…`.'),
    title: z.string().optional().describe('The title of the API key, or the name of the person.'),
    createdAt: z.string(),
    lastUsedAt: z.string().describe('To the minute.'),
    expiresAt: z.string(),
    address: z.string().describe('Where it was begun.'),
    userAgent: z.string().optional().describe('What the browser calls itself, cut.'),
    isCurrent: z.boolean().describe('Whether the request is of this session.'),
  })
  .meta({ id: 'Session' });

const signIn = endpoint({
  method: 'POST',
  path: '/api/session',
  scope: 'none',
  summary: 'Sign in with an API key in a browser, which gets a cookie',
  body: z.strictObject({ key: keyText }),
  answers: {
    201: {
      description: 'A new session of the key. An earlier one of the same browser has ended.',
      schema: signedIn,
      headers: { 'Set-Cookie': '`__Host-acmex` over https, `acmex` over http on one machine.' },
    },
  },
});
const show = endpoint({
  method: 'GET',
  path: '/api/session',
  scope: 'any',
  summary: 'See who is signed in, by a session, a key or a token',
  answers: { 200: { description: 'Who the request is of.', schema: signedIn } },
});
const signOut = endpoint({
  method: 'DELETE',
  path: '/api/session',
  scope: 'any',
  ofSession: true,
  summary: 'Sign out',
  answers: {
    204: {
      description: 'The session has ended.',
      headers: { 'Set-Cookie': 'Removes the cookie.' },
    },
  },
});
const list = endpoint({
  method: 'GET',
  path: '/api/sessions',
  scope: 'keys:read',
  summary: 'List the sessions of the tenant',
  answers: {
    200: {
      description: 'All that can be used, the oldest first.',
      schema: z.object({ items: z.array(sessionSchema) }),
    },
  },
});
const revoke = endpoint({
  method: 'DELETE',
  path: '/api/sessions/:id',
  scope: 'keys:write',
  summary: 'Revoke a session at once',
  params: z.strictObject({ id: sessionId }),
  answers: { 204: { description: 'It is taken no more.' } },
});

/** Sessions of browsers, each of which has the rights of an API key. */
@Injectable()
export class Sessions {
  readonly #access: SessionAccess;

  constructor(@Inject(Authenticator) authenticator: Authenticator, @Inject(CLOCK) clock: Clock) {
    this.#access = { authenticator, clock };
  }

  @Handles(signIn)
  async signIn({ body: { key }, headers, request }: RequestOf<typeof signIn>): Promise<Answer> {
    cookieNameFor(request, 'POST /api/session');
    const caller = await this.#access.authenticator.authenticate(
      { 'x-api-key': key, cookies: [] },
      request.ip,
    );
    if (caller?.keyDigest === undefined)
      throw new ServerError(
        'ERR_SERVER_UNAUTHENTICATED',
        'a session begins with an API key, and this is a token: send it as Authorization: Bearer',
      );
    const { keyDigest } = caller;
    const begun = await beginSession(this.#access, caller, { keyDigest }, { request, headers });
    return answer(201, toSignedIn({ ...caller, session: begun.session }), {
      'cache-control': 'no-store',
      'set-cookie': begun.setCookie,
    });
  }

  @Handles(show)
  async show({ caller }: RequestOf<typeof show>): Promise<Answer> {
    return answer(200, toSignedIn(caller), { 'cache-control': 'no-store' });
  }

  @Handles(signOut)
  async signOut({ caller, headers, request }: RequestOf<typeof signOut>): Promise<Answer> {
    const name = cookieName(request);
    if (!caller.session || name === undefined)
      throw new ServerError(
        'ERR_SERVER_NOT_FOUND',
        `${caller.id} has sent a key or token, which has no session: revoke a key at /api/keys`,
      );
    const end = { type: 'session_ended', by: caller.id, address: request.ip } as const;
    await this.#store(caller, headers).end(caller.session.id, end);
    return answer(204, undefined, {
      'set-cookie': setCookie(name, { value: '', maxAgeSeconds: 0 }),
    });
  }

  @Handles(list)
  async list({ caller }: RequestOf<typeof list>): Promise<Answer> {
    const items: z.infer<typeof sessionSchema>[] = [];
    for await (const session of this.#store(caller).list()) {
      const holder = await this.#access.authenticator.holderOf(caller.tenant, session);
      if (holder) items.push(toResource(session, { holder, current: caller.session?.id }));
    }
    return answer(200, { items });
  }

  @Handles(revoke)
  async revoke({
    caller,
    headers,
    params: { id },
    request,
  }: RequestOf<typeof revoke>): Promise<Answer> {
    const store = this.#store(caller, headers);
    const holder = await this.#access.authenticator.holderOf(caller.tenant, await store.get(id));
    if (holder && holder.id !== caller.id)
      assertMayEnd(caller, holder, 'revoke a session of a key');
    await store.end(id, { type: 'session_revoked', by: caller.id, address: request.ip });
    return answer(204);
  }

  #store(caller: Caller, headers?: IncomingHttpHeaders): SessionStore {
    return sessionStoreOf(caller, this.#access.clock, headers);
  }
}

function toSignedIn(caller: Caller): z.infer<typeof signedIn> {
  const { id: key, title, tenant, scopes: granted, names, expiresAt, session } = caller;
  const ends = [expiresAt, session?.expiresAt].filter((end) => end !== undefined);
  const [first] = ends.sort((end, next) => Date.parse(end) - Date.parse(next));
  return {
    ...(session ? { id: session.id, csrf: session.csrf } : {}),
    ...{ key, title, tenant: tenant.name, scopes: [...granted], names: [...names] },
    expiresAt: first,
    keysExpireAt: expiresAt,
  };
}

function toResource(
  session: Session,
  { holder, current }: { readonly holder: Caller; readonly current: string | undefined },
): z.infer<typeof sessionSchema> {
  return {
    id: session.id,
    key: holder.id,
    title: holder.title,
    createdAt: session.createdAt,
    lastUsedAt: session.lastUsedAt,
    expiresAt: session.expiresAt,
    address: session.address,
    userAgent: session.userAgent,
    isCurrent: session.id === current,
  };
}
