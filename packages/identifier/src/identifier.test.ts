import { domainToASCII, domainToUnicode } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { refusedNameCode, refusedNames } from './contract.ts';
import {
  checkedIdentifier,
  compareIdentifiers,
  dnsRecord,
  identifier,
  identifiers,
  ipVersion,
  isCovered,
  isDomainName,
  namePattern,
  networkOf,
  normalizedIdentifier,
  publicCa,
  toUnicode,
} from './index.ts';

describe('identifier', () => {
  it.each([
    ['example.com', 'dns', 'example.com'],
    ['EXAMPLE.com.', 'dns', 'example.com'],
    [' *.Example.com ', 'dns', '*.example.com'],
    ['bücher.example', 'dns', 'xn--bcher-kva.example'],
    ['*.bücher.example', 'dns', '*.xn--bcher-kva.example'],
    ['XN--BCHER-KVA.example', 'dns', 'xn--bcher-kva.example'],
    ['faß.example', 'dns', 'xn--fa-hia.example'],
    ['paral·lel.example', 'dns', 'xn--parallel-koa.example'],
    ['日本語テストabc.example', 'dns', domainToASCII('日本語テストabc.example')],
    ['localhost', 'dns', 'localhost'],
    ['corp.internal', 'dns', 'corp.internal'],
    ['a--b.example', 'dns', 'a--b.example'],
    ['1.example', 'dns', '1.example'],
    ['192.0.2.1', 'ip', '192.0.2.1'],
    ['2001:DB8:0::1', 'ip', '2001:db8::1'],
    ['::ffff:192.0.2.1', 'ip', '::ffff:c000:201'],
    ['[::1]', 'ip', '::1'],
  ])('reads %s', (text, type, value) => {
    expect(identifier(text)).toEqual({ type, value });
  });

  it.each(refusedNames)('refuses $name', ({ name, message }) => {
    expect(() => identifier(name)).toThrow(
      expect.objectContaining({ code: refusedNameCode, message }),
    );
  });

  it('cuts a long text in its message', () => {
    expect(() => identifier(`${'é'.repeat(100_000)}.example`)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{250,400}$/) }),
    );
  });

  it('returns each name once, in order', () => {
    expect(identifiers(['b.test', 'a.test', 'B.test']).map(({ value }) => value)).toEqual([
      'b.test',
      'a.test',
    ]);
  });

  it('reads its own result again, for any text that it accepts', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.domain(), fc.ipV4(), fc.ipV6(), fc.string({ unit: 'grapheme' })),
        (text) => {
          const parsed = parsedOrCode(text);
          if (typeof parsed === 'string') return expect(parsed).toBe(refusedNameCode);
          expect(identifier(parsed.value)).toEqual(parsed);
          expect(checkedIdentifier(parsed)).toEqual(parsed);
          return expect(parsed.value).toMatch(/^[a-z0-9.:*-]+$/);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('reads Latin-1 letters as UTS 46 does', () => {
    for (let codePoint = 0xc0; codePoint <= 0x17f; codePoint += 1) {
      const letter = String.fromCodePoint(codePoint);
      if (!/\p{L}/u.test(letter)) continue;
      const name = `a${letter}b.test`;
      const parsed = parsedOrCode(name);
      const expected = domainToASCII(name);
      expect([name, typeof parsed === 'string' ? '' : parsed.value]).toEqual([
        name,
        /^[a-z0-9.-]+$/.test(expected) ? expected : '',
      ]);
    }
  });
});

describe('a name of a protocol message', () => {
  it.each([
    [{ type: 'dns', value: 'bücher.example' }, 'is not in A-labels'],
    [{ type: 'dns', value: 'example.com.' }, 'ends with a dot'],
    [{ type: 'dns', value: ' example.com' }, 'has the character " "'],
    [{ type: 'dns', value: '192.0.2.1' }, 'is an IP address'],
    [{ type: 'ip', value: 'example.com' }, 'is not a valid IP address'],
    [{ type: 'ip', value: '[::1]' }, 'is not a valid IP address'],
    [{ type: 'email', value: 'you@example.com' }, 'is of the type "email"'],
  ])('is refused: %j', (name, words) => {
    expect(() => checkedIdentifier(name)).toThrow(
      expect.objectContaining({ code: refusedNameCode, message: expect.stringContaining(words) }),
    );
  });

  it('may have capital letters and any spelling of an address', () => {
    expect(checkedIdentifier({ type: 'dns', value: 'A.Example' }).value).toBe('a.example');
    expect(checkedIdentifier({ type: 'ip', value: '2001:DB8:0:0::1' }).value).toBe('2001:db8::1');
  });
});

describe('the rules', () => {
  it.each(['localhost', 'a.internal', 'a.test', '10.1.2.3', '127.0.0.1', '172.31.255.255', '::1'])(
    'permit %s for a private CA and not for a public one',
    (name) => {
      expect(identifier(name).value).toBe(name);
      expect(() => identifier(name, { rule: publicCa })).toThrow(/public/);
    },
  );
  it.each([
    'fd00::1',
    '2001:db8::1',
    '2001::1',
    '2002::1',
    '3fff::1',
    '100.64.0.1',
    '203.0.113.9',
    '255.255.255.255',
    '*.com',
  ])('refuse %s for a public CA', (name) => {
    expect(() => identifier(name, { rule: publicCa })).toThrow(/public/);
  });
  it.each(['example.com', '*.example.com', '8.8.8.8', '172.32.0.1', '2606:4700::1111'])(
    'permit %s for a public CA',
    (name) => {
      expect(identifier(name, { rule: publicCa }).value).toBe(name);
    },
  );
  it('permit underscores in names of DNS records, and no addresses', () => {
    expect(identifier('_acme-challenge.Example.com', { rule: dnsRecord }).value).toBe(
      '_acme-challenge.example.com',
    );
    expect(() => identifier('192.0.2.1', { rule: dnsRecord })).toThrow('is an IP address');
  });
});

describe('comparing', () => {
  it('ignores order, capital letters and spelling of addresses', () => {
    expect(
      compareIdentifiers(
        [
          { type: 'ip', value: '2001:DB8:0::1' },
          { type: 'dns', value: 'A.test' },
        ],
        [
          { type: 'dns', value: 'a.test' },
          { type: 'ip', value: '2001:db8::1' },
          { type: 'dns', value: 'b.test' },
        ],
      ),
    ).toEqual({ missing: ['dns:b.test'], extra: [] });
  });

  it('keeps what it cannot read', () => {
    expect(normalizedIdentifier({ type: 'ip', value: 'Nothing' }).value).toBe('nothing');
  });

  it('knows what a wildcard covers', () => {
    expect(isCovered('a.example.com', '*.example.com')).toBe(true);
    expect(isCovered('*.example.com', '*.example.com')).toBe(true);
    expect(isCovered('a.b.example.com', '*.example.com')).toBe(false);
    expect(isCovered('example.com', '*.example.com')).toBe(false);
    expect(isCovered('a.example.com', 'example.com')).toBe(false);
  });
});

it('knows a domain name in canonical form', () => {
  for (const name of ['example.com', 'localhost', 'xn--bcher-kva.example'])
    expect([name, isDomainName(name)]).toEqual([name, true]);
  for (const name of ['', 'Example.com', 'example.com.', '*.example.com', '192.0.2.1', 'a_b.test'])
    expect([name, isDomainName(name)]).toEqual([name, false]);
});

it.each([
  ['*', '*'],
  ['*.Example.com', '*.example.com'],
  ['bücher.example', 'xn--bcher-kva.example'],
])('reads the pattern %s', (pattern, canonical) => {
  expect(namePattern(pattern)).toBe(canonical);
});

it.each([
  ['192.0.2.1', 4],
  ['::1', 6],
  ['[::1]', undefined],
  ['fe80::1%eth0', undefined],
  ['1.2.3', undefined],
  ['example.com', undefined],
])('says the version of the address %s', (text, version) => {
  expect(ipVersion(text)).toBe(version);
});

it.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:c000:201', '192.0.2.1'],
  ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:0:1:2:3:4:5', '2001:db8:0:1::/64'],
  ['2001:DB8:0:1::', '2001:db8:0:1::/64'],
  ['2001:0db8:0000:0001::5', '2001:db8:0:1::/64'],
  ['[2001:db8:0:1::5]', '2001:db8:0:1::/64'],
  ['2001:db8::5', '2001:db8:0:0::/64'],
  ['2001:db8::1:0:0:5', '2001:db8:0:0::/64'],
  ['2001:db8::', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['unknown', 'unknown'],
  ['', ''],
])('names the network of the client %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

it('shows A-labels as U-labels, as Node.js does', () => {
  expect(toUnicode('*.xn--bcher-kva.example')).toBe('*.bücher.example');
  expect(toUnicode('xn--a.example')).toBe('xn--a.example');
  for (const name of [
    '日本語.jp',
    'пример.рф',
    'ελληνικά.gr',
    'παράδειγμα.δοκιμή',
    '한국.kr',
    'ä-ö-ü.de',
  ])
    expect(toUnicode(identifier(name).value)).toBe(domainToUnicode(domainToASCII(name)));
});

function parsedOrCode(text: string) {
  try {
    return identifier(text);
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
}
