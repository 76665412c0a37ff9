import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, removeFolder } from '@acmex/services';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type OwnCa, ownCa } from './own-ca.testing.ts';
import { acmex } from './terminal.testing.ts';

let folder: string;
let ca: OwnCa;
/** What the CA makes of each chain. */
let arrange: (chain: readonly string[]) => readonly string[];
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-refused-'));
  ca = await ownCa({ arrange: (chain) => arrange(chain) });
  await writeFile(at('root.pem'), ca.root);
});
afterAll(async () => {
  await ca[Symbol.asyncDispose]();
  await removeFolder(folder);
});
beforeEach(() => {
  arrange = (chain) => chain;
});
afterEach(async () => {
  for (const name of ['data', 'c.pem', 'k.pem', 'c.pem.refused', 'k.pem.refused'])
    await rm(at(name), { recursive: true, force: true });
});

const stored = (args: readonly string[]) => acmex([...args, '--storage', at('data')]);
const obtain = async (...args: readonly string[]) =>
  await stored([
    ...['obtain', '-d', 'a.test', '--server', ca.directory, '--ca-certificate', at('root.pem')],
    ...['--accept-tos', '--cert-path', at('c.pem'), '-k', at('k.pem')],
    ...['--http-port', String(await freePort()), ...args],
  ]);
/** Only the issuer's certificate, whose key is not that of the request. */
const onlyIssuer = (chain: readonly string[]) => chain.slice(1);
const reversed = (chain: readonly string[]) => [...chain].reverse();
const wrongOrder = 'the CA sent its chain in the wrong order: it was put in order';

describe('a certificate that the CA issued and that is not what was ordered', () => {
  it('is shown by cert show, and written by cert export with its key in two files, but not by obtain: C5', async () => {
    arrange = onlyIssuer;
    const { code, stderr } = await obtain();
    expect([code, stderr]).toEqual([5, expect.stringContaining('[ERR_CERTIFICATE_KEY]')]);
    const [, id = '', refused = ''] = /cert export (crt_\w+) --refused (\w+)/.exec(stderr) ?? [];
    await expect(stat(at('c.pem'))).rejects.toMatchObject({ code: 'ENOENT' });
    const show = await stored(['cert', 'show', 'a.test']);
    expect(show.stdout).toMatch(
      new RegExp(`refused +${refused}, issued .* is for another key .* \\[ERR_CERTIFICATE_KEY\\]`),
    );
    const document = await stored(['cert', 'show', id, '-o', 'json']);
    expect(JSON.parse(document.stdout)).toMatchObject({
      paused: true,
      refused: [{ id: refused, code: 'ERR_CERTIFICATE_KEY' }],
    });
    expect(document.stdout).not.toContain('PRIVATE KEY');
    const oneFile = ['--cert-path', at('c.pem'), '-k', `${folder}/./c.pem`];
    await expect(
      stored(['cert', 'export', id, '--refused', refused, ...oneFile]),
    ).resolves.toMatchObject({ code: 2, stderr: expect.stringContaining('use two files') });
    await expect(stat(at('c.pem'))).rejects.toMatchObject({ code: 'ENOENT' });
    const files = ['--cert-path', at('c.pem'), '-k', at('k.pem')];
    await expect(stored(['cert', 'export', id, ...files])).resolves.toMatchObject({ code: 2 });
    const exported = await stored(['cert', 'export', id, '--refused', refused, ...files]);
    expect(exported.code).toBe(0);
    await expect(readFile(at('c.pem'), 'utf8')).resolves.toContain('BEGIN CERTIFICATE');
    await expect(readFile(at('k.pem'), 'utf8')).resolves.toContain('BEGIN PRIVATE KEY');
    const wrong = await stored(['cert', 'export', id, '--refused', 'nothing']);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining(`cert show ${id}`)]);
  });

  it('is written beside its files with its key when it is not managed', async () => {
    arrange = onlyIssuer;
    const { code, stderr } = await obtain('--no-manage');
    expect([code, stderr]).toEqual([5, expect.stringContaining('[ERR_CERTIFICATE_KEY]')]);
    expect(stderr).toContain(`stored as ${at('c.pem.refused')} with its key`);
    await expect(readFile(at('c.pem.refused'), 'utf8')).resolves.toContain('BEGIN CERTIFICATE');
    await expect(readFile(at('k.pem.refused'), 'utf8')).resolves.toContain('BEGIN PRIVATE KEY');
    expect((await stat(at('k.pem.refused'))).mode & 0o777).toBe(0o600);
    await expect(stat(at('c.pem'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('what is unusual in the chain of a CA', () => {
  it('is a warning of obtain, of renew, and of cert show', async () => {
    arrange = reversed;
    const first = await obtain();
    expect([first.code, first.stderr]).toEqual([0, expect.stringContaining(wrongOrder)]);
    const show = await stored(['cert', 'show', 'a.test']);
    expect(show.stdout).toMatch(new RegExp(`^warning +${wrongOrder}$`, 'm'));
    const renewed = await stored(['renew', '-d', 'a.test', '--force']);
    expect([renewed.code, renewed.stderr]).toEqual([0, expect.stringContaining(wrongOrder)]);
  });

  it('is a warning of obtain --no-manage', async () => {
    arrange = reversed;
    const { code, stderr } = await obtain('--no-manage');
    expect([code, stderr]).toEqual([0, expect.stringContaining(wrongOrder)]);
  });
});
