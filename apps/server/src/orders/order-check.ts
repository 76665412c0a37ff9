import { dnsProviderFor } from '@acmex/config';
import { deployTargetsIn, issuerName, resolveChallenge } from '@acmex/manager';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { specOf, template, wishes } from '../certificates/request.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { certifiedNames, keyType } from '../http/fields.ts';
import { OrderFindings } from './order-findings.ts';
import { withTemplate } from '../templates/template-store.ts';

const findingSchema = z
  .object({
    code: z.string(),
    severity: z.enum(['error', 'warning']),
    name: z.string().describe('What it is about: a name of the certificate, or its zone.'),
    message: z.string().describe('What was seen.'),
    cure: z.string(),
  })
  .meta({ id: 'OrderFinding' });
const plannedSchema = z
  .object({
    names: z.array(z.string()).describe('In canonical form.'),
    issuer: z.string(),
    profile: z.string().optional(),
    preferredChain: z.string().optional(),
    keyType,
    secondKeyType: keyType.optional(),
    reuseKey: z.boolean(),
    mustStaple: z.boolean(),
    challenge: z.string(),
    dnsProviders: z
      .record(z.string(), z.string())
      .optional()
      .describe('For a challenge by DNS: the provider that writes the records of each name.'),
    maintenanceWindows: z.array(z.string()).optional(),
    deployTo: z.array(z.string()).describe('The deploy targets that would get it.'),
    labels: z.record(z.string(), z.string()),
    certificates: z
      .array(z.string())
      .describe(
        'Certificates with the same names: the closest is changed and ordered again, and no new certificate is made.',
      ),
    findings: z
      .array(findingSchema)
      .optional()
      .describe(
        'What would make the order fail: profile, CAA, ports, zone and DNSSEC, as seen from the server, which connects to public addresses only. Absent with `network: false`.',
      ),
  })
  .meta({ id: 'PlannedOrder' });
const check = endpoint({
  method: 'POST',
  path: '/api/orders/check',
  scope: 'orders:write',
  summary: 'Check an order before it is made',
  waits: 'answer',
  body: z.strictObject({
    names: certifiedNames,
    template: template.optional(),
    ...wishes,
    network: z
      .boolean()
      .optional()
      .describe('False: nothing is looked up, and there are no findings; true by default.'),
  }),
  answers: {
    200: {
      description:
        'What would be ordered, with the values of the template and of acmex.toml. Nothing is ordered, and no DNS provider is asked. For the findings, names are looked up and connected to for at most 8 seconds.',
      schema: plannedSchema,
    },
  },
});

/** Checks what a person is about to order. */
@Injectable()
export class OrderCheck {
  readonly #findings: OrderFindings;

  constructor(@Inject(OrderFindings) findings: OrderFindings) {
    this.#findings = findings;
  }

  @Handles(check)
  async check(request: RequestOf<typeof check>): Promise<Answer> {
    const { caller, body, signal, reauthenticate } = request;
    const { names, network = true, ...wished } = body;
    const { tenant } = caller;
    const { storage, manager } = tenant;
    const wanted = await specOf({ names, ...(await withTemplate(storage, wished)) }, caller);
    const { challenge, dnsProvider } = resolveChallenge(wanted.proof, manager.challenge);
    const isByRecord = challenge === 'dns-01' || challenge === 'dns-account-01';
    const writer = (name: string) =>
      dnsProviderFor(name, { config: manager.config, named: dnsProvider, type: challenge });
    const issuer = issuerName(wanted.issuer);
    const findings = network
      ? await this.#findings.of({ ...wanted, issuer, deploy: undefined }, { tenant, signal })
      : undefined;
    await reauthenticate();
    const certificates: string[] = [];
    for await (const { id } of manager.provisioner.certificates.withNames(wanted.names))
      certificates.push(id);
    return answer(200, {
      certificates,
      names: [...wanted.names],
      issuer,
      profile: wanted.profile,
      preferredChain: wanted.preferredChain,
      keyType: wanted.keyType,
      secondKeyType: wanted.secondKeyType,
      reuseKey: wanted.reuseKey,
      mustStaple: wanted.mustStaple,
      challenge,
      dnsProviders: isByRecord
        ? Object.fromEntries(wanted.names.map((name) => [name, writer(name)]))
        : undefined,
      maintenanceWindows: wanted.maintenanceWindows,
      deployTo: deployTargetsIn(wanted.deploy),
      labels: wanted.labels,
      findings: findings?.map(({ code, severity, subject, saw, cure }) => ({
        ...{ code, severity, cure },
        name: subject,
        message: saw,
      })),
    });
  }
}
