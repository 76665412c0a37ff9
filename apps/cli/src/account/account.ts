import { systemClock } from '@acmex/clock';
import { openNetwork } from '@acmex/config';
import { printable } from '@acmex/errors';
import {
  accountOf,
  type AccountOptions,
  type BudgetStatus,
  budgetStatus,
  deactivateAccount,
  registerAccount,
  storedAccounts,
  rotateAccountKey,
  updateContact,
} from '@acmex/manager';
import { configuredCrypto } from '@acmex/manager/crypto';
import type { Account } from '@acmex/protocol';
import {
  type AuthorityOptions,
  displayName,
  type CertificateAuthority,
  chooseAuthority,
  contactsOf,
} from '../certificate-authority.ts';
import { CliError } from '../errors.ts';
import {
  type ConfiguredOutputOptions,
  type Row,
  type Result,
  table,
  formatResult,
} from '../output.ts';
import { loggingFetch } from '../progress.ts';
import { openStorage } from '../open-storage.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';

export type AccountCommandOptions = ConfiguredOutputOptions &
  AuthorityOptions & { readonly force?: boolean };

/** `acmex account list`: lists the stored accounts. */
export async function accountList(
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  const report = await reporter(terminal, options);
  await using storage = await openStorage(options, terminal, report);
  const rows: Row[] = [];
  for await (const { directory, account } of storedAccounts(storage))
    rows.push({ directory, account });
  if (rows.length === 0)
    report.done('this storage has no account: register one with acmex account register');
  terminal.stdout.write(formatResult({ text: table(rows), document: rows, rows }, options.output));
}

/** `acmex account register`: registers an account, also one that the CA has lost. */
export async function accountRegister(
  options: AccountCommandOptions,
  terminal: Terminal,
): Promise<void> {
  await withAuthority(options, terminal, async (authority, { report, ...context }) => {
    report.working(`connecting to ${authority.title}`);
    const account = await registerAccount(authority, {
      ...context,
      onRegistered: (url) => report.done(`account ${printable(url, 300)}`),
    });
    return toResult(authority, account);
  });
}

/** `acmex account show`: shows the account as the CA has it. */
export async function accountShow(
  options: AccountCommandOptions,
  terminal: Terminal,
): Promise<void> {
  await withAuthority(options, terminal, async (authority, context) => {
    const result = toResult(authority, await accountOf(authority, context));
    const now = systemClock.now().epochMilliseconds;
    const budgets = await budgetStatus(context.storage, authority, { now });
    return budgets ? withBudgets(result, budgets) : result;
  });
}

/** Adds what is left of the limits of the CA. */
function withBudgets(result: Result, budgets: readonly BudgetStatus[]): Result {
  const rows = budgets.map(({ limit, subject, available, capacity, fullAt }) => ({
    limit,
    of: subject,
    left: `${available} of ${capacity}`,
    'full again': fullAt,
  }));
  return {
    ...result,
    text: `${result.text}\n\n${table(rows)}`,
    document: { ...Object(result.document), budgets },
  };
}

/** `acmex account update`: replaces the contacts. */
export async function accountUpdate(
  options: AccountCommandOptions,
  terminal: Terminal,
): Promise<void> {
  const { email } = options;
  if (email === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      'the new contacts are missing: use --email with addresses, or with an empty text for none',
    );
  const contact = contactsOf(email);
  await withAuthority(options, terminal, async (authority, context) =>
    toResult(authority, await updateContact(authority, contact, context)),
  );
}

/** `acmex account rotate-key`: replaces the key of the account. */
export async function accountRotateKey(
  options: AccountCommandOptions,
  terminal: Terminal,
): Promise<void> {
  await withAuthority(options, terminal, async (authority, context) => {
    return toResult(
      authority,
      await rotateAccountKey(authority, context),
      'the key was replaced; the old key is no longer valid',
    );
  });
}

/** `acmex account deactivate`: deactivates the account; this cannot be undone. */
export async function accountDeactivate(
  options: AccountCommandOptions,
  terminal: Terminal,
): Promise<void> {
  if (!options.force)
    throw new CliError(
      'ERR_CLI_USAGE',
      'a deactivated account cannot be restored, and its certificates are not renewed: use --force to confirm',
    );
  await withAuthority(options, terminal, async (authority, context) =>
    toResult(authority, await deactivateAccount(authority, context)),
  );
}

/** Opens the chosen CA and the storage for one command, and writes its result. */
export async function withAuthority(
  options: ConfiguredOutputOptions & AuthorityOptions,
  terminal: Terminal,
  work: (
    authority: CertificateAuthority,
    context: AccountOptions & { readonly report: Reporter },
  ) => Promise<Result>,
): Promise<void> {
  const report = await reporter(terminal, options);
  try {
    const authority = await chooseAuthority(options, options.configuration, terminal.env);
    const network = await openNetwork(options.configuration, { environment: terminal.env });
    using fetch = network.fetch(authority.caCertificate);
    report.done(`${displayName(authority)}: ${authority.directory}`);
    await using storage = await openStorage(options, terminal, report);
    const result = await work(authority, {
      storage,
      fetch: loggingFetch(fetch, report),
      userAgent: 'acmex-cli',
      crypto: configuredCrypto(options.configuration, terminal.env),
      signal: terminal.signal,
      report,
    });
    report.close();
    terminal.stdout.write(formatResult(result, options.output));
  } finally {
    report.close();
  }
}

export function toResult(
  { title, directory }: CertificateAuthority,
  { url, status, contact = [] }: Pick<Account, 'url' | 'status' | 'contact'>,
  remark?: string,
): Result {
  const row = {
    ca: title,
    directory,
    account: printable(url, 500),
    status,
    contact: contact.map((url) => printable(url, 300)).join(' '),
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
