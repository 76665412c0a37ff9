import { createPrivateKey } from 'node:crypto';
import { printable } from '@acmex/errors';
import { exportAccount, keepAccount, ManagerError } from '@acmex/manager';
import {
  type AuthorityOptions,
  type CertificateAuthority,
  chooseAuthority,
} from '../certificate-authority.ts';
import { CliError } from '../errors.ts';
import { openStorage } from '../open-storage.ts';
import { type ConfiguredOutputOptions, formatResult, type Result } from '../output.ts';
import { readText } from '../read-text.ts';
import { reporter, type Terminal } from '../terminal.ts';
import { waitingFile } from '../whole-file.ts';

type TransferOptions = ConfiguredOutputOptions & AuthorityOptions;

/** `acmex account export`: writes the key of a stored account, with its URL, to a file. */
export async function accountExport(
  file: string,
  {
    format,
    force = false,
    ...options
  }: TransferOptions & {
    readonly format: 'pem' | 'jwk';
    readonly force?: boolean;
  },
  terminal: Terminal,
): Promise<void> {
  const authority = await chooseAuthority(options, options.configuration, terminal.env);
  const report = await reporter(terminal, options);
  await using target = await waitingFile(file, { mode: 0o600 });
  await using storage = await openStorage(options, terminal, report);
  const { key, account } = await exportAccount(authority, { storage });
  const { directory } = authority;
  const text =
    format === 'pem' ? pemText(key, { account, directory }) : jwkText(key, { account, directory });
  if (force) await target.commit(text);
  else if (!(await target.commitNew(text)))
    throw new CliError(
      'ERR_CLI_EXISTS',
      `${file} exists already: choose another name, or --force to replace it`,
    );
  terminal.stdout.write(formatResult(resultOf(authority, { account, file }), options.output));
}

interface AccountPlace {
  readonly account: string | undefined;
  readonly directory: string;
}

/** RFC 7468 §2 permits text before the key. */
function pemText(key: string, { account, directory }: AccountPlace): string {
  return `Account: ${account ?? ''}\nDirectory: ${directory}\n${key}`;
}

/** The `kid` of an account's key is its URL. RFC 8555 §6.2 */
function jwkText(key: string, { account, directory }: AccountPlace): string {
  const jwk = createPrivateKey(key).export({ format: 'jwk' });
  return `${JSON.stringify({ ...jwk, kid: account, directory }, null, 2)}\n`;
}

/**
 * `acmex account import`: stores an account that exists at a CA. The CA is that of the flags, else
 * that of the file.
 */
export async function accountImport(
  file: string,
  { url, ...options }: TransferOptions & { readonly url?: string },
  terminal: Terminal,
): Promise<void> {
  const report = await reporter(terminal, options);
  const read = accountIn(await readText(file, 'the account key'), file);
  const isChosen = options.server ?? options.ca ?? options.prod;
  if (isChosen === undefined && read.directory === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      `${file} does not say which CA the account is at: use --server or --ca`,
    );
  const authority = await chooseAuthority(
    isChosen === undefined ? { ...options, server: read.directory } : options,
    options.configuration,
    terminal.env,
  );
  const account = url ?? read.account;
  await using storage = await openStorage(options, terminal, report);
  const state = await keepAccount(authority, { key: read.key, account }, { storage });
  if (state === 'different')
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      `the storage has another account at ${authority.title}, which stays: use another storage, or describe an issuer with its own account in acmex.toml and name it with --ca`,
    );
  report.done(state === 'same' ? 'the storage has this account already' : 'the account is stored');
  terminal.stdout.write(formatResult(resultOf(authority, { account, file }), options.output));
}

interface AccountFile {
  /** PKCS#8 PEM. */
  readonly key: string;
  readonly account: string | undefined;
  readonly directory: string | undefined;
}

/** @throws CliError `ERR_CLI_FILE`, without the contents of the file */
function accountIn(text: string, file: string): AccountFile {
  try {
    if (!text.trimStart().startsWith('{'))
      return {
        key: pkcs8(createPrivateKey(text)),
        account: /^Account: (\S+)$/m.exec(text)?.[1],
        directory: /^Directory: (\S+)$/m.exec(text)?.[1],
      };
    const { kid, directory, ...key } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return {
      key: pkcs8(createPrivateKey({ key, format: 'jwk' })),
      account: typeof kid === 'string' ? kid : undefined,
      directory: typeof directory === 'string' ? directory : undefined,
    };
  } catch {
    throw new CliError(
      'ERR_CLI_FILE',
      `${file} has no private key that can be read: use PEM without a passphrase, or a JWK`,
    );
  }
}

function pkcs8(key: ReturnType<typeof createPrivateKey>): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function resultOf(
  { title, directory }: CertificateAuthority,
  { account, file }: { readonly account: string | undefined; readonly file: string },
): Result {
  const row = { ca: title, directory, account: account && printable(account, 500), file };
  return {
    text: Object.entries(row)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name.padEnd(9)} ${value}`)
      .join('\n'),
    document: row,
    rows: [row],
  };
}
