import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { type Change, ConflictError, CorruptEntryError, type Entry, keyOf } from '@acmex/storage';
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

/** What becomes of one write: the versions of what it sets, or why nothing of it was done. */
export type Outcome = PromiseSettledResult<readonly string[]>;

/** What a key holds after a commit; its file waits in the folder of new files. */
interface NewEntry extends Pick<Entry, 'value' | 'version' | 'secret'> {
  readonly file: string;
}

/**
 * Does what some writes want, none of which has a key that another changes, for who holds the
 * mutex: nothing of a write where a version is another one. New files are written and flushed
 * beside the storage first; then one rename is the commit of all, of the file itself for one
 * change, of a journal for several, which lists the renames that follow.
 * @returns what became of each write
 * @throws StorageUnavailableError where the commit was begun: `recover` ends it
 */
export async function commit(
  root: string,
  disk: Disk,
  writes: readonly (readonly Change[])[],
): Promise<readonly Outcome[]> {
  const plan = new CommitPlan(root, disk);
  const outcomes: Outcome[] = [];
  for (const changes of writes) outcomes.push(...(await Promise.allSettled([plan.add(changes)])));
  try {
    await writeNewFiles(root, disk, plan);
  } catch (reason) {
    await removeNewFiles(root, disk, plan);
    if (writes.length === 1) return [{ status: 'rejected', reason }];
    // A write that the disk has no room for does not take the others with it.
    const alone: Outcome[] = [];
    for (const changes of writes) alone.push(...(await commit(root, disk, [changes])));
    return alone;
  }
  if (plan.entries.size > 1) await keepJournal(root, disk, plan);
  await carryOut(root, { disk, moves: plan.moves(), mode: 'first' });
  if (plan.entries.size > 1) await forgetJournal(root, disk);
  return outcomes;
}

/** What some writes do together. */
class CommitPlan {
  /** What each changed key holds afterwards, in the order of the changes; null: it is removed. */
  readonly entries = new Map<string, NewEntry | null>();
  /** The name of the journal in the folder of new files. */
  readonly journal = `journal-${randomBytes(9).toString('hex')}`;
  readonly #root: string;
  readonly #disk: Disk;

  constructor(root: string, disk: Disk) {
    this.#root = root;
    this.#disk = disk;
  }

  /**
   * Adds a write.
   * @returns the versions of what it sets
   * @throws ConflictError and nothing of it is added
   */
  async add(changes: readonly Change[]): Promise<readonly string[]> {
    for (const change of changes)
      if (change.ifVersion !== undefined && change.ifVersion !== (await this.#version(change)))
        throw new ConflictError(keyOf(change));
    const versions: string[] = [];
    for (const change of changes) {
      if ('remove' in change) this.entries.set(change.remove, null);
      if (!('set' in change)) continue;
      const version = randomBytes(9).toString('base64url');
      const { value, secret = false } = change;
      const file = randomBytes(9).toString('hex');
      this.entries.set(change.set, { file, value, version, secret });
      versions.push(version);
    }
    return versions;
  }

  get files(): readonly NewEntry[] {
    return [...this.entries.values()].filter((entry) => entry !== null);
  }

  moves(): readonly Move[] {
    return [...this.entries].map(([key, entry]) => ({ from: entry?.file, to: fileOf('', key) }));
  }

  async #version(change: Change): Promise<string | null> {
    const key = keyOf(change);
    const bytes = await this.#disk.read(fileOf(this.#root, key));
    return bytes ? entryIn(key, bytes).version : null;
  }
}

/** Writes and flushes the new files, with the journal of several changes among them. */
async function writeNewFiles(root: string, disk: Disk, plan: CommitPlan): Promise<void> {
  const folder = join(root, newFiles);
  const files = plan.files.map(
    async (entry) => await disk.write(join(folder, entry.file), fileBytes(entry)),
  );
  if (plan.entries.size > 1)
    files.push(disk.write(join(folder, plan.journal), Buffer.from(JSON.stringify(plan.moves()))));
  const outcomes = await Promise.allSettled(files);
  const failure = outcomes.find(({ status }) => status === 'rejected');
  if (failure?.status === 'rejected') throw failure.reason;
  if (plan.entries.size > 1) await disk.sync(folder);
}

async function removeNewFiles(root: string, disk: Disk, plan: CommitPlan): Promise<void> {
  for (const file of [...plan.files.map((entry) => entry.file), plan.journal])
    await disk.remove(join(root, newFiles, file)).catch(() => {
      /* the next recovery clears it away */
    });
}

/**
 * Ends what a process left that died behind its commit, and clears away what one left that died
 * before it. For who holds the mutex.
 * @throws CorruptEntryError where another program has changed the journal
 */
export async function recover(root: string, disk: Disk): Promise<void> {
  const bytes = await disk.read(join(root, journal));
  if (bytes) {
    await carryOut(root, { disk, moves: movesIn(root, bytes), mode: 'again' });
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

async function keepJournal(root: string, disk: Disk, plan: CommitPlan): Promise<void> {
  await disk.rename(join(root, newFiles, plan.journal), join(root, journal));
  await disk.sync(join(root, ownFolder));
}

async function forgetJournal(root: string, disk: Disk): Promise<void> {
  await disk.remove(join(root, journal));
  await disk.sync(join(root, ownFolder));
}

interface CarriedOut {
  readonly disk: Disk;
  readonly moves: readonly Move[];
  readonly mode: 'first' | 'again';
}

/**
 * Moves the files of a commit to their places, in the order of the changes: others read meanwhile,
 * and what comes last is seen last. With the mode `again` it continues from wherever it was cut,
 * and files that were moved before are no longer among the new ones.
 */
async function carryOut(root: string, { disk, moves, mode }: CarriedOut): Promise<void> {
  const touched = new Set<string>();
  const emptied = new Set<string>();
  for (const { from, to } of moves) {
    const hasFile = from !== undefined && (await moveIn(root, { disk, from, to, mode }));
    if (from === undefined) await disk.remove(join(root, to));
    (hasFile ? touched : emptied).add(dirname(to));
  }
  for (const folder of emptied) {
    let path = folder;
    while (path !== '.' && (await disk.removeFolder(join(root, path)))) {
      touched.delete(path);
      path = dirname(path);
    }
    touched.add(path);
  }
  await Promise.all([...touched].map(async (folder) => await disk.sync(join(root, folder))));
}

/**
 * Moves a new file to its place.
 * @returns whether it was there, which it must be for the first time
 */
async function moveIn(
  root: string,
  {
    disk,
    from,
    to,
    mode,
  }: Pick<CarriedOut, 'disk' | 'mode'> & { readonly from: string; readonly to: string },
): Promise<boolean> {
  const [file, place] = [join(root, newFiles, from), join(root, to)];
  if (await disk.move(file, place)) return true;
  await makeFolders(root, disk, dirname(to));
  if (mode === 'again') return await disk.move(file, place);
  await disk.rename(file, place);
  return true;
}

async function makeFolders(root: string, disk: Disk, folder: string): Promise<void> {
  let path = root;
  for (const part of folder === '.' ? [] : folder.split('/')) {
    const above = path;
    path = join(path, part);
    if (await disk.makeFolder(path)) await disk.sync(above);
  }
}
