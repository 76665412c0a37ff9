import { expect, it } from '@jest/globals';
import { withoutPaths } from './server-paths.ts';

it.each([
  [
    'the file /etc/acmex/roots/ca.pem of trust_anchors cannot be read',
    'the file [path] of trust_anchors cannot be read',
  ],
  ["ENOENT: no such file or directory, open '/var/lib/a.pem'", "open '[path]'"],
  ['file:/data/acmex: it is a folder', 'file:[path]: it is a folder'],
  ['(/usr/local/bin/reload) ended with 1', '([path]) ended with 1'],
  [String.raw`C:\ProgramData\acmex\ca.pem is missing`, '[path] is missing'],
])('leaves paths of the server out of %j', (text, wanted) => {
  expect(withoutPaths(text)).toContain(wanted);
});

it.each([
  'GET /api/orders needs the scope orders:read',
  'the body is not what POST /api/orders takes: /names/0 write a name',
  'https://ca.test/etc/terms and http://127.0.0.1:8080/var/x',
  'certificate/00/crt_01kax2b0000000000000000000 is damaged',
  'look at /docs, /data or N/A',
])('leaves %j as it is', (text) => {
  expect(withoutPaths(text)).toBe(text);
});
