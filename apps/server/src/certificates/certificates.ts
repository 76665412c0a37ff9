import type { Clock } from '@acmex/clock';
import { changeCertificate, declareCertificate } from '@acmex/manager';
import { CertificateCensus } from '@acmex/observability';
import type { ManagedCertificate } from '@acmex/orchestrator';
import { Inject, Injectable } from '@nestjs/common';
import * as z from 'zod';
import { maySee } from '../access/caller.ts';
import { AgentReports } from '../agents/agent-reports.ts';
import { atCa } from '../accounts/at-ca.ts';
import { CLOCK } from '../clock.ts';
import { ServerError } from '../errors.ts';
import { traceparentIn } from '../http/trace-context.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import {
  certificateId,
  certifiedName,
  certifiedNames,
  cursor,
  limit,
  pageOf,
  revocationReason,
} from '../http/fields.ts';
import { SERVER_PATHS, type ServerPaths } from '../http/server-paths.ts';
import { Quotas } from '../quotas.ts';
import { withTemplate } from '../templates/template-store.ts';
import { SCHEDULING, type Scheduling } from '../scheduling.ts';
import { certificateOf, certificateSchema, refusedSchema } from './certificate.ts';
import { filteredPage, filterFields } from './filter.ts';
import {
  changeableWishes,
  changesOf,
  deployedTo,
  specOf,
  template,
  unspecified,
  wishes,
} from './request.ts';
import { visible } from './visible.ts';

const params = z.strictObject({ id: certificateId });
const certificateAnswer = { description: 'The certificate.', schema: certificateSchema };
const list = endpoint({
  method: 'GET',
  path: '/api/certificates',
  scope: 'certificates:read',
  summary: 'List certificates',
  query: z.strictObject({
    ...filterFields,
    sort: z
      .enum(['id', 'name', 'expiry'])
      .optional()
      .describe(
        '`id`, which is the order of their making, by default; `expiry` where the filter is one of expiry. `name` goes by labels from the right. `expiry` has those alone that were issued.',
      ),
    limit,
    cursor: cursor.optional(),
  }),
  answers: {
    200: {
      description:
        'A page of certificates. name, below and expiry are looked up. For all other filters it reads those that match by what is kept in memory: a change is seen at once where it has an event, and within a quarter of an hour elsewhere.',
      schema: pageOf(certificateSchema),
    },
  },
});
const show = endpoint({
  method: 'GET',
  path: '/api/certificates/:id',
  scope: 'certificates:read',
  summary: 'Look at a certificate',
  params,
  answers: { 200: certificateAnswer },
});
const refused = endpoint({
  method: 'GET',
  path: '/api/certificates/:id/refused',
  scope: 'certificates:read',
  summary: 'List what the CA issued for it that is not used, because it is not what was ordered',
  params,
  answers: {
    200: {
      description: 'The newest three, the newest first.',
      schema: z.object({ items: z.array(refusedSchema) }),
    },
  },
});
const declare = endpoint({
  method: 'PUT',
  path: '/api/certificates/:name',
  scope: 'certificates:write',
  summary:
    'Declare what a certificate is to be: it is made, or changed, and ordered where that needs it',
  params: z.strictObject({ name: certifiedName.describe('Its first name.') }),
  body: z.strictObject({
    names: certifiedNames
      .optional()
      .describe('All of them, the first as in the path; that one alone by default.'),
    template: template.optional(),
    ...wishes,
  }),
  answers: {
    200: {
      ...certificateAnswer,
      description: 'It existed; `order` is set when it is ordered again.',
    },
    201: {
      ...certificateAnswer,
      description: 'It is new, and being ordered.',
      headers: { Location: 'The certificate.' },
    },
  },
});
const change = endpoint({
  method: 'PATCH',
  path: '/api/certificates/:id',
  scope: 'certificates:write',
  summary:
    'Change some values of a certificate: it is ordered again where that needs it, and what is absent stays',
  params,
  body: z.strictObject({
    ...changeableWishes,
    paused: z
      .boolean()
      .optional()
      .describe('Nothing renews or orders it while it is paused; an order under way continues.'),
  }),
  answers: {
    200: {
      ...certificateAnswer,
      description: 'The certificate; `order` is set when it is ordered again.',
    },
  },
});
const remove = endpoint({
  method: 'DELETE',
  path: '/api/certificates/:id',
  scope: 'certificates:write',
  summary: 'Forget a certificate and its keys; nothing is revoked',
  params,
  answers: { 204: { description: 'It is gone.' } },
});
const revoke = endpoint({
  method: 'POST',
  path: '/api/certificates/:id/revoke',
  scope: 'certificates:revoke',
  summary: 'Revoke the certificate that is in use, or one that it has replaced',
  params,
  body: z.strictObject({
    reason: revocationReason.optional(),
    generation: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe('An earlier one, of the newest three; the one in use by default.'),
  }),
  answers: { 200: { ...certificateAnswer, description: 'The CA has revoked it.' } },
});

@Injectable()
export class Certificates {
  readonly #scheduling: Scheduling;
  readonly #quotas: Quotas;
  readonly #clock: Clock;
  readonly #paths: ServerPaths;
  readonly #census: CertificateCensus;

  constructor(
    @Inject(SCHEDULING) scheduling: Scheduling,
    @Inject(Quotas) quotas: Quotas,
    @Inject(CLOCK) clock: Clock,
    @Inject(SERVER_PATHS) paths: ServerPaths,
    @Inject(CertificateCensus) census: CertificateCensus,
  ) {
    this.#census = census;
    this.#paths = paths;
    this.#clock = clock;
    this.#scheduling = scheduling;
    this.#quotas = quotas;
  }

  @Handles(list)
  async list({
    caller,
    query: { sort, limit: pageSize, cursor: from, ...filter },
  }: RequestOf<typeof list>): Promise<Answer> {
    const page = await filteredPage(filter, {
      ...{ caller, clock: this.#clock, census: this.#census },
      ...{ limit: pageSize, cursor: from, sort },
    });
    return answer(200, {
      items: page.certificates.map((candidate) => this.#toResource(candidate)),
      next: page.next,
      scanned: page.scanned,
    });
  }

  @Handles(show)
  async show({ caller, params: { id } }: RequestOf<typeof show>): Promise<Answer> {
    return answer(200, this.#toResource(await visible(caller, id)));
  }

  @Handles(refused)
  async refused({ caller, params: { id } }: RequestOf<typeof refused>): Promise<Answer> {
    await visible(caller, id);
    const all = await caller.tenant.manager.provisioner.certificates.refused(id);
    return answer(200, {
      items: all
        .filter(({ names }) => maySee(caller, names))
        .map(({ id: refusal, order, at, code, message, chain }) => ({
          id: refusal,
          order,
          at,
          code,
          message: this.#paths.without(message),
          chain,
        })),
    });
  }

  @Handles(declare)
  async declare({
    caller,
    params: { name },
    headers,
    body: { names = [name], ...wished },
  }: RequestOf<typeof declare>): Promise<Answer> {
    if (names[0] !== name)
      throw new ServerError(
        'ERR_SERVER_BODY',
        `the first of the names is not ${name}, as in the path`,
        {
          errors: [{ pointer: '/names/0', detail: 'write the name of the path first' }],
        },
      );
    const more = await withTemplate(caller.tenant.storage, wished);
    const wanted = await specOf({ names, ...more }, caller);
    const { change: outcome, certificate } = await this.#quotas.within(
      caller.tenant,
      async (admit) =>
        await declareCertificate(caller.tenant.manager, wanted, {
          identity: 'first-name',
          where: (existing) => maySee(caller, existing.names),
          keep: ['servedAt', ...(more.deployTo ? [] : (['deploy'] as const))],
          specFor: more.deployTo && deployedTo(more.deployTo),
          defaults: unspecified(more),
          traceparent: traceparentIn(headers),
          admit,
        }),
    );
    this.#scheduling.wake();
    if (outcome !== 'created') return answer(200, this.#toResource(certificate));
    return answer(201, this.#toResource(certificate), {
      location: `/api/certificates/${certificate.id}`,
    });
  }

  @Handles(change)
  async change({
    caller,
    params: { id },
    headers,
    body: { paused, ...changes },
  }: RequestOf<typeof change>): Promise<Answer> {
    await visible(caller, id);
    const wanted = await changesOf(changes, caller);
    const { certificate } = await this.#quotas.within(
      caller.tenant,
      async (admit) =>
        await changeCertificate(caller.tenant.manager, id, {
          ...wanted,
          paused: paused === undefined ? 'keep' : pauseOf[String(paused) as `${boolean}`],
          traceparent: traceparentIn(headers),
          admit,
        }),
    );
    this.#scheduling.wake();
    return answer(200, this.#toResource(certificate));
  }

  @Handles(remove)
  async remove({ caller, params: { id }, signal }: RequestOf<typeof remove>): Promise<Answer> {
    await visible(caller, id);
    await caller.tenant.manager.provisioner.remove(id, { signal });
    await new AgentReports({
      storage: caller.tenant.storage,
      clock: this.#clock,
    }).forgetCertificate(id);
    return answer(204);
  }

  @Handles(revoke)
  async revoke({
    caller,
    params: { id },
    body: { reason, generation },
    signal,
  }: RequestOf<typeof revoke>): Promise<Answer> {
    const { issuer } = await visible(caller, id);
    const { provisioner } = caller.tenant.manager;
    const earlier =
      generation === undefined
        ? undefined
        : await provisioner.certificates.generation(id, generation);
    if (earlier && !maySee(caller, earlier.names))
      throw new ServerError(
        'ERR_SERVER_NOT_FOUND',
        `generation ${generation} of ${id} has names that are not yours`,
      );
    await atCa(issuer, async () => await provisioner.revoke(id, { reason, generation, signal }));
    return answer(200, this.#toResource(await provisioner.certificates.get(id)));
  }

  #toResource(certificate: ManagedCertificate) {
    return certificateOf(certificate, { clock: this.#clock, paths: this.#paths });
  }
}

const pauseOf = { true: 'pause', false: 'resume' } as const;
