import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from './temporary-folder.ts';

/** A PKCS#11 token in files, by SoftHSM 2. */
export interface SoftToken extends AsyncDisposable {
  /** The PKCS#11 library. */
  readonly module: string;
  readonly label: string;
  readonly pin: string;
  /** What a program that uses the token needs in its environment. */
  readonly env: { readonly PATH: string; readonly SOFTHSM2_CONF: string };
  /**
   * Creates a key pair in the token.
   * @param options `type` as pkcs11-tool has it, `id` hexadecimal
   */
  generate(options: {
    readonly label: string;
    readonly id: string;
    readonly type: 'EC:prime256v1' | 'EC:secp384r1' | 'EC:secp521r1' | 'rsa:2048';
  }): Promise<void>;
}

/** Where systems install the library of SoftHSM. */
const modules = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
];
const run = promisify(execFile);

/** Creates a token with a PIN, and no keys. It needs softhsm2-util and pkcs11-tool. */
export async function softToken(): Promise<SoftToken> {
  const module = modules.find((path) => existsSync(path));
  if (module === undefined) throw new Error(`none of ${modules.join(', ')} exists`);
  const folder = await temporaryFolder('token');
  const [label, pin] = ['acmex-test', '74185296'];
  const env = {
    PATH: process.env.PATH ?? '',
    SOFTHSM2_CONF: join(folder.path, 'softhsm2.conf'),
  };
  try {
    await mkdir(join(folder.path, 'tokens'));
    const lines = [
      `directories.tokendir = ${folder.path}/tokens`,
      'objectstore.backend = file',
      '',
    ];
    await writeFile(env.SOFTHSM2_CONF, lines.join('\n'));
    const pins = ['--so-pin', '12345678', '--pin', pin];
    await run('softhsm2-util', ['--init-token', '--free', '--label', label, ...pins], { env });
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
  return {
    module,
    label,
    pin,
    env,
    async generate({ label: keyLabel, id, type }) {
      const token = ['--module', module, '--token-label', label, '--login', '--pin', pin];
      const key = ['--keypairgen', '--label', keyLabel, '--id', id, '--key-type', type];
      await run('pkcs11-tool', [...token, ...key], { env });
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
