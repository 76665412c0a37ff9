import type { components } from '@acmex/api';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../../elements/listing.tsx';
import { State } from '../../elements/state.tsx';
import { useLoaded } from '../../loaded.ts';
import { api } from '../../server.ts';
import { strings } from '../../strings/strings.ts';
import { visibleText } from '../../visible-text.ts';

const words = (await strings('certificate')).hosts;
type Report = components['schemas']['AgentReport'];

const columns: readonly Column<Report>[] = [
  { title: words.host, cell: ({ agent }) => <bdi>{visibleText(agent)}</bdi> },
  { title: words.state, cell: ({ state }) => <State state={state} /> },
  {
    title: words.evidence,
    cell: ({ evidence, failure }) => (
      <>
        {evidence ? words.evidences[evidence] : null}{' '}
        {failure ? (
          <>
            <code>{failure.code}</code> <Instant at={failure.since} />
          </>
        ) : null}
      </>
    ),
  },
  { title: words.since, cell: ({ since }) => <Instant at={since} /> },
  { title: words.reported, cell: ({ reportedAt }) => <Instant at={reportedAt} /> },
];

/** The hosts that fetched a certificate with the agent, and what they serve. */
export function Hosts({ id }: { readonly id: string }) {
  const reports = useLoaded(
    id,
    async (signal) => {
      const query = { certificate: id, limit: 1000 };
      return (await api.GET('/api/agents', { params: { query }, signal })).data;
    },
    { seconds: 30 },
  );
  return (
    <section class="panel" aria-labelledby="hosts">
      <h2 id="hosts">{words.heading}</h2>
      <Waiting loaded={reports}>
        {({ items, next }) => (
          <>
            {items.length > 0 ? (
              <Listing
                caption={words.heading}
                columns={columns}
                rows={items}
                keyOf={({ agent }) => agent}
              />
            ) : (
              <p class="hint">{words.none}</p>
            )}
            {next === undefined ? null : <p class="hint">{words.more(items.length)}</p>}
          </>
        )}
      </Waiting>
    </section>
  );
}
