import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseCertificate, verifyChain } from '@acmex/certificate';
import { readBundle } from '@acmex/certificate/formats';
import { encoding, members, readDerValue, tags } from '@acmex/certificate/structure';
import { errorCode } from '@acmex/errors';
import { checkRevocation } from '@acmex/revocation';
import {
  malformedDer,
  mutatedDer,
  reportSoak,
  type SeededRandom,
  seededRandom,
  temporaryFolder,
  type TemporaryFolder,
} from '@acmex/services';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  acmexChain,
  certificatesOf,
  type Mutant,
  opensslChain,
  refusedByOpenssl,
  roles,
  type SeedChain,
  signedAgain,
} from './mutated-certificates.testing.ts';

const run = promisify(execFile);
jest.setTimeout(4 * 3_600_000); // a soak; a sample takes seconds
const isSoak = process.env.ACMEX_SOAK === 'certificate';
const total = isSoak ? 100_000 : 5000;
/** There are about 35,000 leaves with one wrong value: a soak verifies all, a test these. */
const wrongValuesStride = 29;
/** Of the changes; the keys are new in each run, so that a failure prints its input too. */
const seed = Number(process.env.ACMEX_SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Leaves are changed most often: OpenSSL verifies many of them in one process. */
const leaves = Array.from({ length: 8 }, () => 'leaf' as const);
const passphrase = 'correct horse';
const newKeys = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-newkey', 'rsa:2048'],
};

let folder: TemporaryFolder;
let chains: readonly SeedChain[];
beforeAll(async () => {
  folder = await temporaryFolder('mutated');
  chains = await Promise.all([
    opensslChain(folder.path, 'ec', newKeys.ec),
    opensslChain(folder.path, 'rsa', newKeys.rsa),
    acmexChain(),
  ]);
}, 60_000);
afterAll(async () => await folder[Symbol.asyncDispose]());

/** Runs a call that may take at most a second of this process, whatever else the machine does. */
async function bounded<T>(call: () => T | Promise<T>, input: Uint8Array): Promise<T> {
  const before = process.cpuUsage();
  const result = await call();
  const { user, system } = process.cpuUsage(before);
  if (user + system > 1_000_000)
    throw new Error(`took ${user + system} µs: ${Buffer.from(input).toString('base64')}`);
  return result;
}

/** Returns the code of what a call throws; an error without a code fails the test. */
async function outcomeOf(call: () => unknown, input: Uint8Array): Promise<string> {
  try {
    await bounded(async () => await call(), input);
    return 'read';
  } catch (error) {
    const code = errorCode(error);
    if (code?.startsWith('ERR_CERTIFICATE_') === true) return code;
    if (/^ERR_(BUNDLE|KEY|KEYSTORE|CSR)_/.test(code ?? '')) return code ?? '';
    throw new Error(`an unknown error for ${Buffer.from(input).toString('base64')}`, {
      cause: error,
    });
  }
}

/** Changes one certificate of a chain, and signs half of them again so that they may be trusted. */
function mutantOf(random: SeededRandom): Mutant {
  const chain = random.pick(chains);
  const role = random.pick([...roles, ...leaves]);
  const original = chain.certificates[role];
  const foreign = Object.values(random.pick(chains).certificates);
  if (random.below(2) === 0)
    return { chain, role, certificate: mutatedDer(original, random, foreign) };
  const [content] = members(readDerValue(original, tags.sequence));
  const changed = content ? mutatedDer(encoding(content), random, foreign) : new Uint8Array();
  return { chain, role, certificate: signedAgain(original, changed, chain.signers[role]) };
}

function isTrusted(mutant: Mutant): boolean {
  const { leaf, intermediate, anchor } = certificatesOf(mutant);
  return verifyChain(leaf, { anchors: [anchor], intermediates: [intermediate] }).isValid;
}

describe('mutated certificates, proofs and files', () => {
  test('no certificate is trusted that OpenSSL refuses', async () => {
    const random = seededRandom(seed);
    const accepted: Mutant[] = [];
    const count = total / 2;
    let readable = 0;
    for (let index = 0; index < count; index += 1) {
      const mutant = mutantOf(random);
      const { certificate, chain, role } = mutant;
      let isAccepted = false;
      const outcome = await outcomeOf(() => {
        isAccepted = isTrusted(mutant);
        return parseCertificate(certificate);
      }, certificate);
      if (outcome === 'read') readable += 1;
      const isSame = Buffer.from(chain.certificates[role]).equals(certificate);
      if (isAccepted && !isSame) accepted.push(mutant);
    }
    expect((await refusedByOpenssl(folder.path, accepted)).slice(0, 20)).toEqual([]);
    reportSoak(
      `${count} certificates (ACMEX_SEED=${seed}): ${readable} readable, ${accepted.length} trusted by AcmeX and OpenSSL`,
    );
  });

  test('no certificate with one wrong value is trusted that OpenSSL refuses', async () => {
    const accepted: Mutant[] = [];
    let count = 0;
    for (const chain of chains)
      for (const role of isSoak ? roles : (['leaf'] as const)) {
        const certificate = chain.certificates[role];
        const [content] = members(readDerValue(certificate, tags.sequence));
        const signed = content ? encoding(content) : new Uint8Array();
        for (const changed of malformedDer(signed, { stride: isSoak ? 1 : wrongValuesStride })) {
          count += 1;
          const mutant = {
            chain,
            role,
            certificate: signedAgain(certificate, changed, chain.signers[role]),
          };
          if (isTrusted(mutant)) accepted.push(mutant);
        }
      }
    expect((await refusedByOpenssl(folder.path, accepted)).slice(0, 20)).toEqual([]);
    reportSoak(`${count} certificates with a wrong value: ${accepted.length} trusted`);
  });

  test.each(['list', 'response'] as const)(
    'a revoked certificate is never good by a changed %s',
    async (kind) => {
      const random = seededRandom(seed);
      const count = total * 0.15;
      let revoked = 0;
      for (let index = 0; index < count; index += 1) {
        const chain = random.pick(chains);
        const { leaf, intermediate } = chain.certificates;
        const mutant = mutatedDer(chain[kind], random, [leaf, random.pick(chains)[kind]]);
        const proof = kind === 'list' ? { lists: [mutant] } : { stapled: mutant };
        const check = () => checkRevocation(leaf, intermediate, { ...proof, isOnline: false });
        const { status } = await bounded(check, mutant);
        if (status === 'good') throw new Error(`good by ${Buffer.from(mutant).toString('base64')}`);
        if (status === 'revoked') revoked += 1;
      }
      reportSoak(
        `${count} times a ${kind} (ACMEX_SEED=${seed}): ${revoked} times revoked, never good`,
      );
    },
  );

  test('the status of a changed certificate is an answer, or an error with a code', async () => {
    const random = seededRandom(seed);
    for (let index = 0; index < total * 0.02; index += 1) {
      const { certificates, list, response } = random.pick(chains);
      const { leaf, intermediate } = certificates;
      const mutant = mutatedDer(random.pick([leaf, intermediate]), random, [intermediate]);
      const options = { lists: [list], stapled: response, isOnline: false };
      const pair = random.pick([[mutant, intermediate] as const, [leaf, mutant] as const]);
      await outcomeOf(() => checkRevocation(...pair, options), mutant);
    }
  });

  test('a changed file with keys is read, or is an error with a code', async () => {
    const random = seededRandom(seed);
    const files = await containers();
    const count = total * 0.18;
    let readable = 0;
    for (let index = 0; index < count; index += 1) {
      const mutant = mutatedDer(random.pick(files), random, files);
      const outcome = await outcomeOf(() => readBundle(mutant, { passphrase }), mutant);
      if (outcome === 'read') readable += 1;
    }
    reportSoak(`${count} files (ACMEX_SEED=${seed}): ${readable} readable`);
  });
});

/** PKCS#12, PKCS#7, PKCS#8 and other files, DER, with keys that are derived by a few iterations. */
async function containers(): Promise<readonly Uint8Array[]> {
  const path = (name: string) => join(folder.path, name);
  const secret = ['-passout', `pass:${passphrase}`];
  const chain = ['-certfile', path('ec-intermediate.pem')];
  const pair = (name: string) => [
    '-inkey',
    path(`${name}-leaf.key`),
    '-in',
    path(`${name}-leaf.pem`),
  ];
  const pkcs12 = ['pkcs12', '-export', '-iter', '20', '-name', 'web', ...secret];
  const commands = [
    [...pkcs12, ...pair('ec'), ...chain],
    [...pkcs12, ...pair('rsa'), '-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES'],
    [...pkcs12, ...pair('ec'), '-keypbe', 'NONE', '-certpbe', 'NONE', '-nomac'],
    ['crl2pkcs7', '-nocrl', '-certfile', path('ec-leaf.pem'), ...chain, '-outform', 'DER'],
    ['pkcs8', '-topk8', '-iter', '20', '-in', path('ec-leaf.key'), '-outform', 'DER', ...secret],
    ['pkey', '-in', path('rsa-leaf.key'), '-outform', 'DER'],
    ['ec', '-in', path('ec-leaf.key'), '-outform', 'DER'],
    ['rsa', '-in', path('rsa-leaf.key'), '-outform', 'DER', '-traditional'],
  ];
  return await Promise.all(
    commands.map(async (args, index) => {
      await run('openssl', [...args, '-out', path(`container-${index}`)]);
      return await readFile(path(`container-${index}`));
    }),
  );
}
