import { type Clock, systemClock } from '@acmex/clock';
import {
  type DnsOptions,
  type DnsProvider,
  type LookUp,
  recordName,
  type TxtRecord,
} from '@acmex/dns';

/** What a person is asked to do. */
export interface ManualStep {
  readonly action: 'add' | 'remove';
  /** The whole name, without a final dot. */
  readonly name: string;
  readonly value: string;
}

export interface ManualOptions {
  /**
   * Shows the step, and resolves when the person says that it is done; there is no other limit than
   * the signal, with which it must end. For `remove` it need not wait.
   */
  readonly prompt: (step: ManualStep, options: { readonly signal: AbortSignal }) => Promise<void>;
  /**
   * With it, a record that appears in DNS counts as done too, and ends the prompt by its signal.
   */
  readonly lookUp?: LookUp;
  readonly clock?: Clock;
}

/** TXT records by a person's hands. */
export function manual({ prompt, lookUp, clock = systemClock }: ManualOptions): DnsProvider {
  const each = async (
    action: ManualStep['action'],
    zone: string,
    records: readonly TxtRecord[],
    { signal }: DnsOptions = {},
  ) => {
    for (const record of records) {
      signal?.throwIfAborted();
      const step = { action, name: recordName(zone, record), value: record.value };
      const over = new AbortController();
      const either = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
      const ways = [
        prompt(step, { signal: either }),
        ...(lookUp && action === 'add' ? [appears(step, lookUp, clock, either)] : []),
      ];
      try {
        await Promise.race(ways);
      } finally {
        over.abort(new Error('the step is done'));
        // The other way ends with the signal; how it ends says nothing.
        await Promise.allSettled(ways);
      }
      signal?.throwIfAborted();
    }
  };
  return {
    name: 'manual',
    wholeNames: true,
    append: (zone, records, options) => each('add', zone, records, options),
    remove: (zone, records, options) => each('remove', zone, records, options),
  };
}

/** Looks every five seconds. A look-up that fails is a record that is not there yet. */
async function appears(
  { name, value }: ManualStep,
  lookUp: LookUp,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!(await lookUp.txt(name, { signal }).catch((): readonly string[] => [])).includes(value))
    await clock.sleep('PT5S', { signal });
}
