import { type Temporal } from 'temporal-polyfill';
import { AcmeError } from './errors.ts';
import { type AcmeResponse } from './http.ts';
import { links } from './links.ts';
import { parseJson } from './members.ts';
import { printable } from './printable.ts';
import { describeProblem, problemCode, readProblem } from './problem.ts';
import { retryAfter } from './retry-after.ts';

/** What a CA's answer other than 2xx says, as an error with the CA's own words, and with the time to come back where it gives one. */
export function refusal({ url, status, headers, text }: AcmeResponse, now: Temporal.Instant): AcmeError {
  const again = retryAfter(headers, now);
  const when = again ? ` (come back at ${again.round('second')})` : '';
  const help = links(headers, 'help', url)[0];
  const type = headers.get('content-type') ?? 'no content type';
  if (!/^application\/(problem\+)?json\b/i.test(type)) {
    const target = status >= 300 && status < 400 ? `, a redirect to ${printable(headers.get('location') ?? 'nowhere', 300)}` : '';
    return new AcmeError('ERR_ACME_STATUS', `${url} answered ${status} with ${printable(type, 100)} in place of a problem document${target}${when}`, { status, retryAfter: again, help });
  }
  const problem = readProblem(parseJson(text));
  const code = problemCode(problem);
  const visit = code === 'ERR_ACME_USER_ACTION_REQUIRED' && problem.instance ? `; visit ${printable(problem.instance, 300)}` : '';
  const algorithms = problem.algorithms?.length ? `; it takes ${printable(problem.algorithms.join(', '), 100)}` : '';
  return new AcmeError(code, `${describeProblem(problem)}${algorithms}${visit}${help ? `; see ${printable(help, 300)}` : ''}${when}`, { problem, status, retryAfter: again, help });
}
