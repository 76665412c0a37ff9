import { type ChildProcess, spawn } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { privateKeyPem, webcrypto } from '@acmex/certificate';
import { describeWith, removeFolder } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';

const program = fileURLToPath(new URL('../bin/acmex.mjs', import.meta.url));
const passphrase = 'correct horse battery';
/** What a terminal sends for Ctrl-C. */
const ctrlC = '\x03';
let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-terminal-'));
  const key = createPrivateKey(
    Buffer.from(await privateKeyPem(await webcrypto().generate('ec-p256'))),
  );
  const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase } as const;
  await writeFile(at('key.pem'), key.export(options));
});
afterAll(() => removeFolder(folder));

/** Runs the program on a pseudo terminal, as a person who types each answer at its question. */
async function onTerminal(args: readonly string[], answers: readonly string[]) {
  const keys = answers.map((answer) => (answer === ctrlC ? answer : `${answer}\r`));
  const command = [process.execPath, program, ...args].join(' ');
  const child: ChildProcess = spawn('script', ['-qefc', command, '/dev/null'], {
    cwd: folder,
    env: { PATH: process.env.PATH, TERM: 'dumb' },
  });
  const next = [...keys];
  let screen = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    screen += chunk.toString();
    if (/Passphrase [^\n]*: $/.test(screen)) child.stdin?.write(next.shift() ?? '\r');
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, screen };
}

describeWith(['script'], 'A passphrase on a terminal', () => {
  it('opens an encrypted key, and is not visible', async () => {
    const args = ['convert', 'key.pem', 'clear.key'];
    const { code, screen } = await onTerminal(args, [passphrase]);
    expect([code, screen]).toEqual([0, expect.stringContaining('Passphrase of key.pem: ')]);
    expect(screen).not.toContain('horse');
    await expect(readFile(at('clear.key'), 'utf8')).resolves.toContain('BEGIN PRIVATE KEY');
  });

  it('is called wrong, and nothing is written', async () => {
    const { code, screen } = await onTerminal(['convert', 'key.pem', 'never.key'], ['saddle']);
    expect([code, screen]).toEqual([3, expect.stringContaining('the passphrase is wrong')]);
    expect(screen).not.toContain('saddle');
    expect(await readdir(folder)).not.toContain('never.key');
  });

  it.each([
    ['of an encrypted key', ['convert', 'key.pem', 'never.key'], [ctrlC]],
    [
      'of the key of a new CA',
      ['ca', 'init', '--name', 'Corp', '--domains', 'corp.example', '--storage', 'never'],
      [ctrlC],
    ],
    [
      'of the key of a new CA, again',
      ['ca', 'init', '--name', 'Corp', '--domains', 'corp.example', '--storage', 'never'],
      [passphrase, ctrlC],
    ],
  ])('%s ends with 130 at Ctrl-C, and nothing is written', async (_, args, answers) => {
    const before = await readdir(folder);
    const { code, screen } = await onTerminal(args, answers);
    expect([code, screen]).toEqual([130, expect.stringContaining('Passphrase ')]);
    expect(screen).not.toContain('error');
    expect((await readdir(folder)).filter((name) => !before.includes(name))).toEqual([]);
  });

  it('is asked for twice when it encrypts the key of a new CA', async () => {
    const init = ['ca', 'init', '--name', 'Corp', '--domains', 'corp.example', '--storage', 'ca'];
    const { code, screen } = await onTerminal(init, [passphrase, passphrase]);
    expect([code, screen]).toEqual([0, expect.stringContaining('ca-root-key.pem, again: ')]);
    expect(screen).not.toContain('horse');
    const crl = ['ca', 'root-crl', '--storage', 'ca'];
    expect(await onTerminal(crl, [passphrase])).toMatchObject({ code: 0 });
  });
});
