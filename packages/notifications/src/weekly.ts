import { type Weekday, weekdays } from '@acmex/clock';
import { records, schemaCheck } from '@acmex/storage';
import * as z from 'zod';

/** A moment of each week, in UTC. */
export interface WeeklyTime {
  readonly day: Weekday;
  /** 0 to 23. */
  readonly hour: number;
}

const hourMs = 3_600_000;
const weekMs = 7 * 24 * hourMs;
/** The number of days from a Monday to the first day of the epoch, a Thursday. */
const epochDay = 3;

/** Returns the last moment that is not after a time, in milliseconds of the epoch. */
export function lastMoment({ day, hour }: WeeklyTime, nowMs: number): number {
  const offset = ((weekdays.indexOf(day) - epochDay) * 24 + hour) * hourMs;
  return Math.floor((nowMs - offset) / weekMs) * weekMs + offset;
}

/** Says of which moment the last summary is, so that a storage has one for each. */
export const summaries = records<{ readonly at: string }>({
  kind: 'weekly summary',
  version: 1,
  check: schemaCheck(z.looseObject({ at: z.iso.datetime() })),
  under: 'notification/summary',
});
