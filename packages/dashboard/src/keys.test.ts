import { describe, expect, it } from '@jest/globals';
import { browserName } from '../page/screens/keys/browser.ts';
import { keyState, namesOf, scopesByArea } from '../page/screens/keys/key.ts';

describe('an API key in the dashboard', () => {
  it('is expired from its end on, and revoked whatever its end is', () => {
    const expiresAt = '2026-11-29T20:00:00Z';
    const end = Date.parse(expiresAt);
    expect(keyState({}, end)).toBe('valid');
    expect(keyState({ expiresAt }, end - 1)).toBe('valid');
    expect(keyState({ expiresAt }, end)).toBe('expired');
    expect(keyState({ expiresAt, revokedAt: expiresAt }, end - 1)).toBe('revoked');
  });

  it('has its permissions by what they are about', () => {
    expect(scopesByArea(['queue:read', 'private-keys:read', 'certificates:read'])).toEqual([
      ['certificates', ['certificates:read', 'private-keys:read']],
      ['operation', ['queue:read']],
    ]);
    expect(scopesByArea([])).toEqual([]);
  });

  it('takes names that are separated by lines, blanks or commas', () => {
    expect(namesOf(' www.example.com, *.example.com\n\n*; ')).toEqual([
      'www.example.com',
      '*.example.com',
      '*',
    ]);
  });
});

describe('the name of a browser', () => {
  it.each([
    [
      'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0',
      'Firefox 131, Linux',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0',
      'Edge 142, Windows',
    ],
    [
      'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36',
      'Chrome 142, Android',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
      'Safari 18, macOS',
    ],
    ['curl/8.10.1', 'curl/8.10.1'],
    [`<script>${'x'.repeat(100)}`, `<script>${'x'.repeat(32)}`],
  ])('of %s is %s', (userAgent, name) => {
    expect(browserName(userAgent)).toBe(name);
  });
});
