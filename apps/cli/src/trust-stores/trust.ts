import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { errorText } from '@acmex/errors';
import { localCa, storedLocalCa } from '@acmex/local-ca';
import {
  type Change,
  changeStore,
  commandsOf,
  type Inspection,
  type Programs,
  rootCertificate,
  type RootCertificate,
  type StoreKind,
  systemPrograms,
  type TrustStore,
  trustStores,
} from '@acmex/trust-stores';
import { confirm } from '../confirm.ts';
import { CliError } from '../errors.ts';
import { codeOf, exitCodeOf } from '../exit-code.ts';
import { formatResult, type OutputOptions } from '../output.ts';
import { readText } from '../read-text.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';
import { type Outcome, resultOf } from './result.ts';

export interface TrustStoresOptions extends OutputOptions {
  readonly undo?: boolean | undefined;
  readonly check?: boolean | undefined;
  readonly store?: readonly StoreKind[] | undefined;
  readonly root?: string | undefined;
  readonly yes?: boolean | undefined;
}

interface Context {
  readonly options: TrustStoresOptions;
  readonly terminal: Terminal;
  readonly report: Reporter;
  readonly programs: Programs;
  readonly root: RootCertificate;
}

/** A store, and what it says of the root, or why that cannot be read. */
interface Inspected {
  readonly store: TrustStore;
  readonly inspection: Inspection | { readonly state: 'unreadable'; readonly error: unknown };
}

/**
 * `acmex trust`: adds the root of the local CA to the stores of this machine, removes it from them,
 * or shows which ones trust it.
 * @returns 0 when all stores are as they should be; with `--check` 10 for a store that does not trust
 * the root; 3 when no store could be changed, 9 when a part could
 */
export async function trust(options: TrustStoresOptions, terminal: Terminal): Promise<number> {
  const { env, signal } = terminal;
  const home = env.HOME ?? homedir();
  const report = await reporter(terminal, options);
  try {
    const root = await rootOf(options, home);
    if (!root) return reportNoRoot(options, terminal);
    const programs = systemPrograms({ env, home, signal });
    const stores = await trustStores({
      ...{ platform: process.platform, home, env, programs },
      ...{ uid: terminal.uid, kinds: options.store },
    });
    const context = { options, terminal, report, programs, root };
    const inspected = await inspectEach(stores, context);
    if (options.check) return checked(inspected, context);
    return await changed(inspected, context);
  } finally {
    report.close();
  }
}

/**
 * Returns the root, of a new local CA where there is none and one is to be trusted.
 * @returns undefined where there is no local CA
 */
async function rootOf(
  { root: file, undo, check }: TrustStoresOptions,
  home: string,
): Promise<RootCertificate | undefined> {
  if (file !== undefined) {
    const pem = await readText(file, 'the root');
    return rootCertificate({ pem, file: resolve(file) });
  }
  const ca = undo || check ? await storedLocalCa({ home }) : await localCa({ home });
  return ca && rootCertificate({ pem: ca.root, file: ca.rootFile });
}

/** Says that there is no local CA. @returns the exit code */
function reportNoRoot({ check, output }: TrustStoresOptions, { stdout }: Terminal): number {
  const text = check
    ? 'there is no local CA yet: acmex trust makes it'
    : 'there is no local CA, so nothing can be removed';
  stdout.write(formatResult({ text, document: { root: null, stores: [] }, rows: [] }, output));
  return check ? 10 : 0;
}

async function inspectEach(
  stores: readonly TrustStore[],
  { report, root, terminal: { signal } }: Context,
): Promise<readonly Inspected[]> {
  const inspected: Inspected[] = [];
  for (const store of stores) {
    report.working(`reading ${store.title}`);
    try {
      inspected.push({ store, inspection: await store.inspect(root) });
    } catch (error) {
      signal.throwIfAborted();
      if (codeOf(error) === undefined) throw error;
      inspected.push({ store, inspection: { state: 'unreadable', error } });
    }
  }
  return inspected;
}

function checked(inspected: readonly Inspected[], context: Context): number {
  const outcomes = inspected.map(({ store, inspection }) => outcomeOf(store, inspection));
  write(outcomes, context);
  const available = outcomes.filter(({ state }) => state !== 'not-available');
  const isTrusted = available.every(({ state }) => state === 'trusted');
  return isTrusted && available.length > 0 ? 0 : 10;
}

function outcomeOf(store: TrustStore, inspection: Inspected['inspection']): Outcome {
  const { kind, title } = store;
  const { state } = inspection;
  if (state === 'unreadable') return { kind, title, state: 'failed', error: inspection.error };
  if (state === 'not-available') return { kind, title, state, reason: inspection.reason };
  return { kind, title, state };
}

/** Shows what will be done, asks, does it, and writes what has become of each store. */
async function changed(inspected: readonly Inspected[], context: Context): Promise<number> {
  assertAvailable(inspected);
  const change: Change = context.options.undo ? 'remove' : 'add';
  if (!(await isPermitted(inspected, change, context))) return 0;
  const outcomes: Outcome[] = [];
  for (const { store, inspection } of inspected)
    outcomes.push(
      inspection.state === 'trusted' || inspection.state === 'absent'
        ? await changeOne(store, change, context)
        : outcomeOf(store, inspection),
    );
  write(outcomes, context);
  const failed = outcomes.flatMap(({ error }) => (error === undefined ? [] : [error]));
  const available = outcomes.filter(({ state }) => state !== 'not-available');
  if (failed.length === 0) return 0;
  return failed.length < available.length ? 9 : exitCodeOf(failed[0]);
}

/** @throws CliError `ERR_CLI_NO_TRUST_STORE` */
function assertAvailable(inspected: readonly Inspected[]): void {
  const reasons = inspected.flatMap(({ store: { title }, inspection }) =>
    inspection.state === 'not-available' ? [`${title}: ${inspection.reason}`] : [],
  );
  if (reasons.length === inspected.length)
    throw new CliError(
      'ERR_CLI_NO_TRUST_STORE',
      `no store of trusted certificates is available here: ${reasons.join('; ')}`,
    );
}

/** @returns false where a person has refused */
async function isPermitted(
  inspected: readonly Inspected[],
  change: Change,
  { options, report, terminal, root }: Context,
): Promise<boolean> {
  let isAnythingDone = false;
  for (const { store, inspection } of inspected) {
    if (inspection.state !== 'trusted' && inspection.state !== 'absent') continue;
    const steps = inspection.steps[change];
    if (steps.length === 0) continue;
    isAnythingDone ||= !store.needsRoot;
    const how = store.needsRoot ? 'only root can change it, so run' : 'acmex will run';
    report.done(`${store.title}: ${how}`);
    for (const command of commandsOf(steps, store, root)) report.done(`    ${command}`);
  }
  if (!isAnythingDone || options.yes) return true;
  report.close();
  const question = change === 'add' ? 'Trust this root?' : 'Remove this root?';
  const { subject, fingerprint256 } = root.certificate;
  report.done(`root: ${subject.replaceAll('\n', ', ')}, SHA-256 ${fingerprint256}`);
  const answer = await confirm(question, terminal);
  if (answer === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      'the stores of trusted certificates are changed by this, and no terminal can answer: use --yes to change them, or --check',
    );
  if (!answer) report.warn('nothing is changed');
  return answer;
}

async function changeOne(
  store: TrustStore,
  change: Change,
  { report, programs, root, terminal: { signal } }: Context,
): Promise<Outcome> {
  const { kind, title } = store;
  report.working(`changing ${title}`);
  const state = change === 'add' ? 'trusted' : 'absent';
  try {
    const isChanged = await changeStore(store, change, { root, programs });
    return { kind, title, state, change: isChanged ? change : undefined };
  } catch (error) {
    signal.throwIfAborted();
    if (codeOf(error) === undefined) throw error;
    report.warn(errorText(error));
    return { kind, title, state: 'failed', error };
  }
}

function write(
  outcomes: readonly Outcome[],
  { root, report, options, terminal }: Omit<Context, 'programs'>,
): void {
  report.close();
  terminal.stdout.write(
    formatResult(resultOf(outcomes, { root, isRemoved: options.undo ?? false }), options.output),
  );
}
