import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import {
  certificateFiles,
  type CompleteBundle,
  type FilePaths,
  localFiles,
  serialNumberIn,
} from '@acmex/deploy';

/** A file of a certificate. */
export interface ServerFile {
  readonly path: string;
  /** Whether a private key is in it. */
  readonly hasKey: boolean;
  /** Whether it is that of the second key. */
  readonly isSecond: boolean;
  /** Undefined where there is no such file. */
  readonly content: Uint8Array | undefined;
}

/** Returns the files of a certificate, in the order in which they are written. */
export function serverFiles(paths: FilePaths, bundle: CompleteBundle): readonly ServerFile[] {
  return certificateFiles(paths, bundle).map((file) => ({
    ...file,
    content: Buffer.from(file.content),
  }));
}

/**
 * Returns the same files with what they have now.
 * @throws DeployError `ERR_DEPLOY_FILE`, `ERR_DEPLOY_UNSAFE`
 */
export async function readFiles(files: readonly ServerFile[]): Promise<readonly ServerFile[]> {
  await using place = localFiles();
  const present: ServerFile[] = [];
  for (const file of files) present.push({ ...file, content: await place.read(file.path, {}) });
  return present;
}

/**
 * Replaces the files, each whole, and removes those without content.
 * @throws DeployError `ERR_DEPLOY_FILE`, `ERR_DEPLOY_UNSAFE`
 */
export async function writeFiles(files: readonly ServerFile[]): Promise<void> {
  await using place = localFiles();
  await place.replace(
    files.flatMap(({ content, ...file }) => (content ? [{ ...file, content }] : [])),
    {},
  );
  for (const { path, content } of files) if (!content) await place.remove(path, {});
}

/** Returns the serial number of the first certificate; undefined where there is none. */
export function serialNumberOf(files: readonly ServerFile[]): string | undefined {
  return serialNumberIn(textOf(chainFile(files.filter(({ isSecond }) => !isSecond))));
}

/**
 * Returns the path of a certificate that is there with the key of another one; undefined where
 * there is none. Such a pair can end a server that reads it. A key that cannot be read, such as an
 * encrypted one, is not compared.
 */
export function mismatchedPath(files: readonly ServerFile[]): string | undefined {
  for (const second of [false, true]) {
    const pair = files.filter(({ isSecond }) => isSecond === second);
    const key = privateKeyIn(textOf(pair.find(({ hasKey }) => hasKey)));
    const file = chainFile(pair);
    const chain = textOf(file);
    if (!key || serialNumberIn(chain) === undefined) continue;
    if (!new X509Certificate(chain).checkPrivateKey(key)) return file?.path;
  }
  return undefined;
}

/** Returns the lines of the private keys, which no message may have. */
export function keyLines(files: readonly ServerFile[]): readonly string[] {
  const keys = files.filter(({ hasKey }) => hasKey);
  return keys
    .flatMap((file) => textOf(file).split('\n'))
    .filter((line) => line.length > 20 && !line.startsWith('-----'));
}

/** The chain is in the last file of a key that is written. */
function chainFile(files: readonly ServerFile[]): ServerFile | undefined {
  return files.at(-1);
}

function textOf(file: ServerFile | undefined): string {
  return Buffer.from(file?.content ?? '').toString();
}

function privateKeyIn(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}
