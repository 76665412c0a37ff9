import { describe, expect, it } from '@jest/globals';
import { serverPaths } from './server-paths.ts';

const withoutPaths = serverPaths().without;

it.each([
  [
    'the file /etc/acmex/roots/ca.pem of trust_anchors cannot be read',
    'the file [path] of trust_anchors cannot be read',
  ],
  ["ENOENT: no such file or directory, open '/var/lib/a.pem'", "open '[path]'"],
  ['file:/data/acmex: it is a folder', 'file:[path]: it is a folder'],
  ['(/usr/local/bin/reload) ended with 1', '([path]) ended with 1'],
  [String.raw`C:\ProgramData\acmex\ca.pem is missing`, '[path] is missing'],
  ['file:///var/lib/my%20store/x is damaged', 'file://[path] is damaged'],
])('leaves paths of the server out of %j', (text, wanted) => {
  expect(withoutPaths(text)).toContain(wanted);
});

it.each([
  ["EACCES: permission denied, open '/var/lib/my store/a b.pem'", "denied, open '[path]'"],
  ["rename '/srv/a b/c' -> '/srv/a b/d', again", "rename '[path]' -> '[path]', again"],
  ['the key "/home/o\'brien/my keys/a.pem" is missing', 'the key "[path]" is missing'],
  ["open '/home/o'brien/my keys/a.pem': no such file", "open '[path]': no such file"],
  ['storage = "file:/data/my store" and `/etc/a b`.', 'storage = "file:[path]" and `[path]`.'],
  ['"file:///data/my store" is not a folder', '"file://[path]" is not a folder'],
  [String.raw`"C:\Program Files\acmex\a b.pem" and "D:\\my store\\x"`, '"[path]" and "[path]"'],
  ['/var/lib/my store/x is damaged', '[path] is damaged'],
  ['the file /srv/my store/of certificates/x, and no other', 'the file [path], and no other'],
  [String.raw`C:\Program Files\acmex\ca.pem is missing`, '[path] is missing'],
  ['/etc/acmex/a.pem of https://ca.test/x', '[path] of https://ca.test/x'],
  ['/etc/acmex/a.pem /etc/acmex/b.pem are for GET /api/x', '[path] [path] are for GET /api/x'],
])('leaves no part of a path with blanks in %j', (text, wanted) => {
  expect(withoutPaths(text)).toContain(wanted);
});

it.each([
  'GET /api/orders needs the scope orders:read',
  'the body is not what POST /api/orders takes: /names/0 write a name',
  'https://ca.test/etc/terms and http://127.0.0.1:8080/var/x',
  'certificate/00/crt_01kax2b0000000000000000000 is damaged',
  'look at /docs, /data or N/A',
  "the servers' own '/api/a b' and 'text/plain'",
  '"/docs" and "/health/ready" of https://ca.test/etc/a b/c',
])('changes nothing in %j', (text) => {
  expect(withoutPaths(text)).toBe(text);
});

describe('the known folders of a server', () => {
  const { without, publicMessage } = serverPaths([
    '/exports/my big store',
    '/exports/my big store/of a (team)',
    '/config+x',
    String.raw`D:\my big store`,
    '/',
  ]);

  it.each([
    ['the file /exports/my big store/a/b is damaged', 'the file [path] is damaged'],
    ['/exports/my big store: it is full', '[path]: it is full'],
    ['it is in /exports/my big store.', 'it is in [path]'],
    ['/exports/my big store/of a (team)/x is damaged', '[path] is damaged'],
    ["open '/exports/my big store/a b/c'", "open '[path]'"],
    ['file:/exports/my big store/x', 'file:[path]'],
    ['/config+x/acmex.toml has no value', '[path] has no value'],
    [String.raw`D:\my big store\x is damaged`, '[path] is damaged'],
    ['/etc/acmex/a.pem is missing', '[path] is missing'],
  ])('are left out of %j', (text, wanted) => {
    expect([without(text), publicMessage({ message: text })]).toEqual([
      wanted,
      { message: wanted },
    ]);
  });

  it.each([
    '/exports/my big stores, /exports/my big store-2 and /exports/my big store.old',
    'GET /exports and /configuration',
    'https://ca.test/exports/my big store/x',
  ])('change nothing in %j', (text) => {
    expect(without(text)).toBe(text);
  });
});
