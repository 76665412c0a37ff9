import { base64url, FlattenedSign } from 'jose';
import type { AccountKey } from './account-key.ts';
import { AcmeError } from './errors.ts';
import type { AcmeResponse } from './http.ts';
import { signJws } from './jws.ts';
import { links, location } from './links.ts';
import { isWebUrl, readMembers } from './members.ts';
import type { CallOptions } from './call-options.ts';
import type { AcmeSession } from './session.ts';

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
  /**
   * Make none: `ERR_ACME_ACCOUNT_DOES_NOT_EXIST` when the key has no account yet. RFC 8555 §7.3.1
   */
  readonly onlyReturnExisting?: boolean;
  /** Ties the account to one that the CA's operator keeps elsewhere. */
  readonly externalAccount?: ExternalAccount;
}

/** What a CA's operator hands out for an external account binding. RFC 8555 §7.3.4 */
export interface ExternalAccount {
  readonly kid: string;
  /** base64url (base64 is understood too) or bytes; 16 bytes at least. */
  readonly hmacKey: string | Uint8Array;
  /** HS256 by default. */
  readonly algorithm?: 'HS256' | 'HS384' | 'HS512';
}

/**
 * The account of the session's key: made, or found when there is one already, which the CA then
 * leaves as it is. RFC 8555 §7.3. The session uses it from now on. Repeatable: the key makes it the
 * same account.
 */
export async function newAccount(
  session: AcmeSession,
  { externalAccount, ...account }: NewAccount = {},
  options?: CallOptions,
): Promise<Account> {
  const { newAccount: url } = await session.directory({ ...options, fromCa: true });
  const externalAccountBinding = externalAccount && (await bind(session.key, externalAccount, url));
  const answer = await session.post(
    url,
    { ...account, externalAccountBinding },
    { ...options, operation: 'newAccount', repeatable: true, signedBy: session.key },
  );
  const made = readAccount(location('the account', answer), answer);
  session.account = made.url;
  return made;
}

/** The session's account as the CA has it. RFC 8555 §7.3.3 */
export async function getAccount(session: AcmeSession, options?: CallOptions): Promise<Account> {
  return await changeAccount(session, undefined, options);
}

/** Replaces the contacts. RFC 8555 §7.3.2. Repeatable. */
export async function updateAccount(
  session: AcmeSession,
  { contact, termsOfServiceAgreed }: Pick<NewAccount, 'contact' | 'termsOfServiceAgreed'>,
  options?: CallOptions,
): Promise<Account> {
  return await changeAccount(session, { contact, termsOfServiceAgreed }, options);
}

/**
 * Deactivates the account for good: its key can no longer sign requests; its certificates stay
 * valid. RFC 8555 §7.3.6
 */
export async function deactivateAccount(
  session: AcmeSession,
  options?: CallOptions,
): Promise<Account> {
  return await changeAccount(session, { status: 'deactivated' }, options);
}

/**
 * Gives the account a new key. RFC 8555 §7.3.5. Keep the new key before calling this: once the CA
 * has it, the old one is of no use. When the answer is lost, ask with each key for the account
 * (`onlyReturnExisting`) to learn which one it has. The session still signs with the old key:
 * create another session with the new key.
 * @throws AcmeError with status 409 when another account has the key
 */
export async function changeKey(
  session: AcmeSession,
  newKey: AccountKey,
  options?: CallOptions,
): Promise<void> {
  const { keyChange: url } = await session.directory({ ...options, fromCa: true });
  if (url === undefined)
    throw new AcmeError(
      'ERR_ACME_UNSUPPORTED',
      "the CA's directory offers no key change (keyChange)",
    );
  const inner = await signJws(
    newKey,
    { jwk: newKey.jwk, url },
    JSON.stringify({ account: session.account, oldKey: session.key.jwk }),
  );
  await session.post(url, inner, { ...options, operation: 'keyChange' });
}

/**
 * The URLs of the account's orders, page by page. RFC 8555 §7.1.2.1. Many CAs offer no list.
 * @throws AcmeError `ERR_ACME_UNSUPPORTED` where there is none
 */
export async function* listOrders(
  session: AcmeSession,
  { orders }: Pick<Account, 'orders'>,
  options?: CallOptions,
): AsyncGenerator<string> {
  if (orders === undefined)
    throw new AcmeError('ERR_ACME_UNSUPPORTED', "the CA offers no list of an account's orders");
  const seen = new Set<string>();
  for (let page: string | undefined = orders; page !== undefined && !seen.has(page);) {
    seen.add(page);
    const answer: AcmeResponse = await session.post(page, undefined, {
      ...options,
      operation: 'orders',
    });
    yield* readMembers('the list of orders', answer)
      .list('orders')
      .filter((url): url is string => typeof url === 'string' && isWebUrl(url));
    page = links(answer.headers, 'next', page)[0];
  }
}

async function changeAccount(
  session: AcmeSession,
  payload: object | undefined,
  options: CallOptions | undefined,
): Promise<Account> {
  if (session.account === undefined)
    throw new AcmeError(
      'ERR_ACME_NO_ACCOUNT',
      'the session has no account yet: call newAccount first',
    );
  return readAccount(
    session.account,
    await session.post(session.account, payload, {
      ...options,
      operation: 'account',
      repeatable: true,
    }),
  );
}

function readAccount(url: string, answer: AcmeResponse): Account {
  const members = readMembers('the account', answer);
  const contact = members.optional('contact');
  return {
    url,
    status: members.oneOf('status', ['valid', 'deactivated', 'revoked']),
    contact: Array.isArray(contact)
      ? contact.filter((address) => typeof address === 'string')
      : undefined,
    orders: members.optionalUrl('orders'),
  };
}

/** The account's key, signed with the operator's. RFC 8555 §7.3.4 */
async function bind(
  { jwk }: AccountKey,
  { kid, hmacKey, algorithm = 'HS256' }: ExternalAccount,
  url: string,
): Promise<object> {
  const secret = typeof hmacKey === 'string' ? bytesOf(hmacKey) : hmacKey;
  if (secret.length < 16)
    throw new AcmeError(
      'ERR_ACME_KEY',
      'the HMAC key of the external account is too short: give it as the CA showed it, in base64url',
    );
  return await new FlattenedSign(new TextEncoder().encode(JSON.stringify(jwk)))
    .setProtectedHeader({ alg: algorithm, kid, url })
    .sign(secret);
}

function bytesOf(text: string): Uint8Array {
  try {
    return base64url.decode(
      text.trim().replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, ''),
    );
  } catch (cause) {
    throw new AcmeError(
      'ERR_ACME_KEY',
      'the HMAC key of the external account is not base64url: give it as the CA showed it',
      { cause },
    );
  }
}
