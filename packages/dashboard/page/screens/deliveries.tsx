import { useLocation } from 'preact-iso/router';
import { routes } from '../../src/routes.ts';
import { Waiting } from '../elements/listing.tsx';
import { useTitle } from '../elements/title.ts';
import { useLoaded } from '../loaded.ts';
import { api } from '../server.ts';
import { strings } from '../strings/strings.ts';
import { DeliveryList } from './deliveries/delivery-list.tsx';

const words = await strings('deliveries');

/** Notifications that have not reached their receivers. */
export function Deliveries() {
  useTitle(words.title);
  const { query } = useLocation();
  const { cursor } = query;
  const page = useLoaded(
    cursor ?? '',
    async (signal) => {
      const params = { query: { limit: 50, ...(cursor ? { cursor } : {}) } };
      return (await api.GET('/api/deliveries', { params, signal })).data;
    },
    { seconds: 10 },
  );
  return (
    <>
      <h1>{words.title}</h1>
      <p>{words.text}</p>
      <Waiting loaded={page}>
        {({ items, next }) => (
          <>
            {items.length === 0 ? (
              <p class="empty">{next === undefined ? words.empty : words.noneHere}</p>
            ) : (
              <DeliveryList deliveries={items} onDone={page.reload} />
            )}
            {cursor === undefined && next === undefined ? null : (
              <nav class="pages" aria-label={words.title}>
                {cursor === undefined ? null : <a href={routes.deliveries}>{words.firstPage}</a>}
                {next === undefined ? null : (
                  <a
                    class="button"
                    href={`${routes.deliveries}?${new URLSearchParams({ cursor: next })}`}
                  >
                    {words.nextPage}
                  </a>
                )}
              </nav>
            )}
          </>
        )}
      </Waiting>
    </>
  );
}
