import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Disk } from './disk.ts';
import { isPart, partOf } from './entry-file.ts';
import { mutexFolder, snapshotFolder } from './place.ts';
import { exists } from './process-identity.ts';

/**
 * Second names for all files, in folders of their own: a file is never changed, only replaced, so
 * these stay as they are. For who holds the mutex.
 */
export async function linkedTree(from: string, to: string, disk: Disk): Promise<void> {
  await disk.makeFolder(to);
  for (const entry of await disk.list(from)) {
    if (entry.isDirectory() && isPart(entry.name))
      await linkedTree(join(from, entry.name), join(to, entry.name), disk);
    else if (entry.isFile() && partOf(entry.name) !== undefined)
      await disk.link(join(from, entry.name), join(to, entry.name));
  }
}

/**
 * Removes what processes have left that are gone. Where a pid is used again it stays a while
 * longer, and costs its names alone.
 */
export async function removeForgotten(root: string, disk: Disk): Promise<void> {
  for (const folder of [snapshotFolder, mutexFolder]) {
    for (const { name } of await disk.list(join(root, folder))) {
      const pid = Number(/^(?:making-|waiting-)?(\d+)-/.exec(name)?.[1] ?? 0);
      if (pid > 0 && pid !== process.pid && !exists(pid))
        await rm(join(root, folder, name), { recursive: true, force: true });
    }
  }
}
