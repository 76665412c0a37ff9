import type { components } from '@acmex/api';
import { Mark, State } from '../../elements/state.tsx';
import { words } from '../../words.ts';

type Order = components['schemas']['Order'];

/** The state of an order, and whether it waits for DNS records that a person sets. */
export function OrderState({
  order: { state, records = [] },
}: {
  readonly order: Pick<Order, 'state' | 'records'>;
}) {
  const isAwaiting = records.some((record) => record.state === 'wanted');
  return (
    <>
      <State state={state} /> {isAwaiting ? <Mark tone="warn">{words.awaitsRecords}</Mark> : null}
    </>
  );
}
