import { dnsProviderKinds, dnsProvidersOf, isAttendedDnsProvider } from '@acmex/config';
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
    attended: z
      .boolean()
      .describe(
        'Whether a person sets the records, as each order then shows them; a renewal waits for that too.',
      ),
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

/** The DNS providers of acmex.toml as a tenant may use them, and a person. */
@Injectable()
export class DnsProviders {
  @Handles(list)
  async list({ caller: { tenant } }: RequestOf<typeof list>): Promise<Answer> {
    const { config } = tenant.manager;
    const kinds = dnsProviderKinds();
    const titles = new Map(kinds.map(({ type, title }) => [type, title]));
    const { provider: byDefault } = config.values.challenge.dns01;
    const configured = dnsProvidersOf(config)
      .filter(({ name }) => tenant.dnsProviders?.includes(name) ?? true)
      .map(({ name, type, zones }) => ({
        ...{ name, type, zones },
        title: titles.get(type) ?? type,
        isDefault: name === byDefault,
        attended: false,
      }));
    const attended = kinds
      .filter(({ type }) => isAttendedDnsProvider(type, config))
      .map(({ type, title }) => ({
        ...{ name: type, type, title, isDefault: type === byDefault },
        attended: true,
      }));
    return answer(200, { items: [...configured, ...attended] });
  }
}
