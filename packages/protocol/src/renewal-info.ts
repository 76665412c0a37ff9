import { printable } from '@acmex/errors';
import { Temporal } from 'temporal-polyfill';
import { AcmeError } from './errors.ts';
import { Members, readMembers } from './members.ts';
import { retryAfter } from './retry-after.ts';
import type { CallOptions } from './call-options.ts';
import type { AcmeSession } from './session.ts';

/** When the CA wants a certificate renewed. RFC 9773 §4.2 */
export interface RenewalInfo {
  /** RFC 3339, as the CA sent it; `end` is after `start`. */
  readonly suggestedWindow: { readonly start: string; readonly end: string };
  /** A page that says why, when there is something to say. */
  readonly explanationURL?: string | undefined;
  /** When to ask again; RFC 3339. In six hours where the CA does not say. RFC 9773 §4.3 */
  readonly retryAfter: string;
}

/**
 * Asks when a certificate should be renewed. RFC 9773 §4.1
 * @param certificateId `ariCertificateId` of @acmex/certificate
 * @throws AcmeError `ERR_ACME_UNSUPPORTED` where the CA gives no renewal information
 */
export async function getRenewalInfo(
  session: AcmeSession,
  certificateId: string,
  options?: CallOptions,
): Promise<RenewalInfo> {
  const { renewalInfo } = await session.directory(options);
  if (renewalInfo === undefined)
    throw new AcmeError(
      'ERR_ACME_UNSUPPORTED',
      "the CA's directory offers no renewal information (renewalInfo)",
    );
  const url = `${renewalInfo.replace(/\/$/, '')}/${certificateId}`;
  const answer = await session.get(url, { ...options, operation: 'renewalInfo' });
  const members = readMembers('the renewal information', answer);
  const window = new Members(
    `the suggestedWindow of ${url}`,
    members.optional('suggestedWindow') ?? {},
  );
  const suggestedWindow = { start: moment(window, 'start', url), end: moment(window, 'end', url) };
  if (Temporal.Instant.compare(suggestedWindow.end, suggestedWindow.start) <= 0)
    throw new AcmeError('ERR_ACME_ANSWER', `${url}: the suggested window ends before it starts`);
  const now = session.clock.now();
  return {
    suggestedWindow,
    explanationURL: members.optionalUrl('explanationURL'),
    retryAfter: (retryAfter(answer.headers, now) ?? now.add({ hours: 6 })).toString(),
  };
}

function moment(window: Members, name: 'start' | 'end', url: string): string {
  const text = window.string(name);
  try {
    return Temporal.Instant.from(text) && text;
  } catch (cause) {
    throw new AcmeError(
      'ERR_ACME_ANSWER',
      `${url}: "${name}" of the suggested window is "${printable(text, 100)}", wanted: a date and time as RFC 3339 has them`,
      { cause },
    );
  }
}
