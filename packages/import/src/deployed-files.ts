import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseChain } from '@acmex/certificate';
import type {
  ClientCa,
  ClientCertificate,
  ClientDeployStep,
  ClientDirectory,
  Omission,
} from './client-directory.ts';
import { assertDirectory, namesIn, readCertificate, readText } from './client-files.ts';
import { collect } from './collect.ts';
import { ImportError } from './errors.ts';

/** How many folders are below each other at most: links can lead in a circle. */
const deepest = 10;

/** Well-known CAs by the organization in the issuer of their certificates. */
const directories: Readonly<Record<string, string>> = {
  "Let's Encrypt": 'https://acme-v02.api.letsencrypt.org/directory',
  'Google Trust Services': 'https://dv.acme-v02.api.pki.goog/directory',
  ZeroSSL: 'https://acme.zerossl.com/v2/DV90',
};

/** A file of PEM, with what is in it. */
interface PemFile {
  readonly path: string;
  /** Whether the path or a folder above it, within the directory, is a link. */
  readonly isLink: boolean;
  /** PEM, in the order of the file. */
  readonly certificates: readonly string[];
  /** The public key of the private key in it, SPKI in hexadecimal. */
  readonly key?: string | undefined;
}

/**
 * Reads deployed files: each certificate whose private key is there too. Its account and its
 * challenge are not in the files; the CA is, where it is a well-known one. Nothing is written.
 * @throws ImportError `ERR_IMPORT_DIRECTORY` where there is no certificate; `ERR_IMPORT_FILE` for a
 * directory that cannot be read
 */
export async function readDeployedFiles(
  directory: string,
): Promise<Omit<ClientDirectory, 'client'>> {
  await assertDirectory(resolve(directory));
  const files = await pemFiles(resolve(directory), { isLink: false, depth: 0 });
  const byKey = new Map<string, PemFile[]>();
  for (const file of files)
    if (file.key !== undefined) byKey.set(file.key, [...(byKey.get(file.key) ?? []), file]);
  const leaves = new Map<string, PemFile[]>();
  for (const file of files) {
    const [leaf] = file.certificates;
    if (leaf === undefined || new X509Certificate(leaf).ca) continue;
    const { fingerprint256 } = new X509Certificate(leaf);
    leaves.set(fingerprint256, [...(leaves.get(fingerprint256) ?? []), file]);
  }
  if (leaves.size === 0)
    throw new ImportError(
      'ERR_IMPORT_DIRECTORY',
      `${resolve(directory)} has no file with a certificate: use the directory to which certificates are deployed`,
    );
  const { entries, failures } = await collect('certificate', [...leaves.keys()], async (leaf) =>
    certificateOf(leaves.get(leaf) ?? [], { files, byKey }),
  );
  const named = failures.map((failure) => ({
    ...failure,
    name: leaves.get(failure.name)?.[0]?.path ?? failure.name,
  }));
  return { accounts: [], certificates: entries, failures: named };
}

async function pemFiles(
  folder: string,
  { isLink, depth }: { readonly isLink: boolean; readonly depth: number },
): Promise<readonly PemFile[]> {
  const files: PemFile[] = [];
  for (const name of await namesIn(folder, { kind: 'file' })) {
    const path = join(folder, name);
    const file = await pemFile(path, isLink || (await isSymbolicLink(path)));
    if (file) files.push(file);
  }
  if (depth === deepest) return files;
  for (const name of await namesIn(folder, { kind: 'directory' })) {
    const path = join(folder, name);
    const below = { isLink: isLink || (await isSymbolicLink(path)), depth: depth + 1 };
    files.push(...(await pemFiles(path, below)));
  }
  return files;
}

async function isSymbolicLink(path: string): Promise<boolean> {
  return (await lstat(path)).isSymbolicLink();
}

/** @returns undefined for a file that has no certificate and no private key that can be read */
async function pemFile(path: string, isLink: boolean): Promise<PemFile | undefined> {
  let text = '';
  try {
    text = await readText(path);
  } catch (error) {
    // It is too large, or a link to nothing: no certificate is in it.
    if (error instanceof ImportError) return undefined;
    throw error;
  }
  const certificates = certificatesIn(text);
  const key = keyIn(text);
  return certificates.length === 0 && key === undefined
    ? undefined
    : { path, isLink, certificates, key };
}

function certificatesIn(text: string): readonly string[] {
  if (!text.includes('-----BEGIN CERTIFICATE-----')) return [];
  try {
    return parseChain(text).map(({ pem }) => pem);
  } catch {
    return []; // It is damaged: nothing can be recovered from it.
  }
}

function keyIn(text: string): string | undefined {
  if (!text.includes('PRIVATE KEY-----')) return undefined;
  try {
    return spki(createPublicKey(createPrivateKey(text)));
  } catch {
    return undefined; // It is encrypted or damaged: its certificate is reported without a key.
  }
}

function spki(key: ReturnType<typeof createPublicKey>): string {
  return key.export({ type: 'spki', format: 'der' }).toString('hex');
}

interface DeployedFiles {
  readonly files: readonly PemFile[];
  readonly byKey: ReadonlyMap<string, readonly PemFile[]>;
}

async function certificateOf(
  holders: readonly PemFile[],
  { files, byKey }: DeployedFiles,
): Promise<ClientCertificate | undefined> {
  const holder = [...holders].sort((a, b) => b.certificates.length - a.certificates.length)[0];
  const [pem] = holder?.certificates ?? [];
  if (!holder || pem === undefined) return undefined;
  const leaf = new X509Certificate(pem);
  if (leaf.checkIssued(leaf))
    throw new ImportError(
      'ERR_IMPORT_CERTIFICATE',
      `the certificate in ${holder.path} is self-signed, and no CA renews it: obtain one with acmex obtain`,
    );
  const keys = byKey.get(spki(leaf.publicKey)) ?? [];
  const [keyFile] = keys;
  if (!keyFile)
    throw new ImportError(
      'ERR_IMPORT_KEY',
      `no file in the directory has the private key of the certificate in ${holder.path}: obtain it again with acmex obtain`,
    );
  const chainFile = holder.certificates.length > 1 ? undefined : issuerFile(leaf, files);
  const content = await readCertificate(
    chainFile ? [holder.path, chainFile.path] : [holder.path],
    keyFile.path,
  );
  const steps = deploySteps(holders, keys);
  return {
    name: content.names[0] ?? holder.path,
    ...content,
    ca: caOf(leaf),
    deploy: steps,
    omitted: [...lost, ...(steps.length === 0 ? [linked(holder)] : [])],
  };
}

/** The file with the certificate of the issuer, where the leaf is alone in its file. */
function issuerFile(leaf: X509Certificate, files: readonly PemFile[]): PemFile | undefined {
  return files.find(({ certificates: [first] }) => {
    const issuer = first === undefined ? undefined : new X509Certificate(first);
    return issuer?.ca === true && leaf.checkIssued(issuer);
  });
}

/** The files are deployed to again, except where a link leads to them: another program made it. */
function deploySteps(
  holders: readonly PemFile[],
  keys: readonly PemFile[],
): readonly ClientDeployStep[] {
  const plain = holders.filter(({ isLink }) => !isLink);
  const combined = plain.filter(({ key }) => key !== undefined);
  const whole = plain.find(({ key, certificates }) => key === undefined && certificates.length > 1);
  const alone = plain.find(
    ({ key, certificates }) => key === undefined && certificates.length === 1,
  );
  const key = keys.find(({ isLink, certificates }) => !isLink && certificates.length === 0);
  const separate =
    key && (whole ?? alone)
      ? [{ certPath: whole?.path, leafPath: alone?.path, keyPath: key.path }]
      : [];
  return [...separate, ...combined.map(({ path }) => ({ combinedPath: path }))];
}

function caOf({ issuer }: X509Certificate): ClientCa | undefined {
  const organization = /^O=(.*)$/m.exec(issuer)?.[1] ?? '';
  const directory = Object.hasOwn(directories, organization)
    ? directories[organization]
    : undefined;
  return directory === undefined ? undefined : { directory };
}

function linked({ path }: PemFile): Omission {
  return {
    setting: 'deploy',
    reason: `${path} is a link, or its key is in a file with a link: name the files with acmex obtain --cert-path --key-path`,
  };
}

/** What no deployed file says. */
const lost: readonly Omission[] = [
  {
    setting: 'challenge',
    reason:
      'the files do not say how names are validated: use --webroot, --http-port or --dns-provider',
  },
  {
    setting: 'hooks',
    reason:
      'the files do not say what runs after a renewal: name a program with acmex obtain --deploy-hook',
  },
];
