import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import { isKeyReference } from '@acmex/certificate';
import { identifier, IdentifierError, parseHostPort } from '@acmex/identifier';
import * as z from 'zod';
import { parseServedAt, servedProtocols } from './served-place.ts';
import { parseSyslogUrl } from './syslog-url.ts';

// The types of keys. The text of each rule is the cure, because it follows the problem in a
// message.

/** Text that is not empty. */
export function text(meaning: string, wanted = 'write it between quotes, or remove the key') {
  return z.string({ error: wanted }).min(1, wanted).meta({ description: meaning });
}

export function switched(meaning: string) {
  return z.boolean({ error: 'write true or false' }).meta({ description: meaning });
}

export function choice<const T extends readonly [string, ...string[]]>(values: T, meaning: string) {
  return z
    .enum(values, { error: `write one of ${values.map((value) => `"${value}"`).join(', ')}` })
    .meta({ description: meaning });
}

/** A whole number, `from` to `to`. */
export function whole(
  meaning: string,
  { from, to, unit = '' }: { readonly from: number; readonly to: number; readonly unit?: string },
) {
  const wanted = `write a whole number${unit} from ${from} to ${to}`;
  return z.int({ error: wanted }).min(from, wanted).max(to, wanted).meta({ description: meaning });
}

export function seconds(meaning: string, from = 1, to = 604_800) {
  return whole(meaning, { from, to, unit: ' of seconds' });
}

/** An absolute path. A relative path would depend on how the program was started. */
export function path(meaning: string) {
  const wanted = 'write an absolute path';
  return z
    .string({ error: wanted })
    .refine(isAbsolute, wanted)
    .meta({ description: meaning, format: 'path' });
}

/** An IP address, a range of them, or the name of a well-known range. */
export function addressRange(meaning: string) {
  return range(meaning, (text) => isNamedRange(text) || isNumericRange(text));
}

/** An IP address or a range of them that connections may go to: @acmex/egress knows no names. */
export function allowedRange(meaning = 'An address or a range.') {
  return range(meaning, isNumericRange);
}

function range(meaning: string, isValid: (text: string) => boolean) {
  const wanted = 'write an address or a range: 10.0.0.0/8';
  return z.string({ error: wanted }).refine(isValid, wanted).meta({ description: meaning });
}

function isNamedRange(text: string): boolean {
  return ['loopback', 'linklocal', 'uniquelocal'].includes(text);
}

function isNumericRange(text: string): boolean {
  const [address = '', size, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  if (size === undefined || (version === 4 && isIP(size) === 4)) return true;
  return /^\d{1,3}$/.test(size) && Number(size) > 0 && Number(size) <= (version === 4 ? 32 : 128);
}

/** A list. */
export function list<T extends z.ZodType>(item: T, meaning: string) {
  return z
    .array(item, { error: 'write a list: ["one", "another"]' })
    .meta({ description: meaning });
}

/** A program with its arguments; no shell reads it. */
export function argv(meaning: string) {
  const wanted = 'write an array: ["program", "argument"]; no shell reads it';
  return z
    .tuple([z.string({ error: wanted }).min(1, wanted)], z.string({ error: wanted }), {
      error: wanted,
    })
    .meta({ description: meaning, examples: [['systemctl', 'reload', 'nginx']] });
}

/** The reference of a key that cannot leave its device. */
export function keyReference(meaning: string) {
  const wanted =
    'write the URI of a key: "pkcs11:token=web;object=www", or "NAME:KEY" with the name of a program in keys.programs';
  return z
    .string({ error: wanted })
    .refine((reference) => isKeyReference(reference) && reference.length <= 1000, wanted)
    .meta({ description: meaning });
}

export function httpsUrl(meaning: string) {
  const wanted = 'write a URL that begins with https://, without a password in it';
  return z
    .string({ error: wanted })
    .refine((text) => isUrl(text, ['https:']), wanted)
    .meta({ description: meaning });
}

/** The URL of an API, which may be on this machine. */
export function apiUrl(meaning: string) {
  const wanted = 'write a URL that begins with https:// or http://, without a password in it';
  return z
    .string({ error: wanted })
    .refine((text) => isUrl(text, ['https:', 'http:']), wanted)
    .meta({ description: meaning });
}

function isUrl(text: string, protocols: readonly string[]): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return (
    url !== undefined &&
    protocols.includes(url.protocol) &&
    url.username === '' &&
    url.password === ''
  );
}

/** A syslog server. */
export function syslogUrl(meaning: string) {
  const wanted = 'write tls://HOST:PORT, tcp://HOST:PORT or udp://HOST:PORT';
  return z
    .string({ error: wanted })
    .refine((url) => parseSyslogUrl(url) !== undefined, wanted)
    .meta({ description: meaning });
}

/** `HOST:PORT`, `ADDRESS:PORT`, `[IPV6]:PORT` */
export function listenAddress(meaning: string) {
  const wanted = 'write HOST:PORT, as "127.0.0.1:8080" or "[::1]:8080"';
  return z
    .string({ error: wanted })
    .refine((address) => parseHostPort(address, { lowestPort: 0 }) !== undefined, wanted)
    .meta({ description: meaning });
}

/** A server that serves a certificate. */
export function servedAt() {
  const protocols = servedProtocols.join(', ');
  const wanted = `write HOST:PORT as "www.example.com:443", or "smtp://mail.example.com:25" for STARTTLS with one of ${protocols}`;
  return z
    .string({ error: wanted })
    .refine((text) => parseServedAt(text) !== undefined, wanted)
    .meta({ description: `HOST:PORT, or PROTOCOL://HOST:PORT with STARTTLS: ${protocols}.` });
}

/** A name by which the configuration refers to a table. */
export const nameForm = /^[a-z0-9-]{1,40}$/;
export function ownName(meaning: string) {
  const wanted = 'write 1 to 40 of a-z, 0-9 and -';
  return z.string({ error: wanted }).regex(nameForm, wanted).meta({ description: meaning });
}

/** `you@example.com`, also with `mailto:` before it. */
export function mailAddress(meaning = 'Address.') {
  const wanted = 'write an address as "you@example.com"';
  return z
    .string({ error: wanted })
    .regex(/^(?:mailto:)?[^\s@,?]+@[^\s@,?]+$/, wanted)
    .meta({ description: meaning });
}

/** A name or an address that a certificate can be for, in canonical form. */
export function certifiedName() {
  return checkedName((name) => identifier(name).value);
}

/**
 * A name by the rule of @acmex/identifier.
 * @param canonical returns the name in canonical form
 */
export function checkedName(canonical: (text: string) => string) {
  return z
    .string({ error: 'write "example.com", "*.example.com" or an IP address' })
    .check((context) => {
      try {
        context.value = canonical(context.value);
      } catch (error) {
        if (!(error instanceof IdentifierError)) throw error;
        const { message, code, subject, problem, remedy } = error;
        const params = { code, problem: `${subject} ${problem}`, cure: remedy };
        context.issues.push({ code: 'custom', message, input: context.value, params });
      }
    });
}
