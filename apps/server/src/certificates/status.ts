import { Inject, Injectable } from '@nestjs/common';
import { chainsInUse, chooseKey, presentIssuer } from '@acmex/orchestrator';
import * as z from 'zod';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { certificateId } from '../http/fields.ts';
import { wantedKeyType } from './downloads.ts';
import { StatusChecks } from './status-checks.ts';
import { contentInUse, visible } from './visible.ts';

const time = z.string().describe('RFC 3339');
const seenAt = time.describe('When this was seen. RFC 3339');
const reason = z.string();
const source = z.enum(['ocsp', 'crl']);
const unknown = z.literal('unknown');

const chainSchema = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('valid'),
    seenAt,
    path: z.array(z.string()).describe('Subjects, from the certificate to the trusted root.'),
    anchor: z
      .object({
        subject: z.string(),
        fingerprint: z.string().describe('SHA-256, lower-case hexadecimal.'),
        source: z
          .enum(['public', 'issuer'])
          .describe('The public roots, or the ca_certificate or trust_anchors of the CA.'),
        issuer: z.string().optional().describe('The CA that names it.'),
      })
      .describe('The trusted root.'),
  }),
  z.object({ status: z.literal('invalid'), seenAt, reason }),
]);
const revocationSchema = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('good'),
    seenAt,
    source,
    until: time.optional().describe('The end of the proof. RFC 3339'),
  }),
  z.object({ status: z.literal('revoked'), seenAt, source, at: time, reason }),
  z.object({ status: unknown, seenAt, reason }),
]);
const server = {
  host: z.string(),
  port: z.number().int(),
  address: z.string().optional(),
  seenAt,
};
const servedSchema = z.discriminatedUnion('status', [
  z.object({ ...server, status: z.literal('same') }),
  z.object({
    ...server,
    status: z.literal('different'),
    serialNumber: z.string(),
    fingerprint: z.string().describe('SHA-256, lower-case hexadecimal.'),
    notAfter: time.optional().describe('When the served certificate ends. RFC 3339'),
  }),
  z.object({ ...server, status: unknown, reason }),
]);
const statusSchema = z
  .object({
    id: z.string(),
    generation: z.number().int(),
    chain: chainSchema,
    revocation: revocationSchema.describe('`good` only with a fresh proof of the issuer.'),
    served: z
      .array(servedSchema)
      .describe(
        'What each name serves on port 443, at each of its public addresses; of two key types, either is the same.',
      ),
  })
  .meta({ id: 'CertificateStatus' });

const status = endpoint({
  method: 'GET',
  path: '/api/certificates/:id/status',
  scope: 'certificates:read',
  summary: 'Check chain, revocation and what is served',
  params: z.strictObject({ id: certificateId }),
  query: z.strictObject({ keyType: wantedKeyType.optional() }),
  waits: 'answer',
  answers: {
    200: {
      description:
        'What was found out, at most a minute ago; for the revocation, by a proof that was fetched at most an hour ago. Only public addresses are reached; the first 10 names are checked.',
      schema: statusSchema,
    },
  },
});

/** The status of certificates, as others see them. */
@Injectable()
export class CertificateStatuses {
  readonly #checks: StatusChecks;

  constructor(@Inject(StatusChecks) checks: StatusChecks) {
    this.#checks = checks;
  }

  @Handles(status)
  async status({
    caller,
    params: { id },
    query: { keyType: type },
    reauthenticate,
    signal,
  }: RequestOf<typeof status>): Promise<Answer> {
    const certificate = await visible(caller, id);
    const content = await contentInUse(caller, certificate);
    const { names } = content;
    const { chain } = chooseKey(content, type);
    const { tenant } = caller;
    const { current } = certificate;
    const issuer = presentIssuer(certificate);
    const generation = current?.generation ?? 0;
    const chains = chainsInUse(content).map((each) => each.chain);
    const subject = { tenant, id, issuer, generation, names, chain, chains };
    const result = await this.#checks.of({ ...subject, signal });
    await reauthenticate();
    return answer(200, { id, generation, ...result });
  }
}
