import { printable } from '@acmex/errors';
import { ApiError, type Problem } from './errors.ts';

/**
 * Returns the error for an answer that is not a success.
 *
 * @param subject what was called, such as `GET /api/orders`
 * @param body JSON that is parsed, or text
 */
export function refusal(
  subject: string,
  { status, type, headers }: Response,
  body: unknown,
): ApiError {
  const retryAfterSeconds = secondsUntil(headers);
  if (type === 'opaqueredirect' || (status >= 300 && status < 400))
    return new ApiError(
      'ERR_API_ANSWER',
      `${subject}: the server answers with a redirect, which is not followed with a key: use the URL that it leads to`,
      { status, body },
    );
  if (!isProblem(body))
    return new ApiError(
      'ERR_API_ANSWER',
      `${subject}: the server answers with ${status} and no problem document`,
      { status, body, retryAfterSeconds },
    );
  return new ApiError(body.code, `${subject}: ${printable(body.detail, 4000)}`, {
    status,
    problem: body,
    retryAfterSeconds,
  });
}

function isProblem(body: unknown): body is Problem {
  if (typeof body !== 'object' || body === null) return false;
  const { code, detail } = body as Partial<Record<string, unknown>>;
  return (
    typeof code === 'string' && /^ERR_[A-Z0-9_]{1,60}$/.test(code) && typeof detail === 'string'
  );
}

/** A date counts from the date of the answer: the clocks of two machines differ. */
function secondsUntil(headers: Headers): number | undefined {
  const text = headers.get('retry-after') ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const seconds = (Date.parse(text) - Date.parse(headers.get('date') ?? '')) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}
