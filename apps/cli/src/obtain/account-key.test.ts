import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { chmod, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { removeFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { acmex } from '../terminal.testing.ts';
import { readAccountKey } from './account-key.ts';

let folder: string;
const at = (name: string) => join(folder, name);
const terminal = (env: NodeJS.ProcessEnv) => ({
  env,
  stderr: new PassThrough(),
  signal: new AbortController().signal,
});

/** Files as OpenSSL writes them. */
const script = `
openssl ecparam -name prime256v1 -genkey -out sec1-parameters.pem
openssl ec -in sec1-parameters.pem -out sec1.pem
openssl genrsa -traditional -out pkcs1.pem 2048
openssl pkcs8 -topk8 -nocrypt -in sec1.pem -out pkcs8.pem
openssl pkcs8 -topk8 -in sec1.pem -passout pass:secret -out encrypted.pem
openssl pkcs8 -topk8 -in sec1.pem -passout pass:secret -outform DER -out encrypted.der
openssl ec -in sec1.pem -aes256 -passout pass:secret -out old.pem
openssl ec -in sec1.pem -pubout -out public.pem
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-account-key-'));
  execFileSync('/bin/sh', ['-e', '-c', script], { cwd: folder, stdio: 'pipe' });
  const jwk = async (name: string) =>
    JSON.stringify(createPrivateKey(await readFile(at(name))).export({ format: 'jwk' }));
  await writeFile(at('rsa.json'), await jwk('pkcs1.pem'));
  await writeFile(at('ec.json'), await jwk('sec1.pem'));
  await writeFile(at('mark.pem'), `\uFEFF${await readFile(at('pkcs8.pem'), 'utf8')}`);
  await writeFile(at('passphrase'), 'secret\n', { mode: 0o600 });
  await writeFile(at('wrong'), 'other', { mode: 0o600 });
  await writeFile(at('open'), 'secret');
  await chmod(at('open'), 0o644);
});
afterAll(() => removeFolder(folder));

describe('The key of --account-key: C11', () => {
  const files = ['sec1.pem', 'sec1-parameters.pem', 'pkcs1.pem', 'pkcs8.pem', 'mark.pem'];
  it.each([...files, 'rsa.json', 'ec.json'])('is read from %s', async (name) => {
    const key = await readAccountKey({ accountKey: at(name) }, terminal({}));
    expect(key?.algorithm).toBe(/rsa|pkcs1/.test(name) ? 'RS256' : 'ES256');
  });

  it.each(['encrypted.pem', 'encrypted.der'])(
    'is decrypted from %s with its passphrase',
    async (name) => {
      const accountKey = at(name);
      const plain = await readAccountKey({ accountKey: at('sec1.pem') }, terminal({}));
      const byFile = { accountKey, accountKeyPassphraseFile: at('passphrase') };
      const byVariable = { ACMEX_ACCOUNT_KEY_PASSPHRASE: 'secret' };
      for (const key of [
        await readAccountKey(byFile, terminal({ ACMEX_ACCOUNT_KEY_PASSPHRASE: 'other' })),
        await readAccountKey({ accountKey }, terminal(byVariable)),
      ])
        expect(key?.jwk).toEqual(plain?.jwk);
    },
  );

  const passphrase = (name: string) => ['--account-key-passphrase-file', name];
  it.each<[string, string, readonly string[], string, string]>([
    [
      'encrypted, as PEM',
      'encrypted.pem',
      [],
      'ERR_ACME_KEY_PASSPHRASE',
      'is encrypted: use --account-key-passphrase-file, ACMEX_ACCOUNT_KEY_PASSPHRASE or',
    ],
    [
      'encrypted, as DER',
      'encrypted.der',
      [],
      'ERR_ACME_KEY_PASSPHRASE',
      'is encrypted: use --account-key-passphrase-file, ACMEX_ACCOUNT_KEY_PASSPHRASE or',
    ],
    [
      'encrypted with another passphrase',
      'encrypted.pem',
      passphrase('wrong'),
      'ERR_ACME_KEY_PASSPHRASE',
      'check the passphrase',
    ],
    ['encrypted in an old form', 'old.pem', [], 'ERR_ACME_KEY', 'openssl pkcs8 -topk8'],
    ['a public key', 'public.pem', [], 'ERR_ACME_KEY', 'not a private key'],
    [
      'with a passphrase that others can read',
      'encrypted.pem',
      passphrase('open'),
      'ERR_CONFIG_CREDENTIAL',
      'chmod 600',
    ],
  ])('is refused when it is %s, before the CA is asked', async (_, name, flags, code, words) => {
    const args = flags.map((flag) => (flag.startsWith('-') ? flag : at(flag)));
    const server = ['--server', 'https://127.0.0.1:1/dir', '--storage', at('data')];
    const key = ['--account-key', at(name), ...args];
    const outcome = await acmex(['obtain', '-d', 'a.test', ...server, ...key]);
    expect(outcome.stderr).toContain(words);
    expect(outcome.stderr).toContain(`[${code}]`);
    expect(outcome.stderr).toContain(folder);
    expect(outcome.stderr).not.toContain('secret');
    expect(outcome.code).not.toBe(4);
  });

  it('is missing when there is only a passphrase for it', async () => {
    const file = at('passphrase');
    const outcome = await acmex(['obtain', '-d', 'a.test', ...passphrase(file)]);
    expect([outcome.code, outcome.stderr]).toEqual([
      2,
      expect.stringContaining('add --account-key'),
    ]);
  });
});
