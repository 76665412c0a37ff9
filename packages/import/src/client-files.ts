import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CertificateInfo,
  isKeyOf,
  type KeyType,
  keyTypes,
  parseChain,
  webcrypto,
} from '@acmex/certificate';
import { errorCode, errorText } from '@acmex/errors';
import { fileErrorText } from '@acmex/files';
import { importAccountKey } from '@acmex/protocol';
import type { ClientCertificate } from './client-directory.ts';
import { ImportError, type ImportErrorCode } from './errors.ts';

/** No file of these clients is larger. */
const largestFile = 1024 * 1024;

/**
 * Reads a file as text.
 * @throws ImportError `ERR_IMPORT_FILE`, also for what is not a file
 */
export async function readText(path: string): Promise<string> {
  try {
    const { size } = await fileAt(path);
    if (size > largestFile)
      throw new ImportError(
        'ERR_IMPORT_FILE',
        `${path} is larger than 1 MiB: restore it from a backup`,
      );
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof ImportError) throw cause;
    throw new ImportError('ERR_IMPORT_FILE', `${path} cannot be read: ${fileErrorText(cause)}`, {
      cause,
    });
  }
}

async function fileAt(path: string) {
  const status = await stat(path);
  if (status.isFile()) return status;
  throw new ImportError('ERR_IMPORT_FILE', `${path} is not a file: restore it from a backup`);
}

/**
 * Reads a file that may be absent.
 * @returns undefined where there is none
 * @throws ImportError `ERR_IMPORT_FILE`
 */
export async function readTextIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readText(path);
  } catch (error) {
    if (error instanceof ImportError && errorCode(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Lists the names in a directory, sorted; links are followed.
 * @returns an empty list where there is no such directory
 * @throws ImportError `ERR_IMPORT_FILE`
 */
export async function namesIn(
  directory: string,
  { kind }: { readonly kind: 'file' | 'directory' },
): Promise<readonly string[]> {
  try {
    const names = (await readdir(directory)).sort();
    const kinds = await Promise.all(
      names.map(async (name) => await kindOf(`${directory}/${name}`)),
    );
    return names.filter((_, index) => kinds[index] === kind);
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(cause) ?? '')) return [];
    throw new ImportError(
      'ERR_IMPORT_FILE',
      `${directory} cannot be read: ${fileErrorText(cause)}`,
      { cause },
    );
  }
}

/** How many folders are below each other at most: links can lead in a circle. */
const deepest = 10;

/**
 * Returns the folders at or below one that hold a file; one that two paths lead to is there for each.
 * @throws ImportError `ERR_IMPORT_FILE`
 */
export async function foldersWith(
  file: string,
  folder: string,
  depth = 0,
): Promise<readonly string[]> {
  if ((await namesIn(folder, { kind: 'file' })).includes(file)) return [folder];
  if (depth === deepest) return [];
  const below = (await namesIn(folder, { kind: 'directory' })).map(
    async (name) => await foldersWith(file, join(folder, name), depth + 1),
  );
  return (await Promise.all(below)).flat();
}

async function kindOf(path: string): Promise<'file' | 'directory' | undefined> {
  try {
    const status = await stat(path);
    if (status.isDirectory()) return 'directory';
    return status.isFile() ? 'file' : undefined;
  } catch (error) {
    // A link to nothing: the reader of the file reports it.
    if (errorCode(error) === 'ENOENT') return 'file';
    throw error;
  }
}

/** @throws ImportError `ERR_IMPORT_DIRECTORY` */
export async function assertDirectory(path: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) return;
  } catch (cause) {
    throw new ImportError(
      'ERR_IMPORT_DIRECTORY',
      `${path} cannot be read: ${fileErrorText(cause)}`,
      { cause },
    );
  }
  throw new ImportError('ERR_IMPORT_DIRECTORY', `${path} is not a directory: use a directory`);
}

/** What the files of a certificate say. */
export type CertificateContent = Pick<
  ClientCertificate,
  'names' | 'chain' | 'privateKey' | 'keyType' | 'notBefore' | 'notAfter'
>;

/**
 * Reads a certificate with its chain and its key, and makes sure that they belong together.
 * @param chainPaths files with the leaf first, one after the other
 * @throws ImportError `ERR_IMPORT_FILE`, `…_CERTIFICATE`, `…_KEY`, `…_KEY_MISMATCH`
 */
export async function readCertificate(
  chainPaths: readonly [string, ...string[]],
  keyPath: string,
): Promise<CertificateContent> {
  const [path] = chainPaths;
  const texts = await Promise.all(chainPaths.map(readText));
  const certificates = attempt('ERR_IMPORT_CERTIFICATE', path, () =>
    texts.flatMap((text) => parseChain(text)),
  );
  const [leaf] = certificates;
  if (!leaf) throw new ImportError('ERR_IMPORT_CERTIFICATE', `${path} has no certificate`);
  assertManageable(leaf, path);
  const privateKey = pkcs8(
    attempt('ERR_IMPORT_KEY', keyPath, (text) => createPrivateKey(text), await readText(keyPath)),
  );
  await assertKeyOf(leaf, privateKey, { path, keyPath });
  return {
    names: leaf.identifiers.map(({ value }) => value),
    chain: certificates.map(({ pem }) => pem).join(''),
    privateKey,
    keyType: leaf.keyType as KeyType,
    notBefore: leaf.notBefore.toString(),
    notAfter: leaf.notAfter.toString(),
  };
}

function assertManageable(leaf: CertificateInfo, path: string): void {
  const reason = unmanageable(leaf);
  if (reason === undefined) return;
  throw new ImportError(
    'ERR_IMPORT_CERTIFICATE',
    `the certificate in ${path} ${reason}: obtain it again with acmex obtain`,
  );
}

function unmanageable({
  isCa,
  identifiers,
  otherNames,
  keyType,
}: CertificateInfo): string | undefined {
  if (isCa) return "is a CA's";
  if (identifiers.length === 0) return 'has no DNS name and no IP address';
  if (otherNames.length > 0) return 'has names that are neither DNS names nor IP addresses';
  if (!keyTypes.some((known) => known === keyType)) return `has a key of the type ${keyType}`;
  return undefined;
}

async function assertKeyOf(
  leaf: CertificateInfo,
  privateKey: string,
  { path, keyPath }: { readonly path: string; readonly keyPath: string },
): Promise<void> {
  const bytes = new TextEncoder().encode(privateKey);
  try {
    const key = await webcrypto().import(bytes);
    if (isKeyOf(leaf, key)) return;
  } catch (cause) {
    throw unusable('ERR_IMPORT_KEY', keyPath, cause);
  } finally {
    bytes.fill(0);
  }
  throw new ImportError(
    'ERR_IMPORT_KEY_MISMATCH',
    `the key in ${keyPath} is not the key of the certificate in ${path}: restore the file of the key, or obtain the certificate again with acmex obtain`,
  );
}

/**
 * Reads an account key as clients store it: a JWK, or PEM of any form.
 * @returns PKCS#8 PEM
 * @throws ImportError `ERR_IMPORT_FILE`, `ERR_IMPORT_ACCOUNT`
 */
export async function readAccountKey(path: string): Promise<string> {
  const text = await readText(path);
  const pem = attempt('ERR_IMPORT_ACCOUNT', path, () => pkcs8(keyObject(text)));
  try {
    await importAccountKey(pem);
  } catch (cause) {
    throw unusable('ERR_IMPORT_ACCOUNT', path, cause);
  }
  return pem;
}

function keyObject(text: string): KeyObject {
  if (!text.trimStart().startsWith('{')) return createPrivateKey(text);
  return createPrivateKey({ key: JSON.parse(text), format: 'jwk' });
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/**
 * Reads a JSON file with an object.
 * @returns an empty object where there is no such file
 * @throws ImportError `ERR_IMPORT_FILE`, `ERR_IMPORT_ACCOUNT`
 */
export async function readJson(path: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readTextIfPresent(path);
  if (text === undefined) return {};
  return attempt('ERR_IMPORT_ACCOUNT', path, () => Object(JSON.parse(text)));
}

/** Runs a reader of a file, so that it fails with a stable code and no contents of the file. */
function attempt<T>(code: ImportErrorCode, path: string, read: (text: string) => T, text = ''): T {
  try {
    return read(text);
  } catch (cause) {
    throw unusable(code, path, cause);
  }
}

/** A parser of JSON would repeat what it read: its message is left out. */
function unusable(code: ImportErrorCode, path: string, cause: unknown): ImportError {
  const reason = cause instanceof SyntaxError ? 'it is not valid JSON' : errorText(cause);
  return new ImportError(code, `${path} cannot be used: ${reason}`, {
    cause: cause instanceof SyntaxError ? undefined : cause,
  });
}
