import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { freePort } from './free-port.ts';
import { removeFolder } from './temporary-folder.ts';

const script = (name: string) => import(new URL(`../../${name}.mjs`, import.meta.url).href);
const { totals, skippedFor, slowest } = await script('test-totals');
const { isInstalled, stamp } = await script('node-modules');
const { areas } = await script('soak');
const { archaisms } = await script('plain-english');
const { howToInstall, isInstalled: isProgram } = await script('programs');

const test = (status: string, fullName = 'a') => ({ status, fullName });
const results = (
  ...testResults: { status: string; assertionResults: { status: string; fullName: string }[] }[]
) => {
  const count = (...statuses: string[]) =>
    testResults
      .flatMap((file) => file.assertionResults)
      .filter(({ status }) => statuses.includes(status)).length;
  return {
    testResults,
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    numPendingTests: count('pending'),
    numTodoTests: count('todo'),
  };
};

describe('the sum of npm test', () => {
  it('counts tests of all files, and a todo as skipped', () => {
    const file = {
      status: 'failed',
      assertionResults: [test('passed'), test('failed'), test('pending'), test('todo')],
    };
    expect(totals(results(file, { status: 'passed', assertionResults: [test('passed')] }))).toEqual(
      { passed: 2, failed: 1, skipped: 2 },
    );
  });
  it('counts a file that could not be run, or that failed outside its tests, as one failure', () => {
    expect(totals(results({ status: 'failed', assertionResults: [] }))).toEqual({
      passed: 0,
      failed: 1,
      skipped: 0,
    });
    expect(totals(results({ status: 'failed', assertionResults: [test('passed')] }))).toEqual({
      passed: 1,
      failed: 1,
      skipped: 0,
    });
  });
  it('gives each reason for skipping once, with its count', () => {
    const reason = 'pebble is not installed: apt-get install pebble';
    const skipped = [
      test('pending', `an issuance (skipped: ${reason}) ends`),
      test('pending', `a renewal (skipped: ${reason}) ends`),
      test('passed', 'x (skipped: never) y'),
    ];
    expect([...skippedFor(results({ status: 'passed', assertionResults: skipped }))]).toEqual([
      [reason, 2],
    ]);
  });
});

describe('the slowest files', () => {
  it('come first, with their seconds, and no more than asked for', () => {
    const file = (name: string, seconds: number) => ({
      name: `/root/${name}`,
      startTime: 1_000,
      endTime: 1_000 + seconds * 1_000,
      status: 'passed',
      assertionResults: [],
    });
    expect(
      slowest({ testResults: [file('a', 1), file('b', 12.34), file('c', 5)] }, 2, '/root'),
    ).toEqual(['  12.3 s  b', '   5.0 s  c']);
  });
});

describe('whether node_modules is what the lock says', () => {
  let folder: string;
  const write = async (lock: object, record?: object) => {
    await writeFile(
      join(folder, 'package-lock.json'),
      JSON.stringify({ packages: { '': {}, ...lock } }),
    );
    if (record)
      await writeFile(
        join(folder, 'node_modules/.package-lock.json'),
        JSON.stringify({ packages: record }),
      );
  };
  const [first, second] = ['1.0.0', '2.0.0'].map((version) => ({
    'node_modules/a': { version, integrity: version },
  })) as [object, object];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'acmex-scripts-'));
    await mkdir(join(folder, 'node_modules'));
  });
  afterEach(() => removeFolder(folder));

  it('is not, before an installation is complete', async () => {
    await write(first);
    expect(isInstalled(folder)).toBe(false);
  });
  it('is, when a person has installed just that', async () => {
    await write(
      {
        ...first,
        'node_modules/other': { version: '1.0.0', optional: true, os: ['none'], cpu: ['none'] },
      },
      first,
    );
    expect(isInstalled(folder)).toBe(true);
  });
  it('is not, when the lock has changed since', async () => {
    await write(first, first);
    stamp(folder);
    await write(second);
    expect(isInstalled(folder)).toBe(false);
  });
  it('is not, when something else was installed since', async () => {
    await write(first, first);
    stamp(folder);
    await write(first, second);
    expect(isInstalled(folder)).toBe(false);
  });
  it('is not, when a part for this machine is absent', async () => {
    await write(
      {
        ...first,
        'node_modules/native': {
          version: '1.0.0',
          optional: true,
          os: [process.platform],
          cpu: [process.arch],
        },
      },
      first,
    );
    expect(isInstalled(folder)).toBe(false);
  });
  it('is, whatever npm left out, once npm has installed from this lock', async () => {
    await write(
      {
        ...first,
        'node_modules/native': {
          version: '1.0.0',
          optional: true,
          os: [process.platform],
          cpu: [process.arch],
        },
      },
      first,
    );
    stamp(folder);
    expect(isInstalled(folder)).toBe(true);
  });
});

describe('the table of programs', () => {
  it('does not count a program as installed without the part that the tests use', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'acmex-scripts-'));
    const write = (modules: string) =>
      writeFile(join(folder, 'pdns_server'), `#!/bin/sh\necho '${modules}'\n`, { mode: 0o755 });
    try {
      await write('Modules available: bind');
      expect(isProgram('pdns_server', folder)).toBe(false);
      await write('Modules available: bind lmdb');
      expect(isProgram('pdns_server', folder)).toBe(true);
    } finally {
      await removeFolder(folder);
    }
  });
  it('finds what is in the PATH, and names the command for what is not', async () => {
    expect(isProgram('sh')).toBe(true);
    expect(isProgram('sh', '')).toBe(false);
    expect(howToInstall('pebble')).toMatch(
      /^pebble is not installed: apt-get install pebble, or go install /,
    );
  });
});

describe('the count of archaic words', () => {
  it('names the place, the words and what to write', () => {
    expect(archaisms('The key is safe.\nIt \u{73}tands in the file.')).toEqual([
      { line: 2, column: 4, words: '\u{73}tands', instead: expect.stringContaining('is') },
    ]);
  });
  it('leaves quotations alone', () => {
    expect(archaisms('> as it \u{73}tands\nRFC 8555 says “\u{61}new”.')).toEqual([]);
  });
});

it('every area of the long runs has tests in each of its projects', async () => {
  const folder = (project: string) =>
    new URL(
      `../../../${project === 'server' || project === 'cli' ? 'apps' : 'packages'}/${project}/src/`,
      import.meta.url,
    );
  for (const { projects, tests } of Object.values<{ projects: string[]; tests: string }>(areas))
    for (const project of projects) {
      const files = await readdir(folder(project), { recursive: true });
      expect([
        project,
        tests,
        files.some((file) => /\.test\.ts$/.test(file) && new RegExp(tests).test(file)),
      ]).toEqual([project, tests, true]);
    }
});

it('the benchmark of the server fails before it prepares anything if the server cannot start (T3)', async () => {
  const { measure } = await script('bench/server');
  const folder = await mkdtemp(join(tmpdir(), 'acmex-scripts-'));
  const program = join(folder, 'acmex.mjs');
  const said = jest.spyOn(console, 'error').mockReturnValue();
  try {
    await writeFile(program, 'process.exitCode = 2;');
    await expect(measure({ rounds: 1, freePort }, { program })).rejects.toThrow(
      'did not become ready',
    );
    expect(said).not.toHaveBeenCalled();
  } finally {
    said.mockRestore();
    await removeFolder(folder);
  }
});

it('pins every action of a workflow by its digest: L20', async () => {
  const workflows = join(import.meta.dirname, '../../../.github/workflows');
  const texts = await Promise.all(
    (await readdir(workflows)).map(async (file) => await readFile(join(workflows, file), 'utf8')),
  );
  const actions = texts.flatMap((text) =>
    [...text.matchAll(/\buses: *(\S+)/g)].map(([, at]) => at),
  );
  expect(actions.length).toBeGreaterThan(0);
  expect(actions.filter((action) => !/^\.\/|@[0-9a-f]{40}$/.test(action ?? ''))).toEqual([]);
});
