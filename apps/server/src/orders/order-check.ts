import { dnsProviderFor } from '@acmex/config';
import { issuerName, resolveChallenge } from '@acmex/manager';
import { Injectable } from '@nestjs/common';
import * as z from 'zod';
import { specOf, template, wishes } from '../certificates/request.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { certifiedNames, keyType } from '../http/fields.ts';
import { withTemplate } from '../templates/template-store.ts';

const plannedSchema = z
  .object({
    names: z.array(z.string()).describe('In canonical form.'),
    issuer: z.string(),
    profile: z.string().optional(),
    preferredChain: z.string().optional(),
    keyType,
    reuseKey: z.boolean(),
    mustStaple: z.boolean(),
    challenge: z.string(),
    dnsProviders: z
      .record(z.string(), z.string())
      .optional()
      .describe('For a challenge by DNS: the provider that writes the records of each name.'),
    labels: z.record(z.string(), z.string()),
    certificates: z
      .array(z.string())
      .describe(
        'Certificates with the same names: the closest is changed and ordered again, and no new certificate is made.',
      ),
  })
  .meta({ id: 'PlannedOrder' });
const check = endpoint({
  method: 'POST',
  path: '/api/orders/check',
  scope: 'orders:write',
  summary: 'Check an order before it is made',
  body: z.strictObject({ names: certifiedNames, template: template.optional(), ...wishes }),
  answers: {
    200: {
      description:
        'What would be ordered, with the values of the template and of acmex.toml. Nothing is ordered or stored, and neither the CA nor a DNS provider is asked.',
      schema: plannedSchema,
    },
  },
});

/** Checks what a person is about to order. */
@Injectable()
export class OrderCheck {
  @Handles(check)
  async check({ caller, body }: RequestOf<typeof check>): Promise<Answer> {
    const { names, ...wished } = body;
    const { storage, manager } = caller.tenant;
    const wanted = await specOf({ names, ...(await withTemplate(storage, wished)) }, caller);
    const { challenge, dnsProvider } = resolveChallenge(wanted.proof, manager.challenge);
    const isByRecord = challenge === 'dns-01' || challenge === 'dns-account-01';
    const writer = (name: string) =>
      dnsProviderFor(name, { config: manager.config, named: dnsProvider, type: challenge });
    const certificates: string[] = [];
    for await (const { id } of manager.provisioner.certificates.withNames(wanted.names))
      certificates.push(id);
    return answer(200, {
      certificates,
      names: [...wanted.names],
      issuer: issuerName(wanted.issuer),
      profile: wanted.profile,
      preferredChain: wanted.preferredChain,
      keyType: wanted.keyType,
      reuseKey: wanted.reuseKey,
      mustStaple: wanted.mustStaple,
      challenge,
      dnsProviders: isByRecord
        ? Object.fromEntries(wanted.names.map((name) => [name, writer(name)]))
        : undefined,
      labels: wanted.labels,
    });
  }
}
