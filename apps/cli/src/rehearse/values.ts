import type { Incident } from '@acmex/rehearsal';
import { InvalidArgumentError } from 'commander';

/** Reads a day, which begins at midnight UTC, or a time in RFC 3339; in milliseconds. */
export function dayOrTime(text: string): number {
  const at = Date.parse(text);
  const isWritten = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  // A day that the month does not have is the next month's.
  const isDay =
    !Number.isNaN(at) &&
    new Date(`${text.slice(0, 10)}T00:00Z`).getUTCDate() === Number(text.slice(8, 10));
  if (!isWritten || !isDay)
    throw new InvalidArgumentError('Use a day or a time, as 2027-01-31 or 2027-01-31T12:00:00Z.');
  return at;
}

type IncidentOf<T extends Incident['type']> = Incident & { readonly type: T };

/** Adds `ISSUER=FROM/UNTIL`: the CA is away. */
export function away(
  text: string,
  before: readonly IncidentOf<'away'>[] = [],
): readonly IncidentOf<'away'>[] {
  const { issuer, from, until } = interval(text);
  return [...before, { type: 'away', issuer, from, until }];
}

/** Adds `ISSUER=ANNOUNCED/REVOKED`, with `,SHARE%` at the end: the CA revokes certificates. */
export function revocation(
  text: string,
  before: readonly IncidentOf<'revocation'>[] = [],
): readonly IncidentOf<'revocation'>[] {
  const [times = '', percent = '100%'] = text.split(',', 2);
  const share = /^\d{1,3}%$/.test(percent) ? Number(percent.slice(0, -1)) / 100 : 0;
  if (!(share > 0 && share <= 1))
    throw new InvalidArgumentError(
      'Use a share from 1% to 100%, as letsencrypt=2027-05-01/P3D,30%.',
    );
  const { issuer, from: announcedAt, until: revokedAt } = interval(times);
  return [...before, { type: 'revocation', issuer, announcedAt, revokedAt, share }];
}

/** Reads an interval of ISO 8601 behind the name of an issuer. */
function interval(text: string): {
  readonly issuer: string;
  readonly from: number;
  readonly until: number;
} {
  const [, issuer = '', start = '', end = ''] =
    /^([a-z0-9][a-z0-9-]*)=([^/]+)\/([^/]+)$/.exec(text) ?? [];
  const example = 'Use ISSUER=START/END or ISSUER=START/DURATION, as letsencrypt=2027-05-01/P7D.';
  if (issuer === '') throw new InvalidArgumentError(example);
  const from = dayOrTime(start);
  const until = end.startsWith('P') ? after(from, end) : dayOrTime(end);
  if (until === undefined || until <= from) throw new InvalidArgumentError(example);
  return { issuer, from, until };
}

/** Adds weeks, days and hours. ISO 8601-1 §5.5.2.3 */
function after(from: number, duration: string): number | undefined {
  const [, weeks = 0, days = 0, hours = 0] =
    /^P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(\d{1,6})H)?$/.exec(duration) ?? [];
  const length = (Number(weeks) * 7 + Number(days)) * 24 + Number(hours);
  return length > 0 ? from + length * 3_600_000 : undefined;
}
