import { describe, expect, it } from '@jest/globals';
import { readPkcs11Uri } from './pkcs11-uri.ts';

describe('a pkcs11: URI', () => {
  it('names a token and a key, with any bytes by "%"', () => {
    expect(readPkcs11Uri('pkcs11:token=My%20token;object=w%C3%BCrfel')).toEqual({
      token: 'My token',
      object: 'würfel',
    });
    expect(readPkcs11Uri('pkcs11:slot-id=3;id=%01%ff;type=private')).toEqual({
      slot: '3',
      id: '01ff',
    });
  });
  it.each([
    ['', /""/],
    ['object=web', /name its token/],
    ['token=a;slot-id=1;object=web', /name its token/],
    ['token=a', /name its key/],
    ['token=a;object=web;object=web', /"object"/],
    ['token=a;object=', /empty value/],
    ['token=a;object=%0a', /control characters/],
    ['token=a;id=%1', /hexadecimal/],
    ['token=a;id=%01;type=cert', /private key/],
    ['token=a;id=%01;manufacturer=b', /"manufacturer"/],
    ['slot-id=x;id=%01', /slot-id/],
    ['token=a;object=web?pin-value=1234', /\[keys\.pkcs11\]/],
    ['token=a;object=web?module-path=/evil.so', /\[keys\.pkcs11\]/],
  ])('is refused as pkcs11:%s', (path, message) => {
    expect(() => readPkcs11Uri(`pkcs11:${path}`)).toThrow(
      expect.objectContaining({
        code: 'ERR_SIGNER_REFERENCE',
        message: expect.stringMatching(message),
      }),
    );
    expect(() => readPkcs11Uri(`pkcs11:${path}`)).not.toThrow(/1234|evil/);
  });
});
