import { may } from '../session.ts';
import { words } from '../words.ts';
import { Mark } from './state.tsx';

/** Says that an order waits for DNS records that a person sets, and leads to them. */
export function AwaitsRecords({ order }: { readonly order: string | undefined }) {
  const mark = <Mark tone="warn">{words.awaitsRecords}</Mark>;
  return order !== undefined && may('orders:read') ? <a href={`/orders/${order}`}>{mark}</a> : mark;
}
