import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createSelfSigned, webcrypto } from '@acmex/certificate';
import { refusedNameCode, refusedNames } from '@acmex/identifier/contract';
import { removeFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { acmex } from './terminal.testing.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-'));
});
afterEach(async () => {
  await removeFolder(folder);
});

const obtain = (...more: string[]) =>
  acmex([
    'obtain',
    '--storage',
    join(folder, 'data'),
    '--cert-path',
    join(folder, 'certificate.pem'),
    '-k',
    join(folder, 'private_key.pem'),
    ...more,
  ]);

async function serving(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/dir`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('acmex', () => {
  it('shows its version and its help, and ends with 0', async () => {
    await expect(acmex(['--version'])).resolves.toMatchObject({ code: 0, stdout: '1.2.3\n' });
    await expect(acmex(['--help'])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining('obtain'),
    });
    await expect(acmex(['obtain', '--help'])).resolves.toMatchObject({
      code: 0,
      stdout: expect.stringContaining('--accept-tos'),
    });
  });
  it.each([
    ['an unknown command', ['obtian'], 'Did you mean obtain?'],
    ['an unknown flag', ['obtain', '-d', 'a.test', '--forse'], 'Did you mean --force?'],
    ['a time that is none', ['obtain', '-d', 'a.test', '--not-after', 'tomorrow'], '2027-01-31'],
    ['a wait that is none', ['obtain', '-d', 'a.test', '--propagation-wait', 'long'], 'seconds'],
    ['an unknown challenge', ['obtain', '-d', 'a.test', '-c', 'dns-02'], 'tls-alpn-01'],
    ['an unknown key type', ['obtain', '-d', 'a.test', '--key-type', 'dsa'], 'ec-p256'],
    ['a port that is none', ['obtain', '-d', 'a.test', '--http-port', '70000'], '1 to 65535'],
    ['an unknown log level', ['obtain', '-d', 'a.test', '-l', 'loud'], 'debug'],
    ['nothing at all', [], 'Usage'],
    ['an unknown command with --help', ['obtian', '--help'], "unknown command 'obtian'"],
    ['an unknown command below another', ['cert', 'lst', '-h'], "unknown command 'lst'"],
    ['help for an unknown command', ['help', 'obtian'], "unknown command 'obtian'"],
  ])('answers %s with what is right, and ends with 2', async (_, args, words) => {
    const { code, stdout, stderr } = await acmex(args);
    expect(stderr).toContain(words);
    expect([code, stdout]).toEqual([2, '']);
  });
});

// Flags drop empty names, and split a list at commas.
describe.each(refusedNames.filter(({ name }) => name !== ''))(
  'the name $name',
  ({ name, message }) => {
    it.each([
      ['obtain', () => ['obtain', `--storage=${join(folder, 'data')}`, `--domains=${name}`]],
      ['dns trace', () => ['dns', 'trace', '--', name]],
      ['dns check', () => ['dns', 'check', '--dns-provider', 'manual', '--', name]],
    ])('is refused by acmex %s before anything is stored', async (_, args) => {
      const { code, stderr } = await acmex(args());
      expect(stderr).toContain(`${message} [${refusedNameCode}]`);
      expect(code).toBe(2);
      expect(await readdir(folder)).toEqual([]);
    });
  },
);

describe('acmex obtain', () => {
  it.each([
    ['--key', 'pkcs11:token=web;object=www'],
    ['--csr', 'request.pem'],
  ])('refuses a key type with %s, whose key has a type already', async (flag, value) => {
    const outcome = await obtain(flag, value, '--key-type', 'ec-p256');
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain(
      `option '--key-type <type>' cannot be used with option '${flag}`,
    );
  });
  it.each([
    ['a name that is none', ['-d', 'a_b.test'], 2, 'ERR_ACME_IDENTIFIER', 'label "a_b"'],
    [
      'a list with an empty name in it only',
      ['-d', ','],
      2,
      'ERR_CLI_USAGE',
      'names of the certificate are missing',
    ],
    ['no name', [], 2, 'ERR_CLI_USAGE', '--domains'],
    [
      'names beside a request',
      ['-d', 'a.test', '--csr', 'x.csr'],
      2,
      'ERR_CLI_USAGE',
      'use either --csr or --domains',
    ],
    [
      'dns-01 without a provider',
      ['-d', 'a.test', '-c', 'dns-01'],
      2,
      'ERR_CONFIG_PROOF',
      '--dns-provider',
    ],
    [
      'a provider that is not known',
      ['-d', 'a.test', '-c', 'dns-01', '--dns-provider', 'nobody'],
      2,
      'ERR_CONFIG_PROOF',
      'choose among acmedns',
    ],
    [
      'exec without a program',
      ['-d', 'a.test', '-c', 'dns-01', '--dns-provider', 'exec'],
      2,
      'ERR_CONFIG_PROOF',
      'EXEC_PATH',
    ],
    [
      'half an external account',
      ['-d', 'a.test', '--eab-kid', 'k'],
      2,
      'ERR_CLI_USAGE',
      '--eab-hmac-key',
    ],
    [
      'an unknown CA',
      ['-d', 'a.test', '--ca', 'nobody'],
      2,
      'ERR_CLI_USAGE',
      'letsencrypt-staging',
    ],
    [
      'a server that is not a URL',
      ['-d', 'a.test', '--server', 'ca.test'],
      2,
      'ERR_CLI_USAGE',
      "use the CA's ACME directory",
    ],
    [
      'a server without TLS',
      ['-d', 'a.test', '--server', 'http://ca.test/dir'],
      2,
      'ERR_ACME_URL',
      'https',
    ],
    [
      'a storage of an unknown kind',
      ['-d', 'a.test', '--storage', 's3://user:secret@localhost'],
      2,
      'ERR_CONFIG_INVALID',
      'flag --storage: storage.url does not fit: write file:/PATH',
    ],
    [
      'an account key that cannot be read',
      ['-d', 'a.test', '--account-key', '/nowhere/key.pem'],
      3,
      'ERR_CLI_FILE',
      'no such file',
    ],
    [
      'a CA certificate that cannot be read',
      ['-d', 'a.test', '--ca-certificate', '/nowhere/ca.pem'],
      3,
      'ERR_CLI_FILE',
      'no such file',
    ],
    [
      'a directory that is not there',
      ['-d', 'a.test', '-k', '/nowhere/key.pem'],
      3,
      'ERR_CLI_FILE',
      'no such file or directory',
    ],
    [
      'a hook that does not exist: nothing was issued',
      ['-d', 'a.test', '--deploy-hook', '/nowhere/reload'],
      3,
      'ERR_DEPLOY_HOOK',
      '/nowhere/reload',
    ],
    [
      'a deploy directory that cannot be written: nothing was issued',
      ['-d', 'a.test', '--deploy-directory', '/dev/null/tls'],
      3,
      'ERR_DEPLOY_FILE',
      '/dev/null/tls',
    ],
    [
      'a CA that does not answer',
      ['-d', 'a.test', '--server', 'https://127.0.0.1:1/dir'],
      4,
      'ERR_ACME_UNREACHABLE',
      'ECONNREFUSED',
    ],
  ])('answers %s in one line, and leaves no file', async (_, args, code, error, words) => {
    const outcome = await obtain(...args);
    expect(outcome.stderr).toContain(words);
    expect(outcome.stderr).toContain(`[${error}]`);
    expect(outcome.stderr).not.toMatch(/^\s+at /m);
    expect(outcome.stderr).not.toContain('secret');
    expect([outcome.code, outcome.stdout]).toEqual([code, '']);
    expect((await readdir(folder)).filter((file) => file !== 'data')).toEqual([]);
  });
  it('never writes over a key that is there', async () => {
    await writeFile(join(folder, 'private_key.pem'), 'mine');
    await expect(obtain('-d', 'a.test')).resolves.toMatchObject({
      code: 3,
      stderr: expect.stringContaining('ERR_CLI_EXISTS'),
    });
  });
  it('reports that a URL is not an ACME server', async () => {
    await using server = await serving((_, response) => {
      response.setHeader('content-type', 'text/html').end('<html>');
    });
    await expect(obtain('-d', 'a.test', '--server', server.url)).resolves.toMatchObject({
      code: 4,
      stderr: expect.stringContaining('ERR_ACME_NOT_ACME'),
    });
  });
  it('shows what a CA says, without letting it write to the terminal', async () => {
    await using server = await serving((request, response) => {
      const base = `http://${request.headers.host}`;
      response.setHeader('replay-nonce', 'abc');
      if (request.url === '/dir')
        response.setHeader('content-type', 'application/json').end(
          JSON.stringify({
            newNonce: `${base}/nonce`,
            newAccount: `${base}/account`,
            newOrder: `${base}/order`,
          }),
        );
      else if (request.url === '/nonce') response.end();
      else
        response.writeHead(403, { 'content-type': 'application/problem+json' }).end(
          JSON.stringify({
            type: 'urn:ietf:params:acme:error:unauthorized',
            detail: 'no\u001b[2J\u001b]0;owned\u0007way',
          }),
        );
    });
    const { code, stderr } = await obtain('-d', 'a.test', '--server', server.url);
    expect(stderr).toContain('no\\u{1b}[2J');
    expect(stderr).not.toContain('\u001b');
    expect(code).toBe(6);
  });
  it.each([[['--json']], [['-o', 'json']], [['--output=json']]])(
    'writes an error as JSON with %p',
    async (flags) => {
      const { code, stdout } = await obtain('-d', 'a_b.test', ...flags);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'ERR_ACME_IDENTIFIER' } });
      expect(code).toBe(2);
    },
  );
  it('writes an error as JSON when the configuration asks for JSON', async () => {
    const file = join(folder, 'acmex.toml');
    await writeFile(file, 'cli.output_format = "json"\n', { mode: 0o600 });
    const { stdout } = await obtain('-d', 'a_b.test', '--config', file);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'ERR_ACME_IDENTIFIER' } });
  });
  it('shows a stack with --log-level debug only', async () => {
    const debug = await obtain('-d', 'a_b.test', '--log-level', 'debug');
    expect(debug.stderr).toMatch(/^\s+at /m);
    const name = await obtain('-d', 'a_b.test', '-d', 'debug');
    expect(name.stderr).not.toMatch(/^\s+at /m);
  });
});

describe('a command line that cannot be parsed', () => {
  it.each([
    ['before the fault', ['cert', 'list', '--json', '--forse']],
    ['behind it', ['obtain', '--key-type', 'dsa', '-o', 'json']],
    ['of the default command', ['queue', '--forse', '--output=json']],
  ])('is reported as JSON with the flag %s', async (_, args) => {
    const { code, stdout, stderr } = await acmex(args);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'ERR_CLI_USAGE', message: expect.stringMatching(/^(unknown )?option/) },
    });
    expect(stderr).toContain('error:');
    expect(code).toBe(2);
  });
});

describe('acmex info', () => {
  it.each([
    ['no file', '/nowhere/certificate.pem', 3, 'no such file'],
    ['a directory', tmpdir(), 3, 'it is a directory'],
  ])('answers %s in one line', async (_, file, code, words) => {
    await expect(acmex(['info', '-c', file])).resolves.toMatchObject({
      code,
      stdout: '',
      stderr: expect.stringContaining(words),
    });
  });
  it('shows what a certificate may be used for', async () => {
    const file = join(folder, 'client.pem');
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const purposes = ['-addext', 'extendedKeyUsage=clientAuth,1.2.3.4'];
    await promisify(execFile)('openssl', [
      ...[...args, '-keyout', join(folder, 'key.pem'), '-out', file, '-subj', '/CN=client'],
      ...purposes,
    ]);
    await expect(acmex(['info', '-c', file])).resolves.toMatchObject({
      stdout: expect.stringMatching(/^purposes +clientAuth, 1\.2\.3\.4$/m),
    });
  });
  it('says that a file holds no certificate', async () => {
    await writeFile(join(folder, 'x.pem'), 'hello');
    const { code, stderr } = await acmex(['info', '-c', join(folder, 'x.pem')]);
    expect(stderr).toContain('[ERR_CERTIFICATE_');
    expect(code).toBe(3);
  });
});

describe('acmex verify', () => {
  const selfSigned = async () => {
    const key = await webcrypto().generate('ec-p256');
    const identifiers = [{ type: 'dns', value: 'a.test' }];
    const file = join(folder, 'certificate.pem');
    await writeFile(file, await createSelfSigned({ key, identifiers }));
    return file;
  };
  it('shows the path to a trusted certificate', async () => {
    const file = await selfSigned();
    const { code, stdout } = await acmex([
      ...['verify', '-c', file, '--anchors', file, '--name', 'a.test'],
      ...['--profile', 'private', '--json'],
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ isValid: true, faults: [] });
    expect(code).toBe(0);
  });
  it('says which check failed, and ends with 3', async () => {
    const file = await selfSigned();
    const flags = ['--anchors', file, '--name', 'b.test', '--profile', 'private'];
    await expect(acmex(['verify', '-c', file, ...flags])).resolves.toMatchObject({
      code: 3,
      stdout: expect.stringContaining('name: expected b.test, found "a.test"'),
    });
  });
  it('trusts nothing of a configuration that cannot be used, says so, and continues', async () => {
    const file = await selfSigned();
    await mkdir(join(folder, '.config/acmex'), { recursive: true });
    const broken = join(folder, '.config/acmex/acmex.toml');
    await writeFile(broken, '[acme\n', { mode: 0o600 });
    await expect(acmex(['verify', '-c', file], { env: { HOME: folder } })).resolves.toMatchObject({
      code: 3,
      stdout: expect.stringContaining('not valid'),
      stderr: expect.stringMatching(/warning: .*\n.*acmex\.toml.*--config or --anchors/),
    });
    await expect(acmex(['verify', '-c', file, '--config', broken])).resolves.toMatchObject({
      code: 2,
      stdout: '',
    });
  });
  it('refuses a file of anchors that has no certificate', async () => {
    const file = await selfSigned();
    const anchors = join(folder, 'anchors.pem');
    await writeFile(anchors, 'nothing\n');
    await expect(acmex(['verify', '-c', file, '--anchors', anchors])).resolves.toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringContaining('has no certificate'),
    });
  });
});
