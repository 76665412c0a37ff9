import { mapConcurrent, systemClock } from '@acmex/clock';
import { errorCode, errorText, printable } from '@acmex/errors';
import { checkServed, storedEvents, watchAll, type Watched } from '@acmex/manager';
import { type ConfiguredManager, reconcileDeclared } from '@acmex/manager/from-config';
import {
  type ManagedCertificate,
  type MaintenanceResult,
  removeOldEvents,
} from '@acmex/orchestrator';
import { CliError } from '../errors.ts';
import { exitCodeOf } from '../exit-code.ts';
import { type ConfiguredOutputOptions, type Result, type Row, table } from '../output.ts';
import { noMetrics, openMetrics } from '../program-metrics.ts';
import type { Reporter, Terminal } from '../terminal.ts';
import { type WaitingFile, waitingFile } from '../whole-file.ts';
import { findCertificate } from './certificates.ts';
import { type DryRun, dryRun, type DryRunOptions } from './dry-run.ts';
import { reportIssued, withinRun } from './run.ts';
import { withManager } from './with-manager.ts';

export interface RenewOptions extends ConfiguredOutputOptions, DryRunOptions {
  readonly domains?: readonly string[];
  readonly all?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly concurrency: number;
  readonly metricsFile?: string;
}

export interface Renewal extends MaintenanceResult {
  readonly names: readonly string[];
  readonly result:
    | 'renewed'
    | 'could be renewed'
    | 'not due'
    | 'waits for records'
    | 'waits for limits'
    | 'failed'
    | 'not deployed'
    | 'deployed';
  readonly error?: unknown;
}

/** What the renewal of each certificate works with. */
export interface Run {
  readonly options: Pick<RenewOptions, 'domains' | 'all' | 'force' | 'concurrency'>;
  readonly manager: ConfiguredManager;
  readonly report: Reporter;
  readonly signal: AbortSignal;
  readonly trial: DryRun | undefined;
  readonly countOrder: (result: Pick<MaintenanceResult, 'outcome'>) => void;
}

/**
 * `acmex renew`: renews and deploys what is due now. A failure of one certificate does not stop the
 * others; several runs at the same time are safe.
 * @returns the exit code: 0, that of the only kind of failure, or 9 for several kinds
 */
export async function renew(options: RenewOptions, terminal: Terminal): Promise<number> {
  assertCombination(options);
  const metrics =
    options.metricsFile === undefined
      ? noMetrics
      : await openMetrics(options.configuration.values, systemClock);
  let exitCode = 0;
  const work = async (manager: ConfiguredManager, report: Reporter): Promise<Result> => {
    const { signal } = terminal;
    await using file = await metricsFile(options);
    await manager.hooks.check();
    const trial = options.dryRun ? dryRun(options, { terminal, report }) : undefined;
    const countOrder = metrics.addRenewals();
    const run: Run = { options, manager, report, signal, trial, countOrder };
    const changed = trial ? [] : await prepareManager(manager, { report, signal });
    const results = await renewAll(chosenIds(run, changed), run);
    if (!trial) await afterRun(results, run);
    signal.throwIfAborted();
    exitCode = exitCodeOfAll(results);
    metrics.addCertificates(() => manager);
    metrics.addRun(countsOf(results));
    await file?.commit(await metrics.text());
    const rows = results.map(rowOf);
    if (rows.length === 0) report.done('nothing is due');
    return { text: table(rows), document: rows, rows };
  };
  await withManager(options, terminal, work, metrics);
  return exitCode;
}

/** Renews and deploys certificates as one run. The failure of one does not stop the others. */
export async function renewAll(ids: AsyncIterable<string>, run: Run): Promise<readonly Renewal[]> {
  const renewals: Renewal[] = [];
  const { finished } = await withinRun(run, async () => {
    await mapConcurrent(run.options.concurrency, ids, async (id) => {
      renewals.push(await renewOne(id, run));
    });
  });
  return withDeployments(renewals, finished, run.report);
}

/** Reports alarms and notifications, and sends the heartbeat when all is well. */
async function afterRun(results: readonly Renewal[], run: Run): Promise<void> {
  const { isComplete } = await reportAlarms(run);
  await sendReport(run);
  await removeEvents(run);
  if (isComplete && results.every(isHealthy))
    await run.manager.heartbeat?.send({ signal: run.signal });
}

/**
 * Makes sure that the file of the metrics can be written, before anything is done.
 * @throws CliError `ERR_CLI_FILE`
 */
async function metricsFile({ metricsFile: path }: RenewOptions): Promise<WaitingFile | undefined> {
  return path === undefined ? undefined : await waitingFile(path, 0o644);
}

const resultLabels = {
  renewed: 'renewed',
  deployed: 'deployed',
  'not due': 'not_due',
  'waits for records': 'waiting',
  'waits for limits': 'waiting',
  failed: 'failed',
  'not deployed': 'not_deployed',
} as const;

/** Returns the number of certificates by result, all results included. */
function countsOf(renewals: readonly Renewal[]): ReadonlyMap<string, number> {
  const labels: Readonly<Partial<Record<Renewal['result'], string>>> = resultLabels;
  return new Map(
    Object.values(resultLabels).map((label) => [
      label,
      renewals.filter(({ result }) => labels[result] === label).length,
    ]),
  );
}

/** @throws CliError `ERR_CLI_USAGE` */
function assertCombination(options: RenewOptions): void {
  const { force, all, domains, dryRun: isTrial, server, caCertificate } = options;
  if (isTrial && options.metricsFile !== undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      '--metrics-file is for real runs: use it without --dry-run',
    );
  if (force && !all && !domains)
    throw new CliError(
      'ERR_CLI_USAGE',
      '--force needs the certificates to renew: use --domains or --all',
    );
  if (!isTrial && (server !== undefined || caCertificate !== undefined))
    throw new CliError(
      'ERR_CLI_USAGE',
      '--server and --ca-certificate need --dry-run: a renewal uses the CA of the certificate',
    );
}

const changeTexts = {
  created: 'is managed from now on',
  changed: 'is changed by the configuration',
  ordered: 'is changed by the configuration, and ordered again',
  joined: 'existed more than once, and is one certificate now',
};

/**
 * Reconciles the storage with the configuration.
 * @returns the ids of the certificates that this has made due
 */
export async function prepareManager(
  manager: ConfiguredManager,
  { report, signal }: { readonly report: Reporter; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const changes = await reconcileDeclared(manager, {
    onError: (id, error) =>
      report.warn(`${id} is a duplicate, and could not be joined: ${printable(String(error))}`),
    signal,
  });
  for (const { id, names, change } of changes)
    report.done(`${titleOf(id, names)} ${changeTexts[change]}`);
  await manager.maintenance.replan({ signal });
  return changes.map(({ id }) => id);
}

/** Returns the ids that flags name, or those that are due now. */
async function* chosenIds(
  { options: { domains, all }, manager, signal }: Run,
  changed: readonly string[],
): AsyncGenerator<string> {
  const { certificates } = manager.provisioner;
  if (domains) {
    for (const name of domains) yield (await findCertificate(manager, name)).id;
  } else if (all) {
    for await (const { id } of certificates.list({ signal })) yield id;
  } else {
    // Read once: what becomes due meanwhile is for the next run.
    const ids = new Set(changed);
    for await (const { id } of certificates.due(systemClock.now(), { signal })) ids.add(id);
    yield* ids;
  }
}

async function renewOne(id: string, run: Run): Promise<Renewal> {
  const { manager, report, signal } = run;
  const certificate = await manager.provisioner.certificates.find(id);
  const names = certificate?.names ?? [];
  const title = titleOf(id, names);
  try {
    const renewal =
      run.trial && certificate
        ? await tryRenewal(certificate, run.trial, manager)
        : { ...(await maintain(id, run)), names };
    const { result, error } = renewal;
    if (error !== undefined) report.warn(`${title}: ${result}: ${errorText(error)}`);
    else if (result !== 'not due') report.done(`${title}: ${result}${keyRemark(certificate)}`);
    return renewal;
  } catch (error) {
    if (!signal.aborted) report.warn(`${title}: ${errorText(error)}`);
    return { certificate: id, names, result: 'failed', error };
  }
}

/** Sends one report of the run to each receiver; one that is down gets it by a later run. */
async function sendReport({ manager, report, signal }: Run): Promise<void> {
  try {
    await manager.notifier.notify({ as: 'report', signal });
  } catch (error) {
    if (!signal.aborted) report.warn(`notifications cannot be sent: ${errorText(error)}`);
  }
}

/** Removes old events: where only a timer runs this program, nothing else does. */
async function removeEvents({ manager, report, signal }: Run): Promise<void> {
  try {
    await removeOldEvents(storedEvents(manager), { clock: systemClock, signal });
  } catch (error) {
    if (!signal.aborted) report.warn(`old events cannot be removed: ${errorText(error)}`);
  }
}

/** Reports certificates that this run did not help: they expire soon, or are late. */
async function reportAlarms({ manager, report, signal }: Run): Promise<Watched> {
  const onError = (subject: string, error: unknown) => {
    if (!signal.aborted) report.warn(`${subject}: ${errorText(error)}`);
  };
  const managers = () => new Map([['', manager]]);
  await checkServed({ managers, clock: systemClock, onError }, { signal });
  return await watchAll({ managers, clock: systemClock, onError }, signal);
}

/** Says that no file has the key of a certificate whose key is in a device. */
function keyRemark(certificate: ManagedCertificate | undefined): string {
  return certificate?.key === undefined
    ? ''
    : `; its key stays in ${printable(certificate.key, 500)}, and no file has it`;
}

async function tryRenewal(
  certificate: ManagedCertificate,
  trial: DryRun,
  manager: ConfiguredManager,
): Promise<Renewal> {
  const outcome = await trial(manager, certificate);
  if (outcome.state === 'failed') throw outcome.error;
  if (outcome.state === 'waiting') throw new CliError('ERR_CLI_INCOMPLETE', outcome.message);
  return { certificate: certificate.id, names: certificate.names, result: 'could be renewed' };
}

async function maintain(
  id: string,
  { options, manager, report, signal, countOrder }: Run,
): Promise<Omit<Renewal, 'names'>> {
  const forDomains = options.domains ? 'deploy' : undefined;
  const maintained = await manager.maintain(id, {
    signal,
    force: options.force ? 'renewal' : forDomains,
    ask: options.all || options.domains ? 'now' : 'when-due',
  });
  const { outcome, deployError } = maintained;
  countOrder(maintained);
  reportIssued(id, outcome, report);
  const error = outcome?.state === 'failed' ? outcome.error : deployError;
  return { ...maintained, result: resultOf(maintained), error };
}

function resultOf({ outcome, deployed }: MaintenanceResult): Renewal['result'] {
  if (outcome?.state === 'failed')
    return errorCode(outcome.error) === 'ERR_ORCHESTRATOR_BUDGET' ? 'waits for limits' : 'failed';
  if (deployed === 'failed') return 'not deployed';
  if (outcome?.state === 'waiting') return 'waits for records';
  if (outcome?.state === 'succeeded' && !outcome.elsewhere) return 'renewed';
  return deployed === undefined ? 'not due' : 'deployed';
}

/** Adds the deployments that failed at the end of the run, as a service that does not start. */
function withDeployments(
  renewals: readonly Renewal[],
  finished: Awaited<ReturnType<ConfiguredManager['finish']>>,
  report: Reporter,
): readonly Renewal[] {
  const deployments = new Map(finished.map((deployment) => [deployment.certificate, deployment]));
  return renewals.map((renewal): Renewal => {
    const { deployed, deployError } = deployments.get(renewal.certificate) ?? {};
    if (deployed !== 'failed') return renewal;
    report.warn(`${renewal.certificate}: not deployed: ${errorText(deployError)}`);
    return { ...renewal, result: 'not deployed', error: deployError };
  });
}

/** Whether nothing has failed for a certificate. */
function isHealthy({ result, error }: Renewal): boolean {
  return result !== 'not deployed' && error === undefined;
}

export function exitCodeOfAll(renewals: readonly Renewal[]): number {
  const codes = new Set<number>();
  for (const { result, error } of renewals) {
    if (result === 'not deployed') codes.add(8);
    else if (error !== undefined) codes.add(exitCodeOf(error));
  }
  const [code = 0] = codes;
  return codes.size > 1 ? 9 : code;
}

export function rowOf({ certificate, result, again, names, error }: Renewal): Row {
  return {
    certificate,
    result,
    next: again,
    names: names.map((name) => printable(name, 255)).join(' '),
    error: errorCode(error),
  };
}

export function titleOf(id: string, names: readonly string[]): string {
  return `${id} (${names.map((name) => printable(name, 255)).join(', ')})`;
}
