import { systemClock } from '@acmex/clock';
import { issuersOf } from '@acmex/config';
import { printable } from '@acmex/errors';
import {
  type ConfiguredManager,
  type DeclaredChange,
  type DeclaredDifference,
  declaredDifference,
  resolvedIssuer,
} from '@acmex/manager/from-config';
import {
  allIssuers,
  type CertificateSpec,
  isWaiting,
  type ManagedCertificate,
  type SpecKey,
} from '@acmex/orchestrator';
import { confirm } from '../confirm.ts';
import { CliError } from '../errors.ts';
import {
  type ConfiguredOutputOptions,
  formatResult,
  type Result,
  type Row,
  table,
} from '../output.ts';
import type { PlanDocument, PlannedCertificate } from '../plan/plan.ts';
import type { Reporter, Terminal } from '../terminal.ts';
import {
  exitCodeOfAll,
  prepareManager,
  type Renewal,
  renewAll,
  rowOf,
  type Run,
  titleOf,
} from './renew.ts';
import { listed } from './queue.ts';
import { withManager } from './with-manager.ts';

export interface ApplyOptions extends ConfiguredOutputOptions {
  readonly dryRun?: boolean;
  readonly prune?: boolean;
  readonly yes?: boolean;
  /** Whether the orders are executed. */
  readonly wait: boolean;
  readonly concurrency: number;
}

/** What is done with a certificate. */
interface AppliedChange {
  readonly change: 'create' | 'change' | 'order' | 'retire';
  readonly certificate: string | undefined;
  readonly names: readonly string[];
  readonly issuer: string;
  readonly differences: readonly Difference[];
  /**
   * When it can be ordered, RFC 3339; absent where it needs no order, and where the CA would refuse
   * it.
   */
  readonly orders: string | undefined;
  /** The limit of the CA that the order waits for. */
  readonly waitsFor: string | undefined;
  /** Why the CA would refuse the order at any time. */
  readonly refusals: NonNullable<PlannedCertificate['refusals']>;
  /** When the certificate in use is renewed, unless it is ordered before. */
  readonly renews: string | undefined;
  readonly expires: string | undefined;
}

/** A key of the configuration with its values. */
interface Difference {
  readonly key: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** The exit code where there is a difference, and nothing is changed. */
const differs = 10;

/** What the steps of the command work with. */
interface Context {
  readonly options: ApplyOptions;
  readonly manager: ConfiguredManager;
  readonly terminal: Terminal;
  readonly report: Reporter;
}

/**
 * `acmex apply`: makes the storage have the certificates of the configuration, and executes their
 * orders. It can be interrupted at any step and repeated; several at once make one result.
 * @returns the exit code: 10 for a difference that is not applied, else that of `acmex renew`
 */
export async function apply(options: ApplyOptions, terminal: Terminal): Promise<number> {
  assertConfigured(options);
  let exitCode = 0;
  await withManager(options, terminal, async (manager, report) => {
    const context = { options, manager, terminal, report };
    const difference = await declaredDifference(manager, { signal: terminal.signal });
    const plan = await planOfOrders(difference, manager);
    const changes = changesOf(difference, plan, options);
    if (options.output === 'text') showChanges(changes, plan, context);
    reportUndeclared(difference, context);
    if (options.dryRun || !(await mayRetire(changes, context))) {
      exitCode = changes.length > 0 ? differs : 0;
      return resultOf({ applied: false, changes, renewals: [] });
    }
    const renewals = await makeSo(changes, context);
    terminal.signal.throwIfAborted();
    exitCode = exitCodeOfAll(renewals);
    return resultOf({ applied: true, changes, renewals });
  });
  return exitCode;
}

/**
 * Makes sure that there is a configuration file: from a wrong folder, everything would be retired.
 * @throws CliError `ERR_CLI_USAGE`
 */
function assertConfigured({ configuration: { file } }: ApplyOptions): void {
  if (file !== undefined) return;
  throw new CliError(
    'ERR_CLI_USAGE',
    'there is no acmex.toml, so no certificate is declared: use --config, or run this in its folder',
  );
}

/** Declares, retires, and executes the orders. */
async function makeSo(
  changes: readonly AppliedChange[],
  context: Context,
): Promise<readonly Renewal[]> {
  const { options, manager, report, terminal } = context;
  const { signal } = terminal;
  await manager.hooks.check();
  await prepareManager(manager, { report, signal });
  for (const { change, certificate = '', names } of changes) {
    if (change !== 'retire') continue;
    await manager.provisioner.retire(certificate, { signal });
    report.done(`${titleOf(certificate, names)} is retired: it is not renewed any more`);
  }
  if (options.wait) return await executeOrders(context);
  report.done('the orders are left to acmex daemon, acmex serve or acmex renew');
  return [];
}

/**
 * Executes what is due for declared certificates. One that waits for the next attempt after a
 * failure counts as failed too.
 */
async function executeOrders({
  options,
  manager,
  report,
  terminal: { signal },
}: Context): Promise<readonly Renewal[]> {
  const run: Run = {
    options: { concurrency: options.concurrency },
    manager,
    report,
    signal,
    trial: undefined,
    countOrder: () => undefined,
  };
  const renewals = await renewAll(declaredAndDue(run), run);
  const worked = new Set(renewals.map(({ certificate }) => certificate));
  const { certificates } = manager.provisioner;
  const failing = await listed(certificates, { failing: true });
  const limited = await listed(certificates, { waiting: true });
  const waiting = [...failing, ...limited].filter(
    ({ id, declared }) => declared === true && !worked.has(id),
  );
  return [...renewals, ...waiting.flatMap((certificate) => waitingRenewal(certificate, report))];
}

async function* declaredAndDue({
  manager: {
    provisioner: { certificates },
  },
  signal,
}: Run): AsyncGenerator<string> {
  // Read once: what becomes due meanwhile is for the next run.
  const ids = new Set<string>();
  for await (const { id } of certificates.due(systemClock.now(), { signal })) ids.add(id);
  for (const id of ids) if ((await certificates.find(id))?.declared === true) yield id;
}

/** The result of a certificate that waits after a failure, or for the limits of its CA. */
function waitingRenewal(
  { id, names, failure, deployFailure, paused }: ManagedCertificate,
  report: Reporter,
): readonly Renewal[] {
  const last = failure ?? deployFailure;
  if (!last || paused) return [];
  const { code, message, retryAt } = last;
  const text = printable(message, 2000);
  const waits = isWaiting(last);
  const what = waits ? 'waits for limits' : 'failed before';
  report.warn(`${titleOf(id, names)}: ${what}: ${text}; next attempt: ${retryAt}`);
  const failed = failure ? 'failed' : 'not deployed';
  return [
    {
      ...{ certificate: id, names, again: retryAt },
      result: waits ? 'waits for limits' : failed,
      error: Object.assign(new Error(message), { code }),
    },
  ];
}

/**
 * Asks a person whether certificates may be retired.
 * @throws CliError `ERR_CLI_USAGE` where no person can answer
 */
async function mayRetire(
  changes: readonly AppliedChange[],
  { options, report, terminal }: Context,
): Promise<boolean> {
  const count = changes.filter(({ change }) => change === 'retire').length;
  if (count === 0 || options.yes) return true;
  const what = count === 1 ? '1 certificate is' : `${count} certificates are`;
  const isConfirmed = await confirm(`${what} retired by this. Continue?`, terminal);
  if (isConfirmed === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      `${what} retired by this, and no terminal can answer: use --yes to retire, or leave out --prune`,
    );
  if (!isConfirmed) report.warn('nothing is changed');
  return isConfirmed;
}

/** Says of certificates that are not declared any more what happens to them. */
function reportUndeclared(
  { undeclared }: DeclaredDifference,
  { options: { prune }, report }: Context,
): void {
  const count = undeclared.length;
  if (count === 0) return;
  report.warn(
    prune
      ? 'retired certificates are not revoked: chain, key and deployed files stay, and they are valid until they expire'
      : `${count} ${count === 1 ? 'certificate is' : 'certificates are'} not declared any more and still renewed: use --prune to retire ${count === 1 ? 'it' : 'them'}`,
  );
}

/** When the limits of the CAs allow the orders; undefined where there is none. */
async function planOfOrders(
  { changes }: DeclaredDifference,
  { config, storage }: ConfiguredManager,
): Promise<PlanDocument | undefined> {
  const [first, ...further] = issuersOf(config).map(resolvedIssuer);
  const ordered = changes.filter(({ change }) => change !== 'changed');
  if (!first || ordered.length === 0) return undefined;
  const { planOf } = await import('../plan/plan.ts');
  const wanted = ordered.map(({ spec }) => {
    const issuers = allIssuers(spec).map(
      (name) => further.find((candidate) => candidate.name === name) ?? first,
    );
    return { names: spec.names, profile: spec.profile, issuers };
  });
  const now = systemClock.now().epochMilliseconds;
  return await planOf(wanted, { storage, now, existing: 'ordered' });
}

function changesOf(
  { changes, undeclared }: DeclaredDifference,
  plan: PlanDocument | undefined,
  { prune }: ApplyOptions,
): readonly AppliedChange[] {
  const orders = plan?.certificates.values();
  return [
    ...changes.map((change) => {
      const planned = change.change === 'changed' ? undefined : orders?.next().value;
      return toApplied(change, planned, plan?.from);
    }),
    ...(prune ? undeclared.map(toRetired) : []),
  ];
}

const changeNames = { created: 'create', changed: 'change', ordered: 'order' } as const;

function toApplied(
  { change, spec, certificate, next, differences }: DeclaredChange,
  planned: PlannedCertificate | undefined,
  from: string | undefined,
): AppliedChange {
  return {
    change: changeNames[change],
    certificate: certificate?.id,
    names: spec.names,
    issuer: spec.issuer,
    differences: differences.map((key) => differenceOf(key, { certificate, next })),
    orders: planned?.result === 'unlimited' ? from : planned?.at,
    waitsFor: planned?.waitsFor,
    refusals: planned?.refusals ?? [],
    renews: next?.renewal?.at,
    expires: certificate?.current?.notAfter,
  };
}

function toRetired({ id, names, issuer, current }: ManagedCertificate): AppliedChange {
  return {
    change: 'retire',
    certificate: id,
    names,
    issuer,
    differences: [],
    orders: undefined,
    waitsFor: undefined,
    refusals: [],
    renews: undefined,
    expires: current?.notAfter,
  };
}

function differenceOf(
  key: SpecKey,
  { certificate, next }: Pick<DeclaredChange, 'certificate' | 'next'>,
): Difference {
  const issued: Partial<CertificateSpec> = certificate?.current?.issuedFor ?? {};
  const isRecorded = JSON.stringify(certificate?.[key]) === JSON.stringify(next?.[key]);
  // Where the record has the value already, the certificate in use does not.
  const from = isRecorded ? issued[key] : certificate?.[key];
  return { key: keyName(key), from, to: next?.[key] };
}

/** Returns a key as the configuration has it. */
function keyName(key: SpecKey): string {
  const names: Partial<Record<SpecKey, string>> = {
    proof: 'challenge',
    renewBefore: 'renew_before_days',
  };
  return names[key] ?? key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const marks = { create: '+', order: '~', change: '~', retire: '-' } as const;

/** Writes a line for each certificate, and the numbers. */
function showChanges(
  changes: readonly AppliedChange[],
  plan: PlanDocument | undefined,
  { terminal }: Context,
): void {
  const count = (...kinds: readonly AppliedChange['change'][]) =>
    changes.filter(({ change }) => kinds.includes(change)).length;
  const summary =
    changes.length === 0
      ? 'the certificates are as declared'
      : `${count('create')} new, ${count('change', 'order')} changed, ${count('retire')} retired`;
  const waiting = plan && plan.end !== plan.from ? [`all are ordered by ${plan.end}`] : [];
  const text = [...changes.map(lineOf), [summary, ...waiting].join('; ')].join('\n');
  terminal.stdout.write(formatResult({ text, document: undefined }, 'text'));
}

function lineOf({ change, names, differences, refusals, ...dates }: AppliedChange): string {
  const details = [
    change === 'create' ? 'new' : undefined,
    change === 'retire' ? 'retired' : undefined,
    ...differences.map(({ key, from, to }) => `${key} ${valueText(from)} → ${valueText(to)}`),
    ...refusals.map(({ message }) => `would be refused: ${message}`),
    dates.orders && `orders ${dates.orders}`,
    dates.waitsFor && `waits for ${dates.waitsFor}`,
    dates.renews && !dates.orders ? `renews ${dates.renews}` : undefined,
    dates.expires && `expires ${dates.expires}`,
  ].filter((detail) => detail !== undefined && detail !== '');
  return `${marks[change]} ${names.map((name) => printable(name, 255)).join(' ')}: ${details.join('; ')}`;
}

function valueText(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string'))
    return printable(value.join(' '), 300) || 'none';
  if (typeof value === 'string') return printable(value, 300) || 'none';
  return value === undefined ? 'none' : printable(JSON.stringify(value), 300);
}

function resultOf({
  applied,
  changes,
  renewals,
}: {
  readonly applied: boolean;
  readonly changes: readonly AppliedChange[];
  readonly renewals: readonly Renewal[];
}): Result {
  const rows = renewals.map(rowOf);
  return {
    text: table(rows),
    document: { applied, changes, renewals: rows },
    rows: changes.map(({ names, differences, refusals, ...change }): Row => ({
      ...change,
      names: names.map((name) => printable(name, 255)).join(' '),
      differences: differences.map(({ key }) => key).join(' '),
      refusals: refusals.map(({ code }) => code).join(' '),
    })),
  };
}
