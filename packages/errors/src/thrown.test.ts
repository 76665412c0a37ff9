import { describe, expect, it } from '@jest/globals';
import { errorCode, errorText } from './index.ts';

describe('errorCode', () => {
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
});
