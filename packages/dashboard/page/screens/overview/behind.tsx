import type { components } from '@acmex/api';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../../elements/listing.tsx';
import { Names } from '../../elements/names.tsx';
import { useLoaded } from '../../loaded.ts';
import { api } from '../../server.ts';
import { strings } from '../../strings/strings.ts';
import { gather } from '../certificates/gather.ts';
import { visibleText } from '../../visible-text.ts';

const words = await strings('overview');
type Report = components['schemas']['AgentReport'];

const columns: readonly Column<Report>[] = [
  { title: words.columns.host, cell: ({ agent }) => <bdi>{visibleText(agent)}</bdi> },
  {
    title: words.columns.names,
    cell: ({ certificate, names }) => (
      <a href={`/certificates/${certificate}`}>
        <Names names={names} first={1} />
      </a>
    ),
  },
  {
    title: words.columns.why,
    cell: ({ failure, serialNumber }) =>
      failure ? <code>{failure.code}</code> : words.serves[serialNumber ? 'earlier' : 'nothing'],
  },
  { title: words.columns.reported, cell: ({ reportedAt }) => <Instant at={reportedAt} /> },
];

/** Hosts that do not serve what is stored. */
export function Behind() {
  const behind = useLoaded(
    'behind',
    async (signal) => {
      const page = await gather({
        read: async (range) => {
          const query = { state: 'behind', ...range } as const;
          return (await api.GET('/api/agents', { params: { query }, signal })).data;
        },
        wanted: 10,
        mostScanned: 20_000,
      });
      return page.items;
    },
    { seconds: 60 },
  );
  return (
    <section class="panel" aria-labelledby="behind">
      <h2 id="behind">{words.behind}</h2>
      <Waiting loaded={behind}>
        {(rows) =>
          rows.length === 0 ? (
            <p>{words.nothingBehind}</p>
          ) : (
            <Listing
              caption={words.behind}
              columns={columns}
              rows={rows}
              keyOf={({ agent, certificate }) => `${certificate}/${agent}`}
            />
          )
        }
      </Waiting>
      <a href="/hosts">{words.allHosts}</a>
    </section>
  );
}
