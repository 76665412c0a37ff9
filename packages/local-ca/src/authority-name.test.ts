import { expect, it } from '@jest/globals';
import { authorityName } from './authority-name.ts';

it('names the user and the machine, without anything that a list of certificates could misread', () => {
  const name = (user: string, host: string) => authorityName({ user, host });
  expect(name('anna', 'laptop.corp.example')).toBe('AcmeX local CA of anna on laptop');
  expect(name('zoë', '')).toBe('AcmeX local CA of zoë on unknown');
  expect(name('a\n,CN=Bank+O\u202e/x', '\u{1d400}\u{1d401}"')).toBe(
    'AcmeX local CA of a--CN-Bank-O- on ---',
  );
  expect(name('u'.repeat(99), 'h'.repeat(99))).toHaveLength(48);
});
