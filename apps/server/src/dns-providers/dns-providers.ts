import { dnsProviderKinds, dnsProvidersOf } from '@acmex/config';
import { Injectable } from '@nestjs/common';
import * as z from 'zod';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';

const dnsProviderSchema = z
  .object({
    name: z.string().describe('As requests name it.'),
    type: z.string().describe('The kind of host.'),
    title: z.string().describe('The kind of host, for people.'),
    zones: z
      .array(z.string())
      .optional()
      .describe('The names whose records it writes; all where it is absent.'),
    isDefault: z
      .boolean()
      .describe('Whether it writes the records of names that no other provider is for.'),
  })
  .meta({ id: 'DnsProvider' });
const list = endpoint({
  method: 'GET',
  path: '/api/dns-providers',
  scope: 'certificates:read',
  summary: 'List the DNS providers that can write the records of challenges',
  answers: {
    200: {
      description: 'Those that the tenant may use; without their credentials.',
      schema: z.object({ items: z.array(dnsProviderSchema) }),
    },
  },
});

/** The DNS providers of acmex.toml, as a tenant may use them. */
@Injectable()
export class DnsProviders {
  @Handles(list)
  async list({ caller: { tenant } }: RequestOf<typeof list>): Promise<Answer> {
    const { config } = tenant.manager;
    const titles = new Map(dnsProviderKinds().map(({ type, title }) => [type, title]));
    const items = dnsProvidersOf(config)
      .filter(({ name }) => tenant.dnsProviders?.includes(name) ?? true)
      .map(({ name, type, zones }) => ({
        ...{ name, type, zones },
        title: titles.get(type) ?? type,
        isDefault: name === config.values.challenge.dns01.provider,
      }));
    return answer(200, { items });
  }
}
