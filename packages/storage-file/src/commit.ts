import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Change, ConflictError, keyOf } from '@acmex/storage';
import type { Disk } from './disk.ts';
import { entryIn, fileBytes, fileOf } from './entry-file.ts';
import { carryOut, type Journal, newFiles, type Step } from './journal.ts';

/** What becomes of one write: the versions of what it sets, or why nothing of it was done. */
export type Outcome = PromiseSettledResult<readonly string[]>;

/** Where commits are made. */
interface Place {
  readonly root: string;
  readonly disk: Disk;
  readonly journal: Journal;
}

/** What becomes of a key; its file waits in the folder of new files. */
interface NewFile {
  /** The path of the file; null: the key is removed. */
  readonly file: string | null;
  readonly step: Step;
}

/**
 * Does what some writes want, none of which has a key that another changes, for who holds the
 * mutex: nothing of a write where a version is another one. New files are written beside the
 * storage first; then one record in the journal is the commit of all, and the files come to their
 * places in the order of the changes: others read meanwhile, and what comes last is seen last.
 * @returns what became of each write
 * @throws StorageUnavailableError where the commit was begun: `Journal.recover` ends it
 */
export async function commit(
  place: Place,
  writes: readonly (readonly Change[])[],
): Promise<readonly Outcome[]> {
  const { root, disk, journal } = place;
  const plan = new CommitPlan(root, disk);
  const outcomes: Outcome[] = [];
  for (const changes of writes) outcomes.push(...(await Promise.allSettled([plan.add(changes)])));
  const files = [...plan.files.values()];
  if (files.length === 0) return outcomes;
  try {
    await writeNewFiles(disk, files);
    await journal.append(files.map(({ step }) => step));
  } catch (reason) {
    await removeNewFiles(disk, files);
    return await commitAlone(place, writes, reason);
  }
  for (const { file, step } of files) await carryOut(root, disk, step, file ?? undefined);
  journal.carriedOut();
  return outcomes;
}

/**
 * A write that the disk has no room for does not take others with it; there may be room for it
 * where the journal was.
 */
async function commitAlone(
  place: Place,
  writes: readonly (readonly Change[])[],
  reason: unknown,
): Promise<readonly Outcome[]> {
  const hasMoreRoom = await place.journal.checkpoint().catch(() => false);
  if (writes.length === 1 && !hasMoreRoom) return [{ status: 'rejected', reason }];
  const outcomes: Outcome[] = [];
  for (const changes of writes) outcomes.push(...(await commit(place, [changes])));
  return outcomes;
}

/** What some writes do together. */
class CommitPlan {
  /** By key, in the order of the changes. */
  readonly files = new Map<string, NewFile>();
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
      if ('check' in change) continue;
      const to = fileOf('', keyOf(change));
      if ('remove' in change) {
        this.files.set(change.remove, { file: null, step: { to } });
        continue;
      }
      const version = randomBytes(9).toString('base64url');
      const bytes = fileBytes({ value: change.value, secret: change.secret ?? false, version });
      const file = join(this.#root, newFiles, randomBytes(9).toString('hex'));
      this.files.set(change.set, { file, step: { to, bytes } });
      versions.push(version);
    }
    return versions;
  }

  async #version(change: Change): Promise<string | null> {
    const key = keyOf(change);
    const bytes = await this.#disk.read(fileOf(this.#root, key));
    return bytes ? entryIn(key, bytes).version : null;
  }
}

async function writeNewFiles(disk: Disk, files: readonly NewFile[]): Promise<void> {
  const outcomes = await Promise.allSettled(
    files.map(async ({ file, step }) => {
      if (file !== null && step.bytes) await disk.jot(file, step.bytes);
    }),
  );
  const failure = outcomes.find(({ status }) => status === 'rejected');
  if (failure?.status === 'rejected') throw failure.reason;
}

async function removeNewFiles(disk: Disk, files: readonly NewFile[]): Promise<void> {
  for (const { file } of files)
    if (file !== null)
      await disk.remove(file).catch(() => {
        /* the next recovery clears it away */
      });
}

/** Clears away what a process left that died before its commit. For who holds the mutex. */
export async function clearNewFiles(root: string, disk: Disk): Promise<void> {
  for (const { name } of await disk.list(join(root, newFiles)))
    await disk.remove(join(root, newFiles, name));
}
