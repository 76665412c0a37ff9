import { printable } from '@acmex/errors';
import {
  accountOf,
  type AccountOptions,
  giveUpAccount,
  keptAccounts,
  rotateAccountKey,
  updateContact,
} from '@acmex/manager';
import type { Account } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import {
  type AuthorityOptions,
  called,
  type CertificateAuthority,
  chooseAuthority,
} from '../certificate-authority.ts';
import { CliError } from '../errors.ts';
import {
  type ConfiguredOutputOptions,
  type Row,
  type Result,
  table,
  formatResult,
} from '../output.ts';
import { openAccount } from '../obtain/open-account.ts';
import { loggingFetch } from '../progress.ts';
import { openStorage } from '../open-storage.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';

export type AccountCommandOptions = ConfiguredOutputOptions &
  AuthorityOptions & { readonly force?: boolean };

/** `acmex account list` */
export async function accountList(
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  const report = await reporter(terminal, options);
  await using storage = await openStorage(options, terminal, report);
  const rows: Row[] = [];
  for await (const { directory, account } of keptAccounts(storage))
    rows.push({ directory, account });
  if (rows.length === 0)
    report.done('no account is kept in this storage: acmex account register makes one');
  terminal.stdout.write(formatResult({ text: table(rows), document: rows, rows }, options.output));
}

/** `acmex account register`: makes the account, or finds the one that is kept. */
export async function accountRegister(
  options: AccountCommandOptions,
  terminal: Terminal,
): Promise<void> {
  await withAuthority(options, terminal, async (authority, parts) => {
    const session = await openAccount(authority, parts);
    return shown(authority, {
      url: session.account ?? '',
      status: 'valid',
      contact: authority.contact,
    });
  });
}

/** `acmex account show` */
export async function accountShow(
  options: AccountCommandOptions,
  terminal: Terminal,
): Promise<void> {
  await withAuthority(options, terminal, async (authority, parts) =>
    shown(authority, await accountOf(authority, parts)),
  );
}

/** `acmex account update`: other contacts. */
export async function accountUpdate(
  options: AccountCommandOptions,
  terminal: Terminal,
): Promise<void> {
  const { email } = options;
  if (email === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      'say where the CA can reach you: give --email, or an empty one for nowhere',
    );
  const contact = email
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
    .map((one) => `mailto:${one}`);
  await withAuthority(options, terminal, async (authority, parts) =>
    shown(authority, await updateContact(authority, contact, parts)),
  );
}

/** `acmex account rotate-key` */
export async function accountRotateKey(
  options: AccountCommandOptions,
  terminal: Terminal,
): Promise<void> {
  await withAuthority(options, terminal, async (authority, parts) => {
    await rotateAccountKey(authority, parts);
    return shown(
      authority,
      await accountOf(authority, parts),
      'its key is another from now on; the old one is of no use',
    );
  });
}

/** `acmex account deactivate` */
export async function accountDeactivate(
  options: AccountCommandOptions,
  terminal: Terminal,
): Promise<void> {
  if (!options.force)
    throw new CliError(
      'ERR_CLI_USAGE',
      'an account that is given up never comes back, and its certificates are renewed no more: give --force if that is meant',
    );
  await withAuthority(options, terminal, async (authority, parts) =>
    shown(authority, await giveUpAccount(authority, parts)),
  );
}

/** Opens the CA that is chosen and the storage for one command, and writes what came of it. */
export async function withAuthority(
  options: ConfiguredOutputOptions & AuthorityOptions,
  terminal: Terminal,
  work: (
    authority: CertificateAuthority,
    parts: AccountOptions & { readonly report: Reporter },
  ) => Promise<Result>,
): Promise<void> {
  const report = await reporter(terminal, options);
  try {
    const authority = await chooseAuthority(options, options.configuration, terminal.env);
    using fetch = nodeFetch({ ca: authority.caCertificate });
    report.done(`${called(authority)}: ${authority.directory}`);
    await using storage = await openStorage(options, terminal, report);
    const result = await work(authority, {
      storage,
      fetch: loggingFetch(fetch, report),
      userAgent: 'acmex-cli',
      signal: terminal.signal,
      report,
    });
    report.close();
    terminal.stdout.write(formatResult(result, options.output));
  } finally {
    report.close();
  }
}

function shown(
  { title, directory }: CertificateAuthority,
  { url, status, contact = [] }: Pick<Account, 'url' | 'status' | 'contact'>,
  remark?: string,
): Result {
  const row = {
    ca: title,
    directory,
    account: printable(url, 500),
    status,
    contact: contact.map((one) => printable(one, 300)).join(' '),
  };
  return {
    text: [
      ...Object.entries(row).map(([name, value]) => `${name.padEnd(9)} ${value}`),
      ...(remark === undefined ? [] : [remark]),
    ].join('\n'),
    document: { ...row, contact },
    rows: [row],
  };
}
