import * as z from 'zod';
import { count, time } from './record-fields.ts';

/**
 * What a server serves in place of a certificate: `unknown` until it was reached, `unreachable` after
 * three checks in a row in which it was not.
 */
export type ServedState = 'same' | 'differs' | 'unreachable' | 'unknown';

/** What a server served at the last check. */
export interface ServedPlace {
  /** As the configuration names it: `www.example.com:443`, `smtp://mail.example.com:25`. */
  readonly place: string;
  readonly state: ServedState;
  /** Since when it has this state, RFC 3339. */
  readonly since: string;
  /** What it served, or why it was not reached; for a person. */
  readonly detail?: string | undefined;
  /** In how many checks in a row it was not reached, three at most; absent for none. */
  readonly failures?: number | undefined;
}

export const servedPlaceSchema = z.looseObject({
  place: z.string(),
  state: z.enum(['same', 'differs', 'unreachable', 'unknown']),
  since: time,
  detail: z.string().optional(),
  failures: count.optional(),
});

/** Whether an alarm was reported of a server, and is not over. */
export function isServedAlarm({ state }: Pick<ServedPlace, 'state'>): boolean {
  return state === 'differs' || state === 'unreachable';
}
