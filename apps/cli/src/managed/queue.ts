import { systemClock } from '@acmex/clock';
import { printable } from '@acmex/errors';
import { type CertificateStore, type ManagedCertificate, priorityOf } from '@acmex/orchestrator';
import type { Terminal } from '../terminal.ts';
import { theCertificate } from './certificates.ts';
import { type ConfiguredOutputOptions, type Row, table } from '../output.ts';
import { withManager } from './with-manager.ts';

/** So many of what is due are counted; a queue that is longer is said to be. */
const most = 10_000;

interface Waiting {
  readonly priority: string;
  readonly issuer: string;
  count: number;
  /** RFC 3339 */
  readonly oldest: string;
}

const failureOf = ({ failure, deployFailure }: ManagedCertificate) => failure ?? deployFailure;
const rowOf = (one: ManagedCertificate): Row => ({
  id: one.id,
  failures: failureOf(one)?.failures,
  again: failureOf(one)?.retryAt,
  code: failureOf(one)?.code,
  names: one.names.map((name) => printable(name, 255)).join(' '),
});

/** `acmex queue`: what is due by now and not done, by urgency and CA, and what fails with its problem. */
export async function queue(options: ConfiguredOutputOptions, terminal: Terminal): Promise<void> {
  await withManager(options, terminal, async ({ provisioner: { certificates } }, report) => {
    const waiting = new Map<string, Waiting>();
    const now = systemClock.now();
    let count = 0;
    for await (const { at, issuer, ...validity } of certificates.due(now, {
      limit: most,
      signal: terminal.signal,
      onCorrupt: ({ message }) => report.warn(message),
    })) {
      count += 1;
      const priority = priorityOf(validity, now);
      const one = waiting.get(`${priority} ${issuer}`) ?? {
        priority,
        issuer,
        count: 0,
        oldest: at,
      };
      one.count += 1;
      waiting.set(`${priority} ${issuer}`, one);
    }
    const failing = await allFailing(certificates);
    if (count === 0) report.done('nothing is due');
    if (count === most) report.done(`more than ${most} are due: these are the oldest`);
    const due = [...waiting.values()];
    const rows = failing.map(rowOf);
    const problems = failing.map(
      (one) => `${one.id}  ${printable(failureOf(one)?.message ?? '', 2000)}`,
    );
    return {
      text: [
        due.length > 0 ? table(due.map((one): Row => ({ ...one }))) : undefined,
        rows.length > 0 ? `failing:\n${table(rows)}\n${problems.join('\n')}` : undefined,
      ]
        .filter((part) => part !== undefined)
        .join('\n\n'),
      document: {
        due,
        failing: failing.map((one) => ({
          certificate: one.id,
          names: one.names,
          failure: one.failure,
          deployFailure: one.deployFailure,
        })),
      },
      rows,
    };
  });
}

/** `acmex replay`: what failed is due now, for whoever works with the storage. */
export async function replay(
  which: readonly string[],
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async (parts) => {
    const { provisioner } = parts;
    const chosen =
      which.length === 0
        ? await allFailing(provisioner.certificates)
        : await Promise.all(which.map(async (one) => await theCertificate(parts, one)));
    const failing = chosen.filter((one) => failureOf(one) !== undefined);
    for (const { id } of failing) await provisioner.hasten(id);
    return {
      text:
        failing.length === 0
          ? 'nothing fails'
          : `due now: ${failing.map(({ id }) => id).join(', ')}`,
      document: failing.map(({ id }) => id),
    };
  });
}

async function allFailing(certificates: CertificateStore): Promise<readonly ManagedCertificate[]> {
  const all: ManagedCertificate[] = [];
  let cursor: string | undefined;
  do {
    const page: Awaited<ReturnType<CertificateStore['page']>> = await certificates.page({
      failing: true,
      limit: 500,
      cursor,
    });
    all.push(...page.certificates);
    cursor = page.next;
  } while (cursor !== undefined);
  return all;
}
