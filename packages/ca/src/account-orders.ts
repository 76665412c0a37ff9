import { idOf } from '@acmex/storage';
import { type Answer, json } from './answer.ts';
import { accountOrders, orders } from './order-records.ts';
import { orderState } from './order-state.ts';
import { refusal } from './problems.ts';
import type { Service } from './service.ts';
import { readsOnly, type SignedByAccount } from './signed-request.ts';

/** Orders on a page. */
const pageLength = 50;

/** An account's orders, page by page, without those that came to nothing. RFC 8555 §7.1.2.1 */
export async function ordersOf(
  service: Service,
  request: SignedByAccount,
  { id, after }: { readonly id: string; readonly after?: string | undefined },
): Promise<Answer> {
  readsOnly(request);
  if (id !== request.account.id)
    throw refusal('unauthorized', "these are another account's orders");
  const page: string[] = [];
  for await (const stored of accountOrders.list(service.storage, {
    under: id,
    limit: pageLength,
    ...(after === undefined ? {} : { after: accountOrders.key(`${id}/${after}`) }),
  }))
    page.push(idOf(stored));
  const last = page.length === pageLength ? page.at(-1) : undefined;
  const pages = await Promise.all(
    page.map(async (order) => {
      const record = (await orders.read(service.storage, order))?.record;
      return record && (await orderState(service, record)).status !== 'invalid'
        ? [service.urls.of(`/order/${order}`)]
        : [];
    }),
  );
  return json(
    200,
    { orders: pages.flat() },
    last === undefined
      ? {}
      : { links: [[service.urls.of(`/account/${id}/orders/${last}`), 'next']] },
  );
}
