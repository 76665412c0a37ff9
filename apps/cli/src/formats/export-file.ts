import {
  type BundleFormat,
  bundleFormats,
  exportBundle,
  type ExportRequest,
} from '@acmex/certificate/formats';
import { CliError } from '../errors.ts';
import type { OutputFormat, Result } from '../output.ts';
import { newPassphrase, type PassphraseSource, storedPassphrase } from '../passphrase.ts';
import type { Terminal } from '../terminal.ts';
import { waitingFile } from '../whole-file.ts';

/** Where a format is written, and how. */
export interface ExportTarget {
  /** `-` for standard output. */
  readonly out: string;
  readonly force: boolean | undefined;
  /** Of the result, which is not written when the bytes go to standard output. */
  readonly output: OutputFormat;
  readonly passphrase: Omit<PassphraseSource, 'name'>;
  /** For a format that needs a passphrase, where no other is set. */
  readonly fallbackPassphrase?: string | undefined;
}

/**
 * Writes a certificate in a format to a file, or to standard output. A file with a private key gets
 * the mode 0600. A file that exists is replaced only with `force`.
 * @throws CliError `ERR_CLI_EXISTS`, `ERR_CLI_FILE`; `ERR_CLI_USAGE` for a binary format on a
 * terminal, and for a passphrase that is missing; the errors of `exportBundle`
 */
export async function writeFormat(
  request: Omit<ExportRequest, 'passphrase'>,
  target: ExportTarget,
  terminal: Terminal,
): Promise<Result> {
  const { format } = request;
  const { out, force = false } = target;
  if (out === '-') assertStreamable(format, target, terminal);
  const { hasKey } = bundleFormats[format];
  await using file = out === '-' ? undefined : await waitingFile(out, hasKey ? 0o600 : 0o644);
  const passphrase = await passphraseFor(format, target, terminal);
  const bytes = await exportBundle({ ...request, passphrase });
  if (!file) {
    terminal.stdout.write(bytes);
    return { text: '', document: {} };
  }
  if (force) await file.commit(bytes);
  else if (!(await file.commitNew(bytes)))
    throw new CliError(
      'ERR_CLI_EXISTS',
      `${out} exists already: use another name, or --force to replace it`,
    );
  return { text: out, document: { file: out, format } };
}

function assertStreamable(
  format: BundleFormat,
  { output }: ExportTarget,
  { stdout }: Terminal,
): void {
  if (bundleFormats[format].isBinary && stdout.isTTY)
    throw new CliError(
      'ERR_CLI_USAGE',
      `the format ${format} is binary, and standard output is a terminal: write it to a file, or to another program`,
    );
  if (output !== 'text')
    throw new CliError(
      'ERR_CLI_USAGE',
      `standard output cannot hold both the certificate and a result as ${output}: write the certificate to a file`,
    );
}

async function passphraseFor(
  format: BundleFormat,
  { out, passphrase: source, fallbackPassphrase }: ExportTarget,
  terminal: Terminal,
): Promise<string | undefined> {
  const { passphrase: need } = bundleFormats[format];
  if (need === 'none' && source.file === undefined) return undefined;
  const stored = await storedPassphrase(source, terminal);
  if (need !== 'required' || stored !== undefined) return stored;
  if (fallbackPassphrase !== undefined) return fallbackPassphrase;
  const name = out === '-' ? format : out;
  return await newPassphrase({ ...source, name }, terminal, `the format ${format}`);
}
