import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@acmex/clock';
import type { Storage } from '@acmex/storage';
import { removeFolder, reportSoak } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { fileStorage } from './index.ts';

let folder: string;
let writer: string;
beforeAll(async () => {
  // In memory where there is such a folder: a killed process loses nothing of either.
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  folder = await mkdtemp(join(parent, 'acmex-kills-'));
  writer = join(folder, 'writer.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'writer.testing.ts')],
    outfile: writer,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@acmex/source'],
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
});
afterAll(() => removeFolder(folder));

/**
 * What a writer said before it died: at its own step, or so many milliseconds after so many lines.
 */
async function writing(
  path: string,
  seed: number,
  {
    after,
    steps = 0,
  }: {
    readonly after?: { readonly lines: number; readonly milliseconds: number };
    readonly steps?: number;
  },
): Promise<readonly string[]> {
  const child = spawn(process.execPath, [writer, path, String(seed), String(steps)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'close');
  if (after !== undefined) {
    while (said.split('\n').length <= after.lines) await once(child.stdout, 'data');
    await systemClock.sleep({ milliseconds: after.milliseconds });
    child.kill('SIGKILL');
  }
  await ended;
  // The last line may be cut.
  return said.split('\n').slice(0, -1);
}

/**
 * Each key old or new, keys of one write consistent, nothing acknowledged lost.
 * @returns how many writes were acknowledged
 */
async function holds(
  path: string,
  said: readonly string[],
  before: ReadonlyMap<string, string>,
): Promise<{ readonly acknowledged: number; readonly now: ReadonlyMap<string, string> }> {
  const storage = fileStorage({ path });
  const now = await content(storage);
  const group = ['together/a', 'together/b/c', 'together/d'].map((key) => now.get(key));
  expect(new Set(group).size).toBe(1);
  const [together] = group;
  if (together !== undefined)
    expect(now.get('z')).toBe(Number(together.split('.')[1]) % 2 ? together : undefined);
  for (const key of ['single/0', 'single/1', 'single/2', 'together']) {
    const did =
      said
        .filter((line) => line.startsWith(`did ${key} `))
        .at(-1)
        ?.split(' ')[2] ?? before.get(key === 'together' ? 'together/a' : key);
    const tried =
      said
        .filter((line) => line.startsWith(`try ${key} `))
        .at(-1)
        ?.split(' ')[2] ?? did;
    expect([did, tried]).toContain(now.get(key === 'together' ? 'together/a' : key));
  }
  await storage.write([{ set: 'alive', value: new Uint8Array() }]);
  await storage[Symbol.asyncDispose]();
  // Nothing that a dead writer left stays behind.
  expect(
    (await readdir(join(path, '.acmex/commit'))).filter((name) => !/^\d+\.free$/.test(name)),
  ).toEqual([]);
  return { acknowledged: said.filter((line) => line.startsWith('did')).length, now };
}

async function content(storage: Storage): Promise<ReadonlyMap<string, string>> {
  const all = new Map<string, string>();
  for await (const { key, value } of storage.list(''))
    all.set(key, new TextDecoder().decode(value));
  return all;
}

describe('fileStorage', () => {
  const kills = process.env.ACMEX_SOAK === 'storage' ? 1000 : 100;

  it(
    `keeps what it acknowledged through ${kills} kills`,
    async () => {
      const path = join(folder, 'random');
      const seed = Number(process.env.ACMEX_SEED ?? Math.floor(Math.random() * 2 ** 31));
      let [state, acknowledged] = [seed || 1, 0];
      let before: ReadonlyMap<string, string> = new Map();
      for (let kill = 1; kill <= kills; kill += 1) {
        state = (state * 48271) % 2147483647;
        const said = await writing(path, kill, {
          after: { lines: 1 + (state % 12), milliseconds: state % 7 },
        });
        const result = await holds(path, said, before);
        acknowledged += result.acknowledged;
        before = result.now;
      }
      reportSoak(
        `killed ${kills} times (ACMEX_SEED=${seed}): ${acknowledged} writes acknowledged, 0 lost, 0 torn`,
      );
      expect(acknowledged).toBeGreaterThan(kills);
    },
    kills * 2000,
  );

  it(
    'keeps it through a kill before and behind every single step on the disk',
    async () => {
      let [next, past] = [1, 0];
      const work = async () => {
        // Until every kind of write was begun and done a few times.
        while (past < 3) {
          const steps = next++;
          const path = join(folder, `step-${steps}`);
          const said = await writing(path, 1, { steps });
          await holds(path, said, new Map());
          past += said.filter((line) => line === 'did together 1.2').length;
        }
      };
      await Promise.all(Array.from({ length: 4 }, work));
      expect(next).toBeGreaterThan(100);
    },
    kills * 2400,
  );
});
