import {
  checkConfig,
  type ConfigCheck,
  configSchema,
  explain,
  explainProxyVariables,
  exposedCredentials,
  faultText,
  type Override,
  weakCredentials,
} from '@acmex/config';
import { placesOf } from '../configuration.ts';
import { CliError } from '../errors.ts';
import { exitCodeOf } from '../exit-code.ts';
import { formatResult, type OutputFormat, table } from '../output.ts';
import type { Terminal } from '../terminal.ts';

export interface ConfigOptions {
  readonly output: OutputFormat;
  readonly config?: string;
  readonly origin?: boolean;
  /** The values of flags. */
  readonly overrides?: readonly Override[];
}

/**
 * `acmex config check`: reports every fault at once.
 * @returns the exit code; the result is also written when there are faults, so that programs can
 * read it
 * @throws CliError `ERR_CLI_CONFIG` for faults, when the result is text
 */
export async function check(options: ConfigOptions, terminal: Terminal): Promise<number> {
  const { file, config, faults: allFaults } = await readFaults(options, terminal);
  const faults = config
    ? [
        ...(await import('@acmex/manager/from-config')).templateFaults(config),
        ...(await weakCredentials(config)),
        ...(await exposedCredentials(config)),
      ]
    : allFaults;
  const rows = faults.map((fault) => ({
    key: fault.key,
    problem: fault.problem,
    cure: fault.cure,
    code: fault.code,
    where: faultText(fault).split(': ', 1)[0],
  }));
  const source = sourceText(file, config?.certificateFiles.length ?? 0);
  const isText = options.output === 'text';
  const lines = isText ? faults.map((fault) => `\n  ${faultText(fault)}`).join('') : '';
  const error = faults.length === 0 ? undefined : faultsError(source, faults.length, lines);
  if (error && isText) throw error;
  const result = { text: `${source}: no faults`, document: { file, faults: rows }, rows };
  terminal.stdout.write(formatResult(result, options.output));
  if (!error) return 0;
  terminal.stderr.write(`acmex: ${error.message} [${error.code}]\n`);
  return exitCodeOf(error);
}

/** `acmex config show`: shows every value in effect, without credentials. */
export async function show(options: ConfigOptions, terminal: Terminal): Promise<void> {
  const { config, file, faults } = await readFaults(options, terminal);
  if (!config) throw faultsError(String(file), faults.length, ': see acmex config check');
  const environment = terminal.env;
  const rows = [...explain(config), ...explainProxyVariables(config, { environment })].map(
    ({ key, value, origin }) => ({
      key,
      value,
      ...(options.origin ? { origin } : {}),
    }),
  );
  const lines = rows.map(({ key, value }) => `${key} = ${value}`);
  const text = options.origin ? table(rows) : lines.join('\n');
  terminal.stdout.write(formatResult({ text, document: rows, rows }, options.output));
}

/** `acmex config schema`: writes the JSON Schema for editors. */
export async function schema(terminal: Terminal): Promise<void> {
  terminal.stdout.write(`${JSON.stringify(configSchema(), null, 2)}\n`);
}

async function readFaults(
  { config: file, overrides = [] }: ConfigOptions,
  terminal: Terminal,
): Promise<ConfigCheck> {
  return await checkConfig({ ...placesOf(terminal), file, environment: terminal.env, overrides });
}

function sourceText(file: string | undefined, count: number): string {
  if (file === undefined) return 'no file, only defaults and environment variables';
  if (count === 0) return file;
  return `${file} and ${count} ${count === 1 ? 'file' : 'files'} of certificates.d`;
}

function faultsError(source: string, count: number, detail: string): CliError {
  return new CliError(
    'ERR_CLI_CONFIG',
    `${source}: ${count} ${count === 1 ? 'fault' : 'faults'}${detail}`,
  );
}
