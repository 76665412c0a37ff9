import { spawnSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A small disk in memory, mounted on a folder. */
export interface SmallDisk extends AsyncDisposable {
  /** Leaves no room on the disk, until it is called again with `false`. */
  fill(isFull: boolean): Promise<void>;
}

/** Bytes of the largest disk. */
const largest = 2 ** 24;

/** Whether this process may mount a disk: only root on Linux may. */
export const canMount =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('mount', ['--version']).status === 0;

/**
 * Mounts a disk on a folder that exists.
 * @param size as mount(8) has it for tmpfs: `600k`; at most `16m`
 */
export function smallDisk(folder: string, size: string): SmallDisk {
  const { status, stderr } = spawnSync(
    'mount',
    ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`mount of a disk on ${folder}: ${stderr}`);
  const filler = join(folder, 'filler');
  return {
    async fill(isFull) {
      if (!isFull) return await rm(filler);
      await writeFile(filler, new Uint8Array(largest)).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      });
    },
    async [Symbol.asyncDispose]() {
      spawnSync('umount', [folder]);
    },
  };
}
