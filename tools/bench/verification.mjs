// What it costs to verify a usual chain, beside libcrypto alone and pkijs, and to read a certificate.
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inRounds, installPeer, median, root } from './prepare.mjs';

export const title = 'Verification';
const name = 'name.test';
const keys = {
  'P-256': ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'RSA 2048': ['-newkey', 'rsa:2048'],
};
const pkijs = { name: 'pkijs', version: '4.0.0' };
const limits = { libcrypto: 2, pkijs: 1 / 5, perSecond: 5000 };
/** Each of 100 verifications, so that a round takes a few seconds. */
const counts = { warmUp: 10, issuances: 20 };

export async function measure(bench) {
  const folder = await mkdtemp(join(root, 'tmp', 'bench-verification-'));
  const modules = join(installPeer(pkijs), 'node_modules/pkijs');
  const { module: entry } = JSON.parse(await readFile(join(modules, 'package.json'), 'utf8'));
  const peer = pathToFileURL(join(modules, entry)).href;
  try {
    const rows = [];
    const table = [['chain', 'verifier', 'CPU µs per verification']];
    for (const [type, newKey] of Object.entries(keys)) {
      const chain = await chainOf(folder, newKey);
      const rounds = await inRounds(bench.rounds, () => round(bench, { chain, peer }));
      rows.push(...promises(type, rounds));
      for (const verifier of Object.keys(rounds[0]))
        table.push([
          type,
          verifier,
          (median(rounds.map((each) => each[verifier])) * 10).toFixed(0),
        ]);
    }
    return { title, text: describeMeasurement(bench), rows, tables: [table] };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @returns CPU milliseconds of 100 calls of each verifier */
async function round(bench, task) {
  const results = {};
  for (const verifier of ['acmex', 'libcrypto', 'pkijs', 'parseCertificate']) {
    const { cpu } = await bench.run({ client: 'verifier', ...counts, ...task, verifier });
    results[verifier] = cpu;
  }
  return results;
}

function promises(type, rounds) {
  const quotient = (peer) => median(rounds.map((each) => each.acmex / each[peer]));
  const perSecond = 100_000 / median(rounds.map(({ parseCertificate }) => parseCertificate));
  const [alone, beside] = [quotient('libcrypto'), quotient('pkijs')];
  return [
    {
      promise: `\`verifyChain\`, ${type}`,
      limit: `${limits.libcrypto} of libcrypto's`,
      figure: alone.toFixed(2),
      met: alone <= limits.libcrypto,
    },
    {
      promise: `\`verifyChain\`, ${type}`,
      limit: `${limits.pkijs} of pkijs'`,
      figure: beside.toFixed(2),
      met: beside <= limits.pkijs,
    },
    {
      promise: `\`parseCertificate\`, ${type}`,
      limit: `least ${limits.perSecond.toLocaleString('en')} a second`,
      figure: `${Math.round(perSecond).toLocaleString('en')} a second`,
      met: perSecond >= limits.perSecond,
    },
  ];
}

function describeMeasurement({ rounds }) {
  return `User and system time of a process that verifies 2,000 times, after 1,000 times that do not count, a chain of a leaf, an intermediate and a root of OpenSSL with the usual extensions. AcmeX reads the leaf and the intermediate from DER each time, and checks a name; pkijs ${pkijs.version} does so without a name. libcrypto's part is what it does at least, through \`node:crypto\`: it reads the two certificates and checks two signatures, and nothing else. The figure is the quotient within one round, the median of ${rounds}. The number of \`parseCertificate\` is by processor time.`;
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
