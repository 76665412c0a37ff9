/** A name that no certificate can have, and the message that refuses it. */
export interface RefusedName {
  readonly name: string;
  /** The message of the error, whole. */
  readonly message: string;
}

/** Returns the code of every refusal in `refusedNames`. */
export const refusedNameCode = 'ERR_ACME_IDENTIFIER';

const writeName = 'write it as example.com, *.example.com or 192.0.2.1';
const writeIpv4 =
  'is not a valid IPv4 address: write four decimal numbers from 0 to 255 without leading zeros, such as 192.0.2.1';
const number =
  'ends in a number, as only an IP address does: write four decimal numbers for an address, or a domain name such as example.com';
const wildcard =
  'has its * in the wrong place: a wildcard is *. before a whole name, such as *.example.com';
const empty = 'has an empty label: remove the dot at the start, or one of two dots in a row';
const label = (text: string) =>
  `has the label "${text}", which is not 1 to 63 of a-z, 0-9 and - without - at either end: correct the label`;
const reserved = (text: string) =>
  `has the label "${text}", whose hyphens in third and fourth place are reserved for xn--: correct the label`;
const aLabel = (text: string) =>
  `has the label "${text}", which is not a valid A-label: write the name in its own script`;
const character = (text: string) =>
  `has the character "${text}", which no domain name has: ${writeName}`;

/**
 * Names that every door refuses with the same message and the code `ERR_ACME_IDENTIFIER`: the
 * command line, the REST API, acmex.toml and each package. The tests of each door run this table.
 */
export const refusedNames: readonly RefusedName[] = (
  [
    ['', 'is not a name: write example.com, *.example.com or 192.0.2.1'],
    ['_x.example.com', label('_x')],
    ['a_b.example.com', label('a_b')],
    ['-a.example.com', label('-a')],
    ['a-.example.com', label('a-')],
    [`${'a'.repeat(64)}.example.com`, label('a'.repeat(64))],
    [`${'abcdefg.'.repeat(32)}example`, 'is longer than 253 characters: use a shorter name'],
    [`*.${'abcdefg.'.repeat(31)}abcd`, 'is longer than 253 characters: use a shorter name'],
    ['ab--c.example.com', reserved('ab--c')],
    ['xn--a.example.com', aLabel('xn--a')],
    ['xn--abc-.example.com', label('xn--abc-')],
    ['xn--bcher-kv.example.com', aLabel('xn--bcher-kv')],
    ['a..example.com', empty],
    ['.example.com', empty],
    ['example.com..', empty],
    ['.', empty],
    ['*', wildcard],
    ['*.*.example.com', wildcard],
    ['a.*.example.com', wildcard],
    ['w*.example.com', wildcard],
    ['*example.com', wildcard],
    ['*.', empty],
    ['exa mple.com', character(' ')],
    ['example.com/path', character('/')],
    ['you@example.com', character('@')],
    ['exa\u0000mple.com', character('\\u{0}')],
    ['example.com\n', character('\\u{a}')],
    ['exa\u001b[31mmple.com', character('\\u{1b}')],
    ['exa\u202emple.com', character('\\u{202e}')],
    ['https://example.com', 'is a URL: write the name alone'],
    ['example.com:443', 'has a port: write the name alone'],
    ['[2001:db8::1]:443', 'has a port: write the name alone'],
    ['a.1', number],
    ['foo.0x1', number],
    ['0x7f.0.0.1', number],
    ['example.com.08', number],
    ['*.192.0.2.1', number],
    ['999.1.1.1', writeIpv4],
    ['010.1.1.1', writeIpv4],
    ['192.0.2', writeIpv4],
    ['2130706433', writeIpv4],
    ['192.0.2.1.', writeIpv4],
    [
      'fe80::1%eth0',
      'has a zone, which is valid on a single machine only: write the address without % and what follows it',
    ],
    [
      '2001:db8::12345',
      'is neither a domain name nor a valid IPv6 address: write it as example.com or 2001:db8::1',
    ],
    [
      'ex\u0430mple.com',
      'has Latin and Cyrillic letters in the label "ex\u0430mple", which can look like another name: write the label as xn--exmple-4nf if it is what you mean',
    ],
  ] as const
).map(([name, sentence]) => ({ name, message: `"${visibleName(name)}" ${sentence}` }));

function visibleName(name: string): string {
  return name.replace(
    /[\p{Cc}\p{Cf}]/gu,
    (control) => `\\u{${control.codePointAt(0)?.toString(16)}}`,
  );
}
