import { describe, expect, it } from '@jest/globals';
import { printable } from './index.ts';

describe('printable', () => {
  it('shows control characters, line breaks and direction marks instead of obeying them', () => {
    expect(printable('red\u001b[31m\nnext\u202eline')).toBe(
      'red\\u{1b}[31m\\u{a}next\\u{202e}line',
    );
  });

  it('leaves letters of every script alone', () => {
    expect(printable('bücher.例え')).toBe('bücher.例え');
  });

  it('cuts what is longer than the limit', () => {
    expect(printable('abcdef', 3)).toBe('abc…');
  });
});
