import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '@acmex/services';
import { expect, it } from '@jest/globals';
import { parseCertificate } from './certificate-info.ts';
import { oddCertificate } from './odd-certificates.testing.ts';

const count = 300;
const nameOptions = 'esc_2253,esc_ctrl,utf8,dump_nostr,dump_der,sep_comma_plus_space,sname';
const curves: Readonly<Record<string, string>> = {
  prime256v1: 'ec-p256',
  secp384r1: 'ec-p384',
  secp521r1: 'ec-p521',
};

/** Runs `openssl x509` over files, from one shell: a process of Node.js starts others slowly. */
const script = `for file in *.der; do
  openssl x509 -inform DER -in $file -noout -text -serial -issuer -subject -nameopt ${nameOptions}
  echo '== end'
done`;

async function byOpenssl(certificates: readonly Uint8Array[]) {
  await using folder = await temporaryFolder('openssl-comparison');
  for (const [index, der] of certificates.entries())
    await writeFile(join(folder.path, `${String(index).padStart(4, '0')}.der`), der);
  const { stdout } = await promisify(execFile)('sh', ['-c', script], {
    cwd: folder.path,
    env: { ...process.env, OPENSSL_CONF: '/dev/null' },
    maxBuffer: 16 * 1024 * 1024,
  });
  return stdout.split('== end\n').slice(0, -1).map(inOurWords);
}

function inOurWords(text: string) {
  const line = (pattern: RegExp) => pattern.exec(text)?.[1] ?? '';
  return {
    serialNumber: line(/^serial=(.*)$/m).toLowerCase(),
    issuer: nameText(line(/^issuer=(.*)$/m)),
    subject: nameText(line(/^subject=(.*)$/m)),
    keyType: keyType(line(/Public Key Algorithm: (.*)/), text),
    names: namesIn(line(/Subject Alternative Name: \n +(.*)/)),
  };
}

/** OpenSSL writes blanks around the plus of a relative name with several attributes. */
function nameText(text: string): string {
  return text.replaceAll(' + ', '+');
}

function keyType(algorithm: string, text: string): string {
  const [, bits = ''] = /Public-Key: \((\d+) bit\)/.exec(text) ?? [];
  const [, curve = ''] = /ASN1 OID: (.*)/.exec(text) ?? [];
  if (algorithm === 'id-ecPublicKey') return curves[curve] ?? `ec ${curve}`;
  if (algorithm === 'rsaEncryption') return bits === '2048' ? 'rsa-2048' : `rsa ${bits}`;
  return algorithm.toLowerCase();
}

/** The names that OpenSSL writes in full, and how many there are of the others. */
function namesIn(line: string) {
  const all = (pattern: RegExp) => [...line.matchAll(pattern)].map(([, value = '']) => value);
  return {
    dns: all(/(?:^|, )DNS:([^,]*)/g).map((name) => name.toLowerCase()),
    ip: all(/(?:^|, )IP Address:([^,]*)/g).map(addressOf),
    email: all(/(?:^|, )email:([^,]*)/g),
    uri: all(/(?:^|, )URI:((?:[^,]|,(?! ))*)/g),
    registeredId: all(/(?:^|, )Registered ID:([^,]*)/g),
    upn: all(/(?:^|, )othername: UPN::?([^,]*)/g),
    otherName: all(/(?:^|, )othername: (?!UPN)([^,]*)/g).length,
    directory: all(/(?:^|, )(DirName):/g).length,
  };
}

function addressOf(text: string): string {
  return text.includes(':') ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text;
}

function byUs(der: Uint8Array) {
  const certificate = parseCertificate(der);
  const { serialNumber, issuer, subject, keyType: type, identifiers, otherNames } = certificate;
  const ofType = (wanted: string) =>
    identifiers.filter((name) => name.type === wanted).map(({ value }) => value);
  const ofKind = (kind: string) =>
    otherNames.flatMap((name) =>
      name.startsWith(`${kind}:`) ? [name.slice(kind.length + 1)] : [],
    );
  return {
    serialNumber,
    issuer,
    subject,
    keyType: type,
    names: {
      dns: ofType('dns'),
      ip: ofType('ip'),
      email: ofKind('email'),
      uri: ofKind('uri'),
      registeredId: ofKind('registeredId'),
      upn: ofKind('upn'),
      otherName: otherNames.filter((name) => name.startsWith('otherName ')).length,
      directory: ofKind('directory').length,
    },
  };
}

it(`agrees with openssl x509 over ${count} certificates with odd contents`, async () => {
  const certificates = Array.from({ length: count }, (_, index) => oddCertificate(index + 1));
  expect(certificates.map(byUs)).toEqual(await byOpenssl(certificates));
}, 60_000);
