import { spawnSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '@acmex/errors';

/** A small disk in memory, mounted on a folder. */
export interface SmallDisk extends AsyncDisposable {
  /** Leaves no room on the disk, until it is called again with `false`. */
  fill(isFull: boolean): Promise<void>;
}

/** Bytes that no disk has room for. */
const largest = 2 ** 24;

/** Whether this process may mount a disk: only root on Linux may. */
export const canMount =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('mount', ['--version']).status === 0;

/**
 * Mounts a disk on a folder that exists.
 * @param size as mount(8) has it for tmpfs: `600k`; less than `16m`
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
      const outcome = await writeFile(filler, new Uint8Array(largest)).then(
        () => 'room for more',
        (error: unknown) => errorCode(error),
      );
      if (outcome !== 'ENOSPC') throw new Error(`${folder} is not full: ${outcome}`);
    },
    async [Symbol.asyncDispose]() {
      spawnSync('umount', [folder]);
    },
  };
}
