import { spawnSync } from 'node:child_process';
import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Lets nothing be written below a folder until it is disposed of: for root by a read-only mount, for
 * others by the modes of the folders.
 */
export async function readOnlyFolder(folder: string): Promise<AsyncDisposable> {
  if (process.getuid?.() !== 0) return await withoutWriteModes(folder);
  mount('-o', 'bind', folder, folder);
  mount('-o', 'remount,bind,ro', folder);
  return {
    async [Symbol.asyncDispose]() {
      spawnSync('umount', [folder]);
    },
  };
}

function mount(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`mount ${args.join(' ')}: ${stderr}`);
}

async function withoutWriteModes(folder: string): Promise<AsyncDisposable> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const folders = entries.flatMap((entry) =>
    entry.isDirectory() ? [join(entry.parentPath, entry.name)] : [],
  );
  const setMode = async (mode: number) =>
    await Promise.all([folder, ...folders].map((path) => chmod(path, mode)));
  await setMode(0o500);
  return {
    async [Symbol.asyncDispose]() {
      await setMode(0o700);
    },
  };
}
