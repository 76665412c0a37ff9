import { errorCode } from '@acmex/errors';
import type { Identifier } from '@acmex/identifier';
import {
  type AcmeSession,
  type CallOptions,
  getAccount,
  getOrder,
  listOrders,
  type Order,
} from '@acmex/protocol';

/** How many of the account's newest orders are looked into, and how many of its list are read. */
const [largestSearch, read] = [50, 2000];

/**
 * The order that was being made when the process ended, before it could keep the CA's answer: of
 * the account's newest, one for exactly these names that is not finalized. `unlisted` where the CA
 * does not list an account's orders. RFC 8555 §7.1.2.1
 */
export async function lostOrder(
  session: AcmeSession,
  identifiers: readonly Identifier[],
  options: CallOptions,
): Promise<Order | undefined | 'unlisted'> {
  const account = await getAccount(session, options);
  if (account.orders === undefined) return 'unlisted';
  const urls: string[] = [];
  for await (const url of listOrders(session, account, options)) if (urls.push(url) === read) break;
  for (const url of urls.slice(-largestSearch).reverse()) {
    const order = await getOrder(session, url, options).catch((error: unknown) => {
      // An order of the list can be deleted, or belong to another account by now.
      if (errorCode(error)?.startsWith('ERR_ACME_') && isGone(error)) return undefined;
      throw error;
    });
    if (
      order &&
      (order.status === 'pending' || order.status === 'ready') &&
      sameNames(order.identifiers, identifiers)
    )
      return order;
  }
  return undefined;
}

function isGone(error: unknown): boolean {
  const status = (error as { readonly status?: unknown } | null)?.status;
  return status === 404 || status === 403;
}

function sameNames(some: readonly Identifier[], expected: readonly Identifier[]): boolean {
  const names = (all: readonly Identifier[]) =>
    [...new Set(all.map(({ type, value }) => `${type} ${value.toLowerCase()}`))].sort().join();
  return names(some) === names(expected);
}
