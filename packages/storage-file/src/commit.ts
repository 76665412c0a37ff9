import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { type Change, ConflictError, CorruptEntryError, keyOf } from '@acmex/storage';
import type { Disk } from './disk.ts';
import { entryIn, fileBytes, fileOf, isEntryFile, ownFolder } from './entry-file.ts';

/**
 * One step of a commit, on paths within the storage: a new file comes to its place, or an old one
 * goes.
 */
interface Move {
  /** In the folder of new files; absent: the file at `to` goes. */
  readonly from?: string | undefined;
  readonly to: string;
}

export const newFiles = join(ownFolder, 'new');
export const journal = join(ownFolder, 'journal');

/**
 * Does what one write wants, for who holds the mutex: nothing where a version is another one. New
 * files are written and flushed beside the storage first; then one rename is the commit, of the
 * file itself for one change, of a journal for several, which lists the renames that follow.
 * @throws ConflictError
 */
export async function commit(
  root: string,
  disk: Disk,
  changes: readonly Change[],
): Promise<readonly string[]> {
  for (const change of changes) {
    if (
      change.ifVersion !== undefined &&
      change.ifVersion !== (await versionOf(root, disk, keyOf(change)))
    )
      throw new ConflictError(keyOf(change));
  }
  const news = changes.flatMap((change) =>
    'set' in change
      ? [
          {
            change,
            from: randomBytes(9).toString('hex'),
            version: randomBytes(9).toString('base64url'),
          },
        ]
      : [],
  );
  const moves = changes
    .filter((change) => !('check' in change))
    .map((change): Move => ({
      from: news.find((file) => file.change === change)?.from,
      to: fileOf('', keyOf(change)),
    }));
  try {
    const written = await Promise.allSettled(
      news.map(({ change: { value, secret = false }, from, version }) =>
        disk.write(join(root, newFiles, from), fileBytes({ value, version, secret })),
      ),
    );
    const failure = written.find(({ status }) => status === 'rejected');
    if (failure?.status === 'rejected') throw failure.reason;
    if (moves.length > 1) await keepJournal(root, disk, moves);
  } catch (error) {
    for (const { from } of news)
      await disk.remove(join(root, newFiles, from)).catch(() => {
        /* the next start clears it away */
      });
    throw error;
  }
  await carryOut(root, disk, moves);
  if (moves.length > 1) await forgetJournal(root, disk);
  return news.map(({ version }) => version);
}

/**
 * Ends what a process left that died behind its commit, and clears away what one left that died
 * before it. For who holds the mutex.
 * @throws CorruptEntryError where another program has changed the journal
 */
export async function recover(root: string, disk: Disk): Promise<void> {
  const bytes = await disk.read(join(root, journal));
  if (bytes) {
    await carryOut(root, disk, movesIn(root, bytes));
    await forgetJournal(root, disk);
  }
  for (const { name } of await disk.list(join(root, newFiles)))
    await disk.remove(join(root, newFiles, name));
}

/** Returns the moves of a journal, none of which leads out of the storage. */
function movesIn(root: string, bytes: Buffer): readonly Move[] {
  const moves = moveList(bytes.toString('utf8'));
  if (moves) return moves;
  throw new CorruptEntryError(
    journal,
    `another program, or a newer AcmeX, wrote the journal of a write in ${root}: update AcmeX, or restore a backup; without the file ${journal} the storage can be used, but that write may be half done`,
  );
}

function moveList(text: string): readonly Move[] | undefined {
  try {
    const moves: unknown = JSON.parse(text);
    return Array.isArray(moves) && moves.every(isMove) ? moves : undefined;
  } catch {
    return undefined; // it is not JSON
  }
}

function isMove(value: unknown): value is Move {
  const { from, to, ...more } = Object(value) as Readonly<Record<string, unknown>>;
  const isFromNew = from === undefined || (typeof from === 'string' && /^[0-9a-f]{18}$/.test(from));
  return isFromNew && typeof to === 'string' && isEntryFile(to) && Object.keys(more).length === 0;
}

async function keepJournal(root: string, disk: Disk, moves: readonly Move[]): Promise<void> {
  const draft = join(root, newFiles, `journal-${randomBytes(9).toString('hex')}`);
  await disk.write(draft, Buffer.from(JSON.stringify(moves)));
  await disk.sync(join(root, newFiles));
  await disk.rename(draft, join(root, journal));
  await disk.sync(join(root, ownFolder));
}

async function forgetJournal(root: string, disk: Disk): Promise<void> {
  await disk.remove(join(root, journal));
  await disk.sync(join(root, ownFolder));
}

/** Can be repeated from wherever it was cut. */
async function carryOut(root: string, disk: Disk, moves: readonly Move[]): Promise<void> {
  const touched = new Set<string>();
  const waiting = new Set((await disk.list(join(root, newFiles))).map(({ name }) => name));
  for (const { from, to } of moves) {
    const place = join(root, to);
    if (from === undefined) await disk.remove(place);
    else if (waiting.has(from)) {
      await makeFolders(root, disk, dirname(to));
      await disk.rename(join(root, newFiles, from), place);
    }
    touched.add(dirname(to));
  }
  for (const folder of touched) await flush(root, disk, folder);
}

async function makeFolders(root: string, disk: Disk, folder: string): Promise<void> {
  let path = root;
  for (const part of folder === '.' ? [] : folder.split('/')) {
    const above = path;
    path = join(path, part);
    if (await disk.makeFolder(path)) await disk.sync(above);
  }
}

/**
 * Flushes a folder, or removes it with those above it that are empty too, and flushes where they
 * were.
 */
async function flush(root: string, disk: Disk, folder: string): Promise<void> {
  let path = folder;
  while (path !== '.' && (await disk.removeFolder(join(root, path)))) path = dirname(path);
  await disk.sync(join(root, path));
}

async function versionOf(root: string, disk: Disk, key: string): Promise<string | null> {
  const bytes = await disk.read(fileOf(root, key));
  return bytes ? entryIn(key, bytes).version : null;
}
