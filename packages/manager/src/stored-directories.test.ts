import { memoryStorage, type Storage, StorageUnavailableError } from '@acmex/storage';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { storedDirectories, storedProfiles } from './stored-directories.ts';

const url = 'https://ca.test/acme/directory';
const stored = { text: '{}', etag: '"1"', freshUntil: '2026-11-23T12:00:00Z' };

let storage: Storage;
let warnings: string[];
beforeEach(() => {
  storage = memoryStorage();
  warnings = [];
});
const directoriesOf = (used: Storage = storage) =>
  storedDirectories({ storage: used, onWarning: (message) => warnings.push(message) });
const keys = async () => {
  const all: string[] = [];
  for await (const { key } of storage.list('directory')) all.push(key);
  return all;
};

describe('directories in a storage', () => {
  it('are there for everyone who uses the storage', async () => {
    await directoriesOf().put(url, stored);
    await expect(directoriesOf().get(url)).resolves.toMatchObject(stored);
    await expect(directoriesOf().get(`${url}2`)).resolves.toBeUndefined();
  });

  it('are replaced, and not added to', async () => {
    await directoriesOf().put(url, stored);
    await directoriesOf().put(url, { ...stored, etag: '"2"' });
    await expect(directoriesOf().get(url)).resolves.toMatchObject({ etag: '"2"' });
    expect(await keys()).toEqual([expect.stringMatching(/^directory\/ca\.test-[0-9a-f]{12}$/)]);
  });

  it.each(['not JSON', '{"v":1,"text":5}', '{"v":99}', '{"v":1,"url":"https://x.test/"}'])(
    'do not count where the record is %s, which is said and is written over',
    async (text) => {
      await directoriesOf().put(url, stored);
      const [set = ''] = await keys();
      await storage.write([{ set, value: new TextEncoder().encode(text) }]);
      await expect(directoriesOf().get(url)).resolves.toBeUndefined();
      expect(warnings).toEqual([expect.stringContaining(`the directory of ${url} is read from`)]);
      await directoriesOf().put(url, stored);
      await expect(directoriesOf().get(url)).resolves.toMatchObject(stored);
    },
  );

  it('do not count where they are of another URL', async () => {
    await directoriesOf().put(url, stored);
    const [set = ''] = await keys();
    const value = { v: 1, url: 'https://elsewhere.test/', ...stored };
    await storage.write([{ set, value: new TextEncoder().encode(JSON.stringify(value)) }]);
    await expect(directoriesOf().get(url)).resolves.toBeUndefined();
  });

  it('do not stop the work where the storage fails, but a signal does', async () => {
    const fail = async () => {
      throw new StorageUnavailableError('the disk is full');
    };
    const directories = directoriesOf({ ...storage, get: fail, write: fail });
    await directories.put(url, stored);
    await expect(directories.get(url)).resolves.toBeUndefined();
    expect(warnings).toHaveLength(2);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(directories.get(url, { signal })).rejects.toThrow('enough');
  });
});

describe('the profiles of a CA', () => {
  it.each([
    [{ meta: { profiles: { classic: 'For all', odd: null } } }, { classic: 'For all', odd: '' }],
    [{ meta: { profiles: 'none' } }, {}],
    [{}, {}],
  ])('are those of its stored directory: %j', async (directory, profiles) => {
    await directoriesOf().put(url, { ...stored, text: JSON.stringify(directory) });
    await expect(storedProfiles(storage, url)).resolves.toEqual(profiles);
  });

  it('are not known without a directory that can be read', async () => {
    await expect(storedProfiles(storage, url)).resolves.toBeUndefined();
    await directoriesOf().put(url, { ...stored, text: 'not JSON' });
    await expect(storedProfiles(storage, url)).resolves.toBeUndefined();
  });
});
