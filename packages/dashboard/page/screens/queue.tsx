import { useLocation } from 'preact-iso/router';
import { routes } from '../../src/routes.ts';
import { Instant } from '../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../elements/listing.tsx';
import { useTitle } from '../elements/title.ts';
import { useLoaded } from '../loaded.ts';
import { api } from '../server.ts';
import { may } from '../session.ts';
import { strings } from '../strings/strings.ts';
import { type Queue as Contents, waitingIn } from './queue/counts.ts';
import { askToReplay, FailingList } from './queue/failing.tsx';
import { visibleText } from '../visible-text.ts';

const words = await strings('queue');
type Due = Contents['due'][number];
type Group = Contents['groups'][number];
type Worker = NonNullable<Contents['workers']>[number];

/** What the server has to do: what waits, what is late, and what fails and why. */
export function Queue() {
  useTitle(words.title);
  const { query } = useLocation();
  const { cursor } = query;
  const queue = useLoaded(
    cursor ?? '',
    async (signal) => {
      const page = { limit: 50, ...(cursor ? { cursor } : {}) };
      return (await api.GET('/api/queue', { params: { query: page }, signal })).data;
    },
    { seconds: 5 },
  );
  return (
    <>
      <h1>{words.title}</h1>
      <p>{words.text}</p>
      <Waiting loaded={queue}>
        {(contents) => (
          <>
            <Counts contents={contents} />
            <FailingSection contents={contents} cursor={cursor} onDone={queue.reload} />
            <DueSection due={contents.due} />
            <Workers contents={contents} />
          </>
        )}
      </Waiting>
    </>
  );
}

function Counts({ contents }: { readonly contents: Contents }) {
  const { running, capacity, delayed, due, late, failing, next } = contents;
  const figures: readonly (readonly [string, string])[] = [
    [words.counts.running, words.counts.ofCapacity(running, capacity)],
    [words.counts.waiting, `${waitingIn(contents)}`],
    [words.counts.delayed, `${delayed}`],
    [words.counts.due, due.length >= 100 ? '100+' : `${due.length}`],
    [words.counts.failing, next === undefined ? `${failing.length}` : `${failing.length}+`],
  ];
  return (
    <>
      <dl class="figures">
        {figures.map(([title, figure]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd>{figure}</dd>
          </div>
        ))}
      </dl>
      {late ? (
        <div class="problem" role="status">
          <p>
            <strong>{words.late.title}</strong> {words.late.text}
          </p>
          <p>
            <a href={`/certificates/${late.certificate}`}>{late.certificate}</a>, {words.late.since}{' '}
            <Instant at={late.dueAt} />
          </p>
        </div>
      ) : null}
    </>
  );
}

function FailingSection({
  contents: { failing, next },
  cursor,
  onDone,
}: {
  readonly contents: Contents;
  readonly cursor: string | undefined;
  readonly onDone: () => void;
}) {
  return (
    <section class="part" aria-labelledby="failing">
      <div class="heading">
        <h2 id="failing">{words.failing.title}</h2>
        {may('queue:write') && failing.length > 0 ? (
          <button type="button" onClick={() => askToReplay(onDone)}>
            {words.replay.title}…
          </button>
        ) : null}
      </div>
      <FailingList failing={failing} onDone={onDone} />
      {cursor === undefined && next === undefined ? null : (
        <nav class="pages" aria-label={words.failing.title}>
          {cursor === undefined ? null : <a href={routes.queue}>{words.firstPage}</a>}
          {next === undefined ? null : (
            <a class="button" href={`${routes.queue}?${new URLSearchParams({ cursor: next })}`}>
              {words.nextPage}
            </a>
          )}
        </nav>
      )}
    </section>
  );
}

const dueColumns: readonly Column<Due>[] = [
  {
    title: words.columns.certificate,
    cell: ({ certificate }) => <a href={`/certificates/${certificate}`}>{certificate}</a>,
  },
  { title: words.columns.due, cell: ({ dueAt }) => <Instant at={dueAt} /> },
];

function DueSection({ due }: { readonly due: Contents['due'] }) {
  return (
    <section class="part" aria-labelledby="due">
      <h2 id="due">{words.due.title}</h2>
      {due.length === 0 ? (
        <p class="empty">{words.due.none}</p>
      ) : (
        <Listing
          caption={words.due.title}
          columns={dueColumns}
          rows={due}
          keyOf={({ certificate }) => certificate}
        />
      )}
    </section>
  );
}

const groupColumns: readonly Column<Group>[] = [
  { title: words.columns.issuer, cell: ({ issuer }) => <bdi>{visibleText(issuer)}</bdi> },
  { title: words.counts.running, cell: ({ running }) => running },
  { title: words.counts.waiting, cell: (group) => waitingIn(group) },
  { title: words.counts.delayed, cell: ({ delayed }) => delayed },
];
const workerColumns: readonly Column<Worker>[] = [
  { title: words.columns.worker, cell: ({ name }) => <bdi>{visibleText(name)}</bdi> },
  { title: words.columns.capacity, cell: ({ capacity }) => capacity },
  { title: words.columns.since, cell: ({ since }) => <Instant at={since} /> },
];

/** Where the work is: by CA, and by process where several share it. */
function Workers({ contents: { groups, workers } }: { readonly contents: Contents }) {
  return (
    <>
      {groups.length === 0 ? null : (
        <section class="part" aria-labelledby="groups">
          <h2 id="groups">{words.groups}</h2>
          <Listing
            caption={words.groups}
            columns={groupColumns}
            rows={groups}
            keyOf={({ issuer }) => issuer}
          />
        </section>
      )}
      {workers === undefined ? null : (
        <section class="part" aria-labelledby="workers">
          <h2 id="workers">{words.workers.title}</h2>
          {workers.length === 0 ? (
            <p class="empty">{words.workers.none}</p>
          ) : (
            <Listing
              caption={words.workers.title}
              columns={workerColumns}
              rows={workers}
              keyOf={({ name }) => name}
            />
          )}
        </section>
      )}
    </>
  );
}
