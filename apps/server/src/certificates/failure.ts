import { failureCure } from '@acmex/manager';
import type { ManagedCertificate } from '@acmex/orchestrator';
import * as z from 'zod';
import { answerableErrors } from '../http/problem.ts';
import type { ServerPaths } from '../http/server-paths.ts';

const time = z.string().describe('RFC 3339');

/** What failed last, and when it is tried again. */
export const failureSchema = z
  .object({
    code: z.string(),
    message: z.string(),
    cure: z.string().optional().describe('What to do about it.'),
    at: time,
    failures: z.number().int().describe('How often in a row.'),
    retryAt: time,
    problem: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("The CA's own problem document, with its subproblems. RFC 8555 §6.7"),
  })
  .meta({ id: 'Failure' });

/** A failure as the API shows it: without paths of this server, and with what to do about it. */
export function publicFailure(
  failure: ManagedCertificate['failure'],
  paths: ServerPaths,
): z.infer<typeof failureSchema> | undefined {
  if (!failure) return undefined;
  const cure = failureCure(failure.code) ?? answerableErrors.get(failure.code)?.cure;
  return { ...paths.publicMessage(failure), ...(cure === undefined ? {} : { cure }) };
}
