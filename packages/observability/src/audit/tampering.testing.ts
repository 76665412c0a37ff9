import type { SeededRandom } from '@acmex/services';
import type { Entry, Storage } from '@acmex/storage';

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export async function entriesBelow(storage: Storage, prefix: string): Promise<readonly Entry[]> {
  return await collect(storage.list(prefix));
}

/** A chain in a storage that someone with access to the storage changes. */
export interface Chain {
  readonly storage: Storage;
  readonly writer: string;
  readonly entries: readonly Entry[];
  readonly head: string;
  readonly random: SeededRandom;
}

export const flipped = ({ value }: Entry, random: SeededRandom) => {
  const bytes = Uint8Array.from(value);
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return bytes;
};
const anyOf = ({ entries, random }: Chain): Entry => random.pick(entries);
const truncate = async ({ storage, entries, random }: Chain) => {
  const left = 1 + random.below(entries.length - 1);
  await storage.write(entries.slice(left).map(({ key }) => ({ remove: key })));
  return left;
};

/** What a person with access to the storage can do to a chain. */
export const tamperings: Readonly<Record<string, (chain: Chain) => Promise<unknown>>> = {
  'a flipped bit': async (chain) => {
    const entry = anyOf(chain);
    await chain.storage.write([{ set: entry.key, value: flipped(entry, chain.random) }]);
  },
  'a record that was removed': async (chain) =>
    await chain.storage.write([{ remove: anyOf(chain).key }]),
  'two records that were exchanged': async ({ storage, entries, random }) => {
    const at = random.below(entries.length - 1);
    const [first, second] = [entries[at] as Entry, entries[at + 1] as Entry];
    await storage.write([
      { set: first.key, value: second.value },
      { set: second.key, value: first.value },
    ]);
  },
  'the last records, which were removed': truncate,
  'the last records, which were removed with the end': async (chain) => {
    const left = await truncate(chain);
    const last = JSON.parse(Buffer.from((chain.entries[left] as Entry).value).toString());
    await chain.storage.write([
      {
        set: chain.head,
        value: Buffer.from(JSON.stringify({ v: 1, sequence: left, hash: last.previous })),
      },
    ]);
  },
  'a chain that was removed': async ({ storage, entries, head }) => {
    await storage.write(entries.map(({ key }) => ({ remove: key })));
    await storage.write([{ remove: head }]);
  },
  'an end that was removed': async ({ storage, head }) => await storage.write([{ remove: head }]),
  'an end that was changed': async ({ storage, head, random }) => {
    const entry = (await storage.get(head)) as Entry;
    await storage.write([{ set: head, value: flipped(entry, random) }]);
  },
  'a record that was added': async (chain) => {
    const { key, value } = anyOf(chain);
    const last = key.endsWith('0') ? '1' : '0';
    await chain.storage.write([{ set: `${key.slice(0, -1)}${last}`, value }]);
  },
  'a record instead of another': async ({ storage, entries, random }) => {
    const at = 1 + random.below(entries.length - 1);
    await storage.write([
      { set: (entries[at] as Entry).key, value: (entries[at - 1] as Entry).value },
    ]);
  },
};

export async function chainsOf(storage: Storage, random: SeededRandom): Promise<readonly Chain[]> {
  const byWriter = new Map<string, Entry[]>();
  for (const entry of await entriesBelow(storage, 'audit/record')) {
    const { writer } = JSON.parse(Buffer.from(entry.value).toString()) as { writer: string };
    byWriter.set(writer, [...(byWriter.get(writer) ?? []), entry]);
  }
  return [...byWriter].map(([writer, entries]) => ({
    ...{ storage, writer, entries, random, head: `audit/head/${writer}` },
  }));
}
