// Writes to files that last, beside the barest loops that are correct.
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';

export const writers = 20;
const value = new Uint8Array(2048).fill(0x61);
const three = ['a', 'b', 'c'];
/** The disk changes its speed from minute to minute: within a round all take turns this often. */
const turns = 3;

/** What one turn of each does: how many changes, and how. A change sets one key or three. */
const kinds = {
  plain: { changes: 200, write: plainly(['k']) },
  single: { changes: 200, write: inSequence(['k']) },
  singleAtOnce: { changes: 600, write: atOnce(['k']) },
  appendOfWriters: { changes: 2000, write: appended(['k'], writers) },
  plainThree: { changes: 60, write: plainly(three) },
  three: { changes: 100, write: inSequence(three) },
  append: { changes: 200, write: appended(three, 1) },
  threeAtOnce: { changes: 300, write: atOnce(three) },
  appendOfWritersThree: { changes: 2000, write: appended(three, writers) },
};

/**
 * @param path a folder that there is not
 * @returns the changes a second by kind
 */
export async function writesPerSecond(fileStorage, path) {
  for (const folder of ['k', ...three])
    await mkdir(join(path, 'plain', folder), { recursive: true });
  const spent = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, 0]));
  for (let turn = 0; turn < turns; turn += 1)
    for (const [kind, { changes, write }] of Object.entries(kinds)) {
      const begun = performance.now();
      await write(changes, { fileStorage, path });
      spent[kind] += performance.now() - begun;
    }
  return Object.fromEntries(
    Object.entries(kinds).map(([kind, { changes }]) => [
      kind,
      (turns * changes * 1000) / spent[kind],
    ]),
  );
}

/** Write, fsync, rename, fsync of the folder: for each key, one after the other. */
function plainly(folders) {
  return async (changes, { path }) => {
    for (let at = 0; at < changes; at += 1)
      for (const folder of folders) await plainWrite(join(path, 'plain', folder), `${at % 50}`);
  };
}

async function plainWrite(folder, name) {
  const path = join(folder, name);
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(value);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  const directory = await open(folder);
  await directory.sync().finally(() => directory.close());
}

/** The barest journal that is correct: one append and fdatasync for as many changes as are waiting. */
function appended(folders, waiting) {
  const record = Buffer.concat(folders.flatMap((folder) => [Buffer.from(`${folder}/00\n`), value]));
  const bytes = Buffer.concat(Array.from({ length: waiting }, () => record));
  return async (changes, { path }) => {
    const journal = await open(join(path, 'plain', 'journal'), 'w', 0o600);
    try {
      for (let at = 0; at < changes; at += waiting) {
        await journal.write(bytes);
        await journal.datasync();
      }
    } finally {
      await journal.close();
    }
  };
}

function inSequence(folders) {
  return throughStorage(async (storage, changes) => {
    for (let at = 0; at < changes; at += 1) await storage.write(changeOf(folders, `${at % 50}`));
  });
}

/** Each writer makes its next change as soon as the last one is acknowledged. */
function atOnce(folders) {
  return throughStorage(async (storage, changes) => {
    let next = 0;
    const writer = async () => {
      while (next < changes) await storage.write(changeOf(folders, `${next++ % 500}`));
    };
    await Promise.all(Array.from({ length: writers }, writer));
  });
}

const changeOf = (folders, name) => folders.map((folder) => ({ set: `${folder}/${name}`, value }));

/** Closing the storage belongs to the turn, so that none of its work is left to the next one. */
function throughStorage(write) {
  return async (changes, { fileStorage, path }) => {
    const storage = fileStorage({ path: join(path, 'ours') });
    await write(storage, changes).finally(() => storage[Symbol.asyncDispose]());
  };
}
