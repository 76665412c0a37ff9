// A process of its own that writes until it is killed: node writer.testing.ts is bundled by the
// test. Arguments: folder, seed, and after how many steps on the disk it kills itself (0: never).
import type { Change } from '@acmex/storage';
import { type Disk, nodeDisk } from './disk.ts';
import { fileStorageOn } from './file-storage.ts';

const [path = '', seed = '0', steps = '0'] = process.argv.slice(2);

/** A disk that ends the process in the middle of its work, behind so many steps. */
function dying(left: number): Disk {
  const step = () => {
    if (--left === 0) process.kill(process.pid, 'SIGKILL');
  };
  const counted =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      step();
      const result = await call(...args);
      step();
      return result;
    };
  const { read, readNow, list, stamp, settledStamp, ...changing } = nodeDisk;
  return {
    read,
    readNow,
    list,
    stamp,
    settledStamp,
    append: counted(changing.append),
    truncate: counted(changing.truncate),
    flush: counted(changing.flush),
    write: counted(changing.write),
    jot: counted(changing.jot),
    rename: counted(changing.rename),
    move: counted(changing.move),
    link: counted(changing.link),
    remove: counted(changing.remove),
    makeFolder: counted(changing.makeFolder),
    removeFolder: counted(changing.removeFolder),
    sync: counted(changing.sync),
  };
}

const storage = fileStorageOn(Number(steps) > 0 ? dying(Number(steps)) : nodeDisk, { path });
const report = (line: string) =>
  new Promise<void>((resolve) => {
    process.stdout.write(`${line}\n`, () => resolve());
  });

/**
 * Single keys, and three keys that always hold the same: one after the other, or at once. What is
 * reported is acknowledged.
 */
for (let round = 1; ; round += 1) {
  const value = new TextEncoder().encode(`${seed}.${round}`);
  const write = async (name: string, changes: readonly Change[]) => {
    await report(`try ${name} ${seed}.${round}`);
    await storage.write(changes);
    await report(`did ${name} ${seed}.${round}`);
  };
  const single = `single/${round % 3}`;
  const writes = [
    () => write(single, [{ set: single, value }]),
    () =>
      write('together', [
        { set: 'together/a', value },
        { set: 'together/b/c', value },
        round % 2 ? { set: 'z', value } : { remove: 'z' },
        { set: 'together/d', value },
      ]),
  ];
  if (round % 4 < 2) for (const begin of writes) await begin();
  else await Promise.all(writes.map(async (begin) => await begin()));
  // Ends the journal; the next write begins another.
  if (round % 4 === 1) await storage[Symbol.asyncDispose]();
}
