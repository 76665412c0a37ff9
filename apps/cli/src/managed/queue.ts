import { systemClock } from '@acmex/clock';
import { printable } from '@acmex/errors';
import {
  type CertificateStore,
  type ManagedCertificate,
  priorityOf,
  unavailableIssuers,
} from '@acmex/orchestrator';
import type { Reporter, Terminal } from '../terminal.ts';
import { findCertificate, printableNames } from './certificates.ts';
import { type ConfiguredOutputOptions, type Row, table } from '../output.ts';
import { withManager } from './with-manager.ts';

/** How many due certificates are counted. */
const countLimit = 10_000;

interface DueGroup {
  readonly priority: string;
  readonly issuer: string;
  count: number;
  /** RFC 3339 */
  readonly oldest: string;
}

const failureOf = ({ failure, deployFailure }: ManagedCertificate) => failure ?? deployFailure;

function rowOf(certificate: ManagedCertificate): Row {
  const failure = failureOf(certificate);
  return {
    id: certificate.id,
    failures: failure?.failures,
    again: failure?.retryAt,
    code: failure?.code,
    names: printableNames(certificate),
  };
}

/**
 * `acmex queue`: shows the issuers that are not used now, what is due and not done, by priority and
 * CA, and what fails with its cause.
 */
export async function queue(options: ConfiguredOutputOptions, terminal: Terminal): Promise<void> {
  await withManager(options, terminal, async ({ provisioner, storage }, report) => {
    const { certificates } = provisioner;
    const unavailable = await unavailableIssuers(storage);
    const due = await countDue(certificates, report, terminal.signal);
    const failing = await listFailing(certificates);
    const rows = failing.map(rowOf);
    const causes = failing.map(
      (certificate) =>
        `${certificate.id}  ${printable(failureOf(certificate)?.message ?? '', 2000)}`,
    );
    const text = [
      ...unavailable.map(
        ({ issuer, since, until, message = '' }) =>
          `issuer ${issuer}: not used since ${since ?? '?'}, tried again at ${until}: ${printable(message, 2000)}`,
      ),
      ...(due.length > 0 ? [table(due.map((group): Row => ({ ...group })))] : []),
      ...(rows.length > 0 ? [`failing:\n${table(rows)}\n${causes.join('\n')}`] : []),
    ].join('\n\n');
    const document = {
      unavailable,
      due,
      failing: failing.map(({ id, names, failure, deployFailure }) => ({
        certificate: id,
        names,
        failure,
        deployFailure,
      })),
    };
    return { text, document, rows };
  });
}

/** Counts what is due now by priority and issuer, and reports how many there are. */
async function countDue(
  certificates: CertificateStore,
  report: Reporter,
  signal: AbortSignal,
): Promise<readonly DueGroup[]> {
  const groups = new Map<string, DueGroup>();
  const now = systemClock.now();
  let count = 0;
  for await (const { at, issuer, ...validity } of certificates.due(now, {
    limit: countLimit,
    signal,
    onCorrupt: ({ message }) => report.warn(message),
  })) {
    count += 1;
    const priority = priorityOf(validity, now);
    const key = `${priority} ${issuer}`;
    const group = groups.get(key) ?? { priority, issuer, count: 0, oldest: at };
    group.count += 1;
    groups.set(key, group);
  }
  if (count === 0) report.done('nothing is due');
  if (count === countLimit) report.done(`more than ${countLimit} are due: these are the oldest`);
  return [...groups.values()];
}

/** `acmex queue replay`: makes failed certificates due now. */
export async function replay(
  idsOrNames: readonly string[],
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async (manager) => {
    const { provisioner } = manager;
    const chosen =
      idsOrNames.length === 0
        ? await listFailing(provisioner.certificates)
        : await Promise.all(idsOrNames.map(async (name) => await findCertificate(manager, name)));
    const ids = chosen
      .filter((certificate) => failureOf(certificate) !== undefined)
      .map(({ id }) => id);
    for (const id of ids) await provisioner.retryNow(id);
    return {
      text: ids.length === 0 ? 'nothing fails' : `due now: ${ids.join(', ')}`,
      document: ids,
    };
  });
}

/** Returns the certificates whose last order or deployment has failed. */
export async function listFailing(
  certificates: CertificateStore,
): Promise<readonly ManagedCertificate[]> {
  const failing: ManagedCertificate[] = [];
  let cursor: string | undefined;
  do {
    const page: Awaited<ReturnType<CertificateStore['page']>> = await certificates.page({
      failing: true,
      limit: 500,
      cursor,
    });
    failing.push(...page.certificates);
    cursor = page.next;
  } while (cursor !== undefined);
  return failing;
}
