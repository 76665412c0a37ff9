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

function waitingRowOf(certificate: ManagedCertificate): Row {
  const { id, failure } = certificate;
  return { id, until: failure?.retryAt, code: failure?.code, names: printableNames(certificate) };
}

function causesOf(certificates: readonly ManagedCertificate[]): string {
  return certificates
    .map(
      (certificate) =>
        `${certificate.id}  ${printable(failureOf(certificate)?.message ?? '', 2000)}`,
    )
    .join('\n');
}

/**
 * `acmex queue`: shows the issuers that are not used now, what is due and not done, by priority and
 * CA, what waits for the limits of a CA, and what fails with its cause.
 */
export async function queue(options: ConfiguredOutputOptions, terminal: Terminal): Promise<void> {
  await withManager(options, terminal, async ({ provisioner, storage }, report) => {
    const { certificates } = provisioner;
    const unavailable = await unavailableIssuers(storage);
    const due = await countDue(certificates, report, terminal.signal);
    const failing = await listed(certificates, { failing: true });
    const waiting = await listed(certificates, { waiting: true });
    const rows = failing.map(rowOf);
    const text = [
      ...unavailable.map(
        ({ issuer, since, until, message = '' }) =>
          `issuer ${issuer}: not used since ${since ?? '?'}, tried again at ${until}: ${printable(message, 2000)}`,
      ),
      ...(due.length > 0 ? [table(due.map((group): Row => ({ ...group })))] : []),
      ...(waiting.length > 0
        ? [`waiting:\n${table(waiting.map(waitingRowOf))}\n${causesOf(waiting)}`]
        : []),
      ...(rows.length > 0 ? [`failing:\n${table(rows)}\n${causesOf(failing)}`] : []),
    ].join('\n\n');
    const document = {
      unavailable,
      due,
      waiting: waiting.map(({ id, names, failure }) => ({
        ...{ certificate: id, names, until: failure?.retryAt },
        ...{ code: failure?.code, message: failure?.message },
      })),
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
        ? await listed(provisioner.certificates, { failing: true })
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

/** Returns the certificates that an index has: those that fail, or those that wait. */
export async function listed(
  certificates: CertificateStore,
  query: { readonly failing: true } | { readonly waiting: true },
): Promise<readonly ManagedCertificate[]> {
  const all: ManagedCertificate[] = [];
  let cursor: string | undefined;
  do {
    const page: Awaited<ReturnType<CertificateStore['page']>> = await certificates.page({
      ...query,
      limit: 500,
      cursor,
    });
    all.push(...page.certificates);
    cursor = page.next;
  } while (cursor !== undefined);
  return all;
}
