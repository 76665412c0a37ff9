import { type HostPort, parseHostPort } from '@acmex/identifier';
import { InvalidArgumentError } from 'commander';

/** Adds the elements of a list with commas to those of the flags before it. */
export function list(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(',').filter((element) => element.trim() !== '')];
}

export function port(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 65_535)
    throw new InvalidArgumentError('Use a port from 1 to 65535.');
  return number;
}

export function hostPort(text: string): HostPort {
  const address = parseHostPort(text, { lowestPort: 0 });
  if (!address)
    throw new InvalidArgumentError('Use a host and a port, as 127.0.0.1:14443 or [::1]:14443.');
  return address;
}

export function count(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError('Use a number from 1 to 9999.');
  return Number(text);
}

export function days(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError('Use a number of days.');
  return Number(text);
}

export function secondsOrSkip(text: string): number | 'skip' {
  if (text === 'skip') return 'skip';
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('Use a number of seconds, or skip.');
  return Number(text);
}

export function fileMode(text: string): number {
  if (!/^0?[0-7]{3}$/.test(text))
    throw new InvalidArgumentError('Use an octal mode, such as 0640.');
  return Number.parseInt(text, 8);
}

export function time(text: string): string {
  if (
    !/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) ||
    Number.isNaN(Date.parse(text))
  )
    throw new InvalidArgumentError('Use a time in RFC 3339, as 2027-01-31T12:00:00Z.');
  return text;
}
