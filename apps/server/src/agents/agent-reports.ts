import { type Clock, systemClock, timestamp } from '@acmex/clock';
import { eventChange, type ManagedCertificate, traceIdOf } from '@acmex/orchestrator';
import {
  type Change,
  records,
  schemaCheck,
  type Storage,
  type Stored,
  untilWritten,
  writeIfUnchanged,
} from '@acmex/storage';
import type { Caller } from '../access/caller.ts';
import { ServerError } from '../errors.ts';
import * as z from 'zod';
import { storedTime } from '../stored-time.ts';

/** What an agent reports about a certificate on its host. */
export interface AgentReport {
  /** Lower-case hexadecimal; absent while the host serves no certificate. */
  readonly serialNumber?: string | undefined;
  /**
   * How the agent knows: `probe`, it saw the certificate on the port; `files`, it wrote the files
   * and the hook succeeded.
   */
  readonly evidence?: 'probe' | 'files' | undefined;
  /** The code of the error because of which the host does not serve the current certificate. */
  readonly failure?: string | undefined;
}

/** A stored report. Times are RFC 3339. */
interface ReportRecord extends AgentReport {
  /** Since when it reports this serial number. */
  readonly since: string;
  /** Since when it reports this failure. */
  readonly failingSince?: string | undefined;
  readonly reportedAt: string;
  /** The id of the key that reported it. */
  readonly by: string;
}

/** The key or token that may report for a host: the one that first did. */
interface HostRecord {
  readonly by: string;
}

export type StoredReport = ReportRecord & { readonly certificate: string; readonly agent: string };

const reports = records<ReportRecord>({
  kind: 'report of an agent',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      serialNumber: z.string().optional(),
      evidence: z.enum(['probe', 'files']).optional(),
      failure: z.string().optional(),
      since: storedTime,
      failingSince: storedTime.optional(),
      reportedAt: storedTime,
      by: z.string(),
    }),
  ),
  under: 'agent',
});

const hosts = records<HostRecord>({
  kind: 'host of an agent',
  version: 1,
  check: schemaCheck(z.looseObject({ by: z.string().min(1) })),
  under: 'agent-host',
});

/** Stores which host serves which certificate, as reported by the agents. */
export class AgentReports {
  readonly #storage: Storage;
  readonly #isValidKey: (id: string) => Promise<boolean>;
  readonly #clock: Clock;

  /**
   * @param options `storage` of the tenant; `isValidKey` says if a key or token can still be used:
   * each can by default
   */
  constructor({
    storage,
    isValidKey = async () => true,
    clock = systemClock,
  }: {
    readonly storage: Storage;
    readonly isValidKey?: ((id: string) => Promise<boolean>) | undefined;
    readonly clock?: Clock | undefined;
  }) {
    this.#storage = storage;
    this.#isValidKey = isValidKey;
    this.#clock = clock;
  }

  /**
   * Stores the report of an agent, and an event where it differs from the last one. The name of the
   * host belongs to the key that first reports for it, as long as that key is valid.
   * @throws ServerError `ERR_SERVER_FORBIDDEN` for a host of another key
   */
  async take(
    agent: string,
    { id, names, issuer, labels, current }: ManagedCertificate,
    report: AgentReport,
    by: string,
  ): Promise<void> {
    await untilWritten(async () => {
      const binding = await this.#bindingFor(agent, by);
      const stored = await reports.read(this.#storage, `${id}/${agent}`);
      const now = timestamp(this.#clock.now());
      const old = stored?.record;
      const served = old?.serialNumber === report.serialNumber;
      const failing = old?.failure === report.failure;
      const failingSince = failing && old ? old.failingSince : now;
      const record: ReportRecord = {
        ...report,
        since: served && old ? old.since : now,
        failingSince: report.failure === undefined ? undefined : failingSince,
        reportedAt: now,
        by,
      };
      const traceId = traceIdOf(current?.traceparent);
      const event = { certificate: id, names, issuer, labels, actor: by, traceId };
      await this.#storage.write([
        binding,
        stored ? reports.changed(stored, record) : reports.added(`${id}/${agent}`, record),
        ...(!served && report.serialNumber !== undefined
          ? [
              eventChange(
                {
                  type: 'certificate_deployed',
                  ...event,
                  message: `${agent} serves ${report.serialNumber}`,
                },
                this.#clock,
              ),
            ]
          : []),
        ...(!failing && report.failure !== undefined
          ? [
              eventChange(
                { type: 'deployment_failed', ...event, message: agent, code: report.failure },
                this.#clock,
              ),
            ]
          : []),
      ]);
    });
  }

  /**
   * Lists the reports by certificate, then by agent.
   *
   * @param options - `after`: `CERTIFICATE/AGENT` of the last report of the page before
   */
  async *list({
    certificate,
    after,
    limit,
  }: {
    readonly certificate?: string | undefined;
    readonly after?: string | undefined;
    readonly limit?: number | undefined;
  } = {}): AsyncGenerator<StoredReport> {
    for await (const stored of reports.list(this.#storage, {
      under: certificate,
      after: after === undefined ? undefined : reports.key(after),
      limit,
    }))
      yield toStoredReport(stored);
  }

  /** Returns the change that binds a host to a key. */
  async #bindingFor(agent: string, by: string): Promise<Change> {
    const host = await hosts.read(this.#storage, agent);
    if (!host) return hosts.added(agent, { by });
    // It is written again each time, so that who removes the host meanwhile notices the report.
    if (host.record.by === by) return hosts.changed(host, { by });
    if (await this.#isValidKey(host.record.by))
      throw new ServerError(
        'ERR_SERVER_FORBIDDEN',
        `the host ${agent} is reported by ${host.record.by}: report with that key, choose another name for this host, or remove the host with DELETE /api/agents/${agent}`,
      );
    return hosts.changed(host, { by });
  }

  /** Returns whether a key may remove a host: the key that reports for it, or one for every name. */
  async mayForget(agent: string, { id, names }: Pick<Caller, 'id' | 'names'>): Promise<boolean> {
    const host = await hosts.read(this.#storage, agent);
    return host === undefined || host.record.by === id || names.includes('*');
  }

  /**
   * Removes the reports of a host. When none is left, another key can report for it.
   *
   * @param isMeant - says for which certificates
   * @returns the number of reports removed
   */
  async forget(agent: string, isMeant: (certificate: string) => Promise<boolean>): Promise<number> {
    const host = await hosts.read(this.#storage, agent);
    let [forgotten, remaining] = [0, 0];
    for await (const { certificate, agent: reporter } of this.list()) {
      if (reporter !== agent) continue;
      if (!(await isMeant(certificate))) {
        remaining += 1;
        continue;
      }
      await this.#storage.write([{ remove: reports.key(`${certificate}/${agent}`) }]);
      forgotten += 1;
    }
    // A host that has reported meanwhile stays bound to its key.
    if (remaining === 0 && host)
      await writeIfUnchanged(this.#storage, [{ remove: host.key, ifVersion: host.version }]);
    return forgotten;
  }

  async forgetCertificate(certificate: string): Promise<void> {
    for await (const { agent } of this.list({ certificate }))
      await this.#storage.write([{ remove: reports.key(`${certificate}/${agent}`) }]);
  }
}

function toStoredReport({ key, record }: Stored<ReportRecord>): StoredReport {
  const [certificate = '', agent = ''] = key.split('/').slice(-2);
  return { ...record, certificate, agent };
}
