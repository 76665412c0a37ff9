import { execFile } from 'node:child_process';
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseCertificate } from '@acmex/certificate';
import {
  contents,
  context,
  der,
  encoding,
  members,
  readDerValue,
  tags,
} from '@acmex/certificate/structure';
import { ocspRequest } from '@acmex/revocation';
import { systemClock, virtualClock } from '@acmex/clock';
import { readCertificateFields } from '@acmex/certificate/structure';
import { issue, passphrase, testAuthority, testCa } from './ca.testing.ts';
import { revokeIssued } from './index.ts';

const run = promisify(execFile);

export const roles = ['leaf', 'intermediate', 'anchor'] as const;
export type Role = (typeof roles)[number];

/** A chain that is valid, with the proofs that its leaf is revoked. DER. */
export interface SeedChain {
  readonly name: string;
  readonly certificates: Readonly<Record<Role, Uint8Array>>;
  /** The keys that have signed each certificate. */
  readonly signers: Readonly<Record<Role, KeyObject>>;
  readonly list: Uint8Array;
  readonly response: Uint8Array;
}

/** Makes a chain by OpenSSL, with all extensions that verification knows. */
export async function opensslChain(
  folder: string,
  name: string,
  newKey: readonly string[],
): Promise<SeedChain> {
  const openssl = async (...args: readonly string[]) => {
    await run('openssl', args, { cwd: folder });
  };
  const path = (file: string) => join(folder, `${name}-${file}`);
  const issuers = { anchor: 'anchor', intermediate: 'anchor', leaf: 'intermediate' } as const;
  await writeFile(path('ca.cnf'), configuration(name));
  await writeFile(path('number'), '1000\n');
  for (const role of roles.toReversed()) {
    const issuer = issuers[role];
    const signer = ['-CA', path(`${issuer}.pem`), '-CAkey', path(`${issuer}.key`)];
    await openssl(
      ...['req', '-x509', ...newKey, '-nodes', '-keyout', path(`${role}.key`), '-days', '30'],
      ...['-subj', `/C=CH/O=Example/CN=Test ${role}`, '-config', path('ca.cnf')],
      ...['-extensions', role, '-out', path(`${role}.pem`), '-set_serial', '0x4142434445464748'],
      ...(role === 'anchor' ? [] : signer),
    );
  }
  const until = systemClock.now().add({ hours: 24 }).toString();
  const date = `${until.slice(2, 19).replaceAll(/\D/g, '')}Z`;
  const revoked = `260101000000Z,keyCompromise`;
  const entry = ['R', date, revoked, '4142434445464748', 'unknown', '/CN=leaf.test'].join('\t');
  await writeFile(path('index.txt'), `${entry}\n`);
  await openssl('ca', '-config', path('ca.cnf'), '-gencrl', '-out', path('list.pem'));
  await openssl('crl', '-in', path('list.pem'), '-outform', 'DER', '-out', path('list.der'));
  const issuer = path('intermediate.pem');
  await openssl(
    ...['ocsp', '-index', path('index.txt'), '-CA', issuer, '-rsigner', issuer],
    ...['-rkey', path('intermediate.key'), '-issuer', issuer, '-cert', path('leaf.pem')],
    ...['-respout', path('response.der'), '-noverify', '-no_nonce', '-ndays', '5'],
  );
  const certificateOf = async (role: Role) =>
    parseCertificate(await readFile(path(`${role}.pem`))).der;
  const keyOf = async (role: Role) => createPrivateKey(await readFile(path(`${role}.key`)));
  const [leaf, intermediate, anchor, issuerKey, anchorKey] = await Promise.all([
    certificateOf('leaf'),
    certificateOf('intermediate'),
    certificateOf('anchor'),
    keyOf('intermediate'),
    keyOf('anchor'),
  ]);
  return {
    name,
    certificates: { leaf: withUniqueIdentifiers(leaf, issuerKey), intermediate, anchor },
    signers: { leaf: issuerKey, intermediate: anchorKey, anchor: anchorKey },
    list: await readFile(path('list.der')),
    response: await readFile(path('response.der')),
  };
}

/** Adds the fields that OpenSSL does not write. RFC 5280 §4.1.2.8 */
function withUniqueIdentifiers(certificate: Uint8Array, key: KeyObject): Uint8Array {
  const [content] = members(readDerValue(certificate, tags.sequence));
  const fields = content ? members(content).map(encoding) : [];
  const identifiers = [1, 2].map((number) => der(context(number), Uint8Array.of(4, 0xf0)));
  const changed = der(tags.sequence, ...fields.slice(0, -1), ...identifiers, ...fields.slice(-1));
  return signedAgain(certificate, changed, key);
}

function configuration(name: string): string {
  return `
[ca]
default_ca = this
[this]
database = ${name}-index.txt
crlnumber = ${name}-number
certificate = ${name}-intermediate.pem
private_key = ${name}-intermediate.key
default_md = sha256
default_crl_days = 5
crl_extensions = list
[list]
authorityKeyIdentifier = keyid
[req]
distinguished_name = name
[name]
[anchor]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[intermediate]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, digitalSignature, keyCertSign, cRLSign
extendedKeyUsage = serverAuth, clientAuth, OCSPSigning
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
nameConstraints = critical, @constraints
certificatePolicies = 2.23.140.1.2.1, 1.3.6.1.4.1.44947.1.1.1
policyMappings = 2.23.140.1.2.1:1.2.3.4
policyConstraints = critical, requireExplicitPolicy:2, inhibitPolicyMapping:3
inhibitAnyPolicy = critical, 4
authorityInfoAccess = caIssuers;URI:http://ca.test/anchor, OCSP;URI:http://ca.test/ocsp
crlDistributionPoints = URI:http://ca.test/anchor.crl
[constraints]
permitted;DNS.1 = test
permitted;IP.1 = 10.0.0.0/255.0.0.0
permitted;email.1 = leaf.test
permitted;URI.1 = .test
excluded;DNS.1 = hidden.test
excluded;IP.1 = fd00::/ffff::
excluded;dirName.1 = excluded
[excluded]
O = Excluded
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid, issuer:always
subjectAltName = @names
certificatePolicies = 2.23.140.1.2.1, 1.2.3.4, @policy
authorityInfoAccess = caIssuers;URI:http://ca.test/issuer, OCSP;URI:http://ca.test/ocsp
crlDistributionPoints = list.point, relative.point
tlsfeature = status_request
freshestCRL = URI:http://ca.test/delta.crl
issuerAltName = URI:http://ca.test
nsCertType = server
[list.point]
fullname = URI:http://ca.test/list.crl
CRLissuer = dirName:list.issuer
reasons = keyCompromise, CACompromise
[list.issuer]
CN = intermediate.test
[relative.point]
relativename = list.issuer
[names]
DNS.1 = leaf.test
DNS.2 = *.leaf.test
IP.1 = 10.1.2.3
email.1 = someone@leaf.test
URI.1 = http://leaf.test
RID.1 = 1.2.3.4.5
otherName.1 = 1.3.6.1.4.1.311.20.2.3;UTF8:someone@leaf.test
[policy]
policyIdentifier = 1.3.6.1.4.1.44947.1.1.1
CPS.1 = http://ca.test/cps
userNotice.1 = @notice
[notice]
explicitText = A notice
`;
}

/** Makes a chain by @acmex/ca, from an order to a revocation. */
export async function acmexChain(): Promise<SeedChain> {
  const { root, rootKey = '', issuing, issuingKey } = await testAuthority();
  const clock = virtualClock({ now: systemClock.now() });
  const ca = await testCa({ ocsp: true, repositoryUrl: 'http://ca.test', clock });
  const { leaf } = await issue(ca, await ca.account(), ['leaf.test', '10.1.2.3']);
  await revokeIssued(ca.storage, leaf.serialNumber, { reason: 'keyCompromise', clock });
  const get = async (path: string, body?: Uint8Array) => {
    const method = body ? 'POST' : 'GET';
    const headers = { 'content-type': 'application/ocsp-request' };
    const request = new Request(`http://ca.test${path}`, {
      method,
      headers,
      ...(body && { body: Uint8Array.from(body) }),
    });
    const answer = await ca.server.repository(request, { address: '192.0.2.1' });
    return new Uint8Array(await answer.arrayBuffer());
  };
  const issuer = parseCertificate(issuing).der;
  const request = ocspRequest(readCertificateFields(leaf.der), readCertificateFields(issuer), {
    hasNonce: false,
  });
  const anchorKey = createPrivateKey({ key: Buffer.from(rootKey), passphrase });
  const issuerKey = createPrivateKey(Buffer.from(issuingKey));
  return {
    name: 'acmex',
    certificates: { leaf: leaf.der, intermediate: issuer, anchor: parseCertificate(root).der },
    signers: { leaf: issuerKey, intermediate: anchorKey, anchor: anchorKey },
    list: await get('/crl'),
    response: await get('/ocsp', request.der),
  };
}

/** Signs other contents in the form of a certificate, with the algorithm of an existing one. */
export function signedAgain(original: Uint8Array, content: Uint8Array, key: KeyObject): Uint8Array {
  const [, algorithm] = members(readDerValue(original, tags.sequence));
  if (!algorithm) throw new Error('the original is not signed');
  const signature = sign('sha256', content, key);
  const identifier = der(tags.sequence, contents(algorithm));
  return der(tags.sequence, content, identifier, der(tags.bitString, Uint8Array.of(0), signature));
}

/** A chain of which one certificate is changed. */
export interface Mutant {
  readonly chain: SeedChain;
  readonly role: Role;
  readonly certificate: Uint8Array;
}

export function certificatesOf({ chain, role, certificate }: Mutant) {
  return { ...chain.certificates, [role]: certificate };
}

const pem = (der: Uint8Array) =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;

/** Returns what OpenSSL says of each mutant that it refuses. */
export async function refusedByOpenssl(
  folder: string,
  mutants: readonly Mutant[],
): Promise<readonly string[]> {
  const groups = new Map<unknown, Mutant[]>();
  for (const mutant of mutants) {
    const key = mutant.role === 'leaf' ? mutant.chain : mutant;
    groups.set(key, [...(groups.get(key) ?? []), mutant]);
  }
  const refused: string[] = [];
  const queue = [...groups.values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / 500) }, (_, index) =>
      group.slice(index * 500, (index + 1) * 500),
    ),
  );
  const lanes = ['first', 'second'].map(async (lane) => {
    for (let group = queue.pop(); group; group = queue.pop())
      refused.push(...(await refusedOfGroup(folder, group, lane)));
  });
  await Promise.all(lanes);
  return refused;
}

/** @param group mutants that have all but the leaf in common */
async function refusedOfGroup(
  folder: string,
  group: readonly Mutant[],
  lane: string,
): Promise<readonly string[]> {
  const [first] = group;
  if (!first) return [];
  const path = (name: string) => join(folder, `${lane}-${name}`);
  const { intermediate, anchor } = certificatesOf(first);
  await writeFile(path('anchor'), pem(anchor));
  await writeFile(path('intermediate'), pem(intermediate));
  const leaves = group.map((mutant, index) => ({ mutant, file: path(`leaf-${index}`) }));
  for (const { mutant, file } of leaves) await writeFile(file, pem(certificatesOf(mutant).leaf));
  const trust = ['-partial_chain', '-no-CApath', '-no-CAstore', '-CAfile', path('anchor')];
  const { stdout, stderr } = await run(
    'openssl',
    [
      ...['verify', ...trust, '-untrusted', path('intermediate'), '-purpose', 'sslserver'],
      ...leaves.map(({ file }) => file),
    ],
    { maxBuffer: 64 * 1024 * 1024 },
  ).catch((error: { stdout: string; stderr: string }) => error);
  const lines = stderr.split('\n');
  return leaves.flatMap(({ mutant, file }) => {
    const line = lines.indexOf(`error ${file}: verification failed`);
    const reason = line > 0 ? lines[line - 1] : 'OpenSSL cannot read it';
    if (stdout.includes(`${file}: OK\n`) || reason?.startsWith(selfSigned) === true) return [];
    const text = Buffer.from(mutant.certificate).toString('base64');
    return [`${mutant.chain.name} ${mutant.role}: ${reason}\n${text}`];
  });
}

/**
 * OpenSSL takes a certificate for self-signed by its names and key identifiers alone. RFC 5280 §3.2
 * means those "where the digital signature may be verified by the public key bound into the
 * certificate": the signature of these is by their issuer.
 */
const selfSigned = 'error 18 at 0 depth lookup: self-signed certificate';
