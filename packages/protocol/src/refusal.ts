import { printable } from '@acmex/errors';
import { Temporal } from 'temporal-polyfill';
import { AcmeError, type Problem, problemCode } from './errors.ts';
import type { AcmeResponse } from './http.ts';
import { links } from './links.ts';
import { parseJson } from './members.ts';
import { describeProblem, readProblem } from './problem.ts';
import { retryAfter } from './retry-after.ts';

/**
 * What a CA's answer other than 2xx says, as an error with the CA's own words, and with the time to
 * come back where it gives one.
 */
export function refusal(
  { url, status, headers, text }: AcmeResponse,
  now: Temporal.Instant,
): AcmeError {
  const type = headers.get('content-type') ?? 'no content type';
  if (!/^application\/(problem\+)?json\b/i.test(type)) {
    const target =
      status >= 300 && status < 400
        ? `, a redirect to ${printable(headers.get('location') ?? 'nowhere', 300)}`
        : '';
    return new AcmeError(
      'ERR_ACME_STATUS',
      `${url} answered ${status} with ${printable(type, 100)} in place of a problem document${target}`,
      { status, retryAfter: retryAfter(headers, now) },
    );
  }
  const problem = readProblem(parseJson(text));
  const code = problemCode(problem);
  const limited = code === 'ERR_ACME_RATE_LIMITED' ? inWords(problem.detail ?? '') : {};
  const again = retryAfter(headers, now) ?? limited.retryAfter;
  const help = links(headers, 'help', url)[0] ?? limited.help;
  const visit =
    code === 'ERR_ACME_USER_ACTION_REQUIRED'
      ? pagesToVisit(problem, links(headers, termsRelation, url))
      : '';
  const algorithms = problem.algorithms?.length
    ? `; it takes ${printable(problem.algorithms.join(', '), 100)}`
    : '';
  return new AcmeError(
    code,
    `${describeProblem(problem)}${algorithms}${visit}${help && !problem.detail?.includes(help) ? `; see ${printable(help, 300)}` : ''}${again ? ` (come back at ${again.round('second')})` : ''}`,
    { problem, status, retryAfter: again, help },
  );
}

const termsRelation = 'terms-of-service';

/** Returns where a person acts, and reads the terms of service. RFC 8555 §7.3.3 */
function pagesToVisit({ instance, detail = '' }: Problem, [terms]: readonly string[]): string {
  const page = instance ? `; visit ${printable(instance, 300)}` : '';
  const isNamed = terms === undefined || terms === instance || detail.includes(terms);
  return isNamed ? page : `${page}; the terms of service are ${printable(terms, 300)}`;
}

/**
 * The time and the page that Let's Encrypt names in the detail of a rate limit; names that it has
 * "paused" come with a page alone.
 */
function inWords(detail: string): {
  readonly retryAfter?: Temporal.Instant;
  readonly help?: string;
} {
  const [, day, time] = /retry after (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/.exec(detail) ?? [];
  const moment = Date.parse(`${day}T${time}Z`);
  const help = /https:\/\/[^\s"<>]*[^\s"<>.,:;)]/.exec(detail)?.[0];
  return {
    ...(Number.isFinite(moment)
      ? { retryAfter: Temporal.Instant.fromEpochMilliseconds(moment) }
      : {}),
    ...(help === undefined ? {} : { help }),
  };
}
