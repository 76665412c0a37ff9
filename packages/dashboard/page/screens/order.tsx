import type { components } from '@acmex/api';
import { useLocation, useRoute } from 'preact-iso/router';
import { announce } from '../elements/announce.tsx';
import { ask } from '../elements/ask.tsx';
import { Copy } from '../elements/copy.tsx';
import { Instant } from '../elements/instant.tsx';
import { Names } from '../elements/names.tsx';
import { Problem } from '../elements/problem.tsx';
import { useTitle } from '../elements/title.ts';
import { useLoaded } from '../loaded.ts';
import { api } from '../server.ts';
import { may } from '../session.ts';
import { strings } from '../strings/strings.ts';
import { words as shell } from '../words.ts';
import { urlOfNew } from './new-certificate/address.ts';
import { OrderFailure } from './order/failure.tsx';
import { OrderProgress } from './order/order-progress.tsx';
import { OrderState } from './order/order-state.tsx';
import { Records } from './order/records.tsx';
import { Steps } from './order/steps.tsx';
import { useWatchedOrder, type WatchedOrder } from './order/watched-order.ts';
import { visibleText } from '../visible-text.ts';

const words = await strings('order');
type OrderResource = components['schemas']['Order'];

/** An order as it happens: how far it is, each step, and what went wrong. */
export function Order() {
  const { id = '' } = useRoute().params;
  const watched = useWatchedOrder(id);
  const order = watched.order.value;
  useTitle([words.title, ...(order?.names.slice(0, 1) ?? [])].join(': '));
  const failure = watched.failure.value;
  return (
    <>
      <div class="heading">
        <h1>
          {words.title} {order ? <Names names={order.names} first={2} /> : null}
        </h1>
        {order ? <Actions order={order} onChanged={watched.restart} /> : null}
      </div>
      {failure ? <Problem failure={failure} onRetry={watched.restart} /> : null}
      {!order && !failure ? <p class="loading">{shell.loading}</p> : null}
      <Connection watched={watched} />
      {order ? (
        <>
          <Facts order={order} />
          <Records order={order} />
          <OrderProgress order={order} />
          {order.failure && order.state !== 'succeeded' ? <OrderFailure order={order} /> : null}
          <Steps steps={order.steps} />
        </>
      ) : null}
    </>
  );
}

/** Whether the page shows what happens as it happens. */
function Connection({ watched: { connection } }: { readonly watched: WatchedOrder }) {
  const state = connection.value;
  const text = state === 'live' || state === 'cut' ? words.connection[state] : '';
  return (
    <p role="status" class={state === 'cut' ? 'banner' : 'hint'}>
      {text}
    </p>
  );
}

function Facts({ order }: { readonly order: OrderResource }) {
  const { certificate, state, issuer, cause, createdAt, orphaned, url, explanationUrl } = order;
  const hasCertificate = state !== 'failed' && state !== 'cancelled';
  return (
    <dl class="facts panel">
      <dt>{words.state}</dt>
      <dd>
        <span role="status">
          <OrderState order={order} />{' '}
          {order.cancelRequested && !hasEnded(order) ? words.cancelling : ''}
        </span>
      </dd>
      {hasCertificate && may('certificates:read') ? (
        <>
          <dt>{words.certificate}</dt>
          <dd>
            <a href={`/certificates/${certificate}`}>
              {state === 'succeeded' ? words.openIssued : words.openCertificate}
            </a>
          </dd>
        </>
      ) : null}
      <dt>{words.issuer}</dt>
      <dd>
        <bdi>{visibleText(issuer)}</bdi>
      </dd>
      <dt>{words.cause}</dt>
      <dd>
        {words.causes[cause]}
        {explanationUrl !== undefined && /^https:\/\//.test(explanationUrl) ? (
          <>
            {' '}
            <a href={explanationUrl} rel="noreferrer noopener" target="_blank">
              {words.explanation}
            </a>
          </>
        ) : null}
      </dd>
      <dt>{words.ordered}</dt>
      <dd>
        <Instant at={createdAt} />
      </dd>
      {url === undefined ? null : (
        <>
          <dt>{words.url}</dt>
          <dd>
            <code>{visibleText(url)}</code> <Copy text={url} label={words.url} />
          </dd>
        </>
      )}
      {orphaned > 0 ? (
        <>
          <dt>{words.orphaned}</dt>
          <dd>{words.orphanedText(orphaned)}</dd>
        </>
      ) : null}
    </dl>
  );
}

function hasEnded({ state }: Pick<OrderResource, 'state'>): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

function Actions({
  order,
  onChanged,
}: {
  readonly order: OrderResource;
  readonly onChanged: () => void;
}) {
  if (!may('orders:write') || order.state === 'succeeded') return null;
  const isWaiting = order.state === 'pending' && order.failure && !order.cancelRequested;
  return (
    <div class="actions">
      {hasEnded(order) ? <OrderAgain order={order} onChanged={onChanged} /> : null}
      {isWaiting ? <Retry id={order.id} onChanged={onChanged} /> : null}
      {hasEnded(order) || order.cancelRequested ? null : (
        <button type="button" class="danger" onClick={() => cancel(order, onChanged)}>
          {words.cancel}…
        </button>
      )}
    </div>
  );
}

function Retry({ id, onChanged }: { readonly id: string; readonly onChanged: () => void }) {
  const { route } = useLocation();
  return (
    <button
      type="button"
      class="primary"
      onClick={() =>
        ask({
          title: words.retryTitle,
          content: <p>{words.retryText}</p>,
          action: words.retry,
          async run() {
            const { data } = await api.POST('/api/orders/{id}/retry', {
              params: { path: { id } },
            });
            announce(words.retried);
            if (data.id === id) onChanged();
            else route(`/orders/${data.id}`);
          },
        })
      }
    >
      {words.retry}…
    </button>
  );
}

function cancel({ id, names }: OrderResource, onChanged: () => void): void {
  ask({
    title: words.cancelTitle,
    content: (
      <>
        <p>{words.cancelText}</p>
        <Names names={names} first={10} />
      </>
    ),
    action: words.cancel,
    isDestructive: true,
    async run() {
      await api.DELETE('/api/orders/{id}', { params: { path: { id } } });
      announce(words.cancelAsked);
      onChanged();
    },
  });
}

/** A certificate that was never issued ends with its order: its names are ordered again. */
function OrderAgain({
  order: { id, certificate, names, issuer },
  onChanged,
}: {
  readonly order: OrderResource;
  readonly onChanged: () => void;
}) {
  const { data, isLoading } = useLoaded(certificate, async (signal) => {
    if (!may('certificates:read')) return undefined;
    const params = { path: { id: certificate } };
    return (await api.GET('/api/certificates/{id}', { params, signal })).data;
  });
  if (isLoading.value) return null;
  if (data.value) return <Retry id={id} onChanged={onChanged} />;
  return (
    <a class="button primary" href={urlOfNew({ names, issuer })}>
      {words.orderAgain}
    </a>
  );
}
