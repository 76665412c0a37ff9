import { parseHostPort } from '@acmex/identifier';
import * as z from 'zod';
import type { CredentialKey } from '../credential.ts';
import { choice, list, path, switched, text, whole } from '../keys.ts';
import { Secret } from '../secret.ts';

export const storageUrlForm =
  /^(?:file:(?:\/\/)?(?:\/|[a-z]:\\).*|rediss?:\/\/.+|memory:|\/.*|[a-z]:\\.*)$/i;
const redisWanted = 'write redis://HOST:PORT, or rediss:// for TLS';

/** A URL. If it has a password, it is a secret whose text masks only the password. */
function storageUrl(meaning: string, form: RegExp, wanted: string) {
  return z
    .string({ error: wanted })
    .regex(form, wanted)
    .refine((url) => !/^rediss?:/i.test(url) || URL.canParse(url), wanted)
    .transform((url) =>
      /^rediss?:/i.test(url) && new URL(url).password !== ''
        ? new Secret(async () => url, { mask: withoutPassword(url), isInline: true })
        : url,
    )
    .meta({ description: meaning });
}

/** `redis://…@host:6379/0` */
export function withoutPassword(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//…@${host}${pathname}`;
}

/** The port of a Sentinel that names none. */
export const sentinelPort = 26_379;

/**
 * `[redis]`: shared by processes on several machines: the queue, and the storage where no other is
 * configured.
 */
export function redisTable(secret: CredentialKey) {
  return z.strictObject({
    url: storageUrl(
      'redis://HOST:PORT, or rediss:// for TLS; a password in it stays hidden.',
      /^rediss?:\/\/.+/i,
      redisWanted,
    ).optional(),
    sentinels: list(
      text('HOST or HOST:PORT.').refine(
        (address) => parseHostPort(address, { defaultPort: sentinelPort }) !== undefined,
        'write HOST, HOST:PORT or [IPv6]:PORT',
      ),
      'Sentinels that know the master, instead of url.',
    ).default([]),
    master: text('The name of the master at the sentinels.').optional(),
    username: text('ACL user, where the URL has none.').optional(),
    password: secret('Password, where the URL has none.').optional(),
    sentinel_password: secret('The password of the sentinels.').optional(),
    db: whole('Number of the database, where the URL has none.', {
      from: 0,
      to: 65_535,
    }).optional(),
    tls: switched(
      'Use TLS with the sentinels and the master. A URL uses rediss:// instead.',
    ).optional(),
    allow_plaintext_connection: switched(
      'Allow a connection without TLS or without a password to a Redis on a different machine. Use it only in a network that you trust.',
    ).default(false),
  });
}

/** `[storage]`: where accounts, keys and certificates are stored. */
export function storageTable(secret: CredentialKey) {
  return z.strictObject({
    url: storageUrl(
      'The storage as one URL: file:PATH, redis://HOST:PORT, rediss://HOST:PORT or memory:.',
      storageUrlForm,
      'write file:/PATH, redis://HOST:PORT, rediss://HOST:PORT or memory:',
    ).optional(),
    backend: choice(
      ['file', 'redis', 'memory', 'encrypted'],
      'The kind of storage; encrypted encrypts the values of inner_backend.',
    ).optional(),
    file: z
      .strictObject({
        path: path('Folder.').optional(),
      })
      .prefault({}),
    redis: z
      .strictObject({
        url: storageUrl(
          'redis://HOST:PORT, or rediss:// for TLS; a password in it stays hidden.',
          /^rediss?:\/\/.+/i,
          redisWanted,
        ).optional(),
        password: secret('Password, where the URL has none.').optional(),
        db: whole('Number of the database, where the URL has none.', {
          from: 0,
          to: 65_535,
        }).optional(),
      })
      .prefault({}),
    encrypted: z
      .strictObject({
        inner_backend: choice(
          ['file', 'redis', 'memory'],
          'The storage of the encrypted values.',
        ).optional(),
        encryption_key: secret(
          'Key of 256 bits; acmex storage new-key creates one. Several keys are separated by spaces; the first encrypts.',
        ).optional(),
        passphrase: secret('At least 12 characters, instead of a key.').optional(),
        key_format: choice(
          ['hex', 'base64'],
          'The encoding of the key; by default it is recognized by its length.',
        ).optional(),
      })
      .prefault({}),
  });
}
