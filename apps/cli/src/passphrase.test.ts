import { createPrivateKey, type KeyObject } from 'node:crypto';
import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '@acmex/ca';
import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import { identifiers } from '@acmex/identifier';
import { removeFolder } from '@acmex/services';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { acmex, type AcmexOptions, typing } from './terminal.testing.ts';

const passphrase = 'correct horse battery';
let folder: string;
let count = 0;
/** An empty folder for what a command writes. */
let out: string;
const at = (name: string) => join(folder, name);

/** Encrypts a key as other programs do. */
function encrypted(key: KeyObject, type: 'pkcs8' | 'sec1' = 'pkcs8') {
  return key.export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-passphrase-'));
  const pair = await webcrypto().generate('ec-p256');
  const key = createPrivateKey(Buffer.from(await privateKeyPem(pair)));
  await writeFile(at('key.pem'), encrypted(key));
  await writeFile(
    at('key.der'),
    key.export({ type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase }),
  );
  const names = identifiers(['a.test', '127.0.0.1']);
  await writeFile(at('cert.pem'), await createSelfSigned({ identifiers: names, key: pair }));
  const authority = await createAuthority({
    name: 'Corp',
    passphrase,
    constraints: { domains: ['corp.example'], addresses: [] },
    keyType: 'ec-p256',
  });
  await writeFile(at('root.pem'), authority.root);
  // With the few rounds of other programs, because each guess of ours takes long on purpose.
  const rootKey = createPrivateKey({ key: Buffer.from(authority.rootKey ?? ''), passphrase });
  await writeFile(at('root-key.pem'), encrypted(rootKey));
  await writeFile(at('issuing.pem'), authority.issuing);
  await writeFile(
    at('issuing-key.pem'),
    encrypted(createPrivateKey(Buffer.from(authority.issuingKey)), 'sec1'),
  );
  await writeFile(at('secret'), `${passphrase}\n`, { mode: 0o600 });
});
afterAll(() => removeFolder(folder));
beforeEach(emptyFolder);

async function emptyFolder(): Promise<void> {
  count += 1;
  out = at(`out-${count}`);
  await mkdir(out);
}

const existing = () => [
  ...['ca', 'init', '--storage', join(out, 'ca'), '--root-certificate', at('root.pem')],
  ...['--issuing-certificate', at('issuing.pem'), '--issuing-key', at('issuing-key.pem')],
];

interface Door {
  readonly name: string;
  readonly args: () => readonly string[];
  readonly flag?: string;
  readonly variable: string;
  /** Makes what the command needs. */
  readonly prepare?: () => Promise<unknown>;
  /** 3 where the command ends when it finds a file that it would replace. */
  readonly code?: number;
}

const prepared = async () => await acmex(existing(), { env: { ACMEX_CA_PASSPHRASE: passphrase } });

/** Every command that reads a private key from a file. */
const doors: readonly Door[] = [
  {
    name: 'acmex obtain --account-key',
    args: () => [
      ...['obtain', '-d', 'a.test', '--server', 'https://127.0.0.1:1/dir'],
      ...['--cert-path', at('cert.pem')],
      ...['--storage', join(out, 'data'), '--account-key', at('key.pem')],
    ],
    flag: '--account-key-passphrase-file',
    variable: 'ACMEX_ACCOUNT_KEY_PASSPHRASE',
    code: 3,
  },
  { name: 'acmex ca init --issuing-key', args: existing, variable: 'ACMEX_CA_PASSPHRASE' },
  {
    name: 'acmex ca replace-issuing',
    args: () => [
      ...['ca', 'replace-issuing', '--storage', join(out, 'ca')],
      ...['--root-key', at('root-key.pem')],
    ],
    variable: 'ACMEX_CA_PASSPHRASE',
    prepare: prepared,
  },
  {
    name: 'acmex ca root-crl',
    args: () => [
      ...['ca', 'root-crl', '--storage', join(out, 'ca')],
      ...['--root-key', at('root-key.pem')],
    ],
    variable: 'ACMEX_CA_PASSPHRASE',
    prepare: prepared,
  },
  {
    name: 'acmex ca serve --tls-key',
    args: () => [
      ...['ca', 'serve', '--development', '--listen', '127.0.0.1:0'],
      ...['--tls-certificate', at('cert.pem'), '--tls-key', at('key.pem')],
    ],
    flag: '--tls-key-passphrase-file',
    variable: 'ACMEX_CA_TLS_KEY_PASSPHRASE',
  },
  {
    name: 'acmex convert',
    args: () => ['convert', at('key.der'), join(out, 'key.pem'), '--format', 'pkcs8'],
    variable: 'ACMEX_PASSPHRASE',
  },
  {
    name: 'acmex convert --key',
    args: () => ['convert', at('cert.pem'), join(out, 'x.pem'), '--key', at('key.pem')],
    variable: 'ACMEX_PASSPHRASE',
  },
];

/** Runs a command; a server ends when it is ready. */
async function runDoor(args: readonly string[], options: AcmexOptions = {}) {
  const stop = new AbortController();
  const onStdout = () => stop.abort();
  return await acmex(args, { ...options, signal: stop.signal, onStdout });
}

async function filesIn(path: string): Promise<readonly string[]> {
  return (await readdir(path, { recursive: true })).toSorted();
}

describe.each(doors)('The key of $name', (door) => {
  const { args, flag = '--passphrase-file', variable, prepare, code = 0 } = door;
  it('is opened with the passphrase of a file, a variable or a person', async () => {
    const ways: readonly [readonly string[], AcmexOptions][] = [
      [[flag, at('secret')], { env: { [variable]: 'not used' } }],
      [[], { env: { [variable]: passphrase } }],
      [[], typing([passphrase])],
    ];
    for (const [flags, options] of ways) {
      await emptyFolder();
      await prepare?.();
      const result = await runDoor([...args(), ...flags], options);
      expect([result.stderr, result.code]).toEqual([
        code === 0 ? expect.anything() : expect.stringContaining('cert.pem already exists'),
        code,
      ]);
      expect(result.stderr + result.stdout).not.toContain(passphrase);
    }
  });

  it('is named as encrypted, with the ways to open it, where no person can be asked', async () => {
    await prepare?.();
    const before = await filesIn(out);
    const result = await runDoor(args());
    expect(result.stderr).toContain(
      `encrypted: use ${flag}, ${variable} or a terminal, where you are asked for it`,
    );
    expect(result.stderr).toContain(folder);
    expect(result.stderr).toMatch(/PASSPHRASE(_MISSING)?[\]"]/);
    expect([result.code, await filesIn(out)]).toEqual([3, before]);
  });

  it.each<[string, AcmexOptions]>([
    ['of a variable', { env: { [variable]: 'correct horse saddle' } }],
    ['that a person types', typing(['correct horse saddle'])],
  ])('is refused with a wrong passphrase %s, and nothing is written', async (_, options) => {
    await prepare?.();
    const before = await filesIn(out);
    const result = await runDoor(args(), options);
    expect(result.stderr).toMatch(/passphrase (is wrong|does not decrypt it)/);
    expect(result.stderr).toMatch(/ERR_[A-Z_]*PASSPHRASE[\]"]/);
    expect(result.stderr).toContain(folder);
    expect(result.stderr).not.toMatch(/horse|internal error/);
    expect([result.code, await filesIn(out)]).toEqual([3, before]);
  });
});

describe('A passphrase of acmex ca init', () => {
  const init = () => [
    ...['ca', 'init', '--name', 'Example', '--domains', 'corp.example', '--key-type', 'ec-p256'],
    ...['--storage', join(out, 'ca'), '--root-certificate', join(out, 'root.pem')],
    ...['--root-key', join(out, 'root-key.pem')],
  ];

  it('is typed twice, and opens the key of the root', async () => {
    const result = await acmex(init(), typing([passphrase, passphrase]));
    expect([result.code, result.stderr]).toEqual([0, expect.not.stringContaining(passphrase)]);
    const crl = [
      ...['ca', 'root-crl', '--storage', join(out, 'ca')],
      ...['--root-key', join(out, 'root-key.pem')],
    ];
    expect(await acmex(crl, typing([passphrase]))).toMatchObject({ code: 0 });
  });

  it.each<[string, AcmexOptions, string]>([
    [
      'no person can be asked',
      {},
      'needs a passphrase: use --passphrase-file, ACMEX_CA_PASSPHRASE',
    ],
    ['two answers differ', typing([passphrase, 'correct horse saddle']), 'differ'],
    ['it is short', typing(['short', 'short']), '[ERR_CA_PASSPHRASE]'],
    [
      'stderr is not a terminal',
      { ...typing([passphrase]), isTerminal: false },
      'needs a passphrase',
    ],
  ])('is refused if %s, and no file is written', async (_, options, text) => {
    const result = await acmex(init(), options);
    expect([result.code, result.stderr]).toEqual([2, expect.stringContaining(text)]);
    expect((await filesIn(out)).filter((name) => name.endsWith('.pem'))).toEqual([]);
  });

  it('is not asked for if a file of the CA exists', async () => {
    await writeFile(join(out, 'root-key.pem'), 'precious');
    const result = await acmex(init(), typing([]));
    expect(result).toMatchObject({ code: 3, stderr: expect.stringContaining('already exists') });
  });
});
