import { describe, expect, it } from '@jest/globals';
import { keyPlaces } from './key-places.ts';

const lines = (text: string) =>
  Object.fromEntries([...keyPlaces(text)].map(([key, { line }]) => [key, line]));

describe('the lines of keys', () => {
  it('follows tables, dotted keys and comments', () => {
    expect(
      lines(
        '# a comment\nroot = 1 # [no.table]\n\n[a.b]\nc.d = "x"\n  [ a . "q.r" ]  # spaces\n\te = [1, 2]\r\nf = 2',
      ),
    ).toEqual({
      root: 2,
      a: 4,
      'a.b': 4,
      'a.b.c': 5,
      'a.b.c.d': 5,
      'a."q.r"': 6,
      'a."q.r".e': 7,
      'a."q.r".e[0]': 7,
      'a."q.r".e[1]': 7,
      'a."q.r".f': 8,
    });
  });

  it('counts arrays of tables, and the tables inside the last of each', () => {
    expect(
      lines('[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3\n[[a.e]]\nf = 4\n[[a.e]]\nf = 5\n'),
    ).toMatchObject({
      a: 1,
      'a[0]': 1,
      'a[0].b': 2,
      'a[1]': 3,
      'a[1].b': 4,
      'a[1].c': 5,
      'a[1].c.d': 6,
      'a[1].e[0].f': 8,
      'a[1].e[1]': 9,
      'a[1].e[1].f': 10,
    });
  });

  it('goes into inline tables and arrays over several lines', () => {
    expect(
      lines('a = [ # one\n  { b = 1, c = { d = 2 } },\n\n  { b = [\n    3,\n  ] },\n]\ne = 4'),
    ).toMatchObject({ 'a[0].b': 2, 'a[0].c.d': 2, 'a[1]': 4, 'a[1].b': 4, 'a[1].b[0]': 5, e: 8 });
  });

  it('is not led astray by what strings hold', () => {
    expect(
      lines(
        'a = """\n[no]\nb = 1\\"""\n""""\nc = \'\'\'\nd = 1\n\'\'\'\ne = "# \\" ] }"\nf = \'\\\'\ng = 2',
      ),
    ).toEqual({ a: 1, c: 5, e: 8, f: 9, g: 10 });
  });

  it('reads quoted names with their escapes', () => {
    expect(lines('"a\\u0062\\U00000063" = 1\n\'d"\' = 2\n"" = 3')).toEqual({
      abc: 1,
      '"d\\""': 2,
      '""': 3,
    });
  });

  it('ends with every text, also one that is not valid TOML', () => {
    for (const text of [
      '[',
      '[[',
      'a',
      'a = ',
      'a = [',
      'a = {',
      'a = "',
      '= 1',
      '}}}',
      'a = {,,',
      '\\',
      '[a]]]\n=\n=',
    ])
      expect(() => keyPlaces(text)).not.toThrow();
  });
});
