import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { ServerError } from '../errors.ts';

/** `ak_<tenant>.<ulid of the key's id>.<256 bits, base64url>` */
export interface KeyText {
  readonly tenant: string;
  readonly id: string;
  readonly secret: string;
}

export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

export function keyText({ tenant, id, secret }: KeyText): string {
  return `ak_${tenant}.${id.slice('key_'.length)}.${secret}`;
}

export function readKeyText(text: string): KeyText | undefined {
  const [, tenant = '', id = '', secret = ''] =
    /^ak_([a-z0-9-]{1,40})\.([0-9a-z]{26})\.([\w-]{43})$/.exec(text) ?? [];
  return secret === '' ? undefined : { tenant, id: `key_${id}`, secret };
}

/** Hexadecimal SHA-256: 256 random bits need no slower function. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/**
 * Whether a secret is the one of a digest, in a time that does not depend on it. An empty one is
 * none.
 */
export function matches(secret: string, digest: string): boolean {
  return (
    secret !== '' &&
    timingSafeEqual(
      Buffer.from(digestOf(secret), 'hex'),
      Buffer.from(digest.padEnd(64, '0').slice(0, 64), 'hex'),
    )
  );
}

/** Keys that documents, examples and the original of this software have shown to everybody. */
const known =
  /^((secret-admin-key|admin|password|changeme|change-me|test|example|secret|default|api-?key|letmein|1234567890)[\W\d_]*)+$/i;

/**
 * @throws ServerError `ERR_SERVER_API_KEY` for a configured key of less than 128 bits, or one that
 * everybody knows
 */
export function assertStrong(key: string, place: string): void {
  const classes = [
    [/[a-f]/, 6],
    [/[g-z]/, 20],
    [/[A-F]/, 6],
    [/[G-Z]/, 20],
    [/[0-9]/, 10],
    [/[^a-zA-Z0-9]/, 2],
  ] as const;
  const alphabet = classes.reduce(
    (sum, [pattern, size]) => sum + (pattern.test(key) ? size : 0),
    0,
  );
  const bits = key.length * Math.log2(Math.max(alphabet, 1));
  if (bits >= 128 && new Set(key).size >= 8 && !known.test(key)) return;
  throw new ServerError(
    'ERR_SERVER_API_KEY',
    `${place} can be guessed: it has less than 128 bits, or is one that everybody knows; make one with openssl rand -hex 32`,
  );
}
