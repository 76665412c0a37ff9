import { type Clock, systemClock } from '@acmex/clock';
import { formatResult, type OutputFormat, plainFields } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import {
  exitCodeOfScts,
  readLogLists,
  sctDocument,
  verifySubject,
} from './certificate-transparency.ts';
import { check, type CheckOptions, exitCodeOfChecks } from './checks.ts';
import { certificateDocuments, sourceDocument, toText } from './report.ts';
import { readSubject, type SubjectOptions } from './subject.ts';

export interface InfoOptions extends SubjectOptions, CheckOptions {
  readonly check?: boolean | undefined;
  /** Files with lists of logs, to verify SCTs. */
  readonly ctLogs?: readonly string[] | undefined;
  readonly output: OutputFormat;
}

/** The exit code where a private key does not belong to the certificate. */
const keyDiffers = 3;

/**
 * `acmex info`: shows the certificates of a file, a server or the storage, and checks them.
 *
 * @param input a file, `-`, `host:port` or the name of a managed certificate; empty for `--cert`
 * @returns the exit code
 */
export async function info(
  input: string,
  options: InfoOptions,
  terminal: Terminal,
  clock: Clock = systemClock,
): Promise<number> {
  const { stdout } = terminal;
  const logs = await readLogLists(options.ctLogs ?? []);
  const subject = await readSubject(input, options, terminal);
  const scts = verifySubject(subject, { logs, clock });
  const checks = options.check ? await check(subject, options, terminal) : undefined;
  const documents = certificateDocuments(subject.chain, clock);
  const ofSecond = certificateDocuments(subject.second ?? [], clock);
  const columns = stdout.isTTY ? (stdout.columns ?? 80) : undefined;
  const result = {
    text: toText(subject, { checks, scts, expectsScts: logs.length > 0 }, { clock, columns }),
    document: {
      ...sourceDocument(subject),
      certificates: documents,
      ...(subject.second && { second: { certificates: ofSecond } }),
      scts: scts.map(sctDocument),
      ...(checks && { checks }),
    },
    rows: [...documents, ...ofSecond].map(plainFields),
  };
  stdout.write(formatResult(result, options.output));
  if (subject.key?.match === 'differs') return keyDiffers;
  const exitCode = checks ? exitCodeOfChecks(checks) : 0;
  return exitCode === 0 && logs.length > 0 ? exitCodeOfScts(scts) : exitCode;
}
