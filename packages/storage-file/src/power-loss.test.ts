import type { Dirent } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { removeFolder, reportSoak } from '@acmex/services';
import type { Change, Storage } from '@acmex/storage';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Disk } from './disk.ts';
import { fileStorageOn } from './file-storage.ts';
import { boot } from './process-identity.ts';

interface File {
  /** What a program reads. */
  seen: Buffer;
  /** What is on the disk for certain. */
  flushed: Buffer;
}
type Node = File | Folder;

class Folder {
  readonly seen = new Map<string, Node>();
  readonly flushed = new Map<string, Node>();
  /** Names that came (a node) or went since the folder was flushed, in their order. */
  changes: { readonly name: string; readonly node: Node | undefined }[] = [];

  set(name: string, node: Node | undefined): void {
    if (node) this.seen.set(name, node);
    else this.seen.delete(name);
    this.changes.push({ name, node });
  }

  flush(count: number): void {
    for (const { name, node } of this.changes.splice(0, count))
      if (node) this.flushed.set(name, node);
      else this.flushed.delete(name);
  }
}

const errorOf = (code: string) => Object.assign(new Error(code), { code });

/**
 * A disk in memory that promises no more than POSIX does: bytes last when their file was flushed,
 * names when their folder was. A loss of power leaves of the rest what chance decides, for each file
 * and folder by itself.
 */
class FragileDisk implements Disk {
  readonly #top: string;
  #root = new Folder();
  /** How many more calls there is power for. */
  #calls = Infinity;
  #stamps = 0;
  readonly #stampOf = new Map<Node, number>();

  constructor(top: string) {
    this.#top = top;
  }

  losePowerAfter(calls: number): void {
    this.#calls = calls;
  }

  /** @param chance a number from 0 to below 1 */
  restart(chance: () => number): void {
    this.#root = this.#survivors(this.#root, chance);
    this.#calls = Infinity;
  }

  #survivors(folder: Folder, chance: () => number): Folder {
    folder.flush(Math.floor(chance() * (folder.changes.length + 1)));
    const survivors = new Folder();
    for (const [name, node] of folder.flushed) {
      const survivor = node instanceof Folder ? this.#survivors(node, chance) : left(node, chance);
      survivors.seen.set(name, survivor);
      survivors.flushed.set(name, survivor);
    }
    return survivors;
  }

  #call(): void {
    this.#calls -= 1;
    if (this.#calls < 0) throw errorOf('EIO');
  }

  #at(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path.slice(this.#top.length).split('/').filter(Boolean))
      node = node instanceof Folder ? node.seen.get(name) : undefined;
    return node;
  }

  #above(path: string): Folder {
    const folder = this.#at(dirname(path));
    if (!(folder instanceof Folder)) throw errorOf('ENOENT');
    return folder;
  }

  #file(path: string): File | undefined {
    const node = this.#at(path);
    return node instanceof Folder ? undefined : node;
  }

  #put(path: string, bytes: Uint8Array, isFlushed: boolean): void {
    const seen = Buffer.from(bytes);
    this.#above(path).set(basename(path), {
      seen,
      flushed: isFlushed ? seen : Buffer.alloc(0),
    });
  }

  readNow(path: string) {
    this.#call();
    return this.#file(path)?.seen;
  }
  async read(path: string) {
    return this.readNow(path);
  }
  async list(path: string) {
    this.#call();
    const folder = this.#at(path);
    if (!(folder instanceof Folder)) return [];
    return [...folder.seen].map(
      ([name, node]) =>
        ({
          name,
          isDirectory: () => node instanceof Folder,
          isFile: () => !(node instanceof Folder),
          isSymbolicLink: () => false,
        }) as Dirent,
    );
  }
  async write(path: string, bytes: Uint8Array) {
    this.#call();
    this.#put(path, bytes, true);
  }
  async jot(path: string, bytes: Uint8Array) {
    this.#call();
    this.#put(path, bytes, false);
  }
  async append(path: string, bytes: Uint8Array, length: number) {
    const file = this.#file(path);
    if (!file) throw errorOf('ENOENT');
    file.seen = Buffer.concat([file.seen.subarray(0, length), bytes]);
    this.#call();
    file.flushed = file.seen;
    return this.#nextStamp(file);
  }
  async truncate(path: string, length: number) {
    this.#call();
    const file = this.#file(path);
    if (file) file.seen = file.seen.subarray(0, length);
  }
  async stamp(path: string) {
    this.#call();
    const file = this.#file(path);
    return file && String(this.#stampOf.get(file) ?? this.#nextStamp(file));
  }
  async settledStamp() {
    return undefined;
  }
  async rename(from: string, to: string) {
    this.#call();
    const file = this.#file(from);
    if (!file) throw errorOf('ENOENT');
    this.#above(to).set(basename(to), file);
    this.#above(from).set(basename(from), undefined);
  }
  async move(from: string, to: string) {
    if (!this.#file(from) || !(this.#at(dirname(to)) instanceof Folder)) return false;
    await this.rename(from, to);
    return true;
  }
  async link(from: string, to: string) {
    this.#call();
    const file = this.#file(from);
    if (!file) throw errorOf('ENOENT');
    if (this.#at(to)) return false;
    this.#above(to).set(basename(to), file);
    return true;
  }
  async remove(path: string) {
    this.#call();
    if (this.#file(path)) this.#above(path).set(basename(path), undefined);
  }
  async makeFolder(path: string) {
    this.#call();
    if (this.#at(path)) return false;
    this.#above(path).set(basename(path), new Folder());
    return true;
  }
  async removeFolder(path: string) {
    this.#call();
    const folder = this.#at(path);
    if (folder instanceof Folder && folder.seen.size > 0) return false;
    if (folder) this.#above(path).set(basename(path), undefined);
    return true;
  }
  async flush(path: string) {
    this.#call();
    const file = this.#file(path);
    if (file) file.flushed = file.seen;
  }
  async sync(path: string) {
    this.#call();
    const folder = this.#at(path);
    if (folder instanceof Folder) folder.flush(Infinity);
  }

  #nextStamp(file: File): string {
    this.#stamps += 1;
    this.#stampOf.set(file, this.#stamps);
    return String(this.#stamps);
  }
}

/** Returns what the next start of the machine reads of a file after a loss of power. */
function left({ seen, flushed }: File, chance: () => number): File {
  // What was flushed is never written over: bytes are only added behind it, and cut off.
  const safe = Math.min(seen.length, flushed.length);
  const states = [
    flushed,
    seen,
    seen.subarray(0, safe + Math.floor(chance() * (seen.length - safe))),
    Buffer.concat([flushed, Buffer.alloc(Math.max(seen.length - flushed.length, 0))]),
  ];
  const bytes = seen.equals(flushed) ? flushed : (states[Math.floor(chance() * 4)] ?? flushed);
  const text = bytes.toString('latin1').replaceAll(boot(), boot().replaceAll(/[0-9a-f]/g, '0'));
  const survivor = Buffer.from(text, 'latin1');
  return { seen: survivor, flushed: survivor };
}

/** The disk for programs that end when the machine does. */
function untilRestart(disk: FragileDisk): { readonly disk: Disk; readonly end: () => void } {
  let isOver = false;
  const view = new Proxy<Disk>(disk, {
    get(_, name: keyof Disk) {
      const call = disk[name].bind(disk) as (...values: readonly unknown[]) => unknown;
      return (...values: readonly unknown[]) => {
        if (isOver) throw errorOf('EIO');
        return call(...values);
      };
    },
  });
  return {
    disk: view,
    end() {
      isOver = true;
    },
  };
}

type Content = ReadonlyMap<string, string>;

async function contentOf(storage: Storage): Promise<Content> {
  const content = new Map<string, string>();
  for await (const { key, value } of storage.list(''))
    content.set(key, `${value.length} of ${value[0]}`);
  return content;
}

function after(content: Content, changes: readonly Change[]): Content {
  const next = new Map(content);
  for (const change of changes)
    if ('set' in change) next.set(change.set, `${change.value.length} of ${change.value[0]}`);
    else if ('remove' in change) next.delete(change.remove);
  return next;
}

const anyWrite = fc
  .uniqueArray(
    fc.record({
      key: fc.constantFrom('a', 'b/c', 'b/d', 'e/f/g', 'e/f/h', 'i'),
      value: fc.option(fc.record({ size: fc.constantFrom(1, 50, 50, 400_000), byte: fc.nat(255) })),
    }),
    { selector: ({ key }) => key, minLength: 1, maxLength: 4 },
  )
  .map((changes) =>
    changes.map(({ key, value }): Change =>
      value ? { set: key, value: Buffer.alloc(value.size, value.byte) } : { remove: key },
    ),
  );
const anyLife = fc.record({
  /** `dispose`: the storage is closed, and opened again. */
  acts: fc.array(fc.oneof({ weight: 8, arbitrary: anyWrite }, fc.constant('dispose' as const)), {
    maxLength: 12,
  }),
  calls: fc.nat(150),
  chances: fc.infiniteStream(fc.nat(999)),
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-storage-'));
});
afterAll(async () => await removeFolder(folder));

it('keeps what it acknowledged, and half of nothing, when the power is lost at any moment', async () => {
  const lives = process.env.ACMEX_SOAK === 'storage' ? 3000 : 60;
  const seed = Number(process.env.ACMEX_SEED ?? Math.floor(Math.random() * 2 ** 31));
  let [acknowledged, interrupted] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(anyLife, { minLength: 1, maxLength: 4 }), async (lives) => {
      const disk = new FragileDisk(folder);
      let machine = untilRestart(disk);
      const open = () => fileStorageOn(machine.disk, { path: folder }, async () => 0);
      let content: Content = new Map();
      for (const { acts, calls, chances } of lives) {
        disk.losePowerAfter(calls);
        let possible = content;
        let storage = open();
        try {
          for (const act of acts) {
            possible = act === 'dispose' ? content : after(content, act);
            if (act !== 'dispose') await storage.write(act);
            else {
              await storage[Symbol.asyncDispose]();
              storage = open();
            }
            acknowledged += 1;
            content = possible;
          }
        } catch {
          interrupted += 1;
        }
        machine.end();
        machine = untilRestart(disk);
        disk.restart(() => (chances.next().value ?? 0) / 1000);
        const now = await contentOf(open());
        expect([content, possible]).toContainEqual(now);
        content = now;
      }
    }),
    { numRuns: lives, seed },
  );
  reportSoak(
    `${interrupted} losses of power (ACMEX_SEED=${seed}): ${acknowledged} writes acknowledged, 0 lost, 0 half done`,
  );
  expect(acknowledged).toBeGreaterThan(2 * lives);
  expect(interrupted).toBeGreaterThan(lives / 4);
}, 3_600_000);
