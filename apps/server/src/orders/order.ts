import type { OrderStatus } from '@acmex/orchestrator';
import * as z from 'zod';
import { type Caller, maySee } from '../access/caller.ts';
import { failureSchema, publicFailure } from '../certificates/failure.ts';
import { ServerError } from '../errors.ts';
import type { ServerPaths } from '../http/server-paths.ts';

export const orderStates = ['pending', 'running', 'succeeded', 'failed', 'cancelled'] as const;

export const stepSchema = z
  .object({
    number: z.number().int().describe('Counted from 1.'),
    at: z.string(),
    type: z.string(),
    name: z.string().optional(),
    message: z.string().optional(),
  })
  .meta({ id: 'Step' });

export const recordSchema = z
  .object({
    type: z.literal('TXT'),
    name: z.string().describe('The whole name, without a final dot.'),
    value: z.string(),
    domain: z.string().describe('The name that it validates.'),
    state: z
      .enum(['wanted', 'seen', 'removable'])
      .describe(
        '`wanted`: set it; it was not seen at every server. `seen`: it was, at the last look. `removable`: the order does not need it any more, remove it where it is set.',
      ),
  })
  .meta({ id: 'OrderRecord' });

export const orderSchema = z
  .object({
    id: z.string(),
    certificate: z.string(),
    names: z.array(z.string()),
    issuer: z.string(),
    cause: z.enum(['obtain', 'renewal', 'suggested', 'revoked', 'request']),
    state: z
      .enum(orderStates)
      .describe(
        '`pending`: it waits for its turn, for another try after a failure, or for records that a person sets.',
      ),
    createdAt: z.string(),
    updatedAt: z.string(),
    url: z.string().optional().describe('The order at the CA.'),
    steps: z.array(stepSchema).describe('What was seen on the way, the newest hundred.'),
    records: z
      .array(recordSchema)
      .optional()
      .describe('For the DNS provider manual: the records that a person sets, all at once.'),
    recordsUntil: z
      .string()
      .optional()
      .describe('Until when the CA accepts them, if it says so. After that it wants new values.'),
    failure: failureSchema.optional(),
    cancelRequested: z.boolean().optional(),
    orphaned: z.number().int().describe('How many orders may be unused at the CA.'),
    generation: z.number().int().optional().describe('What came of it.'),
    explanationUrl: z.string().optional(),
  })
  .meta({ id: 'Order' });

/** An order as the API shows it: what only its execution needs is left out. */
export function orderOf(
  {
    id,
    certificate,
    names,
    issuer,
    cause,
    state,
    createdAt,
    updatedAt,
    url,
    steps,
    records,
    recordsUntil,
    failure,
    cancelRequested,
    orphaned,
    generation,
    explanationUrl,
  }: OrderStatus,
  paths: ServerPaths,
): z.infer<typeof orderSchema> {
  return {
    id,
    certificate,
    names: [...names],
    issuer,
    cause,
    state,
    createdAt,
    updatedAt,
    url,
    steps: steps.map(paths.publicMessage),
    records: records?.map(({ type, name, value, domain, state }) => ({
      ...{ type, name, value, domain, state },
    })),
    recordsUntil,
    failure: publicFailure(failure, paths),
    cancelRequested,
    orphaned,
    generation,
    explanationUrl,
  };
}

/** @throws ServerError `ERR_SERVER_NOT_FOUND` for an order of names that the caller may not use */
export function assertVisible(caller: Caller, order: OrderStatus): OrderStatus {
  if (maySee(caller, order.names)) return order;
  throw new ServerError('ERR_SERVER_NOT_FOUND', `there is no order ${order.id}`);
}

export function hasEnded({ state }: Pick<OrderStatus, 'state'>): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}
