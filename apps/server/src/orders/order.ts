import type { OrderStatus } from '@acmex/orchestrator';
import * as z from 'zod';
import { failureSchema, publicFailure } from '../certificates/failure.ts';
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

export const orderSchema = z
  .object({
    id: z.string(),
    certificate: z.string(),
    names: z.array(z.string()),
    issuer: z.string(),
    cause: z.enum(['obtain', 'renewal', 'suggested', 'revoked', 'request']),
    state: z
      .enum(orderStates)
      .describe('`pending`: it waits for its turn, or for another try after a failure.'),
    createdAt: z.string(),
    updatedAt: z.string(),
    url: z.string().optional().describe('The order at the CA.'),
    steps: z.array(stepSchema).describe('What was seen on the way, the newest hundred.'),
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
    failure: publicFailure(failure, paths),
    cancelRequested,
    orphaned,
    generation,
    explanationUrl,
  };
}

export function hasEnded({ state }: Pick<OrderStatus, 'state'>): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}
