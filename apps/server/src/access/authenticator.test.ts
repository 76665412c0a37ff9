import { describe, expect, it } from '@jest/globals';
import { Authenticator } from './authenticator.ts';

function authenticator(): Authenticator {
  return new Authenticator({
    tenants: () => new Map(),
    keysOf: () => {
      throw new TypeError('there is no tenant');
    },
    sessionsOf: () => {
      throw new TypeError('there is no tenant');
    },
    calendarTokensOf: () => {
      throw new TypeError('there is no tenant');
    },
    configured: () => [],
  });
}

describe('guessing keys', () => {
  it.each([
    ['the addresses of one IPv6 network', (at: number) => `2001:db8::${at.toString(16)}:0:0:1`],
    [
      'one IPv4 address in two spellings',
      (at: number) => (at % 2 ? '192.0.2.1' : '::ffff:c000:201'),
    ],
  ])('from %s is put off together, and no one else', async (_, addressOf) => {
    const guessed = authenticator();
    const codes: unknown[] = [];
    for (let at = 0; at < 100; at += 1)
      await guessed
        .authenticate({ 'x-api-key': `guess-${at}`, cookies: [] }, addressOf(at))
        .catch((error: unknown) => codes.push((error as { readonly code?: unknown }).code));
    expect(codes.filter((code) => code === 'ERR_SERVER_UNAUTHENTICATED')).toHaveLength(60);
    expect(codes.filter((code) => code === 'ERR_SERVER_THROTTLED')).toHaveLength(40);
    await expect(
      guessed.authenticate({ 'x-api-key': 'guess', cookies: [] }, '2001:db8:0:1::1'),
    ).rejects.toMatchObject({ code: 'ERR_SERVER_UNAUTHENTICATED' });
  });
});
