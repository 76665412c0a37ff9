import { checkpointDestinationNames } from '@acmex/config';
import { printable } from '@acmex/errors';
import {
  appendCheckpoint,
  AuditError,
  checkpointDeliveries,
  createCheckpoint,
  type ListedAuditRecord,
  listAuditRecords,
  pruneAuditLog,
  readCheckpointFile,
  verifyAuditLog,
} from '@acmex/observability/audit';
import type { Storage } from '@acmex/storage';
import { CliError } from './errors.ts';
import { openStorage, openUnaudited } from './open-storage.ts';
import {
  type ConfiguredOutputOptions,
  formatResult,
  type Result,
  type Row,
  table,
} from './output.ts';
import { type Reporter, reporter, type Terminal } from './terminal.ts';
import { writeVerified } from './whole-file.ts';

export interface ListAuditOptions extends ConfiguredOutputOptions {
  /** RFC 3339 */
  readonly since?: string | undefined;
  /** The id of a certificate. */
  readonly certificate?: string | undefined;
  readonly limit: number;
}

/** `acmex audit list`: shows who did what. */
export async function listAudit(options: ListAuditOptions, terminal: Terminal): Promise<void> {
  await withAuditLog(options, terminal, async (storage, report) => {
    const { since, certificate, limit } = options;
    const newest: ListedAuditRecord[] = [];
    for await (const record of listAuditRecords(storage, { since, signal: terminal.signal })) {
      const concerns = record.actions.some((action) => action.certificate === certificate);
      if (certificate !== undefined && !concerns) continue;
      newest.push(record);
      if (newest.length > limit) newest.shift();
    }
    const rows = newest.flatMap(rowsOf);
    for (const line of await unsentLines(storage, options)) report.warn(line);
    return { text: table(rows), document: newest, rows };
  });
}

function rowsOf({ time, origin, actions }: ListedAuditRecord): readonly Row[] {
  const { actor, user, host, program, address } = origin;
  return actions.map((action) => ({
    time,
    who: printable(actor ?? action.actor ?? user ?? '', 60),
    action: printable(action.type, 60),
    subject: printable(action.certificate ?? action.order ?? action.issuer ?? '', 60),
    names: printable((action.names ?? []).join(' '), 100),
    from: printable([address, program, host].filter((part) => part !== undefined).join(' '), 100),
    message: printable(action.message ?? '', 100),
  }));
}

export interface VerifyAuditOptions extends ConfiguredOutputOptions {
  /** A file with checkpoints. */
  readonly checkpoint?: string | undefined;
}

/**
 * `acmex audit verify`: finds out whether the log was changed.
 * @throws AuditError `ERR_AUDIT_DAMAGED` after it has written what is wrong
 */
export async function verifyAudit(options: VerifyAuditOptions, terminal: Terminal): Promise<void> {
  const { checkpoint, output } = options;
  const checkpoints = checkpoint === undefined ? [] : await readCheckpointFile(checkpoint);
  let faultCount = 0;
  await withAuditLog(options, terminal, async (storage, report) => {
    const { signal } = terminal;
    for (const line of await unsentLines(storage, options)) report.warn(line);
    const result = await verifyAuditLog(storage, { checkpoints, signal });
    ({ faultCount } = result);
    const { records, writers, faults } = result;
    const lines = [
      `${records} records in ${writers} chains, ${result.checkpoints} checkpoints`,
      ...faults.map(({ subject, message }) => `${printable(subject, 200)}: ${printable(message)}`),
      ...(faultCount === 0 ? ['nothing was changed, and nothing is missing'] : []),
    ];
    return {
      text: lines.join('\n'),
      document: result,
      rows: output === 'csv' ? faults.map((fault) => ({ ...fault })) : undefined,
    };
  });
  if (faultCount > 0)
    throw new AuditError(
      'ERR_AUDIT_DAMAGED',
      `the audit log has ${faultCount} ${faultCount === 1 ? 'fault' : 'faults'}: it was changed, or a part of it is missing`,
    );
}

export interface ExportAuditOptions extends ConfiguredOutputOptions {
  /** RFC 3339 */
  readonly since?: string | undefined;
}

/** `acmex audit export FILE`: writes the log as JSON lines. */
export async function exportAudit(
  file: string,
  options: ExportAuditOptions,
  terminal: Terminal,
): Promise<void> {
  await withAuditLog(options, terminal, async (storage) => {
    const { since } = options;
    const { signal } = terminal;
    let records = 0;
    const lines = async function* () {
      for await (const record of listAuditRecords(storage, { since, signal })) {
        records += 1;
        yield Buffer.from(`${JSON.stringify(record)}\n`);
      }
    };
    if (file === '-') {
      for await (const line of lines()) terminal.stdout.write(line);
      return { text: '', document: { records }, rows: [] };
    }
    await writeVerified(file, lines(), async () => undefined);
    return { text: `${records} records are in ${file}`, document: { file, records } };
  });
}

/** `acmex audit checkpoint FILE`: signs where the log ends. */
export async function signAudit(
  file: string,
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withAuditLog(options, terminal, async (storage) => {
    const signed = await createCheckpoint(storage);
    if (signed) await appendCheckpoint(file, signed);
    return {
      text: signed
        ? `a checkpoint was appended to ${file}`
        : 'nothing was recorded since the last checkpoint',
      document: { file, isAppended: signed !== undefined },
    };
  });
}

export interface PruneAuditOptions extends ConfiguredOutputOptions {
  readonly dryRun?: boolean | undefined;
}

/**
 * `acmex audit prune`: removes what is older than `audit.retention_days`.
 * @throws CliError `ERR_CLI_USAGE` where that is not set, or the log is off; AuditError
 * `ERR_AUDIT_DAMAGED`
 */
export async function pruneAudit(
  { dryRun = false, ...options }: PruneAuditOptions,
  terminal: Terminal,
): Promise<void> {
  const { enabled, retention_days: days } = options.configuration.values.audit;
  if (!enabled || days === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      enabled
        ? 'nothing is removed from the audit log, because audit.retention_days is not set: set it in acmex.toml'
        : 'a removal is recorded in the audit log, which is off: set audit.enabled in acmex.toml',
    );
  const work = async (storage: Storage) => {
    const pruned = await pruneAuditLog(storage, {
      olderThan: { hours: 24 * days },
      mode: dryRun ? 'count' : 'remove',
      signal: terminal.signal,
    });
    const verb = dryRun ? 'would be removed' : 'were removed';
    const { records, chains, before } = pruned;
    return {
      text: `${records} records from before ${before}, in ${chains} chains, ${verb}`,
      document: { ...pruned, isDryRun: dryRun },
    };
  };
  await withAuditLog(options, terminal, work, dryRun ? openUnaudited : openStorage);
}

/** Returns a line for each destination that does not have every checkpoint. */
async function unsentLines(
  storage: Storage,
  { configuration }: ConfiguredOutputOptions,
): Promise<readonly string[]> {
  const names = checkpointDestinationNames(configuration.values.audit);
  const deliveries = await checkpointDeliveries(storage, names);
  return deliveries
    .filter(({ unsent }) => unsent > 0)
    .map(({ destination, unsent, failure, failingSince }) => {
      const count = unsent === 1 ? '1 checkpoint waits' : `${unsent} checkpoints wait`;
      const why =
        failure === undefined ? '' : `, since ${failingSince}: ${printable(failure, 500)}`;
      return `${destination}: ${count} to be sent${why}`;
    });
}

async function withAuditLog(
  options: ConfiguredOutputOptions,
  terminal: Terminal,
  work: (storage: Storage, report: Reporter) => Promise<Result>,
  open: typeof openStorage = openUnaudited,
): Promise<void> {
  const report = await reporter(terminal, options);
  try {
    await using storage = await open(options, terminal, report);
    const result = await work(storage, report);
    report.close();
    terminal.stdout.write(formatResult(result, options.output));
  } finally {
    report.close();
  }
}
