import { describe, expect, it } from '@jest/globals';
import { errorCode, errorText } from './index.ts';

/** What `await using` throws, as compiled for Node.js 20, when the work fails and then the disposal. */
function failureOf(suppressed: Error, error: Error): Error {
  const message = 'An error was suppressed during disposal.';
  return Object.assign(new Error(message), { name: 'SuppressedError', error, suppressed });
}

const away = Object.assign(new Error('Redis is away'), { code: 'ERR_STORAGE_UNAVAILABLE' });
const unlocked = Object.assign(new Error('the lock cannot be released'), { code: 'ERR_LOCK' });

describe('errorCode', () => {
  it('returns the code of the first error where a disposal failed after it', () => {
    expect(errorCode(failureOf(away, unlocked))).toBe('ERR_STORAGE_UNAVAILABLE');
    expect(errorCode(failureOf(new Error('plain'), unlocked))).toBeUndefined();
  });

  it('returns the code of an error, also of one from another realm', () => {
    expect(errorCode(Object.assign(new Error('away'), { code: 'ENOENT' }))).toBe('ENOENT');
    expect(errorCode({ code: 'ERR_DNS_TIMEOUT' })).toBe('ERR_DNS_TIMEOUT');
  });

  it('returns undefined for what has no code, or a number as its code', () => {
    for (const thrown of [new Error('plain'), new DOMException('numbered', 'AbortError'), 'text'])
      expect(errorCode(thrown)).toBeUndefined();
    for (const nothing of [null, undefined]) expect(errorCode(nothing)).toBeUndefined();
  });
});

describe('errorText', () => {
  it('returns the message of an error and the text of any other value', () => {
    expect(errorText(new TypeError('not a key'))).toBe('not a key');
    expect(errorText('just a text')).toBe('just a text');
    expect(errorText(undefined)).toBe('undefined');
  });

  it('has both errors where a disposal failed after one, and the same message once', () => {
    expect(errorText(failureOf(away, unlocked))).toBe('Redis is away; the lock cannot be released');
    expect(errorText(failureOf(away, away))).toBe('Redis is away');
  });

  it('has the errors of an aggregate that has no message of its own', () => {
    const refused = [new Error('connect ECONNREFUSED ::1:9'), new Error('no answer')];
    expect(errorText(new AggregateError(refused))).toBe('connect ECONNREFUSED ::1:9; no answer');
    expect(errorText(new AggregateError(refused, 'nothing was taken down'))).toBe(
      'nothing was taken down',
    );
  });
});
