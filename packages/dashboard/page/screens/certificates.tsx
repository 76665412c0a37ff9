import type { components } from '@acmex/api';
import { useLocation } from 'preact-iso';
import { Choice } from '../elements/choice.tsx';
import { Field } from '../elements/field.tsx';
import { Instant } from '../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../elements/listing.tsx';
import { Names } from '../elements/names.tsx';
import { State } from '../elements/state.tsx';
import { useTitle } from '../elements/title.ts';
import { useLoaded } from '../loaded.ts';
import { api } from '../server.ts';
import { may } from '../session.ts';
import { strings } from '../strings/strings.ts';
import { words as shell } from '../words.ts';
import { BulkActions } from './certificates/bulk-actions.tsx';
import { type Filter, filterOf, queryOf, states, urlOf } from './certificates/filter.ts';
import { SavedViews } from './certificates/saved-views.tsx';

const words = await strings('certificates');
type Certificate = components['schemas']['Certificate'];

const columns: readonly Column<Certificate>[] = [
  {
    title: words.columns.names,
    cell: ({ id, names }) => (
      <a href={`/certificates/${id}`}>
        <Names names={names} />
      </a>
    ),
  },
  { title: words.columns.state, cell: ({ state }) => <State state={state} /> },
  {
    title: words.columns.expires,
    cell: ({ current }) => (current ? <Instant at={current.notAfter} /> : words.notIssued),
  },
  {
    title: words.columns.renewal,
    cell: ({ renewal }) => (renewal ? <Instant at={renewal.at} /> : words.notPlanned),
  },
  { title: words.columns.issuer, cell: ({ issuer }) => issuer },
  { title: words.columns.deployed, cell: (certificate) => <Deployed certificate={certificate} /> },
  {
    title: words.columns.labels,
    cell: ({ labels }) =>
      Object.entries(labels).map(([name, value]) => (
        <a key={name} class="label" href={urlOf({ label: `${name}=${value}` })}>
          {name}={value}
        </a>
      )),
  },
];

/** All certificates: a filter that stays in the address, and what can be done with its result. */
export function Certificates() {
  useTitle(words.title);
  const { query, url } = useLocation();
  const filter = filterOf(query);
  const { cursor } = query;
  const page = useLoaded(
    url,
    async (signal) =>
      (
        await api.GET('/api/certificates', {
          params: { query: { ...queryOf(filter), limit: 50, ...(cursor ? { cursor } : {}) } },
          signal,
        })
      ).data,
    { seconds: 20 },
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
      <SavedViews current={urlOf(filter)} />
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
      <BulkActions filter={filter} onDone={page.reload} />
    </>
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
  const { url } = useLocation();
  if (cursor === undefined && next === undefined) return null;
  return (
    <nav class="pages" aria-label={words.caption}>
      {cursor === undefined ? null : (
        <button type="button" onClick={() => history.back()}>
          {words.previous}
        </button>
      )}
      {next === undefined ? null : (
        <a key={url} class="button" href={urlOf(filter, next)}>
          {words.next}
        </a>
      )}
    </nav>
  );
}

function Deployed({
  certificate: { deployed, deployFailure },
}: {
  readonly certificate: Certificate;
}) {
  if (deployFailure) return <span title={deployFailure.message}>{words.deployFailed}</span>;
  return <>{deployed === undefined ? words.deployedNever : words.deployedGeneration(deployed)}</>;
}

function FilterForm({ filter }: { readonly filter: Filter }) {
  const { route } = useLocation();
  const submit = (form: HTMLFormElement) => {
    const entries = [...new FormData(form)].map(([name, value]) => [name, String(value).trim()]);
    route(urlOf(filterOf(Object.fromEntries(entries) as Record<string, string>)));
  };
  return (
    <form
      class="filter"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        submit(event.currentTarget);
      }}
      onChange={({ currentTarget, target }) => {
        if (target instanceof HTMLSelectElement) submit(currentTarget);
      }}
    >
      <Field label={words.search} hint={words.searchHint}>
        {(attributes) => (
          <input {...attributes} type="search" name="search" defaultValue={filter.search ?? ''} />
        )}
      </Field>
      <Choice
        label={words.state}
        name="state"
        value={filter.state ?? ''}
        options={[['', words.any], ...states.map((state) => [state, shell.states[state]] as const)]}
      />
      <Field label={words.label} hint={words.labelHint}>
        {(attributes) => <input {...attributes} name="label" defaultValue={filter.label ?? ''} />}
      </Field>
      <Choice
        label={words.sort}
        name="sort"
        value={filter.sort ?? 'id'}
        options={(['id', 'name', 'expiry'] as const).map((sort) => [sort, words.sorts[sort]])}
      />
      <div class="actions">
        <button>{words.apply}</button>
        {Object.keys(filter).length > 0 ? <a href="/certificates">{words.clear}</a> : null}
      </div>
    </form>
  );
}
