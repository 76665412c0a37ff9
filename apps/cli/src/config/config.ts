import { checkConfig, type ConfigCheck, configSchema, explain, faultText } from '@acmex/config';
import { placesOf } from '../configuration.ts';
import { CliError } from '../errors.ts';
import type { ConfiguredOutputOptions } from '../output.ts';
import { table, formatResult } from '../output.ts';
import type { Terminal } from '../terminal.ts';

export type ConfigOptions = Pick<ConfiguredOutputOptions, 'output'> & {
  readonly config?: string;
  readonly origin?: boolean;
};

/** `acmex config check`: every fault at once, or that there is none. */
export async function check(options: ConfigOptions, terminal: Terminal): Promise<void> {
  const { file, config, faults } = await read(options, terminal);
  const rows = faults.map((fault) => ({
    key: fault.key,
    problem: fault.problem,
    cure: fault.cure,
    where: faultText(fault).split(': ', 1)[0],
  }));
  const found = file ?? 'no file: defaults, and what the environment says';
  if (options.output !== 'text' || config)
    terminal.stdout.write(
      formatResult(
        { text: `${found}: no fault`, document: { file, faults: rows }, rows },
        options.output,
      ),
    );
  if (!config)
    throw new CliError(
      'ERR_CLI_CONFIG',
      `${found}: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}${options.output === 'text' ? `\n${faults.map((fault) => `  ${faultText(fault)}`).join('\n')}` : ''}`,
    );
}

/** `acmex config show`: what holds, without a credential. */
export async function show(options: ConfigOptions, terminal: Terminal): Promise<void> {
  const { config, file, faults } = await read(options, terminal);
  if (!config)
    throw new CliError(
      'ERR_CLI_CONFIG',
      `${file}: ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}: see acmex config check`,
    );
  const rows = explain(config).map(({ key, value, origin }) => ({
    key,
    value,
    ...(options.origin ? { origin } : {}),
  }));
  terminal.stdout.write(
    formatResult(
      {
        text: options.origin
          ? table(rows)
          : rows.map(({ key, value }) => `${key} = ${value}`).join('\n'),
        document: rows,
        rows,
      },
      options.output,
    ),
  );
}

/** `acmex config schema`: for editors. */
export async function schema(terminal: Terminal): Promise<void> {
  terminal.stdout.write(`${JSON.stringify(configSchema(), null, 2)}\n`);
}

async function read({ config: file }: ConfigOptions, terminal: Terminal): Promise<ConfigCheck> {
  return await checkConfig({ ...placesOf(terminal), file, environment: terminal.env });
}
