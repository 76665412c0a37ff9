import { createHash, randomBytes } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import Module, * as modules from 'node:module';
import { dirname, join } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import { Script } from 'node:vm';
import { errorCode } from '@acmex/errors';

export interface CompileCacheOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Undefined where the system has no user ids: there nothing is cached. */
  readonly uid: number | undefined;
  /** The version of the program. The cache of another version is removed. */
  readonly version: string;
}

/** Files in the cache that are too many: it begins again without them. */
const maxFiles = 1000;
const digestLength = 32;

/**
 * Keeps the compiled code of what this process loads from now on, and uses what earlier processes
 * of this user have kept, in `acmex` in the user's cache folder: `$CACHE_DIRECTORY` (systemd),
 * `$XDG_CACHE_HOME`, `~/.cache`. Only a folder that this user alone can write is used. Without one,
 * or if it cannot be written, everything is compiled as usual.
 */
export function useCompileCache(options: CompileCacheOptions): void {
  if (options.env.NODE_DISABLE_COMPILE_CACHE) return;
  const folder = cacheFolder(options);
  if (folder === undefined) return;
  const { enableCompileCache } = modules as {
    readonly enableCompileCache?: (folder: string) => unknown;
  };
  if (enableCompileCache) enableCompileCache(folder);
  else cacheCommonJs(folder);
}

/** Returns the folder of this version, which it creates; undefined if none is safe to use. */
function cacheFolder({ env, uid, version }: CompileCacheOptions): string | undefined {
  const { home, above } = userCache(env);
  if (uid === undefined || !home?.startsWith('/')) return undefined;
  const folders = [...above, 'acmex', 'compiled', `${version}-node-${process.version}`];
  const paths = folders.map((_, index) => join(home, ...folders.slice(0, index + 1)));
  const [folder = home, parent = home] = paths.toReversed();
  try {
    // Where root runs with the home of a user, it leaves nothing there.
    if (lstatSync(home).uid !== uid) return undefined;
    const isNew = paths.map(hasCreated).at(-1);
    if (!paths.slice(above.length).every((path) => isPrivate(path, uid))) return undefined;
    if (isNew) removeExcept(folder, parent);
    return folder;
  } catch {
    return undefined; // read-only, full, or no folder: a program runs without a cache
  }
}

/** Returns the folder that must be there, and the folders in it above that of the program. */
function userCache({ CACHE_DIRECTORY, XDG_CACHE_HOME, HOME }: CompileCacheOptions['env']): {
  readonly home: string | undefined;
  readonly above: readonly string[];
} {
  const home = CACHE_DIRECTORY || XDG_CACHE_HOME;
  return home ? { home, above: [] } : { home: HOME, above: ['.cache'] };
}

/** Creates a folder in one that is there. @returns false if it was there already */
function hasCreated(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    return false;
  }
}

/** Returns whether only this user can write a folder. */
function isPrivate(path: string, uid: number): boolean {
  const entry = lstatSync(path);
  return entry.isDirectory() && entry.uid === uid && (entry.mode & 0o022) === 0;
}

function removeExcept(folder: string, parent: string): void {
  for (const name of readdirSync(parent))
    if (join(parent, name) !== folder) rmSync(join(parent, name), { recursive: true, force: true });
}

/** What Node.js before 22.1 does not do by itself, for the files of bundles, which are CommonJS. */
function cacheCommonJs(folder: string): void {
  const compiled = new Map<string, Script>();
  const { extensions } = modules.createRequire(process.execPath);
  extensions['.cjs'] = (module, filename) => {
    const source = readFileSync(filename, 'utf8');
    // V8 accepts only what has the same tag: its version and flags, and the processor.
    const key = digest(`${cachedDataVersionTag()} ${filename} ${source}`).toString('hex');
    const file = join(folder, key);
    const cachedData = readChecked(file);
    const script = new Script(Module.wrap(source), { filename, cachedData });
    if (!cachedData || script.cachedDataRejected) compiled.set(file, script);
    const run = script.runInThisContext() as (...args: readonly unknown[]) => void;
    const require = modules.createRequire(filename);
    run.call(module.exports, module.exports, require, module, filename, dirname(filename));
  };
  process.once('exit', () => {
    try {
      if (compiled.size > 0 && readdirSync(folder).length > maxFiles)
        for (const name of readdirSync(folder)) rmSync(join(folder, name), { force: true });
      for (const [file, script] of compiled) writeChecked(file, script.createCachedData());
    } catch {
      compiled.clear(); // a disk that is full, or another process that has begun again
    }
  });
}

/** Returns what was written; undefined if it is not there or damaged, which V8 does not notice. */
function readChecked(file: string): Buffer | undefined {
  try {
    const bytes = readFileSync(file);
    const content = bytes.subarray(digestLength);
    return digest(content).equals(bytes.subarray(0, digestLength)) ? content : undefined;
  } catch {
    return undefined; // it is not in the cache yet
  }
}

function writeChecked(file: string, content: Buffer): void {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, Buffer.concat([digest(content), content]), { mode: 0o600, flag: 'wx' });
  renameSync(draft, file);
}

function digest(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
