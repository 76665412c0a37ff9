import { printable } from '@acmex/errors';
import { acceptTerms } from '@acmex/manager';
import { CliError } from '../errors.ts';
import type { Terminal } from '../terminal.ts';
import { type AccountCommandOptions, toResult, withAuthority } from './account.ts';

/**
 * `acmex account accept-terms`: notes that a person has agreed to changed terms of service, and makes
 * due what waits for it.
 */
export async function accountAcceptTerms(
  options: AccountCommandOptions,
  terminal: Terminal,
): Promise<void> {
  if (!options.acceptTos)
    throw new CliError(
      'ERR_CLI_USAGE',
      'visit the page that acmex queue shows, read the terms of service there, then use --accept-tos to confirm that you agree to them',
    );
  await withAuthority(options, terminal, async (authority, context) => {
    const { account, terms, certificates } = await acceptTerms(authority, context);
    const { text, document } = toResult(authority, account);
    const waiting =
      certificates.length === 0
        ? 'no certificate waits for this'
        : `due now: ${certificates.join(', ')}; acmex renew or acmex serve orders them, if the CA accepts the agreement`;
    return {
      text: [
        text,
        ...(terms === undefined ? [] : [`${'terms'.padEnd(9)} ${printable(terms, 500)}`]),
        waiting,
      ].join('\n'),
      document: { ...Object(document), terms, certificates },
    };
  });
}
