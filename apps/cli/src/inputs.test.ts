import { execFileSync } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCsr, createSelfSigned, parseCertificate, webcrypto } from '@acmex/certificate';
import { identifiers } from '@acmex/identifier';
import { removeFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { contactsOf } from './certificate-authority.ts';
import { certificateRequest } from './obtain/request.ts';
import type { ObtainOptions } from './obtain/options.ts';
import { argv, localAddress } from './program/values.ts';
import { readCertificates } from './read-text.ts';

let folder: string;
let certificate: string;
let csr: Uint8Array;
const at = (name: string) => join(folder, name);
const pemOf = (label: string, der: Uint8Array) =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64')}\n-----END ${label}-----\n`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-inputs-'));
  const key = await webcrypto().generate('ec-p256');
  certificate = await createSelfSigned({ identifiers: identifiers(['ca.test']), key });
  csr = await createCsr({ identifiers: identifiers(['a.test']), key });
  const { der } = parseCertificate(certificate);
  await writeFile(at('ca.der'), der);
  await writeFile(at('ca.pem'), `A text before it\n${certificate}`);
  await writeFile(at('two.pem'), `${certificate}${certificate}`);
  await writeFile(at('empty'), '');
  await writeFile(at('blank'), ' \n\n');
  await writeFile(at('csr.der'), csr);
  await writeFile(at('csr.pem'), pemOf('CERTIFICATE REQUEST', csr));
});
afterAll(() => removeFolder(folder));

describe('Files of certificates and requests', () => {
  it('are PEM or DER for a CA certificate: P5', async () => {
    await expect(readCertificates(at('ca.der'), 'the CA certificate')).resolves.toBe(certificate);
    await expect(readCertificates(at('ca.pem'), 'the CA certificate')).resolves.toBe(certificate);
    const two = await readCertificates(at('two.pem'), 'the CA certificate');
    expect(two).toBe(certificate + certificate);
  });

  it.each(['empty', 'blank'])('are refused when they are %s: P5', async (name) => {
    await expect(readCertificates(at(name), 'the CA certificate')).rejects.toMatchObject({
      code: 'ERR_CLI_FILE',
      message: expect.stringContaining(`the CA certificate ${at(name)} is empty`),
    });
  });

  it('are refused with their path when they have no certificate: P5', async () => {
    await expect(readCertificates(at('csr.pem'), 'the CA certificate')).rejects.toMatchObject({
      code: 'ERR_CLI_FILE',
      message: expect.stringContaining(`${at('csr.pem')} cannot be used`),
    });
  });

  it.each(['csr.der', 'csr.pem'])('are PEM or DER for a request, as %s: C14', async (name) => {
    const request = await certificateRequest([], { csr: at(name) } as ObtainOptions, {
      crypto: webcrypto(),
    });
    expect(Buffer.from(request.csr)).toEqual(Buffer.from(csr));
    expect(request.identifiers).toMatchObject([{ value: 'a.test' }]);
  });
});

describe('E-mail addresses of an account: C17', () => {
  it.each([
    ['a@x.test', ['mailto:a@x.test']],
    ['a@x.test,b@x.test', ['mailto:a@x.test', 'mailto:b@x.test']],
    [' a@x.test , b@x.test ,', ['mailto:a@x.test', 'mailto:b@x.test']],
    ['mailto:a@x.test', ['mailto:a@x.test']],
    ['MAILTO:a@x.test, b@x.test', ['mailto:a@x.test', 'mailto:b@x.test']],
    ['', []],
    [' , ', []],
  ])('are contacts where the text is %j', (text, contacts) => {
    expect(contactsOf(text)).toEqual(contacts);
  });

  it.each(['admin', 'a b@x.test', 'https://x.test', 'a@x.test?cc=b@x.test', 'a@b@c'])(
    'are refused where one is %j',
    (text) => {
      expect(() => contactsOf(`a@x.test,${text}`)).toThrow(/is not an e-mail address/);
    },
  );
});

describe('A hook of the command line: P3', () => {
  it.each([
    'reload nginx',
    '  reload   nginx  ',
    '"/opt/my hooks/reload" nginx',
    "'/opt/my hooks/reload' --text 'a \"b\" $c'",
    String.raw`/opt/my\ hooks/reload a\"b`,
    String.raw`reload "a \" b" "c\\d" "\e" '' ""`,
    `reload a'b c'"d e"f`,
  ])('is split as a shell does it: %s', (text) => {
    const script = 'for word in "$@"; do printf "%s\\0" "$word"; done';
    const words = execFileSync('/bin/sh', ['-c', `set -- ${text}; ${script}`], {
      encoding: 'utf8',
    });
    expect(argv(text)).toEqual(words.split('\0').slice(0, -1));
  });

  it.each(['"open', "it's", 'end\\', '', '  '])('is refused where it is %j', (text) => {
    expect(() => argv(text)).toThrow();
  });

  it('has no other meaning of a shell', () => {
    expect(argv('reload $HOME `id` ; rm * | x')).toEqual([
      'reload',
      '$HOME',
      '`id`',
      ';',
      'rm',
      '*',
      '|',
      'x',
    ]);
  });
});

it('takes addresses of this machine, and no names, for --http-address and --tls-address: P21', () => {
  expect(['127.0.0.1', '::1', '[::1]'].map(localAddress)).toEqual(['127.0.0.1', '::1', '::1']);
  for (const text of ['localhost', '127.0.0.1:80', '', '300.1.1.1'])
    expect(() => localAddress(text)).toThrow(/IP address/);
});
