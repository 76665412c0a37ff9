import type { components } from '@acmex/api';
import { type Day, edgesOf, timeZone } from './days.ts';
import { urlOf } from './screens/certificates/filter.ts';
import { api } from './server.ts';

/** Counts of the certificates that a session may see. */
export type Summary = components['schemas']['CertificateSummary'];
/** What is on a day. */
export type DayCounts = Summary['days'][number];

/** Loads the counts, and those of so many days from one on in the reader's zone. */
export async function loadSummary(
  range: { readonly from: Day; readonly days: number },
  signal: AbortSignal,
): Promise<Summary> {
  const params = { query: { ...range, timeZone } };
  return (await api.GET('/api/certificates/summary', { params, signal })).data;
}

/** The list of what expires on a day. */
export function expiringOn(day: Day): string {
  const { after, before } = edgesOf(day);
  return urlOf({ expiresAfter: after, expiresBefore: before });
}

/** The list of what is to be renewed on a day. */
export function renewingOn(day: Day): string {
  const { after, before } = edgesOf(day);
  return urlOf({ renewalAfter: after, renewalBefore: before });
}
