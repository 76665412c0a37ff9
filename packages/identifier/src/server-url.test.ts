import { describe, expect, it } from '@jest/globals';
import { checkServerUrl } from './index.ts';

describe('checkServerUrl', () => {
  it.each([
    ['https://acmex.example', 'https://acmex.example'],
    ['https://acmex.example:8443/below/', 'https://acmex.example:8443/below'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['http://[::1]:8080/', 'http://[::1]:8080'],
    ['http://localhost', 'http://localhost'],
  ])('takes %s', (text, url) => {
    expect(checkServerUrl(text)).toEqual({ url });
  });

  it.each([
    ['acmex.example', 'invalid', ''],
    ['ftp://acmex.example', 'invalid', ''],
    ['https://', 'invalid', ''],
    ['https://user@acmex.example', 'not-a-base', 'https://acmex.example'],
    ['https://:secret@acmex.example', 'not-a-base', 'https://acmex.example'],
    ['https://acmex.example/?key=secret', 'not-a-base', 'https://acmex.example'],
    ['https://acmex.example/#secret', 'not-a-base', 'https://acmex.example'],
    ['http://acmex.example', 'unencrypted', 'http://acmex.example'],
    ['http://127.0.0.1.example', 'unencrypted', 'http://127.0.0.1.example'],
  ])('refuses %s: %s', (text, fault, origin) => {
    expect(checkServerUrl(text)).toEqual({ fault, origin });
  });

  it('takes http to another machine where it is allowed', () => {
    expect(checkServerUrl('http://acmex.example', { allowHttp: true })).toEqual({
      url: 'http://acmex.example',
    });
  });
});
