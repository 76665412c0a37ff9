import { type AcmeResponse } from './http.ts';
import { location } from './links.ts';
import { readMembers } from './members.ts';
import { type AcmeSession, type CallOptions } from './session.ts';

/** RFC 8555 §7.1.2 */
export interface Account {
  readonly url: string;
  readonly status: 'valid' | 'deactivated' | 'revoked';
  /** URLs such as `mailto:admin@example.com`. Absent where a CA keeps none. */
  readonly contact?: readonly string[] | undefined;
  /** Where the account's orders are listed; many CAs offer no list. */
  readonly orders?: string | undefined;
}

export interface NewAccount {
  /** URLs such as `mailto:admin@example.com`. */
  readonly contact?: readonly string[];
  /** That a person has agreed to the terms which the directory names. */
  readonly termsOfServiceAgreed?: boolean;
  /** Make none: `ERR_ACME_ACCOUNT_DOES_NOT_EXIST` when the key has no account yet. RFC 8555 §7.3.1 */
  readonly onlyReturnExisting?: boolean;
}

/**
 * The account of the session's key: made, or found when there is one already, which the CA then leaves as it is. RFC 8555 §7.3.
 * The session uses it from now on. Repeatable: the key makes it the same account.
 */
export async function newAccount(session: AcmeSession, { contact, termsOfServiceAgreed, onlyReturnExisting }: NewAccount = {}, options?: CallOptions): Promise<Account> {
  const { newAccount: url } = await session.directory(options);
  const account = readAccount(await session.post(url, { contact, termsOfServiceAgreed, onlyReturnExisting }, { ...options, repeatable: true, identifyBy: 'jwk' }));
  session.account = account.url;
  return account;
}

function readAccount(answer: AcmeResponse): Account {
  const members = readMembers('the account', answer);
  const contact = members.optional('contact');
  return {
    url: location('the account', answer),
    status: members.oneOf('status', ['valid', 'deactivated', 'revoked']),
    contact: Array.isArray(contact) ? contact.filter((one) => typeof one === 'string') : undefined,
    orders: members.optionalUrl('orders'),
  };
}
