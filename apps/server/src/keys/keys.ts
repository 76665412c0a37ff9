import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '@acmex/clock';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { CLOCK } from '../clock.ts';
import {
  assertDeployTargets,
  assertMayEnd,
  assertNotWider,
  type Caller,
} from '../access/caller.ts';
import { type ApiKey, KeyStore } from '../access/key-store.ts';
import { scopes } from '../access/scopes.ts';
import { ServerError } from '../errors.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { keyId, moment, namePattern, ownName, title } from '../http/fields.ts';
import { traceparentIn } from '../http/trace-context.ts';

const params = z.strictObject({ id: keyId });
const keySchema = z
  .object({
    id: z.string(),
    title: z.string().optional(),
    scopes: z.array(z.enum(scopes)),
    names: z.array(z.string()),
    deployTargets: z
      .array(z.string())
      .optional()
      .describe('Deploy targets that it may name; absent for all of its tenant.'),
    createdAt: z.string(),
    createdBy: z.string(),
    expiresAt: z.string().optional(),
    revokedAt: z.string().optional(),
    lastUsedAt: z.string().optional().describe('To the hour.'),
    secrets: z.number().int().describe('Two while it is being rotated.'),
  })
  .meta({ id: 'Key' });
const withText = {
  description: 'The key. Its text is shown this once.',
  schema: keySchema.extend({ key: z.string() }),
};
const create = endpoint({
  method: 'POST',
  path: '/api/keys',
  scope: 'keys:write',
  summary: 'Make an API key that is not wider than the own one',
  secret: true,
  body: z.strictObject({
    title: title.optional(),
    scopes: z.array(z.enum(scopes)).min(1).max(scopes.length),
    names: z
      .array(namePattern)
      .min(1)
      .max(100)
      .optional()
      .describe(
        'Names that it may use: a name, *.example.com for all below it, or *; those of the own key by default.',
      ),
    deployTargets: z
      .array(ownName)
      .max(100)
      .optional()
      .describe(
        'Deploy targets of the tenant that it may name as `deployTo`; those of the own key by default.',
      ),
    expiresAt: moment.optional(),
  }),
  answers: { 201: { ...withText, headers: { Location: 'The key.' } } },
});
const list = endpoint({
  method: 'GET',
  path: '/api/keys',
  scope: 'keys:read',
  summary: 'List the API keys of the tenant',
  answers: {
    200: {
      description: 'All of them, without their secrets.',
      schema: z.object({ items: z.array(keySchema) }),
    },
  },
});
const show = endpoint({
  method: 'GET',
  path: '/api/keys/:id',
  scope: 'keys:read',
  summary: 'Look at an API key',
  params,
  answers: { 200: { description: 'The key, without its secret.', schema: keySchema } },
});
const expire = endpoint({
  method: 'POST',
  path: '/api/keys/:id/expire',
  scope: 'keys:write',
  summary: 'Give a key an end',
  params,
  body: z.strictObject({ at: moment }),
  answers: { 200: { description: 'The key.', schema: keySchema } },
});
const revoke = endpoint({
  method: 'DELETE',
  path: '/api/keys/:id',
  scope: 'keys:write',
  summary: 'Revoke a key at once',
  params,
  answers: { 204: { description: 'It is taken no more.' } },
});
const rotate = endpoint({
  method: 'POST',
  path: '/api/keys/:id/rotate',
  scope: 'keys:write',
  summary: 'Give a key another secret; the one before is taken for a while longer',
  secret: true,
  params,
  body: z.strictObject({
    graceHours: z
      .number()
      .min(0)
      .max(720)
      .default(24)
      .describe('How long the secret before is taken.'),
  }),
  answers: { 200: withText },
});

@Injectable()
export class Keys {
  readonly #clock: Clock;

  constructor(@Inject(CLOCK) clock: Clock) {
    this.#clock = clock;
  }

  @Handles(create)
  async create({
    caller,
    headers,
    body: { names = [...caller.names], ...body },
  }: RequestOf<typeof create>): Promise<Answer> {
    const { deployTargets = caller.deployTargets, expiresAt = caller.expiresAt } = body;
    const wanted = { ...body, names, deployTargets, expiresAt };
    assertNotWider(caller, wanted);
    assertDeployTargets(caller, body.deployTargets ?? [], '/deployTargets');
    const { key, text } = await this.#store(caller, headers).create(wanted, caller.id);
    return answer(
      201,
      { ...toResource(key), key: text },
      { location: `/api/keys/${key.id}`, 'cache-control': 'no-store' },
    );
  }

  @Handles(list)
  async list({ caller }: RequestOf<typeof list>): Promise<Answer> {
    const items = [];
    for await (const key of this.#store(caller).list()) items.push(toResource(key));
    return answer(200, { items });
  }

  @Handles(show)
  async show({ caller, params: { id } }: RequestOf<typeof show>): Promise<Answer> {
    return answer(200, toResource(await this.#store(caller).get(id)));
  }

  @Handles(expire)
  async expire({
    caller,
    headers,
    params: { id },
    body: { at },
  }: RequestOf<typeof expire>): Promise<Answer> {
    const key = await this.#endable(caller, id);
    if (key.expiresAt !== undefined && Date.parse(key.expiresAt) < Date.parse(at))
      throw new ServerError(
        'ERR_SERVER_WIDER_KEY',
        `${id} ends at ${key.expiresAt}: a key gets no later end, make another`,
      );
    return answer(200, toResource(await this.#store(caller, headers).expire(id, at, caller.id)));
  }

  @Handles(revoke)
  async revoke({ caller, headers, params: { id } }: RequestOf<typeof revoke>): Promise<Answer> {
    await this.#endable(caller, id);
    await this.#store(caller, headers).revoke(id, caller.id);
    return answer(204);
  }

  @Handles(rotate)
  async rotate({
    caller,
    headers,
    params: { id },
    body: { graceHours },
  }: RequestOf<typeof rotate>): Promise<Answer> {
    const current = await this.#store(caller).get(id);
    if (id !== caller.id) assertNotWider(caller, current);
    const { key, text } = await this.#store(caller, headers).rotate(
      id,
      { milliseconds: Math.round(graceHours * 3_600_000) },
      caller.id,
    );
    return answer(200, { ...toResource(key), key: text }, { 'cache-control': 'no-store' });
  }

  /** Returns a key that has no more rights than the caller. */
  async #endable(caller: Caller, id: string): Promise<ApiKey> {
    const key = await this.#store(caller).get(id);
    if (id !== caller.id) assertMayEnd(caller, key);
    return key;
  }

  /** @param headers of a request that changes keys: their events have its trace */
  #store({ tenant: { storage, name } }: Caller, headers: IncomingHttpHeaders = {}): KeyStore {
    const traceparent = traceparentIn(headers);
    return new KeyStore({ storage, tenant: name, clock: this.#clock, traceparent });
  }
}

function toResource({
  id,
  title: keyTitle,
  scopes: all,
  names,
  deployTargets,
  createdAt,
  createdBy,
  expiresAt,
  revokedAt,
  lastUsedAt,
  secrets,
}: ApiKey): z.infer<typeof keySchema> {
  return {
    id,
    title: keyTitle,
    scopes: [...all],
    names: [...names],
    deployTargets: deployTargets && [...deployTargets],
    createdAt,
    createdBy,
    expiresAt,
    revokedAt,
    lastUsedAt,
    secrets,
  };
}
