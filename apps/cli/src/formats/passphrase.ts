import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { credentialInFile } from '@acmex/config';
import { CliError } from '../errors.ts';
import type { Terminal } from '../terminal.ts';

export interface PassphraseSource {
  /** What it is for, for the prompt: `Passphrase of site.p12`. */
  readonly prompt: string;
  /** The file of a flag. */
  readonly file: string | undefined;
  /** The variable of the environment that is used without the flag. */
  readonly variable: string;
}

/**
 * Returns a passphrase that the user has set: that of the file, else of the variable.
 * @returns undefined where there is none
 * @throws ConfigError `ERR_CONFIG_CREDENTIAL` for a file that others can read
 */
export async function storedPassphrase(
  { file, variable }: PassphraseSource,
  { env }: Pick<Terminal, 'env'>,
): Promise<string | undefined> {
  return file === undefined ? env[variable] : await credentialInFile(file);
}

/**
 * Asks for a passphrase on the terminal, without showing what is typed.
 * @param isNew asks twice, and compares
 * @returns undefined where no person can answer
 * @throws CliError `ERR_CLI_USAGE` for two different answers
 */
export async function askPassphrase(
  { prompt }: PassphraseSource,
  terminal: Terminal,
  { isNew = false }: { readonly isNew?: boolean } = {},
): Promise<string | undefined> {
  const passphrase = await ask(prompt, terminal);
  if (passphrase === undefined || !isNew) return passphrase;
  if ((await ask(`${prompt}, again`, terminal)) === passphrase) return passphrase;
  throw new CliError('ERR_CLI_USAGE', 'the two passphrases differ: run the command again');
}

async function ask(
  prompt: string,
  { stdin, stderr, signal }: Terminal,
): Promise<string | undefined> {
  if (!stdin?.isTTY || !stderr.isTTY) return undefined;
  stderr.write(`${prompt}: `);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: silent, terminal: true });
  const ended = new AbortController();
  for (const event of ['SIGINT', 'close']) lines.once(event, () => ended.abort());
  try {
    return await lines.question('', { signal: AbortSignal.any([signal, ended.signal]) });
  } catch (cause) {
    signal.throwIfAborted();
    throw new CliError('ERR_CLI_USAGE', 'no passphrase was typed: run the command again', {
      cause,
    });
  } finally {
    lines.close();
    stderr.write('\n');
  }
}
