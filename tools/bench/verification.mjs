// What it costs to verify a usual chain, beside libcrypto alone and pkijs, and to read a certificate.
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { byTurns, spread } from './figures.mjs';
import { inRounds, installPeer, root } from './prepare.mjs';

export const title = 'Verification';
const name = 'name.test';
const keys = {
  'P-256': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'RSA 2048': ['-newkey', 'rsa:2048'],
};
const pkijs = { name: 'pkijs', version: '4.0.0' };
/** How many verifications `verifier.mjs` makes by one call. */
const batch = 100;
const left = {};
/** How many calls, so that a round takes some seconds. */
const counts = { warmUp: 5, issuances: 5 };

const subjects = {
  acmex: 'AcmeX verifies',
  libcrypto: 'libcrypto verifies',
  pkijs: 'pkijs verifies',
  parseCertificate: 'AcmeX reads the leaf',
  X509Certificate: 'libcrypto reads the leaf',
  fromBER: 'pkijs reads the leaf',
};

export async function measure(bench) {
  const folder = await mkdtemp(join(root, 'tmp', 'bench-verification-'));
  const modules = join(installPeer(pkijs), 'node_modules/pkijs');
  const { module: entry } = JSON.parse(await readFile(join(modules, 'package.json'), 'utf8'));
  const peer = pathToFileURL(join(modules, entry)).href;
  try {
    const rows = [];
    const table = [['chain', 'what is done', 'CPU µs']];
    for (const [type, newKey] of Object.entries(keys)) {
      const chain = await chainOf(folder, newKey);
      const rounds = await inRounds(bench.rounds, () => round(bench, { chain, peer }));
      const of = (verifier) => rounds.map((each) => each[verifier].microseconds);
      rows.push(...rowsOf(type, of));
      for (const [verifier, text] of Object.entries(subjects))
        table.push([type, text, spread(of(verifier))]);
    }
    return { title, text: describeMeasurement(), rows, tables: [table], left };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function round(bench, task) {
  return await byTurns(subjects, async (_, verifier) => {
    const { cpu } = await bench.run({ client: 'verifier', ...counts, ...task, verifier, batch });
    return { microseconds: (cpu / batch) * 1000 };
  });
}

function rowsOf(type, of) {
  const aSecond = (verifier) => of(verifier).map((microseconds) => 1e6 / microseconds);
  return [
    {
      figure: `\`verifyChain\`, ${type}`,
      unit: 'µs',
      ours: of('acmex'),
      peer: { name: 'pkijs', figures: of('pkijs') },
      limit: { name: 'libcrypto', figures: of('libcrypto') },
      goals: [
        { of: 'peer', atMost: 0.2 },
        { of: 'limit', atMost: 2 },
      ],
    },
    {
      figure: `\`parseCertificate\`, ${type}`,
      unit: 'a second',
      ours: aSecond('parseCertificate'),
      peer: { name: 'libcrypto', figures: aSecond('X509Certificate') },
      goals: [{ atLeast: 5000 }],
    },
  ];
}

function describeMeasurement() {
  const { warmUp, issuances } = counts;
  const written = (count) => (2 * count * batch).toLocaleString('en');
  return `User and system time of a process that verifies ${written(issuances)} times in two turns, after ${written(warmUp)} times that do not count, a chain of a leaf, an intermediate and a root of OpenSSL with the usual extensions. AcmeX reads the leaf and the intermediate from DER each time, and checks a name; pkijs ${pkijs.version} does so without a name. The limit is what libcrypto does at least, through \`node:crypto\`: it reads the two certificates and checks two signatures, and nothing else. Reading one certificate is by processor time too; libcrypto and pkijs do not read the extensions then.`;
}

/** Makes a chain by OpenSSL. @returns base64 */
async function chainOf(folder, newKey) {
  const path = (file) => join(folder, file);
  await writeFile(path('config'), configuration);
  const issuers = { root: undefined, intermediate: 'root', leaf: 'intermediate' };
  for (const [role, issuer] of Object.entries(issuers)) {
    const signer = issuer ? ['-CA', path(`${issuer}.pem`), '-CAkey', path(`${issuer}.key`)] : [];
    const files = ['-keyout', path(`${role}.key`), '-out', path(`${role}.pem`)];
    const subject = ['-subj', `/O=Example/CN=${role}`, '-days', '30', '-extensions', role];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', ...newKey, '-nodes', '-config', path('config')],
        ...[...subject, ...files, ...signer],
      ],
      { stdio: 'ignore' },
    );
  }
  const base64 = async (role) =>
    (await readFile(path(`${role}.pem`), 'utf8')).replaceAll(/-----[^-]+-----|\s/g, '');
  return {
    ...{ leaf: await base64('leaf'), intermediate: await base64('intermediate') },
    ...{ root: await base64('root'), name },
  };
}

const configuration = `
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, digitalSignature, keyCertSign, cRLSign
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
certificatePolicies = 2.23.140.1.2.1
authorityInfoAccess = caIssuers;URI:http://ca.test/root
crlDistributionPoints = URI:http://ca.test/root.crl
[leaf]
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:${name}, DNS:www.${name}
certificatePolicies = 2.23.140.1.2.1
authorityInfoAccess = OCSP;URI:http://ca.test/ocsp, caIssuers;URI:http://ca.test/issuer
crlDistributionPoints = URI:http://ca.test/issuer.crl
`;
