import { describe, expect, it } from '@jest/globals';
import { formatResult, outputFormats, table } from './output.ts';

/** Text from elsewhere: it clears the screen, reverses what follows, hides and breaks lines. */
const hostile = '\u001b[2Jkey\u202egpj\u200b\u0085\u2028end\u{e0041}';
const escaped = '\\u{1b}[2Jkey\\u{202e}gpj\\u{200b}\\u{85}\\u{2028}end\\u{e0041}';
const dangerous = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/u;

describe('the result of a command', () => {
  it('shows characters that control a terminal or hide text as escapes, in columns that fit', () => {
    const rows = [
      { id: 'a', key: hostile, more: 'x' },
      { id: 'b', key: 'plain', more: 'y' },
    ];
    expect(table(rows)).toBe(
      [
        `id  ${'key'.padEnd(escaped.length)}  more`,
        `a   ${escaped}  x`,
        `b   ${'plain'.padEnd(escaped.length)}  y`,
      ].join('\n'),
    );
  });

  it('has one line for each row of a table, whatever the cells have', () => {
    expect(table([{ key: 'first\nsecond\r\nthird\t' }]).split('\n')).toEqual([
      'key',
      'first\\u{a}second\\u{d}\\u{a}third\\u{9}',
    ]);
  });

  it('cuts no long cell', () => {
    const names = Array.from({ length: 100 }, (_, index) => `name-${index}.example.com`).join(' ');
    expect(table([{ names }])).toContain(names);
  });

  it('has no such character in any format, in a table or beside it', () => {
    const rows = [{ key: hostile }];
    for (const format of outputFormats)
      expect(
        formatResult({ text: `${hostile}\n${table(rows)}`, document: rows, rows }, format),
      ).not.toMatch(dangerous);
    expect(formatResult({ text: `a\rb\r\n${hostile}`, document: {} }, 'text')).toBe(
      `a\\u{d}b\r\n${escaped}\n`,
    );
    expect(JSON.parse(formatResult({ text: '', document: rows }, 'json'))).toEqual(rows);
  });
});
