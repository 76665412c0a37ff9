import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { acmex } from './terminal.testing.ts';

let folder: string;
const at = (name: string) => join(folder, name);

/** Files as OpenSSL writes them. */
const script = `
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 9 -subj / -addext "subjectAltName=DNS:a.test,email:a@a.test,URI:https://a.test/x"
openssl req -new -key key.pem -subj /CN=a.test -out csr.pem
openssl req -in csr.pem -outform DER -out csr.der
openssl req -new -key key.pem -subj / -outform DER -out csr-empty.der
openssl genrsa -traditional -out rsa.pem 2048
openssl req -new -key rsa.pem -subj "/CN=a.test/O=$(printf %060d 1)/L=$(printf %0100d 1)" -outform DER -out csr-long.der
openssl rsa -in rsa.pem -outform DER -traditional -out rsa.der
openssl pkey -in key.pem -pubout -outform DER -out public.der
openssl rsa -in rsa.pem -pubout -outform DER -out rsa-public.der
touch index.txt
openssl ca -gencrl -keyfile key.pem -cert cert.pem -crldays 1 -md sha256 -config ca.cnf -out crl.pem
openssl crl -in crl.pem -outform DER -out crl.der
openssl x509 -in cert.pem -outform DER -out cert.der
openssl pkcs8 -topk8 -in key.pem -outform DER -nocrypt -out key.der
openssl pkcs8 -topk8 -in key.pem -passout pass:abcd -out encrypted.pem
openssl pkcs8 -topk8 -in key.pem -passout pass:abcd -outform DER -out encrypted.der
openssl crl2pkcs7 -nocrl -certfile cert.pem -out p7.pem
openssl crl2pkcs7 -nocrl -certfile cert.pem -outform DER -out p7.der
openssl pkcs12 -export -in cert.pem -inkey key.pem -passout pass:abcd -out p12.p12
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-kinds-'));
  await writeFile(at('ca.cnf'), '[ca]\ndefault_ca = a\n[a]\ndatabase = index.txt\n');
  execFileSync('/bin/sh', ['-e', '-c', script], { cwd: folder, stdio: 'pipe' });
  const pem = await readFile(at('cert.pem'), 'utf8');
  await writeFile(at('utf16le.pem'), Buffer.from(`\ufeff${pem}`, 'utf16le'));
  await writeFile(at('utf16be.pem'), Buffer.from(`\ufeff${pem}`, 'utf16le').swap16());
});
afterAll(() => removeFolder(folder));

it.each(['cert.pem', 'cert.der', 'utf16le.pem', 'utf16be.pem'])(
  'acmex info shows all names and an empty issuer of %s: P11, C14',
  async (name) => {
    const { code, stdout } = await acmex(['info', '-c', at(name)]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/names +a\.test, .*a@a\.test.*https:\/\/a\.test\/x/);
    expect(stdout).toMatch(/issued by +\(no issuer name\)/);
  },
);

it.each([
  ['csr.pem', 'a certificate signing request'],
  ['csr.der', 'a certificate signing request'],
  ['csr-empty.der', 'a certificate signing request'],
  ['csr-long.der', 'a certificate signing request'],
  ['rsa.der', 'a private key'],
  ['public.der', 'a public key'],
  ['rsa-public.der', 'a public key'],
  ['crl.pem', 'a revocation list'],
  ['crl.der', 'a revocation list'],
  ['key.pem', 'a private key'],
  ['key.der', 'a private key'],
  ['encrypted.pem', 'an encrypted private key'],
  ['encrypted.der', 'an encrypted private key'],
  ['p7.pem', 'a PKCS#7 file'],
  ['p7.der', 'a PKCS#7 file'],
  ['p12.p12', 'a PKCS#12 file'],
])('acmex info says of %s that it is %s: P11', async (name, kind) => {
  const { code, stderr } = await acmex(['info', '-c', at(name)]);
  expect([code, stderr]).toEqual([3, expect.stringContaining(`${at(name)} is ${kind}`)]);
});
