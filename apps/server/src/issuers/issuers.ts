import { type LimitName, limitNames } from '@acmex/budgets';
import type { Clock } from '@acmex/clock';
import { issuersOf } from '@acmex/config';
import { budgetStatus, storedProfiles } from '@acmex/manager';
import { resolvedIssuer } from '@acmex/manager/from-config';
import { unavailableCauses, unavailableIssuers } from '@acmex/orchestrator';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { issuersFor } from '../certificates/request.ts';
import { CLOCK } from '../clock.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';

const issuerSchema = z
  .object({
    name: z.string().describe('As requests name it.'),
    title: z.string().describe('For people.'),
    directory: z.string().describe('The URL of its directory. RFC 8555 §7.1.1'),
    staging: z
      .boolean()
      .describe('Whether its certificates are for tests, and no one trusts them.'),
    isDefault: z.boolean().describe('Whether requests without an issuer use it.'),
    unavailable: z
      .object({
        cause: z.enum(unavailableCauses),
        since: z.string().optional(),
        until: z.string().describe('When an order tries it again.'),
        code: z.string().optional(),
        message: z.string().optional(),
      })
      .optional()
      .describe('Why nothing is ordered there now; absent where it is used.'),
    profile: z.string().optional().describe('The profile of requests without one.'),
    profiles: z
      .record(z.string(), z.string())
      .optional()
      .describe(
        'The profiles that it offers, with their descriptions; absent until its directory was read for an order.',
      ),
    budgets: z
      .array(
        z.object({
          limit: z.enum(limitNames as readonly [LimitName, ...LimitName[]]),
          subject: z
            .string()
            .optional()
            .describe('The domain, the name or the names; absent for the orders of the account.'),
          capacity: z.int().describe('How many the CA allows at once.'),
          available: z.int().describe('How many are left.'),
          fullAt: z
            .string()
            .optional()
            .describe('When all are there again if none is taken; absent where they are.'),
        }),
      )
      .optional()
      .describe(
        'What is left of the orders of the account, and of each limit with a fifth or less left, at most fifty; absent where the limits of the CA are not known.',
      ),
  })
  .meta({ id: 'Issuer' });
const list = endpoint({
  method: 'GET',
  path: '/api/issuers',
  scope: 'certificates:read',
  summary: 'List the CAs that certificates can be ordered from',
  answers: {
    200: {
      description: 'Those that the tenant may use. The CAs are not asked.',
      schema: z.object({
        items: z.array(issuerSchema),
        challenge: z.string().describe('How names are validated where a request does not say it.'),
      }),
    },
  },
});

/** The CAs of acmex.toml, as a tenant may use them. */
@Injectable()
export class Issuers {
  readonly #clock: Clock;

  constructor(@Inject(CLOCK) clock: Clock) {
    this.#clock = clock;
  }

  @Handles(list)
  async list({ caller: { tenant } }: RequestOf<typeof list>): Promise<Answer> {
    const { manager, issuers, storage } = tenant;
    const allowed = issuersOf(manager.config).filter(({ name }) => issuers?.includes(name) ?? true);
    const byDefault = allowed.length > 0 ? issuersFor(tenant, {})[0].name : undefined;
    const unavailable = new Map(
      (await unavailableIssuers(storage)).map(({ issuer, ...state }) => [issuer, state]),
    );
    const items = await Promise.all(
      allowed.map(async (issuer) => {
        const { name, title, directory, staging, profile } = issuer;
        return {
          ...{ name, title, directory, staging, profile },
          isDefault: name === byDefault,
          unavailable: unavailable.get(name),
          profiles: await storedProfiles(storage, directory),
          budgets: await budgetStatus(storage, resolvedIssuer(issuer), {
            now: this.#clock.now().epochMilliseconds,
          }),
        };
      }),
    );
    return answer(200, { items, challenge: manager.challenge.challenge });
  }
}
