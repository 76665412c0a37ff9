import type { ExternalAccountInfo } from '@acmex/ca';
import type { Clock } from '@acmex/clock';
import type { Storage } from '@acmex/storage';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { CLOCK } from '../clock.ts';
import { STORAGE } from '../health/health.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { externalAccountId, limit, pageOf, title } from '../http/fields.ts';
import { timePage } from '../http/time-page.ts';
import { CaLibrary } from './ca-library.ts';
import { operatedCa } from './operated-ca.ts';

const accountSchema = z
  .object({
    id: z.string().describe('What a client sends as the key identifier. RFC 8555 §7.3.4'),
    description: z.string().describe('Who it is for; may be empty.'),
    isReusable: z.boolean().describe('Whether more than one ACME account may be bound to it.'),
    state: z
      .enum(['unused', 'bound', 'revoked'])
      .describe('`bound`: an ACME account is bound to it, the last one as `account`.'),
    account: z.string().optional(),
    createdAt: z.string(),
    revokedAt: z.string().optional(),
  })
  .meta({ id: 'ExternalAccount' });
const list = endpoint({
  method: 'GET',
  path: '/api/ca/external-accounts',
  scope: 'ca:read',
  summary: 'List the external accounts of the own CA, the newest first',
  query: z.strictObject({
    limit,
    cursor: z
      .string()
      .regex(/^eab_[0-9a-z]{10,26}$/, 'take it from next of the page before')
      .optional()
      .describe('`next` of the page before.'),
  }),
  answers: {
    200: { description: 'A page of them, without their keys.', schema: pageOf(accountSchema) },
  },
});
const create = endpoint({
  method: 'POST',
  path: '/api/ca/external-accounts',
  scope: 'ca:write',
  summary: 'Make an external account, with which a client may register at the own CA',
  secret: true,
  body: z.strictObject({
    description: title.optional().describe('Who it is for.'),
    isReusable: z
      .boolean()
      .default(false)
      .describe('Let more than one ACME account be bound to it.'),
  }),
  answers: {
    201: {
      description: 'The external account. Its key is shown this once.',
      schema: accountSchema.extend({
        hmacKey: z.string().describe('32 bytes in base64url, for HS256.'),
      }),
    },
  },
});
const revoke = endpoint({
  method: 'DELETE',
  path: '/api/ca/external-accounts/:id',
  scope: 'ca:write',
  summary: 'Revoke an external account; ACME accounts that are bound to it stay',
  params: z.strictObject({ id: externalAccountId }),
  answers: { 204: { description: 'No further ACME account is bound to it.' } },
});

/** External accounts of the own CA over HTTP. */
@Injectable()
export class ExternalAccounts {
  readonly #storage: Storage;
  readonly #ca: CaLibrary;
  readonly #clock: Clock;

  constructor(
    @Inject(STORAGE) storage: Storage,
    @Inject(CaLibrary) ca: CaLibrary,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.#storage = storage;
    this.#ca = ca;
    this.#clock = clock;
  }

  @Handles(list)
  async list({ caller, query: page }: RequestOf<typeof list>): Promise<Answer> {
    const { library } = await operatedCa(caller, this.#source());
    const storage = this.#storage;
    const { items, next, scanned } = await timePage(
      {
        prefix: 'eab',
        async *list(options) {
          for await (const account of library.listExternalAccounts(storage, options))
            yield toResource(account);
        },
      },
      {
        ...page,
        ...{ sort: 'newest', nowMs: this.#clock.now().epochMilliseconds, where: () => true },
      },
    );
    return answer(200, { items, next, scanned });
  }

  @Handles(create)
  async create({
    caller,
    body: { description = '', isReusable },
  }: RequestOf<typeof create>): Promise<Answer> {
    const { library } = await operatedCa(caller, this.#source());
    const { kid, hmacKey, createdAt } = await library.createExternalAccount(this.#storage, {
      ...{ description, reusable: isReusable ? 'reusable' : 'once', clock: this.#clock },
    });
    const created = toResource({ kid, description, reusable: isReusable, createdAt });
    return answer(201, { ...created, hmacKey }, { 'cache-control': 'no-store' });
  }

  /** @throws CaError `ERR_CA_EXTERNAL_ACCOUNT` */
  @Handles(revoke)
  async revoke({ caller, params: { id } }: RequestOf<typeof revoke>): Promise<Answer> {
    const { library } = await operatedCa(caller, this.#source());
    await library.revokeExternalAccount(this.#storage, id, { clock: this.#clock });
    return answer(204);
  }

  #source() {
    return { storage: this.#storage, ca: this.#ca };
  }
}

function toResource({
  kid,
  description,
  reusable,
  account,
  createdAt,
  revokedAt,
}: ExternalAccountInfo): z.infer<typeof accountSchema> {
  const bound = account === undefined ? 'unused' : 'bound';
  const state = revokedAt === undefined ? bound : 'revoked';
  return { id: kid, description, isReusable: reusable, state, account, createdAt, revokedAt };
}
