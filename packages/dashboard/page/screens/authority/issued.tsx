import type { components } from '@acmex/api';
import { useLocation } from 'preact-iso/router';
import { save } from '../../download.ts';
import { announce } from '../../elements/announce.tsx';
import { ask } from '../../elements/ask.tsx';
import { attempt } from '../../elements/attempt.ts';
import { Choice } from '../../elements/choice.tsx';
import { Field } from '../../elements/field.tsx';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../../elements/listing.tsx';
import { Names } from '../../elements/names.tsx';
import { SearchForm } from '../../elements/search-form.tsx';
import { State } from '../../elements/state.tsx';
import { useLoaded } from '../../loaded.ts';
import { api } from '../../server.ts';
import { may } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import { words as shell } from '../../words.ts';
import { type Filter, filterOf, queryOf, statuses, urlOf } from './filter.ts';

const words = await strings('authority');
type Issued = components['schemas']['IssuedCertificate'];
type Reason = keyof typeof shell.revocationReasons | keyof typeof words.reasons;

/** What the CA has issued, the newest first. */
export function IssuedList({ onRevoked }: { readonly onRevoked: () => void }) {
  const { query } = useLocation();
  const filter = filterOf(query);
  const { cursor } = query;
  const page = useLoaded(
    urlOf(filter, cursor),
    async (signal) => {
      const params = {
        query: { ...queryOf(filter), limit: 50, ...(cursor ? { cursor } : {}) },
      };
      return (await api.GET('/api/ca/certificates', { params, signal })).data;
    },
    { seconds: 20 },
  );
  const onDone = () => {
    page.reload();
    onRevoked();
  };
  return (
    <section class="part" aria-labelledby="issued">
      <h2 id="issued">{words.issued.heading}</h2>
      <FilterForm key={urlOf(filter)} filter={filter} />
      <Waiting loaded={page}>
        {({ items, next, scanned }) => (
          <>
            {items.length > 0 ? (
              <Listing
                caption={words.issued.caption}
                columns={[...columns, actions(onDone)]}
                rows={items}
                keyOf={({ serialNumber }) => serialNumber}
              />
            ) : (
              <p class="empty">{nothing(filter, next, scanned)}</p>
            )}
            <Pages filter={filter} cursor={cursor} next={next} />
          </>
        )}
      </Waiting>
    </section>
  );
}

function nothing(filter: Filter, next: string | undefined, scanned: number): string {
  if (next !== undefined) return words.issued.searchingOn(scanned);
  return Object.keys(filter).length > 0 ? words.issued.noMatch : words.issued.empty;
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
    <nav class="pages" aria-label={words.issued.caption}>
      {cursor === undefined ? null : <a href={urlOf(filter)}>{words.issued.newest}</a>}
      {next === undefined ? null : (
        <a class="button" href={urlOf(filter, next)}>
          {words.issued.older}
        </a>
      )}
    </nav>
  );
}

function FilterForm({ filter }: { readonly filter: Filter }) {
  return (
    <SearchForm
      addressOf={(entered) => urlOf(filterOf(entered))}
      clear={Object.keys(filter).length > 0 ? urlOf({}) : undefined}
    >
      <Field label={words.issued.search} hint={words.issued.searchHint}>
        {(attributes) => (
          <input
            {...attributes}
            type="search"
            name="search"
            minLength={2}
            maxLength={64}
            defaultValue={filter.search ?? ''}
            spellcheck={false}
            autocomplete="off"
          />
        )}
      </Field>
      <Choice
        label={words.issued.status}
        name="status"
        value={filter.status ?? ''}
        options={[
          ['', words.issued.any],
          ...statuses.map((status) => [status, shell.states[status]] as const),
        ]}
      />
    </SearchForm>
  );
}

const columns: readonly Column<Issued>[] = [
  { title: words.issued.names, cell: ({ names }) => <Names names={names} /> },
  {
    title: words.issued.state,
    cell: ({ status, revoked }) => (
      <span class="names">
        <State state={status} />
        {revoked ? (
          <small>
            <Instant at={revoked.at} />
            {', '}
            {reasonText(revoked.reason)}
          </small>
        ) : null}
      </span>
    ),
  },
  { title: words.issued.at, cell: ({ issuedAt }) => <Instant at={issuedAt} /> },
  { title: words.issued.ends, cell: ({ notAfter }) => <Instant at={notAfter} as="date" /> },
  {
    title: words.issued.serialNumber,
    cell: ({ serialNumber, profile }) => (
      <span class="names">
        <code class="data-text">{serialNumber}</code>
        <small>
          {words.issued.profile} <bdi>{profile}</bdi>
        </small>
      </span>
    ),
  },
];

const reasons: Readonly<Record<string, string>> = { ...shell.revocationReasons, ...words.reasons };

function reasonText(reason: string): string {
  return Object.hasOwn(reasons, reason) ? (reasons[reason] ?? reason) : reason;
}

function actions(onDone: () => void): Column<Issued> {
  return {
    title: words.issued.actions,
    cell: (issued) => {
      const name = issued.names[0] ?? issued.serialNumber;
      return (
        <div class="actions">
          <button
            type="button"
            class="quiet"
            aria-label={`${words.issued.download}: ${name}`}
            onClick={() => attempt(async () => await download(issued))}
          >
            {words.issued.download}
          </button>
          {may('ca:write') && issued.status !== 'revoked' ? (
            <button
              type="button"
              class="quiet danger"
              aria-label={`${words.revoke.action}: ${name}`}
              onClick={() => askToRevoke(issued, onDone)}
            >
              {words.revoke.action}…
            </button>
          ) : null}
        </div>
      );
    },
  };
}

async function download({ serialNumber }: Issued): Promise<void> {
  const params = { path: { serialNumber } };
  const { data } = await api.GET('/api/ca/certificates/{serialNumber}', { params });
  save(new Blob([data.pem]), `${serialNumber}.pem`);
}

function askToRevoke({ serialNumber, names, notAfter }: Issued, onDone: () => void): void {
  ask({
    title: words.revoke.title,
    content: (
      <>
        <p>
          <strong>
            <Names names={names} first={10} />
          </strong>
        </p>
        <p>
          <code class="data-text">{serialNumber}</code>, {words.issuers.until}{' '}
          <Instant at={notAfter} as="date" />
        </p>
        <p>{words.revoke.text}</p>
        <p>{words.revoke.compromised}</p>
        <Choice label={words.revoke.reason} name="reason" options={Object.entries(reasons)} />
      </>
    ),
    action: words.revoke.action,
    isDestructive: true,
    async run(form) {
      await api.POST('/api/ca/certificates/{serialNumber}/revoke', {
        params: { path: { serialNumber } },
        body: { reason: form.get('reason') as Reason },
      });
      announce(words.revoke.done);
      onDone();
    },
  });
}
