import { mkdir, writeFile, symlink, copyFile, cp } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * The files of a machine or a container: the programs of this machine, read-only, and everything
 * else in `folder`.
 */
export interface FileSystem {
  readonly folder: string;
}

/**
 * Creates the files of a Debian with Node.js: `/usr` is this machine's, without its `/usr/local`.
 */
export async function fileSystem(folder: string): Promise<FileSystem> {
  for (const directory of [
    'etc',
    'root',
    'usr',
    'proc',
    'sys',
    'dev',
    'run',
    'tmp',
    'var/lib',
    'local/bin',
    'local/lib/node_modules/npm',
  ])
    await mkdir(join(folder, directory), { recursive: true });
  for (const link of ['bin', 'sbin', 'lib', 'lib64'])
    await symlink(`usr/${link}`, join(folder, link));
  for (const file of ['passwd', 'group', 'nsswitch.conf', 'hosts', 'resolv.conf'])
    await copyFile(join('/etc', file), join(folder, 'etc', file));
  await cp('/etc/ssl', join(folder, 'etc/ssl'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.includes('/private'),
  });
  await writeFile(join(folder, 'local/bin/node'), '');
  for (const program of ['npm', 'npx'])
    await symlink(
      `../lib/node_modules/npm/bin/${program}-cli.js`,
      join(folder, 'local/bin', program),
    );
  return { folder };
}

/** Returns the path of a file system's file for this process. */
export function outside({ folder }: FileSystem, path: string): string {
  return path.startsWith('/usr/local/')
    ? join(folder, 'local', path.slice('/usr/local/'.length))
    : join(folder, path);
}

/** Shell commands that mount a file system at `$root`, in their own mount namespace. */
export const mounts = `set -eu
root=$1 node=$2
mount --bind "$root" "$root"
mount --bind /usr "$root/usr"
mount -o remount,bind,ro "$root/usr"
mount --bind "$root/local" "$root/usr/local"
mount --bind "$node/bin/node" "$root/usr/local/bin/node"
mount --bind "$node/lib/node_modules/npm" "$root/usr/local/lib/node_modules/npm"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 dev "$root/dev"
for one in null zero full random urandom; do : > "$root/dev/$one"; mount --bind "/dev/$one" "$root/dev/$one"; done
ln -s /proc/self/fd "$root/dev/fd"
`;

/** Returns the arguments of `mounts`. */
export function mountArguments({ folder }: FileSystem): readonly [root: string, node: string] {
  return [folder, dirname(dirname(process.execPath))];
}

export interface Contained {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Files and folders of this process, by their paths in the file system. */
  readonly mounted?: Readonly<Record<string, string>>;
  /**
   * Absent: root, as for a step of a build. Present: no capabilities, no way to gain them, and a
   * read-only file system apart from `mounted`.
   */
  readonly user?: {
    readonly uid: number;
    readonly gid: number;
    readonly groups?: readonly number[];
  };
}

/**
 * Returns the command line that runs a command inside a file system, in a process that receives its
 * signals.
 */
export async function contained(
  system: FileSystem,
  { command, env, cwd, mounted = {}, user }: Contained,
): Promise<{ readonly command: string; readonly args: readonly string[] }> {
  for (const [inside, place] of Object.entries(mounted)) {
    await mkdir(dirname(outside(system, inside)), { recursive: true });
    await (place.endsWith('/')
      ? mkdir(outside(system, inside), { recursive: true })
      : writeFile(outside(system, inside), '', { flag: 'a' }));
  }
  const confined =
    user === undefined
      ? []
      : [
          'setpriv',
          '--reuid',
          String(user.uid),
          '--regid',
          String(user.gid),
          ...(user.groups ? ['--groups', user.groups.join(',')] : ['--clear-groups']),
          '--bounding-set=-all',
          '--inh-caps=-all',
          '--ambient-caps=-all',
          '--no-new-privs',
        ];
  const script = `${mounts}shift 2
if [ "$1" = read-only ]; then mount -o remount,bind,ro "$root/usr/local"; mount -o remount,bind,ro "$root"; fi
shift
while [ "$1" != -- ]; do mount --bind "$1" "$root$2"; shift 2; done
shift
exec chroot "$root" env -i -C "$@"`;
  const binds = Object.entries(mounted).flatMap(([inside, place]) => [place, inside]);
  const variables = Object.entries({
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...env,
  }).map(([name, value]) => `${name}=${value}`);
  return {
    command: 'unshare',
    args: [
      '--mount',
      '--propagation',
      'private',
      'sh',
      '-c',
      script,
      'sh',
      ...mountArguments(system),
      user ? 'read-only' : 'writable',
      ...binds,
      '--',
      cwd,
      ...variables,
      ...confined,
      ...command,
    ],
  };
}
