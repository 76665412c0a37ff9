import { issuersOf } from '@acmex/config';
import { storedProfiles } from '@acmex/manager';
import { Injectable } from '@nestjs/common';
import * as z from 'zod';
import { issuerFor } from '../certificates/request.ts';
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
    profile: z.string().optional().describe('The profile of requests without one.'),
    profiles: z
      .record(z.string(), z.string())
      .optional()
      .describe(
        'The profiles that it offers, with their descriptions; absent until its directory was read for an order.',
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
  @Handles(list)
  async list({ caller: { tenant } }: RequestOf<typeof list>): Promise<Answer> {
    const { manager, issuers, storage } = tenant;
    const allowed = issuersOf(manager.config).filter(({ name }) => issuers?.includes(name) ?? true);
    const byDefault = allowed.length > 0 ? issuerFor(tenant, undefined).name : undefined;
    const items = await Promise.all(
      allowed.map(async ({ name, title, directory, staging, profile }) => ({
        ...{ name, title, directory, staging, profile },
        isDefault: name === byDefault,
        profiles: await storedProfiles(storage, directory),
      })),
    );
    return answer(200, { items, challenge: manager.challenge.challenge });
  }
}
