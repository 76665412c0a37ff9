import { X509Certificate } from 'node:crypto';
import type { Stats } from 'node:fs';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { NewAuthority } from '@acmex/ca';
import {
  type CertificateInfo,
  isKeyOf,
  parseChain,
  type PrivateKey,
  webcrypto,
} from '@acmex/certificate';
import { errorCode } from '@acmex/errors';
import {
  fileErrorCure,
  fileErrorText,
  isOpenToOthers,
  replaceFile,
  reserveFile,
} from '@acmex/files';
import { LocalCaError } from './errors.ts';

/** A stored CA. It is in one file, so that no part of it can be missing. */
export interface StoredAuthority {
  /** Counts the CAs of a folder from 1: a new one has the next number. */
  readonly number: number;
  readonly root: CertificateInfo;
  readonly issuing: CertificateInfo;
  readonly key: PrivateKey;
}

const isReadableByOthers = ({ mode }: Stats) =>
  process.platform !== 'win32' && (mode & 0o077) !== 0;
const nameOf = (number: number) => `authority-${number}.pem`;
const numberIn = /^authority-([1-9]\d{0,8})\.pem$/;
const privateKeyIn = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/;

/**
 * Reads the newest CA of a folder.
 * @returns undefined where there is none
 * @throws LocalCaError `ERR_LOCAL_CA_FILE`, `ERR_LOCAL_CA_UNSAFE`, `ERR_LOCAL_CA_DAMAGED`
 */
export async function readNewest(folder: string): Promise<StoredAuthority | undefined> {
  const names = await attempt(folder, 'read', async () => await readdirOrNothing(folder));
  const number = Math.max(0, ...names.map((name) => Number(numberIn.exec(name)?.[1] ?? 0)));
  if (number === 0) return undefined;
  const path = join(folder, nameOf(number));
  await assertClosed(folder, isOpenToOthers);
  await assertClosed(path, isReadableByOthers);
  const pem = await attempt(path, 'read', async () => await readFile(path, 'latin1'));
  return { number, ...(await parsed(pem, { folder, path })) };
}

/**
 * Writes a CA, for the user of this process only.
 * @returns false where another process was the first to write one with this number
 * @throws LocalCaError `ERR_LOCAL_CA_FILE`
 */
export async function writeNew(
  folder: string,
  { number, authority }: { readonly number: number; readonly authority: NewAuthority },
): Promise<boolean> {
  const path = join(folder, nameOf(number));
  await attempt(folder, 'made', async () => await mkdir(folder, { recursive: true, mode: 0o700 }));
  await assertClosed(folder, isOpenToOthers);
  return await attempt(path, 'written', async () => {
    await using file = await reserveFile(path, { mode: 0o600 });
    await file.append(authority.root + authority.issuing);
    await file.append(authority.issuingKey);
    return await file.commitNew();
  });
}

/** Writes the root certificate where programs read it. @throws LocalCaError `ERR_LOCAL_CA_FILE` */
export async function writeRoot(path: string, { root }: StoredAuthority): Promise<void> {
  await attempt(path, 'written', async () => await replaceFile(path, root.pem, { mode: 0o600 }));
}

async function parsed(
  pem: string,
  { folder, path }: { readonly folder: string; readonly path: string },
): Promise<Omit<StoredAuthority, 'number'>> {
  let cause: unknown;
  try {
    const [root, issuing] = parseChain(pem);
    const key = await webcrypto().import(Buffer.from(privateKeyIn.exec(pem)?.[0] ?? ''));
    const isWhole = root && issuing && isKeyOf(issuing, key) && isSignedBy(root, [root, issuing]);
    if (isWhole) return { root, issuing, key };
  } catch (error) {
    cause = error;
  }
  throw new LocalCaError(
    'ERR_LOCAL_CA_DAMAGED',
    `${path} is damaged: remove the folder ${folder}, and run acmex trust again for the new local CA`,
    { cause },
  );
}

function isSignedBy(root: CertificateInfo, certificates: readonly CertificateInfo[]): boolean {
  const { publicKey } = new X509Certificate(root.der);
  return certificates.every(({ der }) => new X509Certificate(der).verify(publicKey));
}

/** The folder above may be open to the user's group, as some systems make it. */
async function assertClosed(path: string, isOpen: (stats: Stats) => boolean): Promise<void> {
  if (!isOpen(await attempt(path, 'read', async () => await stat(path)))) return;
  throw new LocalCaError(
    'ERR_LOCAL_CA_UNSAFE',
    `${path} is open to other users, and with it what this machine trusts: run chmod go= ${path} if you trust what it contains, else remove ${path} and run acmex trust again`,
  );
}

async function readdirOrNothing(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function attempt<T>(
  path: string,
  purpose: 'made' | 'read' | 'written',
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new LocalCaError(
      'ERR_LOCAL_CA_FILE',
      `${path} cannot be ${purpose}: ${fileErrorText(cause)}; ${fileErrorCure(cause) ?? 'correct that, or choose another folder'}`,
      { cause },
    );
  }
}
