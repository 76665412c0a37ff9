// A process of its own that writes until it is killed: node writer.testing.ts is bundled by the
// test. Arguments: folder, seed, and after how many steps on the disk it kills itself (0: never).
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
  const { read, list, ...changing } = nodeDisk;
  return {
    read,
    list,
    write: counted(changing.write),
    jot: counted(changing.jot),
    rename: counted(changing.rename),
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

/** Single keys, and three keys that always hold the same. What is reported is acknowledged. */
for (let round = 1; ; round += 1) {
  const value = new TextEncoder().encode(`${seed}.${round}`);
  const single = `single/${round % 3}`;
  await report(`try ${single} ${seed}.${round}`);
  await storage.write([{ set: single, value }]);
  await report(`did ${single} ${seed}.${round}`);
  await report(`try together ${seed}.${round}`);
  await storage.write([
    { set: 'together/a', value },
    { set: 'together/b/c', value },
    round % 2 ? { set: 'z', value } : { remove: 'z' },
    { set: 'together/d', value },
  ]);
  await report(`did together ${seed}.${round}`);
}
