import { randomBytes } from 'node:crypto';
import type { Clock } from '@acmex/clock';

const digits = '0123456789abcdefghjkmnpqrstvwxyz';

/** A new id: a lower-case ULID, so that keys sort by the time of their making, with 80 bits that nobody can guess. */
export function newId(prefix: string, clock: Clock): string {
  return `${firstId(prefix, clock.now().epochMilliseconds)}${Array.from(randomBytes(16), (byte) => digits.charAt(byte & 31)).join('')}`;
}

/** What every id begins with that is made at a moment: all that sort before were made before. */
export function firstId(prefix: string, epochMilliseconds: number): string {
  let time = '';
  for (let rest = epochMilliseconds, length = 0; length < 10; length += 1, rest = Math.floor(rest / 32)) time = digits.charAt(rest % 32) + time;
  return `${prefix}_${time}`;
}

/** 256 random bits in base64url: the token of a challenge. RFC 8555 §8.1 asks for 128 at least. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}
