import { ApiError, type components } from '@acmex/api';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../../elements/listing.tsx';
import { Names } from '../../elements/names.tsx';
import { useLoaded } from '../../loaded.ts';
import { api } from '../../server.ts';
import { strings } from '../../strings/strings.ts';
import type { Summary } from '../../summary.ts';
import { OrderState } from '../order/order-state.tsx';

const words = await strings('overview');
type Order = components['schemas']['Order'];

/** How many orders are read. */
const listed = 8;

const columns: readonly Column<Order>[] = [
  {
    title: words.columns.names,
    cell: ({ id, names }) => (
      <a href={`/orders/${id}`}>
        <Names names={names} first={1} />
      </a>
    ),
  },
  { title: words.columns.state, cell: (order) => <OrderState order={order} /> },
  { title: words.columns.issuer, cell: ({ issuer }) => issuer },
  { title: words.columns.since, cell: ({ updatedAt }) => <Instant at={updatedAt} /> },
];

/** Orders that run now or wait for their turn. */
export function UnderWay({ summary: { orders, underWay } }: { readonly summary: Summary }) {
  const ids = orders.slice(0, listed);
  const loaded = useLoaded(
    'under way',
    async (signal) =>
      (await Promise.all(ids.map(async (id) => await orderIfAny(id, signal)))).flat(),
    { seconds: 5 },
  );
  return (
    <section class="panel" aria-labelledby="under-way">
      <h2 id="under-way">{words.underWay}</h2>
      <Waiting loaded={loaded}>
        {(rows) =>
          rows.length === 0 ? (
            <p>{words.nothingUnderWay}</p>
          ) : (
            <Listing
              caption={words.underWay}
              columns={columns}
              rows={rows}
              keyOf={({ id }) => id}
            />
          )
        }
      </Waiting>
      {underWay > ids.length ? <a href="/orders">{words.allUnderWay(underWay)}</a> : null}
    </section>
  );
}

/** The order, unless it was removed since it was counted. */
async function orderIfAny(id: string, signal: AbortSignal): Promise<readonly Order[]> {
  try {
    return [(await api.GET('/api/orders/{id}', { params: { path: { id } }, signal })).data];
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return [];
    throw error;
  }
}
