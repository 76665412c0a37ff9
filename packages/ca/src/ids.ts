import { randomBytes } from 'node:crypto';

/** 256 random bits in base64url: the token of a challenge. RFC 8555 §8.1 asks for 128 at least. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}
