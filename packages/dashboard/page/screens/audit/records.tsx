import type { components, operations } from '@acmex/api';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../../elements/listing.tsx';
import { useLoaded } from '../../loaded.ts';
import { api } from '../../server.ts';
import { strings } from '../../strings/strings.ts';
import { type Filter, urlOf } from './filter.ts';
import { Happening } from './happening.tsx';
import { Origin } from './origin.tsx';
import { visibleText } from '../../visible-text.ts';

const words = await strings('audit');
type AuditRecord = components['schemas']['AuditRecord'];
type Event = components['schemas']['Event'];
type Type = NonNullable<NonNullable<operations['getApiEvents']['parameters']['query']>['type']>;

interface ListProps {
  readonly filter: Filter;
  readonly cursor: string | undefined;
}

/** A page of the audit log, the newest first. */
export function AuditRecords({ filter, cursor }: ListProps) {
  const page = useLoaded(
    urlOf(filter, cursor),
    async (signal) =>
      (await api.GET('/api/audit', { params: { query: queryOf({ filter, cursor }) }, signal }))
        .data,
    { seconds: 20 },
  );
  const columns: readonly Column<AuditRecord>[] = [
    { title: words.columns.time, cell: ({ time }) => <Instant at={time} as="exact" /> },
    {
      title: words.columns.what,
      cell: ({ actions }) =>
        actions.map((action) => <Happening key={action.event} action={action} />),
    },
    {
      title: words.columns.who,
      cell: ({ origin }) => <Origin origin={origin} filter={filter} />,
    },
  ];
  return (
    <Waiting loaded={page}>
      {({ items, next, scanned }) => (
        <>
          {items.length === 0 ? (
            <Nothing filter={filter} next={next} scanned={scanned} empty={words.empty} />
          ) : (
            <Listing caption={words.title} columns={columns} rows={items} keyOf={({ id }) => id} />
          )}
          <Pages filter={filter} cursor={cursor} next={next} />
        </>
      )}
    </Waiting>
  );
}

const eventColumns: readonly Column<Event>[] = [
  { title: words.columns.time, cell: ({ time }) => <Instant at={time} as="exact" /> },
  { title: words.columns.what, cell: (event) => <Happening action={event} /> },
  {
    title: words.columns.who,
    cell: ({ actor }) => (actor === undefined ? words.server : <bdi>{visibleText(actor)}</bdi>),
  },
];

/** A page of the events, the newest first. */
export function Events({ filter, cursor }: ListProps) {
  const page = useLoaded(
    urlOf(filter, cursor),
    async (signal) => {
      const { actor, ...query } = queryOf({ filter, cursor });
      return (await api.GET('/api/events', { params: { query }, signal })).data;
    },
    { seconds: 10 },
  );
  return (
    <Waiting loaded={page}>
      {({ items, next, scanned }) => (
        <>
          {items.length === 0 ? (
            <Nothing filter={filter} next={next} scanned={scanned} empty={words.noEvents} />
          ) : (
            <Listing
              caption={words.views.events}
              columns={eventColumns}
              rows={items}
              keyOf={({ id }) => id}
            />
          )}
          <Pages filter={filter} cursor={cursor} next={next} />
        </>
      )}
    </Waiting>
  );
}

/** The filter as the server takes it. */
function queryOf({ filter: { view, type, ...filter }, cursor }: ListProps) {
  return {
    sort: 'newest',
    limit: 50,
    ...filter,
    ...(type === undefined ? {} : { type: type as Type }),
    ...(cursor === undefined ? {} : { cursor }),
  } as const;
}

function Nothing({
  filter: { view, ...sought },
  next,
  scanned,
  empty,
}: {
  readonly filter: Filter;
  readonly next: string | undefined;
  readonly scanned: number;
  readonly empty: string;
}) {
  if (next !== undefined) return <p class="empty">{words.searchingOn(scanned)}</p>;
  return <p class="empty">{Object.keys(sought).length > 0 ? words.noMatch : empty}</p>;
}

function Pages({
  filter,
  cursor,
  next,
}: ListProps & {
  readonly next: string | undefined;
}) {
  if (cursor === undefined && next === undefined) return null;
  return (
    <nav class="pages" aria-label={words.title}>
      {cursor === undefined ? null : <a href={urlOf(filter)}>{words.newest}</a>}
      {next === undefined ? null : (
        <a class="button" href={urlOf(filter, next)}>
          {words.older}
        </a>
      )}
    </nav>
  );
}
