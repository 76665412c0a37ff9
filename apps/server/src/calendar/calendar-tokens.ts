import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '@acmex/clock';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { Authenticator } from '../access/authenticator.ts';
import {
  type CalendarToken,
  CalendarTokenStore,
  noCalendarToken,
} from '../access/calendar-token-store.ts';
import { assertMayEnd, type Caller } from '../access/caller.ts';
import { CLOCK } from '../clock.ts';
import { ServerError } from '../errors.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { calendarTokenId, title } from '../http/fields.ts';
import { traceparentIn } from '../http/trace-context.ts';

const tokenSchema = z
  .object({
    id: z.string(),
    title: z.string().optional(),
    key: z.string().describe('The id of the API key that it ends with.'),
    keyTitle: z.string().optional().describe('The title of that key.'),
    createdAt: z.string(),
    lastUsedAt: z.string().optional().describe('To the hour.'),
  })
  .meta({ id: 'CalendarToken' });
const create = endpoint({
  method: 'POST',
  path: '/api/calendar-tokens',
  scope: 'certificates:read',
  summary: 'Make a token that reads the calendar, and nothing else, with the names of the key',
  secret: true,
  body: z.strictObject({ title: title.optional() }),
  answers: {
    201: {
      description:
        'The token. Its text is shown this once. It ends with the secret of the key that has made it.',
      schema: tokenSchema.extend({ token: z.string() }).meta({ id: 'NewCalendarToken' }),
    },
  },
});
const list = endpoint({
  method: 'GET',
  path: '/api/calendar-tokens',
  scope: 'certificates:read',
  summary: 'List the calendar tokens of the key; with the scope keys:read, of the tenant',
  answers: {
    200: {
      description: 'All that can be used.',
      schema: z.object({ items: z.array(tokenSchema) }),
    },
  },
});
const revoke = endpoint({
  method: 'DELETE',
  path: '/api/calendar-tokens/:id',
  scope: 'certificates:read',
  summary: 'Revoke a calendar token of the key; with the scope keys:write, of the tenant',
  params: z.strictObject({ id: calendarTokenId }),
  answers: { 204: { description: 'It is taken no more.' } },
});

/** Tokens with which calendar programs subscribe. */
@Injectable()
export class CalendarTokens {
  readonly #authenticator: Authenticator;
  readonly #clock: Clock;

  constructor(@Inject(Authenticator) authenticator: Authenticator, @Inject(CLOCK) clock: Clock) {
    this.#authenticator = authenticator;
    this.#clock = clock;
  }

  @Handles(create)
  async create({ caller, headers, body }: RequestOf<typeof create>): Promise<Answer> {
    const { id: key, keyDigest } = caller;
    if (keyDigest === undefined)
      throw new ServerError(
        'ERR_SERVER_FORBIDDEN',
        `${key} has no API key, which a calendar token belongs to: use an API key`,
      );
    const store = this.#store(caller, headers);
    const { token, text } = await store.create({ key, keyDigest, ...body });
    return answer(
      201,
      { ...toResource(token, caller), token: text },
      { 'cache-control': 'no-store' },
    );
  }

  @Handles(list)
  async list({ caller }: RequestOf<typeof list>): Promise<Answer> {
    const items: z.infer<typeof tokenSchema>[] = [];
    for await (const token of this.#store(caller).list()) {
      if (token.key !== caller.id && !caller.scopes.has('keys:read')) continue;
      const holder = await this.#authenticator.holderOf(caller.tenant, token);
      if (holder) items.push(toResource(token, holder));
    }
    return answer(200, { items });
  }

  @Handles(revoke)
  async revoke({ caller, headers, params: { id } }: RequestOf<typeof revoke>): Promise<Answer> {
    const store = this.#store(caller, headers);
    const token = await store.get(id);
    if (token.key !== caller.id) {
      if (!caller.scopes.has('keys:write')) throw noCalendarToken(id);
      const holder = await this.#authenticator.holderOf(caller.tenant, token);
      if (holder) assertMayEnd(caller, holder, 'revoke a calendar token of a key');
    }
    await store.revoke(token, caller.id);
    return answer(204);
  }

  /** @param headers of a request that changes tokens: their events have its trace */
  #store(
    { tenant: { storage, name } }: Caller,
    headers: IncomingHttpHeaders = {},
  ): CalendarTokenStore {
    const traceparent = traceparentIn(headers);
    return new CalendarTokenStore({ storage, tenant: name, clock: this.#clock, traceparent });
  }
}

function toResource(
  { id, title: name, key, createdAt, lastUsedAt }: CalendarToken,
  { title: keyTitle }: Caller,
): z.infer<typeof tokenSchema> {
  return { id, title: name, key, keyTitle, createdAt, lastUsedAt };
}
