import { printable } from '@acmex/errors';
import { type AccountDescription, type AccountOptions, accountSession } from '@acmex/manager';
import type { AcmeSession } from '@acmex/protocol';
import type { Reporter } from '../terminal.ts';

/** Opens the stored account at a CA, or registers one, and reports it. */
export async function openAccount(
  authority: AccountDescription,
  {
    report,
    ...options
  }: Omit<AccountOptions, 'userAgent' | 'onRegistered'> & { readonly report: Reporter },
): Promise<AcmeSession> {
  report.working(`connecting to ${authority.title}`);
  return await accountSession(authority, {
    ...options,
    userAgent: 'acmex-cli',
    onRegistered: (account) => report.done(`account ${printable(account, 300)}`),
  });
}
