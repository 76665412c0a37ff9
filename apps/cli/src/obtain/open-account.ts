import { printable } from '@acmex/errors';
import { type AccountDescription, type AccountOptions, accountSession } from '@acmex/manager';
import type { AcmeSession } from '@acmex/protocol';
import type { Reporter } from '../terminal.ts';

/** A session with the account that is kept for a CA, or with the one of a key that was given; says what it does. */
export async function openAccount(
  authority: AccountDescription,
  {
    report,
    ...options
  }: Omit<AccountOptions, 'userAgent' | 'onRegistered'> & { readonly report: Reporter },
): Promise<AcmeSession> {
  report.working(`asking ${authority.title}`);
  return await accountSession(authority, {
    ...options,
    userAgent: 'acmex-cli',
    onRegistered: (account) => report.done(`account ${printable(account, 300)}`),
  });
}
