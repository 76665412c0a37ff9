import { type Clock, systemClock } from '@acmex/clock';
import {
  type DnsOptions,
  type DnsProvider,
  type LookUp,
  recordName,
  type TxtRecord,
} from '@acmex/dns';

/** A record that a person is asked to write or remove. */
export interface ManualStep {
  readonly action: 'add' | 'remove';
  /** The whole name, without a final dot. */
  readonly name: string;
  readonly value: string;
}

export interface ManualOptions {
  /**
   * Shows the step, and resolves when the person says that it is done. It has no time limit, and
   * must end with the signal. For `remove` it need not wait.
   */
  readonly prompt: (step: ManualStep, options: { readonly signal: AbortSignal }) => Promise<void>;
  /**
   * If set, a record that appears in DNS counts as done too, and ends the prompt by its signal.
   */
  readonly lookUp?: LookUp;
  readonly clock?: Clock;
}

/** Asks a person to write TXT records. */
export function manual({ prompt, lookUp, clock = systemClock }: ManualOptions): DnsProvider {
  const promptEach = async (
    action: ManualStep['action'],
    zone: string,
    records: readonly TxtRecord[],
    { signal }: DnsOptions = {},
  ) => {
    for (const record of records) {
      signal?.throwIfAborted();
      const step = { action, name: recordName(zone, record), value: record.value };
      const over = new AbortController();
      const limited = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
      const ways = [
        prompt(step, { signal: limited }),
        ...(lookUp && action === 'add' ? [appears(step, lookUp, clock, limited)] : []),
      ];
      try {
        await Promise.race(ways);
      } finally {
        over.abort(new Error('the step is done'));
        // The slower way ends with the signal; its result does not matter.
        await Promise.allSettled(ways);
      }
      signal?.throwIfAborted();
    }
  };
  return {
    name: 'manual',
    wholeNames: true,
    append: (zone, records, options) => promptEach('add', zone, records, options),
    remove: (zone, records, options) => promptEach('remove', zone, records, options),
  };
}

/** Looks up the record every five seconds. A look-up that fails means: not there yet. */
async function appears(
  { name, value }: ManualStep,
  lookUp: LookUp,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!(await lookUp.txt(name, { signal }).catch((): readonly string[] => [])).includes(value))
    await clock.sleep('PT5S', { signal });
}
