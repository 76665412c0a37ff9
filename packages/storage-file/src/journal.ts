import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { CorruptEntryError } from '@acmex/storage';
import type { Disk } from './disk.ts';
import { isEntryFile, ownFolder } from './entry-file.ts';
import { boot } from './process-identity.ts';

export const newFiles = join(ownFolder, 'new');
export const journal = join(ownFolder, 'journal');

/** What a commit does to one file, whose path is within the storage. */
export interface Step {
  readonly to: string;
  /** All bytes of the file; absent: the file goes. */
  readonly bytes?: Uint8Array | undefined;
}

/** Above so many bytes the files of a journal are flushed, and the next commit begins a new one. */
const limit = 1024 * 1024;
/** How many files are flushed at once. */
const atOnce = 8;

/**
 * The commits since the last checkpoint, with the bytes of their files. A commit lasts from the
 * moment at which its record is flushed: one flush for all its files. These get their places at
 * once, and are flushed by the checkpoint. For who holds the mutex.
 *
 * A record is the length of its content and a CRC-32 of it, four bytes each, and the content: a line
 * of JSON with the steps, then the bytes of their files.
 */
export class Journal {
  readonly #root: string;
  readonly #disk: Disk;
  readonly #path: string;
  /** Where the next record begins; 0: there is no journal. */
  #end = 0;
  #seed = 0;
  /** What the disk said of the file when this process left it. */
  #stamp: string | undefined;
  /** Whether this process has seen a journal, or that there is none. */
  #isKnown = false;
  #isCarriedOut = true;

  constructor(root: string, disk: Disk) {
    this.#root = root;
    this.#disk = disk;
    this.#path = join(root, journal);
  }

  /**
   * Makes a commit last. Its steps are carried out next, and then `carriedOut` is called.
   * @throws StorageUnavailableError and there is no such commit
   */
  async append(steps: readonly Step[]): Promise<void> {
    if (!this.#isCarriedOut) await this.recover();
    if (this.#end > limit) await this.checkpoint();
    if (this.#end === 0) return await this.#begin(steps);
    const record = recordOf(steps, this.#seed);
    try {
      this.#stamp = await this.#disk.append(this.#path, record, this.#end);
    } catch (error) {
      await this.#disk.truncate(this.#path, this.#end);
      this.#stamp = await this.#disk.stamp(this.#path);
      throw error;
    }
    this.#end += record.length;
    this.#isCarriedOut = false;
  }

  carriedOut(): void {
    this.#isCarriedOut = true;
  }

  /**
   * Carries out what a process has left undone that died, or had a fault of its disk; all commits
   * of the journal where the machine was started since, which may have lost files.
   * @throws CorruptEntryError where another program has changed the journal
   */
  async recover(): Promise<void> {
    const stamp = await this.#disk.stamp(this.#path);
    if (this.#isKnown && this.#isCarriedOut && stamp === this.#stamp) return;
    const content = await contentOf(this.#root, this.#disk);
    const steps = content ? stepsToCheck(content, this.#isKnown) : [];
    for (const step of await unfinished(this.#root, this.#disk, steps))
      await carryOut(this.#root, this.#disk, step);
    this.#isCarriedOut = true;
    this.#end = content?.end ?? 0;
    this.#seed = content?.seed ?? 0;
    if (content && !this.#isKnown && !isOfThisBoot(content)) await this.checkpoint();
    else if (content && content.size > content.end)
      await this.#disk.truncate(this.#path, content.end);
    this.#stamp = await this.#disk.stamp(this.#path);
    this.#isKnown = true;
  }

  /**
   * Flushes the files of all commits, and removes the journal. A file that is removed and comes back
   * with a loss of power does no harm: it says the same as the files.
   * @returns whether there was one
   */
  async checkpoint(): Promise<boolean> {
    const { commits } = (await contentOf(this.#root, this.#disk)) ?? {};
    if (commits) {
      const files = new Set(commits.flat().map(({ to }) => to));
      await inGroups([...files], (file) => this.#disk.flush(join(this.#root, file)));
      await inGroups([...foldersOf(files)], (folder) => this.#disk.sync(join(this.#root, folder)));
      await this.#disk.remove(this.#path);
    }
    this.#end = 0;
    this.#stamp = undefined;
    return commits !== undefined;
  }

  async #begin(steps: readonly Step[]): Promise<void> {
    const draft = join(this.#root, newFiles, `journal-${randomBytes(9).toString('hex')}`);
    const seed = randomBytes(4).readUInt32BE();
    const bytes = journalBytes([steps], { seed });
    try {
      await this.#disk.write(draft, bytes);
      await this.#disk.rename(draft, this.#path);
    } catch (error) {
      await this.#disk.remove(draft).catch(() => {
        /* the next recovery clears it away */
      });
      throw error;
    }
    this.#isCarriedOut = false;
    this.#end = bytes.length;
    this.#seed = seed;
    await this.#disk.sync(join(this.#root, ownFolder));
    this.#stamp = await this.#disk.stamp(this.#path);
  }
}

/** Whether the files hold what the commits say, as far as a fault can have kept them from it. */
export async function isCarriedOut(root: string, disk: Disk): Promise<boolean> {
  const content = await contentOf(root, disk);
  return !content || (await unfinished(root, disk, stepsToCheck(content, false))).length === 0;
}

/**
 * Moves a file to its place, or removes it. Others read meanwhile.
 * @param from its path, where it is written already
 */
export async function carryOut(
  root: string,
  disk: Disk,
  { to, bytes }: Step,
  from?: string,
): Promise<void> {
  if (!bytes) return await removeWithFolders(root, disk, to);
  const file = from ?? join(root, newFiles, randomBytes(9).toString('hex'));
  if (from === undefined) await disk.jot(file, bytes);
  const place = join(root, to);
  if (await disk.move(file, place)) return;
  for (const folder of foldersOf([to]).reverse()) await disk.makeFolder(join(root, folder));
  await disk.rename(file, place);
}

async function removeWithFolders(root: string, disk: Disk, file: string): Promise<void> {
  await disk.remove(join(root, file));
  for (const folder of foldersOf([file]).slice(0, -1))
    if (!(await disk.removeFolder(join(root, folder)))) return;
}

/** The folders of files, and those above them, the innermost first; at last the storage's own. */
function foldersOf(files: Iterable<string>): string[] {
  const folders = new Set<string>();
  for (const file of files)
    for (let folder = dirname(file); folder !== '.'; folder = dirname(folder)) folders.add(folder);
  return [...folders, '.'];
}

async function inGroups<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += atOnce)
    await Promise.all(items.slice(at, at + atOnce).map(work));
}

interface JournalContent {
  /** Of the machine, when the journal was begun. */
  readonly boot: string;
  /** What the CRC of each record begins with. */
  readonly seed: number;
  readonly commits: readonly (readonly Step[])[];
  /** Behind the last whole record. */
  readonly end: number;
  /** Of the file: more than `end` where a record was cut off. */
  readonly size: number;
}

const head = /^acmex journal 2 (\S{1,100}) ([0-9a-f]{8})\n/;

function isOfThisBoot(content: JournalContent): boolean {
  return content.boot === boot() && content.boot !== 'unknown';
}

/**
 * The steps that may not be carried out: those of the last commit, because the steps of a commit are
 * carried out before the next begins. Where the machine may have been started since, what comes last
 * to each file.
 */
function stepsToCheck(content: JournalContent, isKnown: boolean): readonly Step[] {
  if (isKnown || isOfThisBoot(content)) return content.commits.at(-1) ?? [];
  const last = new Map<string, Step>();
  for (const step of content.commits.flat()) {
    last.delete(step.to);
    last.set(step.to, step);
  }
  return [...last.values()];
}

async function unfinished(
  root: string,
  disk: Disk,
  steps: readonly Step[],
): Promise<readonly Step[]> {
  const undone: Step[] = [];
  for (const step of steps) {
    const bytes = await disk.read(join(root, step.to));
    const isDone = step.bytes ? bytes?.equals(step.bytes) === true : bytes === undefined;
    if (!isDone) undone.push(step);
  }
  return undone;
}

async function contentOf(root: string, disk: Disk): Promise<JournalContent | undefined> {
  const bytes = await disk.read(join(root, journal));
  const content = bytes && journalIn(bytes);
  if (!bytes || content) return content;
  throw new CorruptEntryError(
    journal,
    `another program, or a newer AcmeX, wrote the journal of the last writes in ${root}: update AcmeX, or restore a backup; without the file ${journal} the storage can be used, but those writes may be half done`,
  );
}

/** Returns the bytes of a journal. */
export function journalBytes(
  commits: readonly (readonly Step[])[],
  { seed, boot: at = boot() }: { readonly seed: number; readonly boot?: string | undefined },
): Buffer {
  const line = `acmex journal 2 ${at} ${seed.toString(16).padStart(8, '0')}\n`;
  return Buffer.concat([Buffer.from(line), ...commits.map((steps) => recordOf(steps, seed))]);
}

function recordOf(steps: readonly Step[], seed: number): Buffer {
  const line = JSON.stringify(steps.map(({ to, bytes }) => ({ to, size: bytes?.length })));
  const content = Buffer.concat([
    Buffer.alloc(8),
    Buffer.from(`${line}\n`),
    ...steps.flatMap(({ bytes }) => bytes ?? []),
  ]);
  content.writeUInt32BE(content.length - 8, 0);
  content.writeUInt32BE(crc32(content.subarray(8), seed), 4);
  return content;
}

/** Returns what a journal says; undefined where it is none, or damaged. */
function journalIn(bytes: Buffer): JournalContent | undefined {
  const [line, at, digits] = head.exec(bytes.toString('latin1', 0, 200)) ?? [];
  if (line === undefined || at === undefined || digits === undefined) return undefined;
  const seed = Number.parseInt(digits, 16);
  const commits: (readonly Step[])[] = [];
  let end = line.length;
  while (bytes.length >= end + 8) {
    const next = end + 8 + bytes.readUInt32BE(end);
    const content = bytes.subarray(end + 8, next);
    if (next > bytes.length || crc32(content, seed) !== bytes.readUInt32BE(end + 4)) {
      // Who dies, or loses power, cuts off the last record alone, or leaves zeros of it.
      if (next < bytes.length && next > end + 8) return undefined;
      break;
    }
    const steps = stepsIn(content);
    if (!steps) return undefined;
    commits.push(steps);
    end = next;
  }
  return { boot: at, seed, commits, end, size: bytes.length };
}

/** Returns the steps of a record, none of which leads out of the storage. */
function stepsIn(content: Buffer): readonly Step[] | undefined {
  const lineEnd = content.indexOf('\n');
  const sizes = sizesIn(content.toString('utf8', 0, Math.max(lineEnd, 0)));
  if (!sizes) return undefined;
  const steps: Step[] = [];
  let at = lineEnd + 1;
  for (const { to, size } of sizes) {
    steps.push(size === undefined ? { to } : { to, bytes: content.subarray(at, at + size) });
    at += size ?? 0;
  }
  return at === content.length ? steps : undefined;
}

interface StepSize {
  readonly to: string;
  readonly size?: number | undefined;
}

function sizesIn(line: string): readonly StepSize[] | undefined {
  try {
    const sizes: unknown = JSON.parse(line);
    return Array.isArray(sizes) && sizes.every(isStepSize) ? sizes : undefined;
  } catch {
    return undefined; // it is not JSON
  }
}

function isStepSize(value: unknown): value is StepSize {
  const { to, size, ...more } = Object(value) as Readonly<Record<string, unknown>>;
  const isSize = size === undefined || (Number.isSafeInteger(size) && (size as number) >= 0);
  return isSize && typeof to === 'string' && isEntryFile(to) && Object.keys(more).length === 0;
}
