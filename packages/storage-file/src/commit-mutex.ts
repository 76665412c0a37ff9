import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '@acmex/clock';
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
  const identity = JSON.stringify(thisProcess());

  const list = async () => (await disk.list(folder)).map(({ name }) => name);
  const numbersIn = (names: readonly string[]) =>
    names
      .map((name) => ({ name, number: Number(/^(\d{1,15})(\.free)?$/.exec(name)?.[1] ?? 0) }))
      .filter(({ number }) => number > 0)
      .sort((a, b) => b.number - a.number);

  /** Whether the next number may be made. */
  const isFree = async (name: string): Promise<boolean> => {
    if (name.endsWith('.free')) return true;
    const path = join(folder, name);
    const bytes = await disk.read(path);
    if (!bytes) return true;
    const holder = parseIdentity(bytes.toString('utf8'));
    // It was whole when it got its name: only a machine that lost power leaves less of it.
    if (!holder) return true;
    const state = stateOf(holder);
    if (state === 'elsewhere')
      throw new StorageError(
        'ERR_STORAGE_PLACE',
        `${path} says that another machine or container (${holder.host}) is writing to this storage: files are for one machine, use redis:// for several; if that one is gone for good, remove the file`,
      );
    return state === 'dead';
  };

  /**
   * What a fault of the disk kept from being given back: no one takes a process that lives for
   * dead.
   */
  let owed: string | undefined;
  const giveBack = async (own: string): Promise<void> => {
    owed = own;
    await disk.rename(own, `${own}.free`);
    owed = undefined;
  };

  const newName = (purpose: 'making' | 'waiting') =>
    `${purpose}-${process.pid}-${randomBytes(6).toString('hex')}`;
  /** The file that says that this one waits. */
  let waiting: string | undefined;
  /** Whether others waited when this one last got the right to commit. */
  let othersWait = false;

  const attempt = async (): Promise<string | undefined> => {
    const [last] = numbersIn(await list());
    if (last && !(await isFree(last.name))) return undefined;
    const number = (last?.number ?? 0) + 1;
    const own = join(folder, String(number));
    const made = join(folder, newName('making'));
    await disk.jot(made, Buffer.from(identity));
    const won = await disk.link(made, own);
    if (!won) {
      await disk.remove(made);
      return undefined;
    }
    try {
      await disk.remove(made);
      const names = await list();
      const others = numbersIn(names).filter(({ name }) => name !== String(number));
      if (others.some((other) => other.number >= number)) {
        await disk.remove(own);
        return undefined;
      }
      for (const { name } of others) await disk.remove(join(folder, name));
      othersWait = names.some(
        (name) => name !== waiting && exists(Number(/^waiting-(\d+)-/.exec(name)?.[1] ?? 0)),
      );
    } catch (error) {
      await giveBack(own).catch(() => {
        /* the first error says what is wrong with the disk */
      });
      throw error;
    }
    return own;
  };

  return {
    async acquire(signal) {
      if (owed !== undefined && (await disk.read(owed))) await giveBack(owed);
      owed = undefined;
      if (othersWait) await clock.sleep({ milliseconds: longest }, { signal });
      othersWait = false;
      try {
        for (let pause = shortest; ; pause = Math.min(pause * 2, longest)) {
          signal?.throwIfAborted();
          const own = await attempt();
          if (own !== undefined) return () => giveBack(own);
          if (waiting === undefined)
            await disk.jot(join(folder, (waiting = newName('waiting'))), Buffer.from(identity));
          await clock.sleep({ milliseconds: pause }, { signal });
        }
      } finally {
        if (waiting !== undefined)
          await disk.remove(join(folder, waiting)).catch(() => {
            /* the next start clears it away */
          });
        waiting = undefined;
      }
    },
  };
}
