import type { components } from '@acmex/api';
import { announce } from '../../elements/announce.tsx';
import { attempt } from '../../elements/attempt.ts';
import { ask } from '../../elements/ask.tsx';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing } from '../../elements/listing.tsx';
import { Names } from '../../elements/names.tsx';
import { api } from '../../server.ts';
import { may } from '../../session.ts';
import { ServerText } from '../../elements/server-text.tsx';
import { strings } from '../../strings/strings.ts';
import type { Queue } from './counts.ts';

const words = await strings('queue');
type Failing = Queue['failing'][number];
type Failure = components['schemas']['Failure'];

/** What fails, why, and when it is tried again. */
export function FailingList({
  failing,
  onDone,
}: {
  readonly failing: Queue['failing'];
  readonly onDone: () => void;
}) {
  if (failing.length === 0) return <p class="empty">{words.failing.none}</p>;
  const retry: Column<Failing> = {
    title: words.columns.actions,
    cell: ({ certificate, names }) => (
      <button
        type="button"
        class="quiet"
        aria-label={`${words.replay.now}: ${names[0] ?? certificate}`}
        onClick={() => attempt(async () => await replay([certificate], onDone))}
      >
        {words.replay.now}
      </button>
    ),
  };
  return (
    <Listing
      caption={words.failing.title}
      columns={may('queue:write') ? [...columns, retry] : columns}
      rows={failing}
      keyOf={({ certificate }) => certificate}
    />
  );
}

const columns: readonly Column<Failing>[] = [
  {
    title: words.columns.certificate,
    cell: ({ certificate, names }) => (
      <a href={`/certificates/${certificate}`}>
        <Names names={names} />
      </a>
    ),
  },
  {
    title: words.columns.why,
    cell: ({ failure, deployFailure }) => (
      <>
        {failure ? <Why title={words.failing.order} failure={failure} /> : null}
        {deployFailure ? <Why title={words.failing.deploy} failure={deployFailure} /> : null}
      </>
    ),
  },
  {
    title: words.columns.next,
    cell: ({ failure, deployFailure }) =>
      [failure, deployFailure].map((each, index) =>
        each === undefined ? null : (
          <div key={index}>
            <Instant at={each.retryAt} />
          </div>
        ),
      ),
  },
  {
    title: words.columns.order,
    cell: ({ order }) =>
      order === undefined ? words.failing.noOrder : <a href={`/orders/${order}`}>{order}</a>,
  },
];

function Why({ title, failure }: { readonly title: string; readonly failure: Failure }) {
  const { message, code, failures, at } = failure;
  return (
    <div class="why">
      <strong>{title}</strong> <ServerText text={message} />
      <small>
        <code>{code}</code> {words.failing.times(failures)} <Instant at={at} />
      </small>
    </div>
  );
}

/** Asks before everything that fails is tried again. */
export function askToReplay(onDone: () => void): void {
  ask({
    title: words.replay.title,
    content: <p>{words.replay.text}</p>,
    action: words.replay.action,
    run: async () => await replay(undefined, onDone),
  });
}

/** @param certificates all that fail by default; the server takes as many requests as it needs */
async function replay(
  certificates: readonly string[] | undefined,
  onDone: () => void,
): Promise<void> {
  const { data } = await api.POST('/api/queue/replay', {
    body: certificates === undefined ? {} : { certificates: [...certificates] },
  });
  announce(words.replay.done(data.certificates.length, data.next !== undefined));
  onDone();
}
