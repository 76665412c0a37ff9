import { type Clock, systemClock } from '@acmex/clock';
import { declareCertificate } from '@acmex/manager';
import {
  certificateStates,
  eventChange,
  type Generation,
  type ManagedCertificate,
  stateOf,
} from '@acmex/orchestrator';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { type Caller, maySee } from '../access/caller.ts';
import { AgentReports } from '../agents/agent-reports.ts';
import { ServerError } from '../errors.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import {
  certificateId,
  certifiedName,
  certifiedNames,
  cursor,
  labels,
  limit,
  moment,
  ownName,
  pageOf,
  renewBeforeDays,
  revocationReason,
} from '../http/fields.ts';
import { Quotas } from '../quotas.ts';
import { SCHEDULING, type Scheduling } from '../scheduling.ts';
import { certificateOf, certificateSchema } from './certificate.ts';
import { specOf, wishes } from './request.ts';
import { visible } from './visible.ts';
import { patience, LongPoll } from './long-poll.ts';

const params = z.strictObject({ id: certificateId });
const certificate = { description: 'The certificate.', schema: certificateSchema };
const pem = {
  description: 'PEM.',
  contentType: 'application/pem-certificate-chain',
  headers: { ETag: 'Changes with each issue.' },
};
const unchanged = { description: 'It is the one that `If-None-Match` names.' };
const labelFilter = z
  .string()
  .regex(/^[\w.-]{1,63}(=[\w.@+-]{0,63})?$/, 'write NAME or NAME=VALUE');
const list = endpoint({
  method: 'GET',
  path: '/api/certificates',
  scope: 'certificates:read',
  summary: 'List certificates',
  query: z.strictObject({
    name: certifiedName.optional().describe('Those that hold this name.'),
    below: certifiedName.optional().describe('Those that hold a name below this one.'),
    issuer: ownName.optional(),
    state: z.enum(certificateStates).optional(),
    label: labelFilter.optional().describe('NAME, or NAME=VALUE.'),
    expiresBefore: moment.optional(),
    expiresAfter: moment.optional(),
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
        'A page of certificates. name, below and expiry are looked up; for all other filters 2,000 are looked at for one page at most.',
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
  answers: { 200: certificate },
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
    ...wishes,
  }),
  answers: {
    200: { ...certificate, description: 'It was there; `order` is set where it is ordered anew.' },
    201: {
      ...certificate,
      description: 'It is new, and being ordered.',
      headers: { Location: 'The certificate.' },
    },
  },
});
const change = endpoint({
  method: 'PATCH',
  path: '/api/certificates/:id',
  scope: 'certificates:write',
  summary: 'Change what needs no new order',
  params,
  body: z.strictObject({
    labels: labels.optional(),
    paused: z.boolean().optional().describe('Nothing renews it while it is paused.'),
    renewBeforeDays: renewBeforeDays.nullable().optional(),
    reuseKey: z.boolean().optional(),
  }),
  answers: { 200: certificate },
});
const remove = endpoint({
  method: 'DELETE',
  path: '/api/certificates/:id',
  scope: 'certificates:write',
  summary: 'Forget a certificate and its keys; nothing is revoked',
  params,
  answers: { 204: { description: 'It is gone.' } },
});
const query = z.strictObject({
  wait: z.coerce
    .number()
    .int()
    .min(0)
    .max(60)
    .optional()
    .describe(
      'Seconds to wait for one that `If-None-Match` does not name; `Prefer: wait=` says the same.',
    ),
});
const chain = endpoint({
  method: 'GET',
  path: '/api/certificates/:id/chain',
  scope: 'certificates:read',
  summary: 'Get the certificate with its chain',
  params,
  query,
  answers: { 200: pem, 304: unchanged },
});
const privateKey = endpoint({
  method: 'GET',
  path: '/api/certificates/:id/private-key',
  scope: 'private-keys:read',
  summary: 'Get the private key; each reading is an event',
  params,
  answers: { 200: { ...pem, description: 'PKCS#8, PEM.', contentType: 'application/x-pem-file' } },
});
const bundle = endpoint({
  method: 'GET',
  path: '/api/certificates/:id/bundle',
  scope: 'private-keys:read',
  summary: 'Get private key, certificate and chain in one',
  params,
  query,
  answers: {
    200: {
      ...pem,
      description: 'PKCS#8 and certificates, PEM. Each reading is an event.',
      contentType: 'application/x-pem-file',
    },
    304: unchanged,
  },
});
const revoke = endpoint({
  method: 'POST',
  path: '/api/certificates/:id/revoke',
  scope: 'certificates:revoke',
  summary: 'Revoke the certificate that is in use',
  params,
  body: z.strictObject({ reason: revocationReason.optional() }),
  answers: { 200: { ...certificate, description: 'The CA has revoked it.' } },
});

@Injectable()
export class Certificates {
  readonly #scheduling: Scheduling;
  readonly #quotas: Quotas;
  readonly #waiting: LongPoll;
  readonly #clock: Clock = systemClock;

  constructor(
    @Inject(SCHEDULING) scheduling: Scheduling,
    @Inject(Quotas) quotas: Quotas,
    @Inject(LongPoll) waiting: LongPoll,
  ) {
    this.#scheduling = scheduling;
    this.#quotas = quotas;
    this.#waiting = waiting;
  }

  @Handles(list)
  async list({
    caller,
    query: { issuer, state, label, expiresBefore, expiresAfter, sort, ...query },
  }: RequestOf<typeof list>): Promise<Answer> {
    const [labelName = '', labelValue] = label?.split('=') ?? [];
    const ends = ({ current }: ManagedCertificate) =>
      current ? Date.parse(current.notAfter) : undefined;
    const where = (one: ManagedCertificate) =>
      maySee(caller, one.names) &&
      (issuer ?? one.issuer) === one.issuer &&
      (state === undefined || stateOf(one, this.#clock) === state) &&
      (label === undefined ||
        (labelValue ?? one.labels?.[labelName] ?? '') === one.labels?.[labelName]) &&
      (expiresBefore === undefined || (ends(one) ?? Infinity) < Date.parse(expiresBefore)) &&
      (expiresAfter === undefined || (ends(one) ?? -Infinity) > Date.parse(expiresAfter));
    const byExpiry = expiresBefore !== undefined || expiresAfter !== undefined;
    const page = await caller.tenant.manager.provisioner.certificates.page({
      ...query,
      where,
      sort: sort ?? (byExpiry ? 'expiry' : 'id'),
      expiresFrom: expiresAfter,
      expiresBefore,
    });
    return answer(200, {
      items: page.certificates.map((one) => this.#shown(one)),
      next: page.next,
      scanned: page.scanned,
    });
  }

  @Handles(show)
  async show({ caller, params: { id } }: RequestOf<typeof show>): Promise<Answer> {
    return answer(200, this.#shown(await visible(caller, id)));
  }

  @Handles(declare)
  async declare({
    caller,
    params: { name },
    body: { names = [name], ...more },
  }: RequestOf<typeof declare>): Promise<Answer> {
    if (names[0] !== name)
      throw new ServerError('ERR_SERVER_BODY', 'the first of the names is the one in the path', {
        errors: [{ pointer: '/names/0', detail: 'write the name of the path first' }],
      });
    const wanted = await specOf({ names, ...more }, caller);
    const { change: outcome, certificate } = await declareCertificate(
      caller.tenant.manager,
      wanted,
      {
        identity: 'first-name',
        where: (existing) => maySee(caller, existing.names),
        keep: ['deploy'],
        admit: this.#quotas.admission(caller.tenant),
      },
    );
    this.#scheduling.wake();
    if (outcome !== 'created') return answer(200, this.#shown(certificate));
    return answer(201, this.#shown(certificate), {
      location: `/api/certificates/${certificate.id}`,
    });
  }

  @Handles(change)
  async change({
    caller,
    params: { id },
    body: { labels: own, paused, renewBeforeDays: days, reuseKey },
  }: RequestOf<typeof change>): Promise<Answer> {
    await visible(caller, id);
    const changed = await caller.tenant.manager.provisioner.certificates.change(
      id,
      (summary) => ({
        ...summary,
        labels: own ?? summary.labels,
        paused: paused ?? summary.paused,
        reuseKey: reuseKey ?? summary.reuseKey,
        renewBefore:
          days === undefined ? summary.renewBefore : days === null ? undefined : `P${days}D`,
      }),
      { type: 'certificate_changed' },
    );
    this.#scheduling.wake();
    return answer(200, this.#shown(changed));
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

  @Handles(chain)
  async chain({
    caller,
    params: { id },
    query: { wait },
    headers,
    signal,
  }: RequestOf<typeof chain>): Promise<Answer> {
    const { one, tag, known } = await this.#awaited(caller, id, {
      seconds: patience(wait, headers.prefer),
      header: headers['if-none-match'],
      signal,
    });
    if (known) return answer(304, undefined, { etag: tag });
    return answer(200, (await this.#content(one, caller)).chain, {
      'content-type': 'application/pem-certificate-chain',
      etag: tag,
    });
  }

  @Handles(privateKey)
  async privateKey({ caller, params: { id } }: RequestOf<typeof privateKey>): Promise<Answer> {
    const one = await visible(caller, id);
    const content = await this.#content(one, caller);
    await this.#toldOfReading(caller, one);
    return answer(200, content.privateKey, {
      'content-type': 'application/x-pem-file',
      etag: tagOf(one),
      'cache-control': 'no-store',
    });
  }

  @Handles(bundle)
  async bundle({
    caller,
    params: { id },
    query: { wait },
    headers,
    signal,
  }: RequestOf<typeof bundle>): Promise<Answer> {
    const { one, tag, known } = await this.#awaited(caller, id, {
      seconds: patience(wait, headers.prefer),
      header: headers['if-none-match'],
      signal,
    });
    if (known) return answer(304, undefined, { etag: tag, 'cache-control': 'no-store' });
    const content = await this.#content(one, caller);
    await this.#toldOfReading(caller, one);
    return answer(200, `${content.privateKey.trimEnd()}\n${content.chain}`, {
      'content-type': 'application/x-pem-file',
      etag: tag,
      'cache-control': 'no-store',
    });
  }

  @Handles(revoke)
  async revoke({
    caller,
    params: { id },
    body: { reason },
    signal,
  }: RequestOf<typeof revoke>): Promise<Answer> {
    await visible(caller, id);
    const { provisioner } = caller.tenant.manager;
    await provisioner.revoke(id, { reason, signal });
    return answer(200, this.#shown(await provisioner.certificates.get(id)));
  }

  /** One that `If-None-Match` does not name, if there is such a one in time. */
  async #awaited(
    caller: Caller,
    id: string,
    {
      seconds,
      header,
      signal,
    }: {
      readonly seconds: number;
      readonly header: string | undefined;
      readonly signal: AbortSignal;
    },
  ) {
    const {
      tenant: {
        name: tenant,
        manager: {
          provisioner: { certificates },
        },
      },
    } = caller;
    const now = await visible(caller, id);
    const isKnown = (version: string | undefined) =>
      version !== undefined && names(header, version);
    if (seconds === 0 || !now.current || !isKnown(tagOf(now)))
      return { one: now, tag: tagOf(now), known: now.current !== undefined && isKnown(tagOf(now)) };
    const read = async () => {
      const found = await certificates.find(id);
      return found && tagOf(found);
    };
    await this.#waiting.until({ tenant, id, read, isKnown, seconds, signal });
    const one = await visible(caller, id);
    return { one, tag: tagOf(one), known: isKnown(tagOf(one)) };
  }

  /** @throws ServerError `ERR_SERVER_NOT_FOUND` before the first issue, and where the one in use still has names that are not the caller's */
  async #content({ id, current }: ManagedCertificate, caller: Caller): Promise<Generation> {
    const content =
      current &&
      (await caller.tenant.manager.provisioner.certificates.generation(id, current.generation));
    if (!content || !maySee(caller, content.names))
      throw new ServerError('ERR_SERVER_NOT_FOUND', `${id} was not issued yet`);
    return content;
  }

  async #toldOfReading(
    { id: actor, tenant: { storage } }: Caller,
    { id, names: all, issuer, current }: ManagedCertificate,
  ): Promise<void> {
    await storage.write([
      eventChange(
        {
          type: 'private_key_read',
          certificate: id,
          names: all,
          issuer,
          actor,
          message: `generation ${current?.generation}`,
        },
        this.#clock,
      ),
    ]);
  }

  #shown(one: ManagedCertificate) {
    return certificateOf(one, this.#clock);
  }
}

function tagOf({ current }: ManagedCertificate): string {
  return `"${current?.generation ?? 0}-${current?.serialNumber ?? ''}"`;
}

/** RFC 9110 §13.1.2 */
function names(header: string | undefined, tag: string): boolean {
  return (
    header === '*' ||
    (header ?? '').split(',').some((one) => one.trim().replace(/^W\//, '') === tag)
  );
}
