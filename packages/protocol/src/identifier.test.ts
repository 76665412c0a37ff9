import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { acmeErrors, identifier, identifiers } from './index.ts';

describe('identifier', () => {
  it.each([
    ['example.com', 'dns', 'example.com'],
    ['EXAMPLE.com.', 'dns', 'example.com'],
    [' *.Example.com ', 'dns', '*.example.com'],
    ['bücher.example', 'dns', 'xn--bcher-kva.example'],
    ['*.bücher.example', 'dns', '*.xn--bcher-kva.example'],
    ['localhost', 'dns', 'localhost'],
    ['192.0.2.1', 'ip', '192.0.2.1'],
    ['2001:DB8:0::1', 'ip', '2001:db8::1'],
    ['[::1]', 'ip', '::1'],
  ])('reads %s', (text, type, value) => {
    expect(identifier(text)).toEqual({ type, value });
  });
  it.each([
    ['', 'is no name'],
    ['https://example.com', 'is a URL'],
    ['example.com:443', 'leave the port away'],
    ['a..b', 'empty label'],
    ['-a.test', 'label "-a"'],
    ['a_b.test', 'label "a_b"'],
    ['*', 'wrong place'],
    ['a.*.test', 'wrong place'],
    ['*.*.test', 'wrong place'],
    ['a*.test', 'wrong place'],
    ['exa mple.com', 'character'],
    ['a/b', 'character'],
    ['a@b.test', 'character'],
    ['1.2.3', 'no IPv4 address'],
    ['256.1.1.1', 'no IPv4 address'],
    ['010.1.1.1', 'no IPv4 address'],
    ['::12345', 'IPv6'],
    ['a.123', 'ends in a number'],
    [`${'a'.repeat(64)}.test`, '1 to 63'],
    [`${'abcdefg.'.repeat(32)}test`, 'longer than 253'],
    ['a\u001b[31m.test', '\\u{1b}'],
    ['0x7f.1', 'ends in a number'],
    ['a.0x7f', 'ends in a number'],
    ['㊱', 'ends in a number'],
  ])('refuses "%s"', (text, words) => {
    expect(() => identifier(text)).toThrow(
      expect.objectContaining({
        code: 'ERR_ACME_IDENTIFIER',
        message: expect.stringContaining(words),
      }),
    );
  });
  it('gives each name once, in order', () => {
    expect(identifiers(['b.test', 'a.test', 'B.test']).map(({ value }) => value)).toEqual([
      'b.test',
      'a.test',
    ]);
  });
  it('answers any text with an identifier that reads the same again, or with its own error', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.domain(), fc.ipV4(), fc.ipV6(), fc.string({ unit: 'grapheme' })),
        (text) => {
          try {
            const one = identifier(text);
            expect(identifier(one.value)).toEqual(one);
            expect(one.value).toMatch(/^[a-z0-9.:*-]+$/);
          } catch (error) {
            expect(Object.keys(acmeErrors)).toContain((error as { code: string }).code);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
