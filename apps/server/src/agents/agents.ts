import type { Clock } from '@acmex/clock';
import { Inject, Injectable } from '@nestjs/common';
import { certificatesInUse } from '@acmex/orchestrator';
import * as z from 'zod';
import { CLOCK } from '../clock.ts';
import { type Caller, maySee } from '../access/caller.ts';
import { KeyStore } from '../access/key-store.ts';
import { ServerError } from '../errors.ts';
import { answer, type Answer, endpoint, Handles, type RequestOf } from '../http/endpoint.ts';
import { agentName, certificateId, limit, pageOf } from '../http/fields.ts';
import { AgentReports } from './agent-reports.ts';

const states = ['current', 'behind'] as const;
const evidence = z.enum(['probe', 'files']);
const serialNumber = z
  .string()
  .regex(/^[0-9a-f]{1,64}$/, 'write the serial number in lower-case hexadecimal');
const errorCode = z
  .string()
  .regex(/^ERR_[A-Z0-9_]{1,60}$/, 'write the code of the error, as ERR_DEPLOY_HOOK');
const reportSchema = z
  .object({
    agent: z.string().describe('The name of the host.'),
    certificate: z.string(),
    names: z.array(z.string()),
    state: z
      .enum(states)
      .describe(
        '`current`: it serves the current certificate. `behind`: it serves another certificate, or none.',
      ),
    serialNumber: z
      .string()
      .optional()
      .describe('Of the certificate that the host serves; absent while it serves none.'),
    evidence: evidence
      .optional()
      .describe(
        '`probe`: the agent saw the certificate on its port. `files`: the agent wrote the files, and the hook succeeded.',
      ),
    since: z.string().describe('Since when the agent reports this serial number.'),
    failure: z
      .object({ code: z.string(), since: z.string() })
      .optional()
      .describe('Why the host does not serve the current certificate.'),
    reportedAt: z.string().describe('When the agent last reported.'),
    by: z.string().describe('The id of the key that reported it.'),
  })
  .meta({ id: 'AgentReport' });
const list = endpoint({
  method: 'GET',
  path: '/api/agents',
  scope: 'agents:read',
  summary: 'See which host serves which certificate',
  query: z.strictObject({
    certificate: certificateId.optional(),
    agent: agentName.optional(),
    state: z.enum(states).optional(),
    limit,
    cursor: z
      .string()
      .regex(
        /^crt_[0-9a-z]{26}\/[a-z0-9][a-z0-9._-]{0,99}$/,
        'take it from next of the page before',
      )
      .optional()
      .describe('`next` of the page before.'),
  }),
  answers: {
    200: {
      description: 'A page of reports, by certificate; at most 2,000 are read for it.',
      schema: pageOf(reportSchema),
    },
  },
});
const putReport = endpoint({
  method: 'POST',
  path: '/api/agents',
  scope: 'agents:write',
  summary:
    'Report what a host serves: its name belongs to the first key that does, while it is valid',
  body: z.strictObject({
    agent: agentName.describe('The name of the host.'),
    certificates: z
      .array(
        z.strictObject({
          id: certificateId,
          serialNumber: serialNumber.optional(),
          evidence: evidence.optional(),
          failure: errorCode.optional(),
        }),
      )
      .min(1)
      .max(100),
  }),
  answers: {
    200: {
      description: 'The report is stored.',
      schema: z.object({
        unknown: z
          .array(z.string())
          .describe('Certificates that the key cannot see; nothing is stored for them.'),
      }),
    },
  },
});
const forget = endpoint({
  method: 'DELETE',
  path: '/api/agents/:name',
  scope: 'agents:write',
  summary: 'Remove the reports of a host: by its own key, or by one for every name',
  params: z.strictObject({ name: agentName }),
  answers: {
    204: { description: 'The reports are removed, for the certificates that the key may see.' },
  },
});

@Injectable()
export class Agents {
  readonly #clock: Clock;

  constructor(@Inject(CLOCK) clock: Clock) {
    this.#clock = clock;
  }

  @Handles(list)
  async list({
    caller,
    query: { certificate, agent, state, limit: pageSize, cursor },
  }: RequestOf<typeof list>): Promise<Answer> {
    const { certificates } = caller.tenant.manager.provisioner;
    const items: z.infer<typeof reportSchema>[] = [];
    let [scanned, next, managed] = [
      0,
      undefined as string | undefined,
      undefined as Awaited<ReturnType<typeof certificates.find>>,
    ];
    for await (const {
      certificate: id,
      agent: name,
      failure,
      failingSince,
      ...report
    } of this.#reports(caller).list({ certificate, after: cursor, limit: 2001 })) {
      if (scanned === 2000 || items.length === pageSize)
        return answer(200, { items, next, scanned });
      [scanned, next] = [scanned + 1, `${id}/${name}`];
      if (managed?.id !== id) managed = await certificates.find(id);
      if (!managed || !maySee(caller, managed.names) || (agent ?? name) !== name) continue;
      const actualState =
        managed.current !== undefined &&
        certificatesInUse(managed.current).some(
          ({ serialNumber: inUse }) => inUse === report.serialNumber,
        )
          ? 'current'
          : 'behind';
      if ((state ?? actualState) === actualState)
        items.push({
          agent: name,
          certificate: id,
          names: [...managed.names],
          state: actualState,
          ...report,
          failure:
            failure === undefined
              ? undefined
              : { code: failure, since: failingSince ?? report.reportedAt },
        });
    }
    return answer(200, { items, scanned });
  }

  @Handles(putReport)
  async putReport({
    caller,
    body: { agent, certificates: all },
  }: RequestOf<typeof putReport>): Promise<Answer> {
    const { certificates } = caller.tenant.manager.provisioner;
    const unknown = [];
    for (const { id, ...report } of all) {
      const managed = await certificates.find(id);
      if (managed && maySee(caller, managed.names))
        await this.#reports(caller).take(agent, managed, report, caller.id);
      else unknown.push(id);
    }
    return answer(200, { unknown });
  }

  @Handles(forget)
  async forget({ caller, params: { name } }: RequestOf<typeof forget>): Promise<Answer> {
    const { certificates } = caller.tenant.manager.provisioner;
    const reports = this.#reports(caller);
    const forgotten = (await reports.mayForget(name, caller))
      ? await reports.forget(name, async (id) =>
          maySee(caller, (await certificates.find(id))?.names ?? ['*']),
        )
      : 0;
    if (forgotten === 0)
      throw new ServerError(
        'ERR_SERVER_NOT_FOUND',
        `there is no report of ${name} that this key may remove`,
      );
    return answer(204);
  }

  #reports({ tenant: { storage, name } }: Caller): AgentReports {
    const keys = new KeyStore({ storage, tenant: name, clock: this.#clock });
    return new AgentReports({
      storage,
      clock: this.#clock,
      isValidKey: async (id) => await keys.isValid(id),
    });
  }
}
