import type { components, OrderEvent } from '@acmex/api';
import { type ReadonlySignal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { onReconnection } from '../../connection.ts';
import { api, type Failure, failureOf } from '../../server.ts';

type Order = components['schemas']['Order'];

export interface WatchedOrder {
  readonly order: ReadonlySignal<Order | undefined>;
  /** `live`: what happens comes at once. `cut`: the connection is made again. */
  readonly connection: ReadonlySignal<'connecting' | 'live' | 'cut' | 'ended'>;
  /** Why the order cannot be read or watched. */
  readonly failure: ReadonlySignal<Failure | undefined>;
  /** Reads and watches it again from the start. */
  readonly restart: () => void;
}

/** Follows an order until it has ended. A connection that is cut continues after the last step. */
export function useWatchedOrder(id: string): WatchedOrder {
  const order = useSignal<Order | undefined>(undefined);
  const connection = useSignal<'connecting' | 'live' | 'cut' | 'ended'>('connecting');
  const failure = useSignal<Failure | undefined>(undefined);
  const attempt = useSignal(0);

  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const read = async () =>
      (await api.GET('/api/orders/{id}', { params: { path: { id } }, signal })).data;
    const follow = async () => {
      const first = await read();
      const last = first.steps.at(-1)?.number ?? 0;
      order.value = first;
      const events = api.watchOrder(id, {
        lastEventId: String(last),
        signal,
        onConnect: () => {
          connection.value = 'live';
        },
        onReconnect: () => {
          connection.value = 'cut';
        },
      });
      for await (const event of events) {
        order.value = withEvent(order.value, event);
        // An event has not all that changes with it, such as the URL of the order at the CA.
        if (event.type === 'state') order.value = withSteps(await read(), order.value);
      }
      connection.value = 'ended';
    };
    if (order.peek()?.id !== id) order.value = undefined;
    failure.value = undefined;
    connection.value = 'connecting';
    void follow().catch((error: unknown) => {
      if (signal.aborted) return;
      failure.value = failureOf(error);
      connection.value = 'ended';
    });
    return () => controller.abort();
  }, [id, attempt.value]);

  const restart = () => {
    attempt.value += 1;
  };
  useEffect(
    () =>
      onReconnection(() => {
        // The server was lost while the order was read, or for too long.
        if (failure.peek()) restart();
      }),
    [],
  );
  return { order, connection, failure, restart };
}

function withEvent(order: Order | undefined, event: OrderEvent): Order | undefined {
  if (event.type === 'end') return withSteps(event.order, order);
  if (!order) return order;
  if (event.type === 'step') return withSteps(order, { steps: [event.step] });
  if (event.type === 'records') {
    const { records, recordsUntil } = event;
    const { records: formerRecords, recordsUntil: formerUntil, ...rest } = order;
    return {
      ...rest,
      ...(records ? { records } : {}),
      ...(recordsUntil === undefined ? {} : { recordsUntil }),
    };
  }
  const { state, failure } = event;
  const { failure: former, ...rest } = order;
  return { ...rest, state, ...(failure ? { failure } : {}) };
}

/** Adds the steps that were seen before: the record of an order has the newest hundred. */
function withSteps(order: Order, seen: Pick<Order, 'steps'> | undefined): Order {
  const byNumber = new Map(
    [...(seen?.steps ?? []), ...order.steps].map((step) => [step.number, step]),
  );
  return { ...order, steps: [...byNumber.values()].sort((a, b) => a.number - b.number) };
}
