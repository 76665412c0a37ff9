import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import { identifiers } from '@acmex/identifier';
import { describeWith, removeFolder } from '@acmex/services';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { acmex, type AcmexOptions, typing } from '../terminal.testing.ts';

let folder: string;
let certificate: string;
let key: string;
const at = (name: string) => join(folder, name);
const passphrase = 'correct horse';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-convert-'));
  const pair = await webcrypto().generate('ec-p256');
  certificate = await createSelfSigned({ identifiers: identifiers(['a.test']), key: pair });
  key = Buffer.from(await privateKeyPem(pair)).toString();
  await writeFile(at('cert.pem'), certificate);
  await writeFile(at('key.pem'), key);
  await writeFile(at('secret'), `${passphrase}\n`, { mode: 0o600 });
  await writeFile(at('open'), passphrase);
  await chmod(at('open'), 0o644);
  await convert(['cert.pem', 'ready.p12', '--key', at('key.pem')], { env: secrets });
});
afterAll(() => removeFolder(folder));
afterEach(() => rm(at('out'), { force: true }));

const secrets = { ACMEX_OUT_PASSPHRASE: passphrase };

/** Runs `acmex convert`; the first two words are names in the folder, or `-`. */
async function convert(
  [input = '', out = '', ...flags]: readonly string[],
  options: AcmexOptions = {},
) {
  const paths = [input, out].map((name) => (name === '-' ? name : at(name)));
  return await acmex(['convert', ...paths, ...flags], options);
}

describe('acmex convert', () => {
  it('joins a certificate and its key, and takes both from the file again', async () => {
    expect((await stat(at('ready.p12'))).mode & 0o777).toBe(0o600);
    const options = { env: { ACMEX_PASSPHRASE: passphrase } };
    const result = await convert(['ready.p12', 'out', '--format', 'combined'], options);
    expect(result).toEqual({ code: 0, stdout: `${at('out')}\n`, stderr: '' });
    await expect(readFile(at('out'), 'utf8')).resolves.toBe(key + certificate);
    expect((await stat(at('out'))).mode & 0o777).toBe(0o600);
  });
  it('writes a certificate alone readable by all, and reads and writes streams', async () => {
    await convert(['cert.pem', 'out', '--format', 'pkcs7']);
    expect((await stat(at('out'))).mode & 0o777).toBe(0o644);
    const stdin = Readable.from([await readFile(at('out'))]);
    const { stdout } = await convert(['-', '-', '--format', 'pem'], { stdin });
    expect(stdout).toBe(certificate);
  });
  it('replaces a file only with --force', async () => {
    await writeFile(at('out'), 'precious');
    const refused = await convert(['cert.pem', 'out', '--format', 'pem']);
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('--force') });
    await expect(readFile(at('out'), 'utf8')).resolves.toBe('precious');
    await convert(['cert.pem', 'out', '--format', 'pem', '--force']);
    await expect(readFile(at('out'), 'utf8')).resolves.toBe(certificate);
  });
  it('asks for passphrases on a terminal without showing them, and compares a new one', async () => {
    const opened = await convert(['ready.p12', '-', '--format', 'pem'], typing([passphrase]));
    expect(opened).toMatchObject({ code: 0, stdout: certificate });
    const flags = ['--key', at('key.pem'), '--format', 'pkcs12'];
    const written = await convert(
      ['cert.pem', 'out', ...flags],
      typing(['new secret', 'new secret']),
    );
    expect(written.code).toBe(0);
    for (const { stderr, stdout } of [opened, written])
      expect(stderr + stdout).not.toMatch(/correct horse|new secret/);
    const env = { ACMEX_PASSPHRASE: 'new secret' };
    expect(await convert(['out', '-', '--format', 'pem'], { env })).toMatchObject({ code: 0 });
    const differing = await convert(
      ['cert.pem', 'two', ...flags],
      typing(['a secret', 'a sceret']),
    );
    expect(differing).toMatchObject({ code: 2, stderr: expect.stringContaining('differ') });
  });
  it.each([
    ['Ctrl-C', (stdin: PassThrough) => stdin.write('\u0003')],
    ['the end of the input', (stdin: PassThrough) => stdin.end()],
  ])('ends at %s in place of a passphrase', async (_, answer) => {
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    const onStderr = (text: string) => void (text.endsWith(': ') && setImmediate(answer, stdin));
    const options = { stdin, isTerminal: true, onStderr };
    const result = await convert(['ready.p12', '-', '--format', 'pem'], options);
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining('no passphrase was') });
  });
  it.each([
    ['a name without a known extension', ['cert.pem', 'site.txt'], {}, 2, '--format'],
    [
      'binary to a terminal',
      ['cert.pem', '-', '--format', 'der'],
      { isTerminal: true },
      2,
      'terminal',
    ],
    [
      'JSON and the certificate on one stream',
      ['cert.pem', '-', '--format', 'pem', '--json'],
      {},
      2,
      'standard output',
    ],
    ['no passphrase for the output', ['key.pem', 'x.p12'], {}, 2, 'ACMEX_OUT_PASSPHRASE'],
    [
      'no passphrase of the input',
      ['ready.p12', 'x.pem'],
      {},
      3,
      'ready.p12: the file is encrypted',
    ],
    [
      'a wrong passphrase',
      ['ready.p12', 'x.pem'],
      { env: { ACMEX_PASSPHRASE: 'x' } },
      3,
      '[ERR_KEYSTORE_PASSPHRASE]',
    ],
    [
      'a format without the key that it needs',
      ['cert.pem', 'x.key'],
      {},
      3,
      '[ERR_BUNDLE_INCOMPLETE]',
    ],
    ['a file that is nothing', ['secret', 'x.pem'], {}, 3, '[ERR_BUNDLE_FORMAT]'],
    ['a file that is not there', ['absent', 'x.pem'], {}, 3, '[ERR_CLI_FILE]'],
    ['an empty stream', ['-', 'x.pem'], {}, 3, 'standard input is empty'],
  ] as const)('refuses %s', async (_, args, options, code, text) => {
    const result = await convert(args, options);
    expect(result).toMatchObject({ code, stderr: expect.stringContaining(text) });
    expect(result.stderr).not.toContain('internal error');
    await expect(stat(at('x.pem'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
  it('refuses a passphrase file that others can read, and uses another', async () => {
    const args = (file: string) => [
      'key.pem',
      'out',
      '--format',
      'pkcs8',
      '--out-passphrase-file',
      at(file),
    ];
    expect(await convert(args('open'))).toMatchObject({ code: 2 });
    expect(await convert(args('secret'))).toMatchObject({ code: 0 });
    await expect(readFile(at('out'), 'utf8')).resolves.toContain('BEGIN ENCRYPTED PRIVATE KEY');
  });
});

describe('docs/formats.md', () => {
  it('has commands that work in their order', async () => {
    const page = await readFile(new URL('../../../../docs/formats.md', import.meta.url), 'utf8');
    const commands = page.match(/^acmex convert .*$/gm)!.map((line) => line.split(' ').slice(1));
    expect(commands.length).toBeGreaterThan(5);
    await writeFile(at('fullchain.pem'), certificate);
    await writeFile(at('privkey.pem'), key);
    const isFile = (word: string) => /^[a-z]+\.|^secret$/.test(word);
    for (const words of commands) {
      const result = await acmex(words.map((word) => (isFile(word) ? at(word) : word)));
      expect([words.join(' '), result.code, result.stderr]).toEqual([words.join(' '), 0, '']);
    }
  });
});

describeWith(['openssl'], 'a PKCS#12 file of acmex convert', () => {
  it('is opened by OpenSSL without -legacy', () => {
    const args = ['pkcs12', '-in', at('ready.p12'), '-passin', `pass:${passphrase}`, '-nodes'];
    const text = execFileSync('openssl', args, { stdio: 'pipe' }).toString();
    expect(text).toMatch(/friendlyName: a\.test/);
  });
});
