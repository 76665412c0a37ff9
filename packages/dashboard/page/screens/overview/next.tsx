import type { components } from '@acmex/api';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../../elements/listing.tsx';
import { Names } from '../../elements/names.tsx';
import { State } from '../../elements/state.tsx';
import { useLoaded } from '../../loaded.ts';
import { plannedRenewal } from '../../planned-renewal.ts';
import { api } from '../../server.ts';
import { strings } from '../../strings/strings.ts';
import { now } from '../../time.ts';

const words = await strings('overview');
type Certificate = components['schemas']['Certificate'];

const columns: readonly Column<Certificate>[] = [
  {
    title: words.columns.names,
    cell: ({ id, names }) => (
      <a href={`/certificates/${id}`}>
        <Names names={names} first={1} />
      </a>
    ),
  },
  {
    title: words.columns.expires,
    cell: ({ current }) => (current ? <Instant at={current.notAfter} /> : null),
  },
  {
    title: words.columns.renewal,
    cell(certificate) {
      const renewal = plannedRenewal(certificate);
      return renewal ? <Instant at={renewal.at} /> : words.notPlanned;
    },
  },
  { title: words.columns.state, cell: ({ state }) => <State state={state} /> },
];

/** The certificates that expire next, with the planned renewal. */
export function Next() {
  const next = useLoaded(
    'next',
    async (signal) => {
      const expiresAfter = new Date(now.peek()).toISOString();
      const query = { sort: 'expiry', expiresAfter, limit: 10 } as const;
      return (await api.GET('/api/certificates', { params: { query }, signal })).data.items;
    },
    { seconds: 60 },
  );
  return (
    <section class="panel" aria-labelledby="next">
      <h2 id="next">{words.next}</h2>
      <Waiting loaded={next}>
        {(rows) =>
          rows.length === 0 ? (
            <p>{words.nothingIssued}</p>
          ) : (
            <Listing caption={words.next} columns={columns} rows={rows} keyOf={({ id }) => id} />
          )
        }
      </Waiting>
    </section>
  );
}
