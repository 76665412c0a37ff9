import { InvalidArgumentError } from 'commander';

export const caNames =
  'a CA by its name in the configuration, or letsencrypt, letsencrypt-staging, google, google-staging, zerossl, sslcom, sslcom-ecc';
export const configFile =
  'the configuration; else the first of ./acmex.toml, ~/.config/acmex/acmex.toml and /etc/acmex/acmex.toml';
export const keyTypes = [
  'ec-p256',
  'ec-p384',
  'ec-p521',
  'rsa-2048',
  'rsa-3072',
  'rsa-4096',
  'ed25519',
];

export function collect(names: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...names.split(',').filter((name) => name.trim() !== '')];
}

export function port(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 65_535)
    throw new InvalidArgumentError('A port is a number from 1 to 65535.');
  return number;
}

export function place(text: string): { readonly host: string; readonly port: number } {
  const [, host, number] = /^(\[[0-9a-f:.]+\]|[^:[\]]+):(\d{1,5})$/i.exec(text) ?? [];
  if (host === undefined || Number(number) > 65_535)
    throw new InvalidArgumentError('A place is written as 127.0.0.1:14443 or [::1]:14443.');
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(number) };
}

export function number(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError('Give a number from 1.');
  return Number(text);
}

export function days(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError('Give a number of days.');
  return Number(text);
}

export function seconds(text: string): number | 'skip' {
  if (text === 'skip') return 'skip';
  if (!/^\d{1,6}$/.test(text))
    throw new InvalidArgumentError('A wait is a number of seconds, or skip.');
  return Number(text);
}

export function moment(text: string): string {
  if (
    !/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) ||
    Number.isNaN(Date.parse(text))
  )
    throw new InvalidArgumentError('A time is written as 2027-01-31T12:00:00Z.');
  return text;
}
