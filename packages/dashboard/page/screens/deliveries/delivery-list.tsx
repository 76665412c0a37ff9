import type { components } from '@acmex/api';
import { announce } from '../../elements/announce.tsx';
import { ask } from '../../elements/ask.tsx';
import { Instant } from '../../elements/instant.tsx';
import { ServerText } from '../../elements/server-text.tsx';
import { type Column, Listing } from '../../elements/listing.tsx';
import { State } from '../../elements/state.tsx';
import { api } from '../../server.ts';
import { may } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import { visibleText } from '../../visible-text.ts';

const words = await strings('deliveries');
type Delivery = components['schemas']['Delivery'];

export function DeliveryList({
  deliveries,
  onDone,
}: {
  readonly deliveries: readonly Delivery[];
  readonly onDone: () => void;
}) {
  const actions: Column<Delivery> = {
    title: words.columns.actions,
    cell: (delivery) =>
      delivery.state === 'dead' ? (
        <button
          type="button"
          class="quiet"
          aria-label={`${words.replay.action}: ${delivery.receiver}, ${delivery.title}`}
          onClick={() => replay(delivery, onDone)}
        >
          {words.replay.action}…
        </button>
      ) : null,
  };
  return (
    <Listing
      caption={words.title}
      columns={may('queue:write') ? [...columns, actions] : columns}
      rows={deliveries}
      keyOf={({ state, receiver, id }) => `${state} ${receiver} ${id}`}
    />
  );
}

const columns: readonly Column<Delivery>[] = [
  {
    title: words.columns.state,
    cell: ({ state }) => <State state={state === 'dead' ? 'undelivered' : 'pending'} />,
  },
  { title: words.columns.receiver, cell: ({ receiver }) => <bdi>{visibleText(receiver)}</bdi> },
  {
    title: words.columns.title,
    cell: ({ title, certificates: [first, ...rest] }) => (
      <span class="names">
        {first === undefined || rest.length > 0 ? (
          <bdi>{visibleText(title)}</bdi>
        ) : (
          <a href={`/certificates/${first}`}>
            <bdi>{visibleText(title)}</bdi>
          </a>
        )}
      </span>
    ),
  },
  {
    title: words.columns.attempts,
    cell: ({ attempts, createdAt }) =>
      attempts === 0 ? (
        words.noAttempt
      ) : (
        <>
          {words.attempts(attempts)} <Instant at={createdAt} />
        </>
      ),
  },
  {
    title: words.columns.failure,
    cell: ({ failure }) =>
      failure === undefined ? (
        '–'
      ) : (
        <div class="why">
          <ServerText text={failure.message} />
          <small>
            <code>{failure.code}</code> <Instant at={failure.at} />
          </small>
        </div>
      ),
  },
  {
    title: words.columns.next,
    cell: ({ attempts, nextAt }) => {
      if (nextAt === undefined) return words.never;
      return attempts === 0 ? words.inTurn : <Instant at={nextAt} />;
    },
  },
];

function replay({ id, receiver, title }: Delivery, onDone: () => void): void {
  ask({
    title: words.replay.title,
    content: (
      <>
        <p>
          <strong>
            <bdi>{visibleText(receiver)}</bdi>
          </strong>
          : <bdi>{visibleText(title)}</bdi>
        </p>
        <p>{words.replay.text}</p>
      </>
    ),
    action: words.replay.action,
    async run() {
      await api.POST('/api/deliveries/{id}/replay', { params: { path: { id } } });
      announce(words.replay.done);
      onDone();
    },
  });
}
