import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { systemClock } from '@acmex/clock';
import { type FileSystem, mountArguments, mounts, outside } from './file-system.testing.ts';

/**
 * A machine that systemd runs, on this machine's kernel and network. Disposing of it ends all that
 * runs on it.
 */
export interface Machine extends AsyncDisposable {
  /** What a command prints there. @throws Error with what it wrote when it fails */
  run(...command: readonly string[]): Promise<string>;
}

const boot = `${mounts}
mount -t sysfs -o ro sysfs "$root/sys"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs cgroup "$root/sys/fs/cgroup"
  mkdir "$root/sys/fs/cgroup/systemd"
  mount -t cgroup -o none,name=systemd,xattr cgroup "$root/sys/fs/cgroup/systemd"
fi
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=755 run "$root/run"
# Services get file systems of their own: that takes a root which is one, as no chroot makes it.
cd "$root"
pivot_root . .
umount -l .
# As systemd has it outside of containers: what it mounts for a service is to be seen by the service.
mount --make-rshared /
exec env -i container=acmex PATH=/usr/sbin:/usr/bin chroot . /usr/lib/systemd/systemd --unit=basic.target`;

/** Boots it. @throws Error when systemd is not up within 60 seconds */
export async function systemd(system: FileSystem): Promise<Machine> {
  // A machine without an id is one that starts for the first time, and enables all that it has.
  await writeFile(outside(system, '/etc/machine-id'), `${randomBytes(16).toString('hex')}\n`);
  await mkdir(outside(system, '/etc/systemd/system'), { recursive: true });
  await symlink(
    '/dev/null',
    outside(system, '/etc/systemd/system/systemd-networkd-wait-online.service'),
  );
  const child = spawn(
    'unshare',
    [
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      '--cgroup',
      '--propagation',
      'private',
      'sh',
      '-c',
      boot,
      'sh',
      ...mountArguments(system),
    ],
    { stdio: 'ignore' },
  );
  const ended = once(child, 'exit');
  const firstProcess = async () =>
    (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')).trim();
  const run = async (...command: readonly string[]) => {
    const first = await firstProcess();
    const { stdout } = await promisify(execFile)('nsenter', [
      '--target',
      first,
      '--mount',
      '--pid',
      '--root',
      '--wd',
      '--',
      ...command,
    ]);
    return stdout.trim();
  };
  const stop = async () => {
    const first = await firstProcess().catch(() => '');
    child.kill('SIGKILL');
    await ended;
    // The kernel ends the first process and with it all others; until then they may still write.
    while (first !== '' && existsSync(`/proc/${first}`))
      await systemClock.sleep({ milliseconds: 10 });
  };
  try {
    for (
      let attempt = 0;
      !/running|degraded/.test(
        await run('systemctl', 'is-system-running').catch(
          ({ stdout }: { stdout?: string }) => stdout ?? '',
        ),
      );
      attempt++
    ) {
      if (attempt === 600 || child.exitCode !== null) throw new Error('systemd does not come up');
      await systemClock.sleep({ milliseconds: 100 });
    }
    return { run, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
