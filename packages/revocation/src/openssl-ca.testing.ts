import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, type Program, startProgram, temporaryFolder } from '@acmex/services';

const run = promisify(execFile);

/** A CA of OpenSSL with a certificate, a responder and lists, in a folder of its own. */
export interface OpensslCa extends AsyncDisposable {
  readonly folder: string;
  /** The port that certificates name. */
  readonly port: number;
  /** DER of a file in the folder, such as `leaf`, made from its PEM. */
  der(name: string): Promise<Uint8Array>;
  revoke(name: string, reason: string): Promise<void>;
  /** Signs a list; its DER. */
  list(flags?: readonly string[]): Promise<Uint8Array>;
  /** Signs a response about a certificate; its DER. */
  response(
    name: string,
    options?: { signer?: string; flags?: readonly string[] },
  ): Promise<Uint8Array>;
  /** Starts a responder on the port that certificates name. */
  respond(options?: { signer?: string; flags?: readonly string[] }): Promise<Program>;
  openssl(...args: string[]): Promise<void>;
}

export async function opensslCa(): Promise<OpensslCa> {
  const temporary = await temporaryFolder('revocation');
  const folder = temporary.path;
  const port = await freePort();
  const openssl = async (...args: string[]) => {
    await run('openssl', args, { cwd: folder });
  };
  await writeFile(join(folder, 'ca.cnf'), configuration(port));
  await Promise.all(
    ['index.txt', 'index.txt.attr'].map((name) => writeFile(join(folder, name), '')),
  );
  await writeFile(join(folder, 'serial'), '1000\n');
  await writeFile(join(folder, 'crlnumber'), '01\n');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  for (const name of ['ca', 'other'])
    await openssl(
      ...['req', '-x509', ...key, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '30'],
      ...['-subj', `/CN=${name}`, '-config', 'ca.cnf', '-extensions', 'ca_ext'],
    );
  for (const [name, extensions, ...dates] of [
    ['leaf', 'leaf_ext'],
    ['second', 'leaf_ext'],
    ['listed', 'listed_ext'],
    ['responder', 'ocsp_ext'],
    ['trusted', 'nocheck_ext'],
    ['checked', 'checked_ext'],
    ['expired', 'ocsp_ext', '-startdate', '20200101000000Z', '-enddate', '20200201000000Z'],
    ['useless', 'leaf_ext'],
  ] as const) {
    const request = ['req', '-new', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`];
    await openssl(...request, '-subj', `/CN=${name}`, '-config', 'ca.cnf');
    await openssl(
      ...['ca', '-batch', '-config', 'ca.cnf', '-in', `${name}.csr`, '-out', `${name}.pem`],
      ...['-extensions', extensions, '-notext', ...dates],
    );
  }
  return {
    folder,
    port,
    openssl,
    async der(name) {
      await openssl('x509', '-in', `${name}.pem`, '-outform', 'DER', '-out', `${name}.der`);
      return await readFile(join(folder, `${name}.der`));
    },
    async revoke(name, reason) {
      await openssl('ca', '-config', 'ca.cnf', '-revoke', `${name}.pem`, '-crl_reason', reason);
    },
    async list(flags = []) {
      await openssl('ca', '-config', 'ca.cnf', '-gencrl', '-out', 'list.pem', ...flags);
      await openssl('crl', '-in', 'list.pem', '-outform', 'DER', '-out', 'list.der');
      return await readFile(join(folder, 'list.der'));
    },
    async response(name, { signer = 'responder', flags = [] } = {}) {
      await openssl(
        ...['ocsp', '-index', 'index.txt', '-CA', 'ca.pem', '-rsigner', `${signer}.pem`],
        ...['-rkey', `${signer}.key`, '-issuer', 'ca.pem', '-cert', `${name}.pem`],
        ...['-respout', 'response.der', '-noverify', ...flags],
      );
      return await readFile(join(folder, 'response.der'));
    },
    async respond({ signer = 'responder', flags = [] } = {}) {
      return await startProgram({
        command: 'openssl',
        args: [
          ...['ocsp', '-port', `${port}`, '-index', 'index.txt', '-CA', 'ca.pem'],
          ...['-rsigner', `${signer}.pem`, '-rkey', `${signer}.key`, ...flags],
        ],
        cwd: folder,
        ready: (log) => log.includes('waiting for OCSP client connections'),
      });
    },
    async [Symbol.asyncDispose]() {
      await temporary[Symbol.asyncDispose]();
    },
  };
}

function configuration(port: number): string {
  return `
[ca]
default_ca = this
[this]
database = index.txt
new_certs_dir = .
serial = serial
crlnumber = crlnumber
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 20
default_crl_days = 5
policy = any
crl_extensions = crl_ext
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[ca_ext]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf_ext]
subjectAltName = DNS:leaf.test
authorityInfoAccess = OCSP;URI:http://127.0.0.1:${port}/
[listed_ext]
subjectAltName = DNS:listed.test
crlDistributionPoints = URI:http://127.0.0.1:${port}/list.crl
[ocsp_ext]
extendedKeyUsage = OCSPSigning
[nocheck_ext]
extendedKeyUsage = OCSPSigning
crlDistributionPoints = URI:http://127.0.0.1:${port}/list.crl
noCheck = ignored
[checked_ext]
extendedKeyUsage = OCSPSigning
crlDistributionPoints = URI:http://127.0.0.1:${port}/list.crl
[crl_ext]
authorityKeyIdentifier = keyid
`;
}
