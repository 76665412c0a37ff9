import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '@acmex/clock';
import { printable } from '@acmex/errors';
import { StorageError } from '@acmex/storage';
import type { Disk } from './disk.ts';
import { exists, parseIdentity, stateOf, thisProcess } from './process-identity.ts';

/** Lets one process at a time commit. A process asks once at a time. */
export interface CommitMutex {
  /** Waits until no one else commits. @returns gives it back */
  acquire(signal?: AbortSignal): Promise<() => Promise<void>>;
}

/** Milliseconds between two looks: they grow from the first to the last. */
const [shortest, longest] = [1, 8];

/**
 * Node has no flock. Who wants to commit makes the file of the next number by link(2), which
 * succeeds for one alone; it holds who made it. Giving back renames it to `<number>.free`. The
 * greatest number stays in the folder until there is a greater one, so who was slow and made a
 * smaller one, or made again the one that was given back meanwhile, sees that it came too late. A
 * holder is taken for dead when its process has ended or the machine was started since, and never
 * because it takes long.
 *
 * Who waits says so by a file of its own, and who has just given back lets those go first:
 * otherwise one that has much to write would keep all others out for seconds.
 */
export function commitMutex(
  folder: string,
  { disk, clock }: { readonly disk: Disk; readonly clock: Clock },
): CommitMutex {
  const numbers = numberedFiles(folder, disk);
  /** The file that says that this process waits. */
  let waiting: string | undefined;
  /** Whether others waited when this process last got the right to commit. */
  let isWanted = false;

  const beginWaiting = async () => {
    if (waiting !== undefined) return;
    waiting = newName('waiting');
    await disk.jot(join(folder, waiting), Buffer.from(identity));
  };
  const endWaiting = async () => {
    if (waiting !== undefined)
      await disk.remove(join(folder, waiting)).catch(() => {
        /* the next start clears it away */
      });
    waiting = undefined;
  };
  const attempt = async (): Promise<string | undefined> => {
    const taken = await numbers.take();
    if (!taken) return undefined;
    isWanted = taken.names.some(
      (name) => name !== waiting && exists(Number(/^waiting-(\d+)-/.exec(name)?.[1] ?? 0)),
    );
    return taken.path;
  };

  return {
    async acquire(signal) {
      await numbers.giveBackOwed();
      if (isWanted) await clock.sleep({ milliseconds: longest }, { signal });
      isWanted = false;
      try {
        for (let pause = shortest; ; pause = Math.min(pause * 2, longest)) {
          signal?.throwIfAborted();
          const path = await attempt();
          if (path !== undefined) return () => numbers.giveBack(path);
          await beginWaiting();
          await clock.sleep({ milliseconds: pause }, { signal });
        }
      } finally {
        await endWaiting();
      }
    },
  };
}

const identity = JSON.stringify(thisProcess());

function newName(purpose: 'making' | 'waiting'): string {
  return `${purpose}-${process.pid}-${randomBytes(6).toString('hex')}`;
}

interface NumberedFiles {
  /** Makes the file of the next number. @returns undefined if someone has it, or was faster */
  take(): Promise<{ readonly path: string; readonly names: readonly string[] } | undefined>;
  giveBack(path: string): Promise<void>;
  /** Repeats a giving back that a fault of the disk prevented. */
  giveBackOwed(): Promise<void>;
}

function numberedFiles(folder: string, disk: Disk): NumberedFiles {
  const list = async () => (await disk.list(folder)).map(({ name }) => name);
  /**
   * What a fault of the disk kept from being given back: no process takes one that lives for dead.
   */
  let owed: string | undefined;
  const giveBack = async (path: string): Promise<void> => {
    owed = path;
    await disk.rename(path, `${path}.free`);
    owed = undefined;
  };
  /** @returns the names in the folder; undefined if this process came too late */
  const clearBelow = async (number: number): Promise<readonly string[] | undefined> => {
    const names = await list();
    const rivals = numbersIn(names).filter(({ name }) => name !== String(number));
    if (rivals.some((rival) => rival.number >= number)) {
      await disk.remove(join(folder, String(number)));
      return undefined;
    }
    for (const { name } of rivals) await disk.remove(join(folder, name));
    return names;
  };

  return {
    giveBack,
    async giveBackOwed() {
      if (owed !== undefined && (await disk.read(owed))) await giveBack(owed);
      owed = undefined;
    },
    async take() {
      const [last] = numbersIn(await list());
      if (last && !(await isFree(join(folder, last.name), disk))) return undefined;
      const number = (last?.number ?? 0) + 1;
      const path = join(folder, String(number));
      const draft = join(folder, newName('making'));
      await disk.jot(draft, Buffer.from(identity));
      if (!(await disk.link(draft, path))) {
        await disk.remove(draft);
        return undefined;
      }
      try {
        await disk.remove(draft);
        const names = await clearBelow(number);
        return names && { path, names };
      } catch (error) {
        await giveBack(path).catch(() => {
          /* the first error says what is wrong with the disk */
        });
        throw error;
      }
    },
  };
}

function numbersIn(
  names: readonly string[],
): readonly { readonly name: string; readonly number: number }[] {
  return names
    .map((name) => ({ name, number: Number(/^(\d{1,15})(\.free)?$/.exec(name)?.[1] ?? 0) }))
    .filter(({ number }) => number > 0)
    .sort((a, b) => b.number - a.number);
}

/** Whether the number after this file's may be made. */
async function isFree(path: string, disk: Disk): Promise<boolean> {
  if (path.endsWith('.free')) return true;
  const bytes = await disk.read(path);
  if (!bytes) return true;
  const holder = parseIdentity(bytes.toString('utf8'));
  // It was whole when it got its name: only a machine that lost power leaves less of it.
  if (!holder) return true;
  const state = stateOf(holder);
  if (state === 'elsewhere')
    throw new StorageError(
      'ERR_STORAGE_PLACE',
      `${path} says that another machine or container (${printable(holder.host, 100)}) is writing to this storage: files are for one machine, use redis:// for several; if that one is gone for good, remove the file`,
    );
  return state === 'dead';
}
