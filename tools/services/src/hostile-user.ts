import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** The user `nobody`: neither root nor the user of the tests. */
export const hostileUserId = 65_534;

/** What a hostile user does again and again to an entry of a folder that it may change. */
export interface HostileUserOptions {
  /**
   * `exchange`: moves the entry aside, puts a link in its place, then moves the entry back.
   * `replace-new`: replaces each new entry of the folder `path` by a link.
   */
  readonly action: 'exchange' | 'replace-new';
  readonly path: string;
  /** Where the links lead. */
  readonly target: string;
}

const program = String.raw`
const fs = require('node:fs');
const [action, path, target] = process.argv.slice(1);
const attempt = (work) => { try { work(); } catch {} };
const link = path + '.link';
const exchange = () => {
  attempt(() => fs.symlinkSync(target, link));
  attempt(() => fs.renameSync(path, path + '.aside'));
  attempt(() => fs.renameSync(link, path));
  attempt(() => fs.unlinkSync(path));
  attempt(() => fs.renameSync(path + '.aside', path));
};
const known = new Set(action === 'replace-new' ? fs.readdirSync(path) : []);
const replaceNew = () => {
  for (const name of fs.readdirSync(path).filter((entry) => !known.has(entry))) {
    attempt(() => fs.unlinkSync(path + '/' + name));
    attempt(() => fs.symlinkSync(target, path + '/' + name));
  }
};
process.stdout.write('ready\n');
const act = action === 'exchange' ? exchange : replaceNew;
for (;;) act();
`;

/** Does work while a process of another user attacks a path. Only root can start such a process. */
export async function withHostileUser(
  { action, path, target }: HostileUserOptions,
  work: () => Promise<void>,
): Promise<void> {
  const child = spawn(process.execPath, ['-e', program, action, path, target], {
    uid: hostileUserId,
    gid: hostileUserId,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  try {
    await Promise.race([once(child.stdout, 'data'), ended]);
    await work();
    if (child.exitCode !== null) throw new Error('the hostile user ended before the work did');
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}
