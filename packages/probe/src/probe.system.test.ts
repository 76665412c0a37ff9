import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  describeWith,
  startApache,
  startDovecot,
  startMariadb,
  startNginx,
  startOpensslServer,
  startPostfix,
  startPostgresql,
  startSlapd,
  temporaryFolder,
  type TlsServer,
  type TlsServerOptions,
} from '@acmex/services';
import { beforeAll, expect, it } from '@jest/globals';
import { anyAddress, probe, type ProbeOptions, type StartTlsProtocol } from './index.ts';
import { listening, type Pair, selfSigned } from './serving.testing.ts';

let leaf: Pair;
let stray: Pair;
beforeAll(async () => {
  [leaf, stray] = await Promise.all([selfSigned('leaf.test'), selfSigned('stray.test')]);
});
const at = ({ port }: TlsServer, options: Partial<ProbeOptions> = {}) =>
  probe({ host: '127.0.0.1', port, serverName: 'leaf.test', policy: anyAddress, ...options });
/** The DER of an OCSP response that says nothing but tryLater. RFC 6960 §4.2.1 */
const tryLater = Buffer.of(0x30, 0x03, 0x0a, 0x01, 0x03);

for (const [program, start] of [
  ['openssl', startOpensslServer],
  ['nginx', startNginx],
] as const)
  describeWith([program], `probe of ${program}`, () => {
    it('reads the chain and the stapled response over TLS 1.2 and 1.3', async () => {
      await using server = await start({
        chain: leaf.cert + stray.cert,
        privateKey: leaf.key,
        ocspResponse: tryLater,
      });
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const served = await at(server, { versions: { lowest: version, highest: version } });
        expect(served.protocol).toBe(version);
        expect(served.chain.map((der) => Buffer.from(der))).toContainEqual(stray.der);
        expect(Buffer.from(served.chain[0]!)).toEqual(leaf.der);
        expect(Buffer.from(served.ocspResponse!)).toEqual(tryLater);
      }
    });
  });

describeWith(['apache2', 'openssl'], 'probe of Apache', () => {
  it('reads the response that Apache fetched from the responder of the CA', async () => {
    await using folder = await temporaryFolder('stapling');
    const { chain, privateKey, ocspResponse } = await issuedWithResponse(folder.path);
    await using responder = await listening(
      createServer((_, response) =>
        response.writeHead(200, { 'content-type': 'application/ocsp-response' }).end(ocspResponse),
      ),
    );
    const responderUrl = `http://127.0.0.1:${responder.port}/`;
    await using server = await startApache({ chain, privateKey, responderUrl });
    const served = await at(server);
    expect(served.chain).toHaveLength(2);
    expect(Buffer.from(served.ocspResponse!)).toEqual(ocspResponse);
  });
});

/** Makes a CA, a certificate of it, and the response of its responder, by openssl. */
async function issuedWithResponse(cwd: string) {
  const openssl = (...args: readonly string[]) => promisify(execFile)('openssl', args, { cwd });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const issuer = ['-CA', 'ca.pem', '-CAkey', 'ca.key'];
  const name = ['-subj', '/CN=leaf.test', '-set_serial', '0x1234'];
  const leafExtensions = ['-addext', 'basicConstraints=critical,CA:FALSE'];
  const to = (file: string) => ['-keyout', `${file}.key`, '-out', `${file}.pem`];
  await openssl('req', '-x509', ...key, ...to('ca'), '-subj', '/CN=ca.test');
  await openssl('req', '-x509', ...key, ...issuer, ...name, ...leafExtensions, ...to('leaf'));
  await writeFile(join(cwd, 'index.txt'), 'V\t490101000000Z\t\t1234\tunknown\t/CN=leaf.test\n');
  const responder = ['-index', 'index.txt', '-rsigner', 'ca.pem', '-rkey', 'ca.key', '-ndays', '1'];
  const question = ['-CA', 'ca.pem', '-issuer', 'ca.pem', '-cert', 'leaf.pem'];
  await openssl('ocsp', ...responder, ...question, '-respout', 'response.der');
  const text = (file: string) => readFile(join(cwd, file), 'utf8');
  return {
    chain: (await text('leaf.pem')) + (await text('ca.pem')),
    privateKey: await text('leaf.key'),
    ocspResponse: await readFile(join(cwd, 'response.der')),
  };
}

type Start = (options: TlsServerOptions) => Promise<TlsServer>;
const startPop3: Start = (options) => startDovecot({ ...options, protocol: 'pop3' });
interface Failure {
  readonly code: string;
  readonly message: string;
}
type Failures = readonly [withoutStartTls: Failure, withWrongProtocol: Failure];
const greets = (protocol: string): Failures => [
  { code: 'ERR_PROBE_TLS', message: `it speaks ${protocol}: use STARTTLS for ${protocol}` },
  { code: 'ERR_PROBE_STARTTLS', message: ` but ${protocol}: use STARTTLS for ${protocol}` },
];
const waits: Failures = [
  { code: 'ERR_PROBE_CLOSED', message: 'without STARTTLS (PostgreSQL and LDAP need it)' },
  { code: 'ERR_PROBE_CLOSED', message: 'use the protocol that it speaks' },
];
for (const [name, programs, protocol, start, failures] of [
  ['Dovecot', ['dovecot'], 'imap', startDovecot, greets('imap')],
  ['Dovecot', ['dovecot', 'dovecot-pop3'], 'pop3', startPop3, greets('pop3')],
  ['Postfix', ['postfix'], 'smtp', startPostfix, greets('smtp')],
  ['OpenLDAP', ['slapd'], 'ldap', startSlapd, waits],
  ['PostgreSQL', ['postgresql'], 'postgresql', startPostgresql, waits],
  ['MariaDB', ['mariadb'], 'mysql', startMariadb, greets('mysql')],
] satisfies readonly (readonly [string, readonly string[], StartTlsProtocol, Start, Failures])[])
  describeWith(programs, `probe of ${name}, which speaks ${protocol}`, () => {
    it('reads what is behind STARTTLS over TLS 1.2 and 1.3, and says what it speaks without', async () => {
      await using server = await start({ chain: leaf.cert + stray.cert, privateKey: leaf.key });
      // GnuTLS, which Debian's OpenLDAP uses, leaves strays out.
      const sent = protocol === 'ldap' ? [leaf.der] : [leaf.der, stray.der];
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const versions = { lowest: version, highest: version };
        const served = await at(server, { startTls: protocol, versions });
        expect(served.protocol).toBe(version);
        expect(served.chain.map((der) => Buffer.from(der))).toEqual(sent);
      }
      const wrong = (['postgresql', 'ldap'] as const).find((name) => name !== protocol);
      for (const [startTls, failure] of [
        [undefined, failures[0]],
        [wrong, failures[1]],
      ] as const)
        await expect(at(server, { startTls })).rejects.toMatchObject({
          ...failure,
          message: expect.stringContaining(failure.message),
        });
    });
  });
