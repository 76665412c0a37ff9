import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '@acmex/errors';

/** The folders in which systemd has units. */
const unitFolders = [
  'etc/systemd/system',
  'run/systemd/system',
  'usr/local/lib/systemd/system',
  'usr/lib/systemd/system',
  'lib/systemd/system',
];
const timers = ['certbot.timer', 'certbot-renew.timer', 'snap.certbot.renew.timer'];
const cronFolders = ['etc/cron.d', 'etc/cron.daily', 'etc/cron.weekly', 'var/spool/cron/crontabs'];

/**
 * Looks which timers and cron jobs renew the certificates of certbot on this machine.
 * @param root where the file system begins, by default `/`
 * @returns for each, how to stop it; empty where none is found
 */
export async function howToStopCertbot(root = '/'): Promise<readonly string[]> {
  const lines: string[] = [];
  const isSystemd = await exists(join(root, 'run/systemd/system'));
  for (const timer of timers) {
    const units = await Promise.all(unitFolders.map((folder) => exists(join(root, folder, timer))));
    if (isSystemd && units.includes(true)) lines.push(`systemctl disable --now ${timer}`);
  }
  const files = await Promise.all(cronFolders.map((folder) => filesIn(join(root, folder))));
  for (const file of [join(root, 'etc/crontab'), ...files.flat()])
    if (await hasActiveLine(file, isSystemd))
      lines.push(`remove the line with certbot from ${file}`);
  return lines;
}

/** Debian's line for cron does nothing where systemd runs. */
async function hasActiveLine(file: string, isSystemd: boolean): Promise<boolean> {
  const lines = ((await unlessAbsent(readFile(file, 'utf8'))) ?? '').split('\n');
  return lines.some(
    (line) =>
      /\bcertbot\b/.test(line) &&
      !/^\s*#/.test(line) &&
      !(isSystemd && line.includes('-d /run/systemd/system')),
  );
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const names = (await unlessAbsent(readdir(folder))) ?? [];
  return names.sort().map((name) => join(folder, name));
}

async function exists(path: string): Promise<boolean> {
  return (await unlessAbsent(stat(path))) !== undefined;
}

async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  return await work.catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES'].includes(errorCode(error) ?? ''))
      return undefined;
    throw error;
  });
}
