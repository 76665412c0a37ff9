import type { RecordCheck as Check } from '@acmex/manager';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { ServerError } from '../errors.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { orderId } from '../http/fields.ts';
import { SERVER_PATHS, type ServerPaths } from '../http/server-paths.ts';
import { SCHEDULING, type Scheduling } from '../scheduling.ts';
import { assertVisible, orderOf, orderSchema } from './order.ts';

const answerSchema = z
  .object({
    server: z.string().describe('The address that was asked.'),
    state: z
      .enum(['seen', 'different', 'absent', 'failed'])
      .describe(
        '`different`: the name has other values only. `absent`: it has none. `failed`: the server does not answer.',
      ),
    values: z.array(z.string()).optional().describe('What it shows, the first ten values.'),
    error: z.string().optional(),
  })
  .meta({ id: 'RecordAnswer' });
const checkSchema = z
  .object({
    type: z.literal('TXT'),
    name: z.string(),
    value: z.string().describe('The value that is wanted.'),
    domain: z.string(),
    answers: z
      .array(answerSchema)
      .describe('Of all servers that answer for the zone, or of the resolvers of acmex.toml.'),
    error: z.string().optional().describe('Why no server could be asked.'),
  })
  .meta({ id: 'RecordCheck' });
const check = endpoint({
  method: 'POST',
  path: '/api/orders/:id/records/check',
  scope: 'orders:write',
  summary: 'Look up the records that a person sets for an order',
  params: z.strictObject({ id: orderId }),
  waits: 'answer',
  answers: {
    200: {
      description:
        'What each server shows of each record. Where all show all of them, the order continues at once. An order that waits for no records has no checks.',
      schema: z.object({ order: orderSchema, checks: z.array(checkSchema) }),
    },
  },
});

/** How many checks run at once in this process, and how many of them for one tenant. */
const [maxChecks, maxChecksPerTenant] = [8, 4];
/** What is shown of the values of a name, which anyone may have set. */
const [maxValues, maxValueLength] = [10, 500];

/** Looks up the DNS records that a person sets. */
@Injectable()
export class RecordCheck {
  readonly #scheduling: Scheduling;
  readonly #paths: ServerPaths;
  /** The tenants of the checks that run. */
  readonly #running: string[] = [];

  constructor(
    @Inject(SCHEDULING) scheduling: Scheduling,
    @Inject(SERVER_PATHS) paths: ServerPaths,
  ) {
    this.#scheduling = scheduling;
    this.#paths = paths;
  }

  /** @throws ServerError `ERR_SERVER_BUSY` where as many checks run as may */
  @Handles(check)
  async check({
    caller,
    params: { id },
    signal,
    reauthenticate,
  }: RequestOf<typeof check>): Promise<Answer> {
    const { tenant } = caller;
    assertVisible(caller, await tenant.manager.provisioner.status(id));
    const ofTenant = this.#running.filter((name) => name === tenant.name);
    if (this.#running.length >= maxChecks || ofTenant.length >= maxChecksPerTenant)
      throw new ServerError('ERR_SERVER_BUSY', 'too many records are being looked up', {
        retryAfter: 5,
      });
    this.#running.push(tenant.name);
    try {
      const { order, checks } = await tenant.manager.checkRecords(id, { signal });
      await reauthenticate();
      this.#scheduling.wake();
      return answer(200, {
        order: orderOf(order, this.#paths),
        checks: checks.map((result) => checkOf(result, this.#paths)),
      });
    } finally {
      this.#running.splice(this.#running.indexOf(tenant.name), 1);
    }
  }
}

function checkOf(result: Check, paths: ServerPaths): z.infer<typeof checkSchema> {
  const { type, name, value, domain } = result;
  if ('error' in result)
    return { type, name, value, domain, answers: [], error: paths.without(result.error) };
  const answers = result.answers.map((each) =>
    each.state === 'failed'
      ? { ...each, error: paths.without(each.error) }
      : {
          ...each,
          values: each.values.slice(0, maxValues).map((text) => text.slice(0, maxValueLength)),
        },
  );
  return { type, name, value, domain, answers };
}
