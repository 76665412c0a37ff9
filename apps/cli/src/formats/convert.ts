import { extname } from 'node:path';
import { type BundleFormat, type ReadBundle, readBundle } from '@acmex/certificate/formats';
import { CliError } from '../errors.ts';
import { formatResult, type OutputOptions } from '../output.ts';
import { openEncrypted } from '../passphrase.ts';
import { readBytes } from '../read-text.ts';
import type { Terminal } from '../terminal.ts';
import { writeFormat } from './export-file.ts';

export interface ConvertOptions extends OutputOptions {
  readonly format: BundleFormat | undefined;
  readonly key: string | undefined;
  readonly chain: string | undefined;
  readonly name: string | undefined;
  readonly passphraseFile: string | undefined;
  readonly outPassphraseFile: string | undefined;
  readonly force: boolean | undefined;
}

/** What a file is by its name, where no format is named. */
const formatsByExtension: Readonly<Record<string, BundleFormat>> = {
  '.pem': 'pem',
  '.crt': 'pem',
  '.der': 'der',
  '.cer': 'der',
  '.p7b': 'pkcs7-der',
  '.p7c': 'pkcs7-der',
  '.key': 'pkcs8',
  '.p8': 'pkcs8',
  '.p12': 'pkcs12',
  '.pfx': 'pkcs12',
  '.jks': 'jks',
};

/** More than any certificate with its chain and key. */
const largestInput = 1_048_576;

/** `acmex convert`: writes what a file holds in another format. */
export async function convert(
  [input = '', out = '']: readonly string[],
  { format = formatOf(out), ...options }: ConvertOptions,
  terminal: Terminal,
): Promise<void> {
  const files = [input, options.key, options.chain].filter((path) => path !== undefined);
  if (files.filter((path) => path === '-').length > 1)
    throw new CliError('ERR_CLI_USAGE', 'only one file can be read from standard input: use paths');
  const passphrases = new Set<string>();
  const bundles: ReadBundle[] = [];
  for (const path of files) bundles.push(await readFile(path, options, { terminal, passphrases }));
  const { chain, privateKey } = await joined(bundles);
  const [fallbackPassphrase] = passphrases;
  const result = await writeFormat(
    { format, chain, privateKey, name: options.name },
    {
      out,
      force: options.force,
      output: options.output,
      passphrase: {
        file: options.outPassphraseFile,
        flag: '--out-passphrase-file',
        variable: 'ACMEX_OUT_PASSPHRASE',
      },
      fallbackPassphrase,
    },
    terminal,
  );
  terminal.stdout.write(formatResult(result, options.output));
}

/** @throws CliError `ERR_CLI_USAGE` */
function formatOf(out: string): BundleFormat {
  const format = formatsByExtension[extname(out).toLowerCase()];
  if (format !== undefined) return format;
  throw new CliError('ERR_CLI_USAGE', `the name ${out} does not say which format: use --format`);
}

/**
 * Reads a file, with its passphrase, or asks for it when it is needed.
 * @param passphrases gets the passphrase that was used
 */
async function readFile(
  path: string,
  { passphraseFile: file }: Pick<ConvertOptions, 'passphraseFile'>,
  { terminal, passphrases }: { readonly terminal: Terminal; readonly passphrases: Set<string> },
): Promise<ReadBundle> {
  const name = path === '-' ? 'standard input' : path;
  const bytes =
    path === '-' ? await readStandardInput(terminal) : await readBytes(path, 'the file');
  const source = { name, file, flag: '--passphrase-file', variable: 'ACMEX_PASSPHRASE' };
  return await openEncrypted({ ...source, what: 'the file' }, terminal, async (passphrase) => {
    const bundle = await readBundle(bytes, { passphrase });
    if (passphrase !== undefined) passphrases.add(passphrase);
    return bundle;
  });
}

async function readStandardInput({ stdin }: Terminal): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin ?? []) {
    chunks.push(Buffer.from(chunk as Uint8Array));
    size += (chunk as Uint8Array).length;
    if (size > largestInput)
      throw new CliError('ERR_CLI_FILE', 'standard input is larger than 1 MiB: use a certificate');
  }
  if (size === 0)
    throw new CliError('ERR_CLI_FILE', 'standard input is empty: send a certificate to it');
  return Buffer.concat(chunks);
}

/** Joins what several files hold, and puts the certificate of the key first. */
async function joined(bundles: readonly ReadBundle[]) {
  const [first] = bundles;
  if (bundles.length === 1 && first) return first;
  const texts = bundles.map(({ chain, privateKey = '' }) => `${privateKey}${chain}`);
  return await readBundle(Buffer.from(texts.join('')));
}
