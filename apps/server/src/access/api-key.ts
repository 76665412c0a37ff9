import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { apiKeyWeakness } from '@acmex/config';
import { ServerError } from '../errors.ts';

/** What keys of the configuration have in place of an id. */
export const configuredKeyId = 'key_configured';

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

/**
 * @throws ServerError `ERR_SERVER_API_KEY` for a configured key of less than 128 bits, or one that
 * can be guessed
 */
export function assertStrong(key: string, place: string): void {
  const weakness = apiKeyWeakness(key);
  if (weakness === undefined) return;
  throw new ServerError('ERR_SERVER_API_KEY', `${place} ${weakness.problem}: ${weakness.cure}`);
}
