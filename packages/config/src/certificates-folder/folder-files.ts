import { isUtf8 } from 'node:buffer';
import { constants, type Stats } from 'node:fs';
import { lstat, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '@acmex/errors';
import { fileErrorText } from '@acmex/files';
import { ConfigError } from '../errors.ts';
import { assertTrusted } from '../trusted-file.ts';

/** The largest file that is read, in bytes. */
const largest = 32 * 1024 * 1024;
/** How often a folder is read again when its files change meanwhile. */
const attempts = 5;

/** Why a file, or the folder, cannot be read. */
export interface UnreadFile {
  readonly path: string;
  readonly problem: string;
  readonly cure: string;
  readonly code?: string | undefined;
}

export interface ReadFile {
  readonly path: string;
  readonly text: string;
}

type ListNames = (folder: string) => Promise<readonly string[]>;

/** What editors, package managers and version control leave beside a file, and notes for people. */
const ignored =
  /^[.#]|~$|\.(?:swp|swo|swx|bak|orig|old|save|tmp|rej|disabled|example|md|txt|dpkg-\w+|ucf-\w+|rpm(?:new|save|orig))$|^(?:README|LICENSE)$/;
const readable = /\.(?:toml|ya?ml|csv)$/;

/**
 * Reads the files of a folder, in the order of their names; none where there is no such folder.
 * Files that editors and package managers leave are left out. When a file is removed or written
 * meanwhile, the whole folder is read again. Links are followed; pipes and devices are not opened.
 * @param options `list` returns the names in a folder
 */
export async function readFolder(
  folder: string,
  { list = readdir }: { readonly list?: ListNames } = {},
): Promise<readonly (ReadFile | UnreadFile)[]> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const files = await readOnce(folder, list);
    if (files) return files;
  }
  return [
    unread(folder, 'changes while it is read', 'wait until it is complete, and run this again'),
  ];
}

/** Returns undefined when something has changed meanwhile. */
async function readOnce(
  folder: string,
  list: ListNames,
): Promise<readonly (ReadFile | UnreadFile)[] | undefined> {
  const existing = await statsOf(folder);
  if (existing === undefined) return [];
  const fault = existing.isDirectory()
    ? await trustFault(folder)
    : unread(folder, 'is not a folder', 'make it a folder with files in it');
  if (fault) return [fault];
  const files: (ReadFile | UnreadFile)[] = [];
  for (const name of [...(await list(folder))].sort()) {
    if (ignored.test(name)) continue;
    const file = await readFile(join(folder, name));
    if (!file) return undefined;
    files.push(file);
  }
  return files;
}

/** Returns undefined for a file that was removed or written meanwhile. */
async function readFile(path: string): Promise<ReadFile | UnreadFile | undefined> {
  try {
    const stats = await statsOf(path);
    if (!stats) return undefined;
    return formFault(path, stats) ?? (await trustFault(path)) ?? (await steadyText(path));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    return unread(
      path,
      `cannot be read (${fileErrorText(error)})`,
      'check its permissions, and where it leads to',
    );
  }
}

/** Returns what a path leads to; undefined where there is nothing, not even a link. */
async function statsOf(path: string): Promise<Stats | undefined> {
  try {
    const stats = await lstat(path);
    return stats.isSymbolicLink() ? await stat(path).catch(() => stats) : stats;
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

function formFault(path: string, stats: Stats): UnreadFile | undefined {
  if (stats.isSymbolicLink())
    return unread(path, 'is a link that leads nowhere', 'correct the link, or remove it');
  if (stats.isDirectory()) return unread(path, 'is a folder', 'move its files to the folder above');
  if (!stats.isFile()) return unread(path, 'is not a regular file', 'remove it');
  if (!readable.test(path))
    return unread(
      path,
      'has a name that does not say what it is',
      'end its name with .toml, .yaml, .yml or .csv, or with .disabled so that it is not read',
    );
  return stats.size > largest
    ? unread(path, 'has more than 32 MiB', 'divide it into several files')
    : undefined;
}

async function trustFault(path: string): Promise<UnreadFile | undefined> {
  try {
    await assertTrusted(path);
    return undefined;
  } catch (error) {
    if (!(error instanceof ConfigError) || error.code !== 'ERR_CONFIG_UNSAFE')
      throw error instanceof ConfigError ? error.cause : error;
    const [problem = '', cure = ''] = error.message.replace(`${path} `, '').split(/: (.*)/s);
    return { ...unread(path, problem, cure), code: error.code };
  }
}

/** Returns undefined for a file that is written while it is read. */
async function steadyText(path: string): Promise<ReadFile | UnreadFile | undefined> {
  // Without waiting for a writer, where a pipe has taken the place of the file.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const before = await file.stat();
  if (!before.isFile()) return undefined;
  const bytes = await file.readFile();
  const after = await file.stat();
  if (after.mtimeMs !== before.mtimeMs || after.size !== bytes.length) return undefined;
  return isUtf8(bytes) && !bytes.includes(0)
    ? { path, text: new TextDecoder().decode(bytes) }
    : unread(path, 'is not UTF-8 text', 'save it as UTF-8');
}

function unread(path: string, problem: string, cure: string): UnreadFile {
  return { path, problem, cure };
}
