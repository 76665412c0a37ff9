import { z } from 'zod';
import type { CredentialKey } from '../credential.ts';
import { choice, list, path, switched, text, whole } from '../keys.ts';
import { Secret } from '../secret.ts';

export const storageUrlForm =
  /^(?:file:(?:\/\/)?(?:\/|[a-z]:\\).*|rediss?:\/\/.+|memory:|\/.*|[a-z]:\\.*)$/i;
const redisWanted = 'write redis://HOST:PORT, or rediss:// for TLS';

/** A URL that may have a password in it: then it is a secret that shows all the rest. */
function storageUrl(meaning: string, form: RegExp, wanted: string) {
  return z
    .string({ error: wanted })
    .regex(form, wanted)
    .refine((url) => !/^rediss?:/i.test(url) || URL.canParse(url), wanted)
    .transform((url) =>
      /^rediss?:/i.test(url) && new URL(url).password !== ''
        ? new Secret(async () => url, withoutPassword(url))
        : url,
    )
    .meta({ description: meaning });
}

/** `redis://…@host:6379/0` */
export function withoutPassword(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//…@${host}${pathname}`;
}

/** `[redis]`: what processes on several machines share: the queue, and the storage where no other is configured. */
export function redisTable(secret: CredentialKey) {
  return z.strictObject({
    url: storageUrl(
      'redis://HOST:PORT, or rediss:// for TLS; a password in it stays hidden.',
      /^rediss?:\/\/.+/i,
      redisWanted,
    ).optional(),
    sentinels: list(
      text('HOST or HOST:PORT.').regex(addressForm, 'write HOST, HOST:PORT or [IPv6]:PORT'),
      'In place of url: sentinels that know the master.',
    ).default([]),
    master: text('What sentinels call the master.').optional(),
    username: text('An ACL user, where it is not in the URL.').optional(),
    password: secret('Its password, where it is not in the URL.').optional(),
    sentinel_password: secret('The password of the sentinels.').optional(),
    db: whole('Number of the database, where it is not in the URL.', {
      from: 0,
      to: 65_535,
    }).optional(),
    tls: switched(
      'Speak TLS with sentinels and master; with a URL its rediss:// says it.',
    ).optional(),
    allow_plaintext_connection: switched(
      'Speak in clear, or without a password, with a Redis on another machine: only in a network where nobody else listens.',
    ).default(false),
  });
}

/** `HOST`, `HOST:PORT`, `[IPV6]:PORT` */
export const addressForm =
  /^(?:\[(?<bracketed>[\da-f:.]+)\]|(?<plain>[^\s:[\]]+))(?::(?<port>\d{1,5}))?$/i;

/** `[storage]`: where accounts, keys and certificates are kept. */
export function storageTable(secret: CredentialKey) {
  return z.strictObject({
    url: storageUrl(
      'The whole place in one: file:PATH, redis://HOST:PORT, rediss://HOST:PORT or memory:.',
      storageUrlForm,
      'write file:/PATH, redis://HOST:PORT, rediss://HOST:PORT or memory:',
    ).optional(),
    backend: choice(
      ['file', 'redis', 'memory', 'encrypted'],
      'The kind of place; encrypted is one of the others with its values encrypted.',
    ).optional(),
    file: z
      .strictObject({
        path: path('Folder.').optional(),
      })
      .prefault({}),
    redis: z
      .strictObject({
        url: storageUrl(
          'Where Redis listens; a password in it stays hidden.',
          /^rediss?:\/\/.+/i,
          redisWanted,
        ).optional(),
        password: secret('Its password, where it is not in the URL.').optional(),
        db: whole('Number of the database, where it is not in the URL.', {
          from: 0,
          to: 65_535,
        }).optional(),
      })
      .prefault({}),
    encrypted: z
      .strictObject({
        inner_backend: choice(
          ['file', 'redis', 'memory'],
          'Where the encrypted values are kept.',
        ).optional(),
        encryption_key: secret(
          'Key of 256 bits; acmex storage new-key makes one. Several with spaces between: the first is for writing.',
        ).optional(),
        passphrase: secret('At least 12 characters, in place of a key.').optional(),
        key_format: choice(
          ['hex', 'base64'],
          'How the key is written; without it, it is told by its length.',
        ).optional(),
      })
      .prefault({}),
  });
}
