import { isIP } from 'node:net';
import { isKeyReference, type KeyType, keyTypes } from '@acmex/certificate';
import { type HostPort, parseHostPort } from '@acmex/identifier';
import { InvalidArgumentError } from 'commander';

/** Adds the elements of a list with commas to those of the flags before it. */
export function list(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(',').filter((element) => element.trim() !== '')];
}

/** Checks the reference of a key in a device. */
export function keyReference(text: string): string {
  if (!isKeyReference(text))
    throw new InvalidArgumentError(
      'Use the URI of a key in a device, as pkcs11:token=web;object=www.',
    );
  return text;
}

/**
 * Adds a key type to those of the flags before it.
 * @param before a single type is the default
 */
export function severalKeyTypes(
  text: string,
  before: KeyType | readonly KeyType[] = [],
): readonly KeyType[] {
  const type = keyTypes.find((candidate) => candidate === text);
  if (type === undefined)
    throw new InvalidArgumentError(`Allowed choices are ${keyTypes.join(', ')}.`);
  const all = typeof before === 'string' ? [type] : [...before, type];
  if (all.length > 2) throw new InvalidArgumentError('Use at most two key types.');
  return all;
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

/** Checks an address to listen on. */
export function localAddress(text: string): string {
  const address = text.replace(/^\[(.*)\]$/, '$1');
  if (!isIP(address))
    throw new InvalidArgumentError('Use an IP address of this machine, as 127.0.0.1 or ::1.');
  return address;
}

const wordPattern = /(?:[^\s"'\\]|\\[^]|'[^']*'|"(?:[^"\\]|\\[^])*")+/gy;

/**
 * Splits a command into program and arguments by the quoting rules of a POSIX shell; nothing else
 * of a shell applies. https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html
 */
export function argv(text: string): readonly string[] {
  const words: string[] = [];
  let rest = text.trimStart();
  while (rest !== '') {
    wordPattern.lastIndex = 0;
    const [word] = wordPattern.exec(rest) ?? [];
    if (word === undefined)
      throw new InvalidArgumentError('Close each quote, and put a character after each backslash.');
    words.push(unquoted(word));
    rest = rest.slice(word.length).trimStart();
  }
  if (words.length === 0) throw new InvalidArgumentError('Use a program and its arguments.');
  return words;
}

function unquoted(word: string): string {
  return word.replaceAll(
    /'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([^])/g,
    (_, single?: string, double?: string, escaped?: string) =>
      single ?? double?.replaceAll(/\\([$`"\\])/g, '$1') ?? escaped ?? '',
  );
}

export function count(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError('Use a number from 1 to 9999.');
  return Number(text);
}

export function manyCertificates(text: string): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError('Use a number from 1 to 999999.');
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
