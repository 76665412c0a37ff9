import { generateKeyPairSync, sign } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { virtualClock } from '@acmex/clock';
import { eventually, type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  openSigningKey,
  programSigner,
  type ProgramSignerOptions,
  signingBackend,
} from './index.ts';

let folder: TemporaryFolder;
let program: string;
beforeEach(async () => {
  folder = await temporaryFolder('signer');
  program = join(folder.path, 'signer');
});
afterEach(async () => await folder[Symbol.asyncDispose]());

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicPem = pair.publicKey.export({ format: 'pem', type: 'spki' });
const data = new TextEncoder().encode('data');
const env = { PATH: process.env.PATH ?? '' };

/** Writes the program: a script for `sh`, in which `$1` is the operation. */
async function script(sign: string, publicKey = `cat '${folder.path}/public.pem'`): Promise<void> {
  await writeFile(join(folder.path, 'public.pem'), publicPem);
  const lines = [`if [ "$1" = public-key ]; then ${publicKey}; exit; fi`, sign];
  await writeFile(program, `#!/bin/sh\n${lines.join('\n')}\n`);
  await chmod(program, 0o755);
}
const signer = (more: Partial<ProgramSignerOptions> = {}) =>
  programSigner({ command: [program], env, ...more });
const signature = sign('sha256', data, pair.privateKey).toString('base64');
const writeSignature = `printf %s '${signature}' | base64 -d`;

describe('a key that a program signs with', () => {
  it('is asked by operation, reference and algorithm, with the digest and no shell in between', async () => {
    await script(
      `printf '%s|' "$#" "$@" "$ACMEX_PIN" "$HOME" > '${folder.path}/asked'; od -An -tx1 | tr -d ' \\n' >> '${folder.path}/asked'; ${writeSignature}`,
    );
    const reference = 'kms:web;$(touch/owned)`x`';
    const key = await openSigningKey(
      signer({ command: [program, 'first'], pin: async () => '1234' }),
      reference,
    ).catch((error: unknown) => error);
    // The script has its operation as its first argument here.
    expect(key).toMatchObject({ code: 'ERR_SIGNER_OUTPUT' });
    const opened = await openSigningKey(signer({ pin: async () => '1234' }), reference);
    await opened.sign(data);
    expect(await readFile(join(folder.path, 'asked'), 'utf8')).toBe(
      `3|sign|${reference}|ecdsa-sha256|1234||3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7`,
    );
  });
  it.each([
    ['is missing', async () => undefined, 'ERR_SIGNER_PROGRAM', /does not exist/],
    [
      'can be changed by others',
      async () => {
        await script(writeSignature);
        await chmod(program, 0o777);
      },
      'ERR_SIGNER_PROGRAM',
      /chmod go-w/,
    ],
    ['has no such key', async () => await script('', 'exit 2'), 'ERR_SIGNER_KEY', /no such key/],
    [
      'refuses the PIN',
      async () => await script('', 'exit 3'),
      'ERR_SIGNER_PIN',
      /PIN was refused/,
    ],
    [
      'fails, escaped and without the beginning of what it wrote',
      async () => await script('', `printf 'no\\033[2Jnetwork' >&2; exit 7`),
      'ERR_SIGNER_FAILED',
      /ended with 7: no.*u.*1b.*\[2Jnetwork/,
    ],
    ['writes nothing', async () => await script('', 'true'), 'ERR_SIGNER_OUTPUT', /0 bytes/],
    [
      'writes garbage',
      async () => await script('', 'echo hello'),
      'ERR_SIGNER_OUTPUT',
      /not a public key/,
    ],
    [
      'writes a private key',
      async () => {
        const pem = pair.privateKey.export({ format: 'pem', type: 'pkcs8' });
        await script('', `printf '%s' '${String(pem)}'`);
      },
      'ERR_SIGNER_OUTPUT',
      /not a public key/,
    ],
    [
      'never stops writing',
      async () => await script('', 'cat /dev/zero'),
      'ERR_SIGNER_OUTPUT',
      /more than 65536 bytes and was ended/,
    ],
    [
      'has a type of key that certificates do not have',
      async () => {
        const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
        await script('', `printf '%s' '${publicKey.export({ format: 'pem', type: 'spki' })}'`);
      },
      'ERR_SIGNER_KEY',
      /ec secp256k1/,
    ],
  ])('is not opened when the program %s', async (_, prepare, code, message) => {
    await prepare();
    await expect(openSigningKey(signer(), 'kms:web')).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
  it.each([
    ['of other data', sign('sha256', Buffer.from('else'), pair.privateKey)],
    [
      'by another key than its public key',
      sign('sha256', data, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
    ],
    [
      'with its numbers side by side',
      sign('sha256', data, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }),
    ],
    ['of no bytes', Buffer.alloc(0)],
    ['of garbage', Buffer.from('garbage')],
  ])('never returns a signature %s', async (_, wrong) => {
    await script(`printf %s '${wrong.toString('base64')}' | base64 -d`);
    const key = await openSigningKey(signer(), 'kms:web');
    await expect(key.sign(data)).rejects.toMatchObject({ code: 'ERR_SIGNER_SIGNATURE' });
  });
  it('ends a program that hangs, with what it has started', async () => {
    const clock = virtualClock();
    const file = join(folder.path, 'pid');
    await script(
      writeSignature,
      `sleep 600 & echo $! > '${file}.new'; mv '${file}.new' '${file}'; wait`,
    );
    const opening = openSigningKey(signer({ clock, limit: { seconds: 30 } }), 'kms:web');
    const outcome = expect(opening).rejects.toMatchObject({ code: 'ERR_SIGNER_TIME' });
    let pid = '';
    await eventually(async () => {
      pid = (await readFile(file, 'utf8')).trim();
      return pid !== '';
    });
    await clock.advance({ seconds: 31 });
    await outcome;
    await eventually(async () => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'gone Z');
      // What no one waits for stays as a zombie for a moment.
      return / Z/.test(stat);
    });
  });
  it('does not wait for a program that never reads its input', async () => {
    await script('exit 1');
    const key = await openSigningKey(signer(), 'kms:web');
    await expect(key.sign(new Uint8Array(1_000_000))).rejects.toMatchObject({
      code: 'ERR_SIGNER_FAILED',
    });
  });
});

describe('a signing backend', () => {
  it('reads PEM itself, and says what is missing for a reference of an unknown kind', async () => {
    await script(writeSignature);
    const backend = signingBackend({ signers: { kms: signer() } });
    const pem = Buffer.from(pair.privateKey.export({ format: 'pem', type: 'pkcs8' }));
    await expect(backend.import(pem)).resolves.toMatchObject({ type: 'ec-p256' });
    await expect(backend.import(Buffer.from('KMS:web'))).resolves.toMatchObject({
      reference: 'KMS:web',
    });
    await expect(backend.import(Buffer.from('vault:web'))).rejects.toMatchObject({
      code: 'ERR_SIGNER_REFERENCE',
      message: expect.stringMatching(/\[keys\.programs\.vault\].*kms/),
    });
    await expect(backend.import(Buffer.from('constructor:web'))).rejects.toMatchObject({
      code: 'ERR_SIGNER_REFERENCE',
    });
  });
});
