import type { components } from '@acmex/api';
import { useLocation } from 'preact-iso/router';
import { Choice } from '../elements/choice.tsx';
import { Instant } from '../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../elements/listing.tsx';
import { Names } from '../elements/names.tsx';
import { SearchForm } from '../elements/search-form.tsx';
import { ServerText } from '../elements/server-text.tsx';
import { useTitle } from '../elements/title.ts';
import { useLoaded } from '../loaded.ts';
import { api } from '../server.ts';
import { may } from '../session.ts';
import { strings } from '../strings/strings.ts';
import { visibleText } from '../visible-text.ts';
import { words as shell } from '../words.ts';
import { OrderState } from './order/order-state.tsx';
import { type Filter, filterOf, states, urlOf } from './orders/filter.ts';

const words = await strings('orders');
const orderWords = await strings('order');
type Order = components['schemas']['Order'];

const columns: readonly Column<Order>[] = [
  {
    title: words.columns.names,
    cell: ({ id, names }) => (
      <a href={`/orders/${id}`}>
        <Names names={names} />
      </a>
    ),
  },
  { title: words.columns.state, cell: (order) => <OrderState order={order} /> },
  { title: words.columns.cause, cell: ({ cause }) => orderWords.causes[cause] },
  {
    title: words.columns.issuer,
    cell: ({ issuer }) => <a href={urlOf({ issuer })}>{visibleText(issuer)}</a>,
  },
  { title: words.columns.created, cell: ({ createdAt }) => <Instant at={createdAt} /> },
  { title: words.columns.failure, cell: (order) => <Failure order={order} /> },
];

/** All orders, the newest first. */
export function Orders() {
  useTitle(words.title);
  const { query, url } = useLocation();
  const filter = filterOf(query);
  const { cursor } = query;
  const page = useLoaded(
    url,
    async (signal) => {
      const wanted = { ...filter, sort: 'newest', limit: 50 } as const;
      const params = { query: { ...wanted, ...(cursor ? { cursor } : {}) } };
      return (await api.GET('/api/orders', { params, signal })).data;
    },
    { seconds: 5 },
  );
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <>
      <div class="heading">
        <h1>{words.title}</h1>
        {may('orders:write') ? (
          <a class="button primary" href="/new">
            {words.new}
          </a>
        ) : null}
      </div>
      <FilterForm key={urlOf(filter)} filter={filter} />
      <Waiting loaded={page}>
        {({ items, next, scanned }) => (
          <>
            {items.length > 0 ? (
              <Listing
                caption={words.caption}
                columns={columns}
                rows={items}
                keyOf={({ id }) => id}
              />
            ) : (
              <Nothing isFiltered={isFiltered} hasMore={next !== undefined} scanned={scanned} />
            )}
            <Pages filter={filter} cursor={cursor} next={next} />
          </>
        )}
      </Waiting>
    </>
  );
}

/** Why an order waits for another try, or has failed. */
function Failure({ order: { failure, state } }: { readonly order: Order }) {
  if (!failure || state === 'succeeded') return null;
  return (
    <div class="failure-text">
      <span title={visibleText(failure.message)}>
        <ServerText text={failure.message} />
      </span>
      {state === 'pending' ? (
        <small>
          {' '}
          {words.triedAgain} <Instant at={failure.retryAt} />
        </small>
      ) : null}
    </div>
  );
}

function Nothing({
  isFiltered,
  hasMore,
  scanned,
}: {
  readonly isFiltered: boolean;
  readonly hasMore: boolean;
  readonly scanned: number;
}) {
  if (hasMore) return <p class="empty">{words.searchingOn(scanned)}</p>;
  return <p class="empty">{isFiltered ? words.noMatch : words.empty}</p>;
}

function Pages({
  filter,
  cursor,
  next,
}: {
  readonly filter: Filter;
  readonly cursor: string | undefined;
  readonly next: string | undefined;
}) {
  if (cursor === undefined && next === undefined) return null;
  return (
    <nav class="pages" aria-label={words.caption}>
      {cursor === undefined ? null : <a href={urlOf(filter)}>{words.newest}</a>}
      {next === undefined ? null : (
        <a class="button" href={urlOf(filter, next)}>
          {words.older}
        </a>
      )}
    </nav>
  );
}

function FilterForm({ filter }: { readonly filter: Filter }) {
  const { certificate, issuer } = filter;
  return (
    <SearchForm
      addressOf={(entered) => urlOf(filterOf({ ...filter, ...entered }))}
      clear={Object.keys(filter).length > 0 ? urlOf({}) : undefined}
    >
      <Choice
        label={words.state}
        name="state"
        value={filter.state ?? ''}
        options={[['', words.any], ...states.map((state) => [state, shell.states[state]] as const)]}
      />
      {certificate === undefined ? null : (
        <span class="label">
          {words.ofCertificate} <a href={`/certificates/${certificate}`}>{certificate}</a>
        </span>
      )}
      {issuer === undefined ? null : (
        <span class="label">{words.ofIssuer(visibleText(issuer))}</span>
      )}
    </SearchForm>
  );
}
