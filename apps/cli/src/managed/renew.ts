import { mapConcurrent, systemClock } from '@acmex/clock';
import { errorCode, errorText, printable } from '@acmex/errors';
import { type ConfiguredManager, reconcileDeclared } from '@acmex/manager/from-config';
import type { ManagedCertificate, MaintenanceResult } from '@acmex/orchestrator';
import { CliError } from '../errors.ts';
import { exitCodeOf } from '../exit-code.ts';
import type { Reporter, Terminal } from '../terminal.ts';
import { findCertificate } from './certificates.ts';
import { type DryRunOptions, dryRun } from './dry-run.ts';
import { type ConfiguredOutputOptions, type Row, table } from '../output.ts';
import { withManager } from './with-manager.ts';

export interface RenewOptions extends ConfiguredOutputOptions, DryRunOptions {
  readonly domains?: readonly string[];
  readonly all?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly concurrency: number;
}

interface Done extends MaintenanceResult {
  readonly names: readonly string[];
  readonly result:
    'renewed' | 'could be renewed' | 'not due' | 'failed' | 'not deployed' | 'deployed';
  readonly error?: unknown;
}

/**
 * `acmex renew`: what is due now, and ends; two at once are safe. A failure of one keeps no other from being renewed.
 * @returns the exit code: 0, that of the only kind of failure, or 9 for several kinds
 */
export async function renew(options: RenewOptions, terminal: Terminal): Promise<number> {
  if (options.force && !options.all && !options.domains)
    throw new CliError(
      'ERR_CLI_USAGE',
      '--force orders also what is not due: say which with --domains, or --all',
    );
  if (!options.dryRun && (options.server !== undefined || options.caCertificate !== undefined))
    throw new CliError(
      'ERR_CLI_USAGE',
      '--server and --ca-certificate are for --dry-run: a renewal goes to the CA that issued',
    );
  let code = 0;
  await withManager(options, terminal, async (parts, report) => {
    await parts.hooks.check();
    const declared = options.dryRun
      ? []
      : await prepared(parts, { report, signal: terminal.signal });
    const done: Done[] = [];
    const trial = options.dryRun ? dryRun(options, { terminal, report }) : undefined;
    const due = chosen(parts, { ...options, declared }, terminal.signal);
    await mapConcurrent(options.concurrency, due, async (id) => {
      done.push(await maintainCertificate(id, parts, { options, terminal, report, trial }));
    });
    // Also where it was stopped: what a hook has ended before the run is begun again after it.
    const finished = new Map((await parts.finish()).map((one) => [one.certificate, one]));
    terminal.signal.throwIfAborted();
    const results = done.map((one): Done => {
      const { deployed, deployError } = finished.get(one.certificate) ?? {};
      if (deployed !== 'failed') return one;
      report.warn(`${one.certificate}: not deployed: ${errorText(deployError)}`);
      return { ...one, result: 'not deployed', error: deployError };
    });
    const codes = new Set(
      results.flatMap((one) =>
        one.result === 'not deployed'
          ? [8]
          : one.error === undefined
            ? []
            : [exitCodeOf(one.error)],
      ),
    );
    code = codes.size > 1 ? 9 : ([...codes][0] ?? 0);
    const rows = results.map(({ certificate, result, again, names, error }): Row => ({
      certificate,
      result,
      next: again,
      names: names.map((name) => printable(name, 255)).join(' '),
      error: errorCode(error),
    }));
    if (rows.length === 0) report.done('nothing is due');
    return { text: table(rows), document: rows, rows };
  });
  return code;
}

/** Brings the storage into accord with the configuration. @returns the ids of those for which that has made something due */
export async function prepared(
  parts: ConfiguredManager,
  { report, signal }: { readonly report: Reporter; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const words = {
    created: 'is managed from now on',
    changed: 'is changed as the configuration says',
    ordered: 'is changed as the configuration says, and ordered again',
    joined: 'was there more than once, and is one certificate now',
  };
  const changes = await reconcileDeclared(parts, {
    onError: (id, error) =>
      report.warn(`${id} is a duplicate, and could not be joined: ${printable(String(error))}`),
    signal,
  });
  for (const { id, names, change } of changes)
    report.done(`${id} (${names.map((name) => printable(name, 255)).join(', ')}) ${words[change]}`);
  await parts.maintenance.replan({ signal });
  return changes.map(({ id }) => id);
}

async function* chosen(
  parts: ConfiguredManager,
  { domains, all, declared }: RenewOptions & { readonly declared: readonly string[] },
  signal: AbortSignal,
): AsyncGenerator<string> {
  if (domains) for (const name of domains) yield (await findCertificate(parts, name)).id;
  else if (all)
    for await (const { id } of parts.provisioner.certificates.list({ signal })) yield id;
  // What is due now is read once: what becomes due meanwhile is the next run's.
  else yield* new Set([...declared, ...(await dueNow(parts, signal))]);
}

async function dueNow(
  { provisioner }: ConfiguredManager,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const ids = new Set<string>();
  for await (const { id } of provisioner.certificates.due(systemClock.now(), { signal }))
    ids.add(id);
  return [...ids];
}

async function maintainCertificate(
  id: string,
  parts: ConfiguredManager,
  {
    options,
    terminal: { signal },
    report,
    trial,
  }: {
    readonly options: RenewOptions;
    readonly terminal: Terminal;
    readonly report: Reporter;
    readonly trial: ReturnType<typeof dryRun> | undefined;
  },
): Promise<Done> {
  const { provisioner } = parts;
  const found: ManagedCertificate | undefined = await provisioner.certificates.find(id);
  const names = found?.names ?? [];
  const called = `${id} (${names.map((name) => printable(name, 255)).join(', ')})`;
  try {
    if (trial && found) {
      const outcome = await trial(parts, found);
      if (outcome.state === 'failed') throw outcome.error;
      report.done(`${called}: could be renewed`);
      return { certificate: id, names, result: 'could be renewed' };
    }
    const maintained = await parts.maintain(id, {
      signal,
      force: options.force ? 'renewal' : options.domains ? 'deploy' : undefined,
    });
    const { outcome, deployed, deployError } = maintained;
    const error = outcome?.state === 'failed' ? outcome.error : deployError;
    const result =
      outcome?.state === 'failed'
        ? 'failed'
        : deployed === 'failed'
          ? 'not deployed'
          : outcome?.state === 'succeeded' && !outcome.elsewhere
            ? 'renewed'
            : deployed === undefined
              ? 'not due'
              : 'deployed';
    if (error !== undefined) report.warn(`${called}: ${result}: ${errorText(error)}`);
    else if (result !== 'not due') report.done(`${called}: ${result}`);
    return { ...maintained, names, result, error };
  } catch (error) {
    if (!signal.aborted) report.warn(`${called}: ${errorText(error)}`);
    return { certificate: id, names, result: 'failed', error };
  }
}
