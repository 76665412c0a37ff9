import { mkdir, writeFile, symlink, copyFile, cp } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** What a machine or a container sees: the programs of this machine, read-only, and in `folder` everything else. */
export interface FileSystem {
  readonly folder: string;
}

/** Stands for a Debian with Node.js: `/usr` is this machine's, without its `/usr/local`. */
export async function fileSystem(folder: string): Promise<FileSystem> {
  for (const one of [
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
    await mkdir(join(folder, one), { recursive: true });
  for (const one of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${one}`, join(folder, one));
  for (const one of ['passwd', 'group', 'nsswitch.conf', 'hosts', 'resolv.conf'])
    await copyFile(join('/etc', one), join(folder, 'etc', one));
  await cp('/etc/ssl', join(folder, 'etc/ssl'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !path.includes('/private'),
  });
  await writeFile(join(folder, 'local/bin/node'), '');
  for (const one of ['npm', 'npx'])
    await symlink(`../lib/node_modules/npm/bin/${one}-cli.js`, join(folder, 'local/bin', one));
  return { folder };
}

/** Where a path of a file system lies for this process. */
export function outside({ folder }: FileSystem, path: string): string {
  return path.startsWith('/usr/local/')
    ? join(folder, 'local', path.slice('/usr/local/'.length))
    : join(folder, path);
}

/** Lines of shell that put a file system together, at `$root`. They need a mount namespace of their own. */
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

/** What `mounts` takes as arguments. */
export function mountArguments({ folder }: FileSystem): readonly [root: string, node: string] {
  return [folder, dirname(dirname(process.execPath))];
}

export interface Contained {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Files and folders of this process, by where the command sees them. */
  readonly mounted?: Readonly<Record<string, string>>;
  /** Without one: root, as a step of a build runs. With one: no capability, nothing to get one by, and a file system that only `mounted` writes. */
  readonly user?: {
    readonly uid: number;
    readonly gid: number;
    readonly groups?: readonly number[];
  };
}

/** The command line that runs a command inside a file system. Its process is the command itself: a signal reaches it. */
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
