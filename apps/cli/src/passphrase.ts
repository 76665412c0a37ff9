import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { CertificateError, type CertificateErrorCode, certificateErrors } from '@acmex/certificate';
import { credentialInFile } from '@acmex/config';
import { errorCode, errorText, printable } from '@acmex/errors';
import { KeystoreError, type KeystoreErrorCode, keystoreErrors } from '@acmex/pkcs12';
import { AcmeError, type AcmeErrorCode, acmeErrors } from '@acmex/protocol';
import { CliError } from './errors.ts';
import type { Terminal } from './terminal.ts';

/** Where a person may answer. */
export type PassphraseTerminal = Pick<
  Terminal,
  'env' | 'stdin' | 'stderr' | 'signal' | 'interrupt'
>;

/** Where the passphrase of something comes from. */
export interface PassphraseSource {
  /** What it encrypts, for the prompt and for errors: `site.p12`. */
  readonly name: string;
  /** The value of the flag: a file that only its owner may read. */
  readonly file: string | undefined;
  /** The flag, for errors: `--passphrase-file`. */
  readonly flag: string;
  /** The variable of the environment that is used without the flag. */
  readonly variable: string;
}

/**
 * Returns a passphrase that the user has set: that of the file, else of the variable.
 * @returns undefined where there is none
 * @throws ConfigError `ERR_CONFIG_CREDENTIAL` for a file that others can read
 */
export async function storedPassphrase(
  { file, variable }: Pick<PassphraseSource, 'file' | 'variable'>,
  { env }: PassphraseTerminal,
): Promise<string | undefined> {
  return file === undefined ? env[variable] : await credentialInFile(file);
}

/**
 * Returns a passphrase that will encrypt something: one that is set, else one that a person types
 * twice.
 * @param what what needs it, for the error: `the format jks`
 * @throws CliError `ERR_CLI_USAGE` where there is none and no person can answer, and for two
 * different answers; ConfigError `ERR_CONFIG_CREDENTIAL`
 */
export async function newPassphrase(
  source: PassphraseSource,
  terminal: PassphraseTerminal,
  what: string,
): Promise<string> {
  const stored = await storedPassphrase(source, terminal);
  if (stored !== undefined) return stored;
  const prompt = `Passphrase for ${printable(source.name, 300)}`;
  const passphrase = await ask(prompt, terminal);
  if (passphrase === undefined)
    throw new CliError('ERR_CLI_USAGE', `${what} needs a passphrase: use ${sourcesOf(source)}`);
  if ((await ask(`${prompt}, again`, terminal)) === passphrase) return passphrase;
  throw new CliError('ERR_CLI_USAGE', 'the two passphrases differ: run the command again');
}

/**
 * Opens what may be encrypted, with the passphrase that is set, else with the one that a person
 * types. A person is asked only if it is encrypted.
 * @param what what is encrypted, for the error: `the key`
 * @param open rejects if the passphrase is missing or wrong
 * @throws the error of `open`, with the name of the source; CliError `ERR_CLI_USAGE` if a person
 * types nothing; ConfigError `ERR_CONFIG_CREDENTIAL`
 */
export async function openEncrypted<T>(
  { what, ...source }: PassphraseSource & { readonly what: string },
  terminal: PassphraseTerminal,
  open: (passphrase: string | undefined) => Promise<T>,
): Promise<T> {
  const { name } = source;
  const passphrase = await storedPassphrase(source, terminal);
  try {
    return await open(passphrase);
  } catch (error) {
    if (passphrase !== undefined || !isPassphraseMissing(error)) throw withName(name, error);
    const answer = await ask(`Passphrase of ${printable(name, 300)}`, terminal);
    if (answer === undefined)
      throw withName(name, error, `${what} is encrypted: use ${sourcesOf(source)}`);
    return await open(answer).catch((failure: unknown) => {
      throw withName(name, failure);
    });
  }
}

function sourcesOf({ flag, variable }: PassphraseSource): string {
  return `${flag}, ${variable} or a terminal, where you are asked for it`;
}

/** Reports whether an error without a passphrase says that one is needed. */
function isPassphraseMissing(error: unknown): boolean {
  return /^ERR_((KEY|KEYSTORE)_PASSPHRASE_MISSING|ACME_KEY_PASSPHRASE)$/.test(
    errorCode(error) ?? '',
  );
}

/** Names the file in an error of its contents; the code stays. */
function withName(name: string, error: unknown, text = errorText(error)): unknown {
  const code = errorCode(error) ?? '';
  const message = `${name}: ${text}`;
  if (Object.hasOwn(certificateErrors, code))
    return new CertificateError(code as CertificateErrorCode, message, { cause: error });
  if (Object.hasOwn(keystoreErrors, code))
    return new KeystoreError(code as KeystoreErrorCode, message, { cause: error });
  if (Object.hasOwn(acmeErrors, code))
    return new AcmeError(code as AcmeErrorCode, message, { cause: error });
  return error;
}

/**
 * Asks on the terminal, without showing what is typed.
 * @returns undefined where no person can answer
 * @throws the reason of the signal, also at Ctrl-C; CliError `ERR_CLI_USAGE` at the end of the input
 */
async function ask(
  prompt: string,
  { stdin, stderr, signal, interrupt }: PassphraseTerminal,
): Promise<string | undefined> {
  if (!stdin?.isTTY || !stderr.isTTY) return undefined;
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  // Before the prompt: it ends the echo of the terminal.
  const lines = createInterface({ input: stdin, output: silent, terminal: true });
  const ended = new AbortController();
  lines.once('SIGINT', () => {
    interrupt?.();
    ended.abort();
  });
  lines.once('close', () => ended.abort());
  try {
    const answer = lines.question('', { signal: AbortSignal.any([signal, ended.signal]) });
    stderr.write(`${prompt}: `);
    return await answer;
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
