import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { promisify } from 'node:util';
import { createSelfSigned, webcrypto } from '@acmex/certificate';
import { describeWith, temporaryFolder, type TemporaryFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { acmex } from '../terminal.testing.ts';

let temporary: TemporaryFolder;
const at = (name: string) => join(temporary.path, name);
const openssl = async (...args: string[]) =>
  await promisify(execFile)('openssl', args, { cwd: temporary.path });
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-batch'];
const hostile = 'evil\u001b[31m\u202ename';

async function certify(name: string, subject: string, extensions: string, ca = 'ca') {
  await writeFile(at(`${name}.cnf`), `basicConstraints=CA:FALSE\n${extensions}\n`);
  await openssl(
    'req',
    '-new',
    ...newKey,
    '-keyout',
    `${name}.key`,
    '-subj',
    subject,
    '-utf8',
    '-out',
    `${name}.csr`,
  );
  const issuer = [
    '-CA',
    `${ca}.pem`,
    '-CAkey',
    `${ca}.key`,
    '-days',
    '30',
    '-extfile',
    `${name}.cnf`,
  ];
  await openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...issuer);
}

/** Answers of OCSP for a certificate that an index has in this state. */
async function staple(name: string, state: 'V' | 'R'): Promise<Buffer> {
  const { stdout } = await openssl('x509', '-in', `${name}.pem`, '-noout', '-serial');
  const serial = stdout.trim().split('=')[1];
  const revoked = state === 'R' ? '261101000000Z,keyCompromise' : '';
  await writeFile(at('index'), `${state}\t471101000000Z\t${revoked}\t${serial}\tunknown\t/CN=x\n`);
  await openssl(
    ...['ocsp', '-index', 'index', '-CA', 'ca.pem', '-rsigner', 'ca.pem', '-rkey', 'ca.key'],
    ...['-issuer', 'ca.pem', '-cert', `${name}.pem`, '-respout', `${state}.der`, '-ndays', '1'],
  );
  return await readFile(at(`${state}.der`));
}

async function listening(server: Server) {
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => undefined)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function serving(name: string, ocspResponse?: Buffer) {
  const [cert, key, ca] = await Promise.all(
    [`${name}.pem`, `${name}.key`, 'ca.pem'].map((file) => readFile(at(file), 'utf8')),
  );
  const server = createTlsServer({ cert: `${cert}${ca}`, key }, (socket) =>
    socket.on('error', () => undefined),
  );
  if (ocspResponse)
    server.on('OCSPRequest', (_, __, respond: (e: null, r: Buffer) => void) =>
      respond(null, ocspResponse),
    );
  return await listening(server.on('tlsClientError', () => undefined));
}

describeWith(['openssl'], 'acmex info', () => {
  beforeAll(async () => {
    temporary = await temporaryFolder('info');
    const days = ['-days', '30', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
    await openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-subj',
      '/CN=Root',
      ...days,
    );
    await Promise.all([
      certify(
        'leaf',
        '/CN=leaf.test',
        'subjectAltName=DNS:leaf.test,IP:127.0.0.1\nkeyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid',
      ),
      certify('evil', `/CN=${hostile}/O=\u009b2J`, 'subjectAltName=DNS:evil.test'),
    ]);
    const wordy = 'A rather long name of a company that has many words in it';
    await openssl(
      ...['req', '-x509', ...newKey, '-keyout', 'long.key', '-out', 'long.pem'],
      ...['-subj', `/CN=${wordy}/O=${wordy}`],
    );
    await certify('wordy', '/CN=wordy.test', 'subjectAltName=DNS:wordy.test', 'long');
    const pems = await Promise.all(
      ['leaf.pem', 'ca.pem'].map((file) => readFile(at(file), 'utf8')),
    );
    await writeFile(at('chain.pem'), pems.join(''));
  });
  afterAll(async () => {
    await temporary[Symbol.asyncDispose]();
  });

  describe('of a file', () => {
    it('shows extensions, fingerprint and SPKI pin as openssl has them, and the chain as a tree', async () => {
      const { code, stdout } = await acmex(['info', at('chain.pem')]);
      expect(code).toBe(0);
      const { stdout: fingerprint } = await openssl(
        'x509',
        '-in',
        'leaf.pem',
        '-noout',
        '-fingerprint',
        '-sha256',
      );
      const pin = await promisify(execFile)('sh', [
        '-c',
        'openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | openssl base64',
        'sh',
        at('leaf.pem'),
      ]);
      expect(stdout).toContain(`SPKI pin     ${pin.stdout.trim()}\n`);
      expect(stdout).toContain(fingerprint.trim().split('=')[1]!.replaceAll(':', '').toLowerCase());
      expect(stdout).toMatch(
        /^extensions +basicConstraints, subjectAltName, keyUsage \(critical\), /m,
      );
      expect(stdout).toContain('chain        CN=leaf.test\n             └─ CN=Root\n');
      expect(stdout).not.toContain('█');
    });

    it('reads standard input, and says whether the private key in it belongs to the certificate', async () => {
      const [chain, key, otherKey] = await Promise.all(
        ['chain.pem', 'leaf.key', 'evil.key'].map((file) => readFile(at(file))),
      );
      await openssl(
        'pkey',
        '-in',
        'leaf.key',
        '-aes256',
        '-passout',
        'pass:x',
        '-out',
        'locked.key',
      );
      const locked = await readFile(at('locked.key'));
      for (const [input, words, expected] of [
        [[chain!, key!], 'belongs to the certificate', 0],
        [[key!, chain!], 'belongs to the certificate', 0],
        [[chain!, otherKey!], 'does NOT belong to the certificate', 3],
        [[chain!, locked], 'is not compared: it is encrypted: use --passphrase-file or', 0],
      ] as const) {
        const { code, stdout } = await acmex(['info', '-'], { stdin: Readable.from(input) });
        expect(stdout).toContain(words);
        expect(stdout).not.toContain('PRIVATE KEY');
        expect(code).toBe(expected);
      }
    });

    it('compares an encrypted private key with its passphrase', async () => {
      const input = [await readFile(at('chain.pem')), await readFile(at('locked.key'))];
      await writeFile(at('passphrase'), 'x\n', { mode: 0o600 });
      for (const [flags, env, words] of [
        [['--passphrase-file', at('passphrase')], {}, 'belongs to the certificate'],
        [[], { ACMEX_PASSPHRASE: 'x' }, 'belongs to the certificate'],
        [[], { ACMEX_PASSPHRASE: 'other' }, 'the passphrase is wrong'],
      ] as const) {
        const options = { stdin: Readable.from(input), env };
        const { code, stdout } = await acmex(['info', '-', ...flags], options);
        expect([code, stdout]).toEqual([0, expect.stringContaining(words)]);
      }
      const missing = ['info', '-', '--passphrase-file', at('absent')];
      await expect(acmex(missing, { stdin: Readable.from(input) })).resolves.toMatchObject({
        code: 2,
        stderr: expect.stringContaining('[ERR_CONFIG_CREDENTIAL]'),
      });
    });

    it('shows text of a subject without obeying it', async () => {
      const { stdout } = await acmex(['info', at('evil.pem')]);
      expect(stdout).toContain(String.raw`CN=evil\1B[31m\u{202e}name`);
      expect(stdout).not.toMatch(/[\u001b\u202e]/);
    });

    it('escapes in JSON and CSV what could control a terminal, and changes no value', async () => {
      const csv = await acmex(['info', at('evil.pem'), '--output', 'csv']);
      const json = await acmex(['info', at('evil.pem'), '--json']);
      for (const { stdout } of [csv, json])
        expect(stdout).not.toMatch(/[\u0080-\u009f\u001b\u202e]/);
      const { certificates } = JSON.parse(json.stdout);
      expect(certificates[0].subject).toBe('CN=evil\\1B[31m\u202ename, O=\u009b2J');
    });

    it('shows 20 of 100,000 names with the count, and all in JSON', async () => {
      const identifiers = Array.from({ length: 100_000 }, (_, index) => ({
        type: 'dns',
        value: `a${index.toString(36).padStart(4, '0')}`,
      }));
      const key = await webcrypto().generate('ec-p256');
      await writeFile(at('many.pem'), await createSelfSigned({ identifiers, key }));
      const { stdout, code } = await acmex(['info', at('many.pem')], { columns: 80 });
      expect(stdout).toMatch(/a000j,\s+and\s+99980\s+more\s+\(--json\s+has\s+all\)\n/);
      expect(stdout.length).toBeLessThan(2_000);
      expect(code).toBe(0);
      const { stdout: json } = await acmex(['info', at('many.pem'), '--json']);
      expect(JSON.parse(json).certificates[0].names).toHaveLength(100_000);
    });

    it('shows which certificates belong to the chain, and 20 of many', async () => {
      const [leaf, ca, unrelated] = await Promise.all(
        ['leaf.pem', 'ca.pem', 'evil.pem'].map((file) => readFile(at(file), 'utf8')),
      );
      await writeFile(at('mixed.pem'), `${leaf!}${unrelated!}${ca!}`);
      const { stdout } = await acmex(['info', at('mixed.pem')]);
      expect(stdout).toMatch(/^unrelated +CN=evil.*\nissued by +CN=Root$/m);
      expect(stdout).toMatch(/^issuer +CN=Root$/m);
      const { stdout: json } = await acmex(['info', at('mixed.pem'), '--json']);
      expect(
        JSON.parse(json).certificates.map(({ role }: { readonly role: string }) => role),
      ).toEqual(['leaf', 'unrelated', 'issuer']);
      await writeFile(at('mixed.pem'), `${leaf!}${unrelated!.repeat(300)}`);
      const { stdout: long } = await acmex(['info', at('mixed.pem')]);
      expect(long).toContain('\n             and 280 more certificates (--json has all)\n');
      expect(long).toContain('\nunrelated    and 280 more (--json has all)');
      expect(long.split('\n').length).toBeLessThan(250);
    });

    it('draws a bar and breaks lists on a terminal only', async () => {
      const { stdout } = await acmex(['info', at('chain.pem')], { columns: 80 });
      expect(stdout).toMatch(/^ {13}░{40} 0% of the lifetime is over$/m);
      expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    });

    it.each([40, 80])('breaks every long line at %i columns', async (columns) => {
      const { stdout } = await acmex(['info', at('wordy.pem'), '--check'], { columns });
      const lines = stdout.split('\n').filter((line) => line.slice(13).includes(' '));
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
      // The text of a tree stays below its branch.
      expect(stdout).toMatch(/└─ CN=A rather long\s/);
      expect(stdout).toMatch(/\n {16}[^\n]*\(not\s+included\)\n/);
    });

    it('checks chain and revocation, and ends with the result', async () => {
      const trusted = await acmex([
        'info',
        at('chain.pem'),
        '--check',
        '--anchors',
        at('ca.pem'),
        '--json',
      ]);
      expect(JSON.parse(trusted.stdout).checks).toMatchObject({
        chain: { status: 'valid', path: ['CN=leaf.test', 'CN=Root'] },
        revocation: {
          status: 'unknown',
          reason: 'the certificate names no OCSP responder and no revocation list',
        },
      });
      expect(trusted.code).toBe(4);
      const untrusted = await acmex(['info', at('chain.pem'), '--check']);
      expect(untrusted.stdout).toContain(
        'NOT valid: issuer: expected a trusted certificate of CN=Root, found an untrusted one; to trust a private CA, use --anchors\n',
      );
      expect(untrusted.stdout).toMatch(/^revocation +unknown: the chain is not valid/m);
      expect(untrusted.code).toBe(3);
    });

    it.each([
      [[], 'name one certificate'],
      [['a.pem', '-c', 'b.pem'], 'name one certificate'],
      [['-4', '-6', 'a.test:443'], '-4 and -6'],
      [['-c', 'a.pem', '--starttls', 'smtp'], 'need a HOST:PORT'],
      [['https://a.test/'], 'use HOST:PORT, such as a.test:443'],
      [['smtp://a.test:25'], 'use HOST:PORT, such as a.test:25'],
    ])('refuses %j', async (args, words) => {
      const { code, stderr } = await acmex(['info', ...args]);
      expect(stderr).toContain(words);
      expect(code).toBe(2);
    });
  });

  describe('of a server', () => {
    const trust = () => ['--check', '--anchors', at('ca.pem')];

    it('shows what is served, and proves by the stapled response that it is good', async () => {
      await using server = await serving('leaf', await staple('leaf', 'V'));
      const flags = ['--servername', 'leaf.test', ...trust()];
      const { code, stdout } = await acmex(['info', server.target, ...flags]);
      expect(stdout).toMatch(/^server +127\.0\.0\.1, port \d+, name leaf\.test$/m);
      expect(stdout).toMatch(/^connection +TLSv1\.3, TLS_\w+, \d+ ms$/m);
      expect(stdout).toMatch(/^stapled +an OCSP response of \d+ bytes$/m);
      expect(stdout).toMatch(/^trust +valid, to CN=Root, of --anchors$/m);
      expect(stdout).toMatch(/^revocation +good, by ocsp, until /m);
      expect(code).toBe(0);
    });

    it('ends with 3 for a revoked certificate, and for one of a different name', async () => {
      await using server = await serving('leaf', await staple('leaf', 'R'));
      const revoked = await acmex(['info', server.target, ...trust(), '--json']);
      expect(JSON.parse(revoked.stdout)).toMatchObject({
        server: {
          ...{ host: '127.0.0.1', isStapled: true, certificates: 2 },
          ocspResponseBytes: (await readFile(at('R.der'))).length,
        },
        checks: {
          chain: { status: 'valid' },
          revocation: { status: 'revoked', reason: 'keyCompromise', source: 'ocsp' },
        },
      });
      expect(revoked.code).toBe(3);
      const flags = ['--servername', 'b.test', ...trust()];
      const wrong = await acmex(['info', server.target, ...flags]);
      expect(wrong.stdout).toMatch(/^trust +NOT valid: name: expected b\.test/m);
      expect(wrong.code).toBe(3);
    });

    it('names the cause when nothing is served', async () => {
      await using silent = await listening(createServer((socket) => socket.end('* OK ready\r\n')));
      const { code, stderr } = await acmex(['info', silent.target]);
      expect(stderr).toContain('use STARTTLS for imap');
      expect(stderr).toContain('[ERR_PROBE_TLS]');
      expect(code).toBe(4);
    });
  });

  it('says what an input is not, when no certificate has this name', async () => {
    const { code, stderr } = await acmex(['info', 'no.test', '--storage', 'memory:']);
    expect(stderr).toContain('no managed certificate has the name no.test');
    expect(stderr).toContain('not a file or HOST:PORT either');
    expect(code).toBe(2);
  });
});
