import type { components } from '@acmex/api';
import { useSignal } from '@preact/signals';
import { useLocation } from 'preact-iso/router';
import { useRef } from 'preact/hooks';
import { AwaitsRecords } from '../elements/awaits-records.tsx';
import { Choice } from '../elements/choice.tsx';
import { Field } from '../elements/field.tsx';
import { Instant } from '../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../elements/listing.tsx';
import { Names } from '../elements/names.tsx';
import { SearchForm } from '../elements/search-form.tsx';
import { State } from '../elements/state.tsx';
import { useTitle } from '../elements/title.ts';
import { useLoaded } from '../loaded.ts';
import { plannedRenewal } from '../planned-renewal.ts';
import { api } from '../server.ts';
import { may } from '../session.ts';
import { strings } from '../strings/strings.ts';
import { dateTime } from '../time.ts';
import { words as shell } from '../words.ts';
import { BulkActions } from './certificates/bulk-actions.tsx';
import {
  type Filter,
  filterOf,
  isWholeName,
  queryOf,
  states,
  urlOf,
} from './certificates/filter.ts';
import { gather, type Page } from './certificates/gather.ts';
import { SavedViews } from './certificates/saved-views.tsx';
import { visibleText } from '../visible-text.ts';

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
  {
    title: words.columns.state,
    cell: ({ state, awaits, order }) => (
      <>
        <State state={state} /> {awaits ? <AwaitsRecords order={order} /> : null}
      </>
    ),
  },
  {
    title: words.columns.expires,
    cell: ({ current }) => (current ? <Instant at={current.notAfter} /> : words.notIssued),
  },
  {
    title: words.columns.renewal,
    cell(certificate) {
      const renewal = plannedRenewal(certificate);
      return renewal ? <Instant at={renewal.at} /> : words.notPlanned;
    },
  },
  { title: words.columns.issuer, cell: ({ issuer }) => issuer },
  { title: words.columns.deployed, cell: (certificate) => <Deployed certificate={certificate} /> },
  {
    title: words.columns.labels,
    cell: ({ labels }) =>
      Object.entries(labels).map(([name, value]) => (
        <a key={name} class="label" href={urlOf({ label: `${name}=${value}` })}>
          {visibleText(`${name}=${value}`)}
        </a>
      )),
  },
];

/** All certificates: a filter that stays in the address, and what can be done with its result. */
export function Certificates() {
  useTitle(words.title);
  const { query } = useLocation();
  const filter = filterOf(query);
  const { page, search } = usePage(filter, query.cursor);
  const { value: soFar } = search.soFar;
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
      {soFar && page.data.value === undefined ? (
        <Searching soFar={soFar} onStop={search.stop} />
      ) : (
        <Waiting loaded={page}>
          {(whole) => (
            <>
              <Rows page={whole} filter={filter} />
              <Pages filter={filter} cursor={query.cursor} next={whole.next} />
            </>
          )}
        </Waiting>
      )}
      <BulkActions filter={filter} onDone={page.reload} />
    </>
  );
}

const pageSize = 50;
type CertificatesPage = Page<Certificate>;

/**
 * Loads a page, by as many requests as it takes: for a part of a name the server looks at a bounded
 * number of certificates each time.
 */
function usePage(filter: Filter, cursor: string | undefined) {
  const soFar = useSignal<CertificatesPage | undefined>(undefined);
  const isStopped = useRef(false);
  const wanted = queryOf(filter);
  const page = useLoaded(
    urlOf(filter, cursor),
    async (signal) => {
      soFar.value = undefined;
      isStopped.current = false;
      const whole = await gather({
        read: async (range) => {
          const params = { query: { ...wanted, ...range } };
          return (await api.GET('/api/certificates', { params, signal })).data;
        },
        wanted: pageSize,
        cursor,
        onProgress(progress) {
          if (!signal.aborted) soFar.value = progress;
        },
        isStopped: () => isStopped.current,
      });
      if (!signal.aborted) soFar.value = undefined;
      return whole;
    },
    // What takes a long search is not searched again by itself.
    wanted.contains === undefined ? { seconds: 20 } : {},
  );
  const stop = () => {
    isStopped.current = true;
  };
  return { page, search: { soFar, stop } };
}

function Searching({
  soFar: { items, scanned },
  onStop,
}: {
  readonly soFar: CertificatesPage;
  readonly onStop: () => void;
}) {
  return (
    <>
      <div class="actions searching">
        <span role="status">{words.searching(items.length, scanned)}</span>
        <button type="button" onClick={onStop}>
          {words.stop}
        </button>
      </div>
      {items.length > 0 ? <CertificateRows items={items} /> : null}
    </>
  );
}

function Rows({
  page: { items, next, scanned },
  filter,
}: {
  readonly page: CertificatesPage;
  readonly filter: Filter;
}) {
  const isUnfinished = next !== undefined && items.length < pageSize;
  return (
    <>
      {items.length > 0 ? <CertificateRows items={items} /> : null}
      {isUnfinished ? <p class="hint">{words.searched(items.length, scanned)}</p> : null}
      {items.length === 0 && !isUnfinished ? <Nothing filter={filter} /> : null}
    </>
  );
}

function CertificateRows({ items }: { readonly items: readonly Certificate[] }) {
  return <Listing caption={words.caption} columns={columns} rows={items} keyOf={({ id }) => id} />;
}

function Nothing({ filter: { search, ...filter } }: { readonly filter: Filter }) {
  const isFiltered = search !== undefined || Object.keys(filter).length > 0;
  return (
    <div class="empty">
      <p>{isFiltered ? words.noMatch : words.empty}</p>
      {search !== undefined && isWholeName(search) ? (
        <a href={urlOf({ ...filter, contains: search })}>{words.searchParts(search)}</a>
      ) : null}
    </div>
  );
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
  if (deployFailure)
    return <span title={visibleText(deployFailure.message)}>{words.deployFailed}</span>;
  return <>{deployed === undefined ? words.deployedNever : words.deployedGeneration(deployed)}</>;
}

function FilterForm({ filter }: { readonly filter: Filter }) {
  return (
    <SearchForm
      addressOf={(entered) => urlOf(filterOf(entered))}
      clear={Object.keys(filter).length > 0 ? '/certificates' : undefined}
    >
      <Field label={words.search} hint={words.searchHint}>
        {(attributes) => (
          <input
            {...attributes}
            type="search"
            name="search"
            defaultValue={filter.search ?? filter.contains ?? ''}
          />
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
      <SetByLinks filter={filter} />
    </SearchForm>
  );
}

const times = ['expiresAfter', 'expiresBefore', 'renewalAfter', 'renewalBefore'] as const;

/** What a link has set, such as times; it stays when the form is sent. */
function SetByLinks({ filter }: { readonly filter: Filter }) {
  const set = times.flatMap((name) => {
    const at = filter[name];
    return at === undefined ? [] : [{ name, at }];
  });
  if (set.length === 0 && filter.awaits === undefined) return null;
  return (
    <p class="times">
      {filter.awaits === undefined ? null : (
        <span class="label">
          {words.awaitsRecords}
          <input type="hidden" name="awaits" value={filter.awaits} />
        </span>
      )}
      {set.map(({ name, at }) => (
        <span key={name} class="label">
          {words.times[name](dateTime(at))}
          <input type="hidden" name={name} value={at} />
        </span>
      ))}
    </p>
  );
}
