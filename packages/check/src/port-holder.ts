import { readdir, readFile, readlink } from 'node:fs/promises';
import { printable } from '@acmex/errors';

/** A socket that listens, as the kernel lists it. */
interface ListeningSocket {
  readonly inode: string;
  readonly uid: string;
}

/**
 * Returns which process of this machine listens on a TCP port, in words: the program and the process
 * where this user may see them, else the user of the process. Undefined where nothing listens, and
 * on systems without `/proc`.
 */
export async function portHolder(port: number): Promise<string | undefined> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map(async (file) => await textOf(file)),
  );
  const [socket] = tables.flatMap((table) => listeningSockets(table, port));
  if (!socket) return undefined;
  const user = await userName(socket.uid);
  return (await processWith(socket, user)) ?? `a process of the user ${user}`;
}

/** proc_pid_net(5): local_address is the second field, st the fourth, uid the eighth, inode the tenth. */
function listeningSockets(table: string, port: number): readonly ListeningSocket[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const [, address = '', , state] = fields;
    const [uid = '', inode = ''] = [fields[7], fields[9]];
    return address.endsWith(suffix) && state === '0A' ? [{ uid, inode }] : [];
  });
}

async function processWith({ inode }: ListeningSocket, user: string): Promise<string | undefined> {
  for (const id of await entriesOf('/proc')) {
    if (!/^\d+$/.test(id)) continue;
    for (const descriptor of await entriesOf(`/proc/${id}/fd`)) {
      const target = await readlink(`/proc/${id}/fd/${descriptor}`).catch(nothing);
      if (target !== `socket:[${inode}]`) continue;
      const program = (await textOf(`/proc/${id}/comm`)).trim();
      return `${printable(program, 100)} (process ${id} of the user ${user})`;
    }
  }
  return undefined;
}

async function userName(uid: string): Promise<string> {
  const entries = (await textOf('/etc/passwd')).split('\n').map((line) => line.split(':'));
  return entries.find(([, , id]) => id === uid)?.[0] ?? uid;
}

/** What another user's process has open is not to be seen, and processes end. */
const nothing = () => undefined;

async function entriesOf(folder: string): Promise<readonly string[]> {
  return (await readdir(folder).catch(nothing)) ?? [];
}

async function textOf(file: string): Promise<string> {
  return (await readFile(file, 'utf8').catch(nothing)) ?? '';
}
